use crate::engine::Engine;

fn of(engine: Engine, pairs: &[(&str, &str)], wanted: &[&str]) -> String {
    let target = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let wanted: Vec<_> = wanted.iter().map(|name| (*name).to_owned()).collect();
    let env = engine.scratch_env(&target, &wanted, "made-up");
    env.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// All that a target may have.
const TARGET: [(&str, &str); 22] = [
    ("APP_API_TOKEN", "canary"),
    ("DATABASE_URL", "postgres://app:canary@db/app"),
    ("LANG", "de_DE.utf8"),
    ("LC_COLLATE", "C"),
    ("MARIADB_PASSWORD", "canary"),
    ("MARIADB_ROOT_PASSWORD", "canary"),
    ("MARIADB_USER", "app"),
    ("MYSQL_DATABASE", "shop"),
    ("MYSQL_PASSWORD", "canary"),
    ("MYSQL_PASSWORD_FILE", "/run/secrets/canary"),
    ("MYSQL_PWD", "canary"),
    ("MYSQL_ROOT_PASSWORD", "canary"),
    ("MYSQL_USER", "app"),
    ("PGHOST", "elsewhere"),
    ("PGPASSWORD", "canary"),
    ("POSTGRESQL_PASSWORD", "canary"),
    ("POSTGRES_DB", "shop"),
    ("POSTGRES_INITDB_ARGS", "--locale=C"),
    ("POSTGRES_PASSWORD", "canary"),
    ("POSTGRES_PASSWORD_FILE", "/run/secrets/canary"),
    ("POSTGRES_USER", "app"),
    ("TZ", ""),
];

#[test]
fn a_server_gets_what_its_set_up_needs_and_made_up_passwords() {
    insta::assert_snapshot!(of(Engine::POSTGRESQL, &TARGET, &[]), @"LANG=de_DE.utf8 LC_COLLATE=C POSTGRES_DB=shop POSTGRES_HOST_AUTH_METHOD=trust POSTGRES_INITDB_ARGS=--locale=C --auth-local=trust POSTGRES_PASSWORD=made-up POSTGRES_USER=app");
    insta::assert_snapshot!(of(Engine::MARIADB, &TARGET, &[]), @"LANG=de_DE.utf8 LC_COLLATE=C MARIADB_PASSWORD=made-up MARIADB_ROOT_PASSWORD=made-up MARIADB_USER=app MYSQL_DATABASE=shop MYSQL_PASSWORD=made-up MYSQL_ROOT_PASSWORD=made-up MYSQL_USER=app");
    insta::assert_snapshot!(of(Engine::MYSQL, &TARGET, &[]), @"LANG=de_DE.utf8 LC_COLLATE=C MYSQL_DATABASE=shop MYSQL_PASSWORD=made-up MYSQL_ROOT_PASSWORD=made-up MYSQL_USER=app");
    insta::assert_snapshot!(of(Engine::CUSTOM, &TARGET, &[]), @"LANG=de_DE.utf8 LC_COLLATE=C");
    insta::assert_snapshot!(of(Engine::POSTGRESQL, &[], &[]), @"POSTGRES_HOST_AUTH_METHOD=trust POSTGRES_INITDB_ARGS=--auth-local=trust POSTGRES_PASSWORD=made-up");
    let bitnami = [&TARGET[..], &[("BITNAMI_APP_NAME", "postgresql")]].concat();
    insta::assert_snapshot!(of(Engine::POSTGRESQL, &bitnami, &[]), @"ALLOW_EMPTY_PASSWORD=yes LANG=de_DE.utf8 LC_COLLATE=C POSTGRES_INITDB_ARGS=--locale=C");
}

#[test]
fn a_command_line_is_the_images_then_the_targets_then_calm_and_the_label_is_above_all() {
    let words = |line: &str| crate::model::words::split(line).unwrap();
    let line = |engine: Engine, image: &str, target: &str, wanted: &str| {
        let settings = engine.settings_of(&words(target));
        engine.scratch_arguments(&words(image), &settings, &words("--datadir=/x"), &words(wanted)).join(" ")
    };
    insta::assert_snapshot!(line(Engine::MYSQL, "mysqld", "mysqld --sql-mode=ANSI --port=1", "--sql-mode=x"), @"mysqld --loose-sql-mode=ANSI --event-scheduler=OFF --max-allowed-packet=1G --log-bin-trust-function-creators=ON --sql-mode=x --datadir=/x");
    insta::assert_snapshot!(line(Engine::POSTGRESQL, "postgres -c a=b", "-c jit=off", ""), @"postgres -c a=b -c jit=off -c max_worker_processes=0 --datadir=/x");
    // A command of the label is the whole one; an entry point without a command gets none.
    insta::assert_snapshot!(line(Engine::MARIADB, "mariadbd", "", "mysqld --y"), @"mysqld --event-scheduler=OFF --max-allowed-packet=1G --log-bin-trust-function-creators=ON --y --datadir=/x");
    insta::assert_snapshot!(line(Engine::MARIADB, "", "--lower-case-table-names=1", ""), @"--datadir=/x");
}

#[test]
fn only_the_server_that_stays_is_waited_for_no_longer() {
    let settles = |stdout: &str| {
        Engine::MARIADB.parse_answering(stdout.as_bytes()).settles_after().map(|s| s.as_secs())
    };
    // It says so itself.
    assert_eq!(settles("mariadbd\nmariadbd\n1\n"), Some(0));
    assert_eq!(settles("docker-entrypoi\n/bin/sh\n1\n"), Some(0));
    // One that set the image up, whose place was taken while it was asked.
    assert_eq!(settles("mariadbd\nmariadbd\n78\n"), None);
    // A script of that name is no server.
    assert_eq!(settles("mariadbd\n/bin/bash\n78\n"), Some(120));
    assert_eq!(settles("mariadbd\n/bin/bash\n\n"), Some(120));
    assert_eq!(settles("s6-svscan\ns6-svscan\n212\n"), Some(15));
    // Its file cannot be read.
    assert_eq!(settles("mariadbd\n/usr/sbin/mariadbd\n"), Some(0));
    assert_eq!(settles(""), Some(15));
}

#[test]
fn a_label_lets_more_through() {
    assert_eq!(
        of(Engine::CUSTOM, &TARGET, &["APP_API_TOKEN", "MISSING"]),
        "APP_API_TOKEN=canary LANG=de_DE.utf8 LC_COLLATE=C"
    );
    let mysql = of(Engine::MYSQL, &TARGET, &["MYSQL_ROOT_PASSWORD"]);
    assert!(mysql.contains("MYSQL_ROOT_PASSWORD=canary"), "{mysql}");
}
