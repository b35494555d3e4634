use super::*;
use crate::engine::Engine;
use std::collections::BTreeMap;

/// The login that `engine` takes when these variables are set, all to their own names in lower case.
fn login(engine: Engine, names: &[&str], user: Option<&str>, password_file: Option<&str>) -> Login {
    let env: BTreeMap<String, String> = names.iter().map(|n| ((*n).to_owned(), n.to_lowercase())).collect();
    let facts = Facts { user, password_file, ..Facts::new("", &env) };
    engine.login(&facts).unwrap()
}

fn named(name: &str) -> User {
    User::Named(name.to_owned())
}

#[test]
fn postgresql_logs_in_by_the_variables_of_its_image() {
    use Password::{Absent, InFile, Variable};
    for (names, user, password) in [
        (&[][..], named("postgres"), Absent),
        (&["POSTGRES_PASSWORD"], named("postgres"), Variable("POSTGRES_PASSWORD")),
        (
            &["POSTGRES_USER", "POSTGRES_PASSWORD_FILE", "PGUSER"],
            named("postgres_user"),
            InFile("POSTGRES_PASSWORD_FILE"),
        ),
        (
            &["POSTGRES_USER_FILE", "POSTGRES_PASSWORD"],
            User::InFile("POSTGRES_USER_FILE"),
            Variable("POSTGRES_PASSWORD"),
        ),
        (
            &["POSTGRESQL_USERNAME", "POSTGRESQL_PASSWORD"],
            named("postgresql_username"),
            Variable("POSTGRESQL_PASSWORD"),
        ),
        (
            &["POSTGRESQL_USERNAME", "POSTGRESQL_PASSWORD", "POSTGRESQL_POSTGRES_PASSWORD_FILE"],
            named("postgres"),
            InFile("POSTGRESQL_POSTGRES_PASSWORD_FILE"),
        ),
    ] {
        let login = login(Engine::POSTGRESQL, names, None, None);
        assert_eq!((login.user, login.password), (user, password), "{names:?}");
    }
}

#[test]
fn mariadb_and_mysql_prefer_root() {
    use Password::{Absent, InFile, Variable};
    let root = || named("root");
    for (engine, names, user, password, notes) in [
        (
            Engine::MARIADB,
            &["MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD"][..],
            root(),
            Variable("MARIADB_ROOT_PASSWORD"),
            0,
        ),
        (
            Engine::MARIADB,
            &["MYSQL_ROOT_PASSWORD_FILE", "MYSQL_USER", "MYSQL_PASSWORD"],
            root(),
            InFile("MYSQL_ROOT_PASSWORD_FILE"),
            0,
        ),
        (Engine::MARIADB, &["FILE__MYSQL_ROOT_PASSWORD"], root(), InFile("FILE__MYSQL_ROOT_PASSWORD"), 0),
        (
            Engine::MARIADB,
            &["MARIADB_ROOT_USER", "MARIADB_ROOT_PASSWORD"],
            named("mariadb_root_user"),
            Variable("MARIADB_ROOT_PASSWORD"),
            0,
        ),
        (
            Engine::MARIADB,
            &["MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", "MARIADB_USER", "MARIADB_PASSWORD"],
            root(),
            Absent,
            0,
        ),
        (
            Engine::MARIADB,
            &["MARIADB_USER", "MARIADB_PASSWORD"],
            named("mariadb_user"),
            Variable("MARIADB_PASSWORD"),
            1,
        ),
        (Engine::MARIADB, &["MARIADB_RANDOM_ROOT_PASSWORD"], root(), Absent, 1),
        (
            Engine::MARIADB,
            &["MARIADB_ROOT_PASSWORD_HASH", "MYSQL_USER", "MYSQL_PASSWORD_FILE"],
            named("mysql_user"),
            InFile("MYSQL_PASSWORD_FILE"),
            2,
        ),
        (Engine::MARIADB, &[], root(), Absent, 0),
        (Engine::MYSQL, &["MYSQL_ROOT_PASSWORD"], root(), Variable("MYSQL_ROOT_PASSWORD"), 0),
        (Engine::MYSQL, &["MARIADB_ROOT_PASSWORD"], root(), Absent, 0),
        (
            Engine::MYSQL,
            &["MYSQL_RANDOM_ROOT_PASSWORD", "MYSQL_USER", "MYSQL_PASSWORD"],
            named("mysql_user"),
            Variable("MYSQL_PASSWORD"),
            2,
        ),
    ] {
        let login = login(engine, names, None, None);
        assert_eq!(
            (login.user, login.password, login.notes.len()),
            (user, password, notes),
            "{engine} {names:?}"
        );
    }
}

#[test]
fn a_random_password_of_root_asks_for_a_label() {
    let login = login(Engine::MYSQL, &["MYSQL_RANDOM_ROOT_PASSWORD"], None, None);
    assert!(login.notes[0].contains("MYSQL_RANDOM_ROOT_PASSWORD is set"), "{:?}", login.notes);
    assert!(login.notes[0].contains("dumpcar.user and dumpcar.password-file"), "{:?}", login.notes);
}

#[test]
fn labels_win() {
    use Password::{Absent, File, Variable};
    let file = || File("/run/secrets/x".to_owned());
    for (engine, names, user, path, expected) in [
        (
            Engine::POSTGRESQL,
            &["POSTGRES_PASSWORD"][..],
            Some("me"),
            None,
            ("me", Variable("POSTGRES_PASSWORD")),
        ),
        (Engine::POSTGRESQL, &["POSTGRES_PASSWORD"], None, Some("/run/secrets/x"), ("postgres", file())),
        (
            Engine::MARIADB,
            &["MARIADB_ROOT_PASSWORD"],
            Some("backup"),
            Some("/run/secrets/x"),
            ("backup", file()),
        ),
        (
            Engine::MARIADB,
            &["MARIADB_ROOT_PASSWORD"],
            Some("root"),
            None,
            ("root", Variable("MARIADB_ROOT_PASSWORD")),
        ),
        (Engine::MARIADB, &["MARIADB_ROOT_PASSWORD"], Some("backup"), None, ("backup", Absent)),
        (
            Engine::MYSQL,
            &["MYSQL_USER", "MYSQL_PASSWORD"],
            Some("mysql_user"),
            None,
            ("mysql_user", Variable("MYSQL_PASSWORD")),
        ),
        (Engine::MYSQL, &["MYSQL_RANDOM_ROOT_PASSWORD"], None, Some("/run/secrets/x"), ("root", file())),
    ] {
        let login = login(engine, names, user, path);
        assert_eq!(
            (login.user_name(), &login.password),
            (Some(expected.0), &expected.1),
            "{engine} {names:?}"
        );
        assert_eq!(login.notes, Vec::<String>::new(), "{engine} {names:?}");
    }
}
