//! Who the tools of MariaDB and MySQL log in as.

use super::flavour::Flavour;
use crate::engine::shared::facts::Facts;
use crate::engine::shared::login::{Login, Password, User, password, user};

const MARIADB: Variables = Variables {
    root: &[
        "MARIADB_ROOT_PASSWORD",
        "MARIADB_ROOT_PASSWORD_FILE",
        "MYSQL_ROOT_PASSWORD",
        "MYSQL_ROOT_PASSWORD_FILE",
        "FILE__MYSQL_ROOT_PASSWORD",
    ],
    root_user: &["MARIADB_ROOT_USER", "MYSQL_ROOT_USER"],
    empty: &[
        "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD",
        "MARIADB_ALLOW_EMPTY_PASSWORD",
        "MYSQL_ALLOW_EMPTY_PASSWORD",
        "ALLOW_EMPTY_PASSWORD",
    ],
    unknown: &["MARIADB_RANDOM_ROOT_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD_HASH"],
    users: &["MARIADB_USER", "MARIADB_USER_FILE", "MYSQL_USER", "MYSQL_USER_FILE"],
    passwords: &[
        "MARIADB_PASSWORD",
        "MARIADB_PASSWORD_FILE",
        "MYSQL_PASSWORD",
        "MYSQL_PASSWORD_FILE",
        "FILE__MYSQL_PASSWORD",
    ],
};

const MYSQL: Variables = Variables {
    root: &["MYSQL_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD_FILE"],
    root_user: &["MYSQL_ROOT_USER"],
    empty: &["MYSQL_ALLOW_EMPTY_PASSWORD", "ALLOW_EMPTY_PASSWORD"],
    unknown: &["MYSQL_RANDOM_ROOT_PASSWORD"],
    users: &["MYSQL_USER", "MYSQL_USER_FILE"],
    passwords: &["MYSQL_PASSWORD", "MYSQL_PASSWORD_FILE"],
};

/// Names of variables, each list in order of preference.
struct Variables {
    root: &'static [&'static str],
    root_user: &'static [&'static str],
    /// Say that root has no password.
    empty: &'static [&'static str],
    /// Say that root has a password that is not in the environment.
    unknown: &'static [&'static str],
    users: &'static [&'static str],
    passwords: &'static [&'static str],
}

pub(super) fn login(flavour: Flavour, facts: &Facts<'_>) -> Login {
    match flavour {
        Flavour::Mariadb => root_or_user(facts, &MARIADB),
        Flavour::Mysql => root_or_user(facts, &MYSQL),
    }
}

/// root wherever its password is known; else the application's user, who sees its own database only; else root without
/// a password, which some images let in by the socket.
fn root_or_user(facts: &Facts<'_>, variables: &Variables) -> Login {
    let root = user(facts, variables.root_user).unwrap_or_else(|| User::Named("root".to_owned()));
    let root_password = password(facts, variables.root);
    let empty = variables.empty.iter().any(|name| facts.variable(name).is_some());
    let unknown = variables.unknown.iter().copied().find(|name| facts.variable(name).is_some());
    let app = user(facts, variables.users).zip(password(facts, variables.passwords));

    if let Some(name) = facts.user {
        let user = User::Named(name.to_owned());
        let known =
            if user == root { root_password } else { app.filter(|app| app.0 == user).map(|app| app.1) };
        let password = facts.password_file.map(|path| Password::File(path.to_owned())).or(known);
        return Login { user, password: password.unwrap_or(Password::Absent), notes: Vec::new() };
    }
    if let Some(path) = facts.password_file {
        return Login { user: root, password: Password::File(path.to_owned()), notes: Vec::new() };
    }
    if let Some(password) = root_password {
        return Login { user: root, password, notes: Vec::new() };
    }
    if empty {
        return Login { user: root, password: Password::Absent, notes: Vec::new() };
    }
    let mut notes: Vec<_> = unknown
        .map(|name| {
            format!(
                "{name} is set, so root's password is not in the environment: \
                 name a login by the labels dumpcar.user and dumpcar.password-file"
            )
        })
        .into_iter()
        .collect();
    match app {
        Some((user, password)) => {
            notes.push(
                "no password of root is known: logging in as the application's user, \
                 who sees its own databases only and neither users nor grants"
                    .to_owned(),
            );
            Login { user, password, notes }
        }
        None => Login { user: root, password: Password::Absent, notes },
    }
}
