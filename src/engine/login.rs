//! Who a dump tool logs in as, and where inside the container the password is.
//!
//! Chosen by which variables are set, never by what is in them. The names are those of the official images, bitnami's
//! and linuxserver's. They say what was set up when the server was first started; the password may be another today.

use super::{Command, Facts, PRELUDE};

/// A choice, and what the owner should know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: User,
    pub password: Password,
    /// Sentences for the log: what this login cannot see, or what is missing for a better one.
    pub notes: Vec<String>,
}

/// Where the user's name comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    Named(String),
    /// A variable with the path, inside the container, of a file with the name.
    InFile(&'static str),
}

/// Where the password comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    /// None is sent, unless the container's environment has the tool's own variable for it.
    Absent,
    /// A variable with the password.
    Variable(&'static str),
    /// A variable with the path, inside the container, of a file with the password.
    InFile(&'static str),
    /// The path, inside the container, of a file with the password: `dumpcar.password-file`.
    File(String),
}

impl Login {
    /// The name, unless only a file inside the container knows it.
    pub fn user_name(&self) -> Option<&str> {
        match &self.user {
            User::Named(name) => Some(name),
            User::InFile(_) => None,
        }
    }

    /// A command that runs `script` with the user's name and the password in these variables.
    pub(super) fn command(
        &self,
        facts: &Facts<'_>,
        user_variable: &str,
        password_variable: &str,
        script: &str,
        args: Vec<String>,
    ) -> Command {
        let mut text = PRELUDE.to_owned();
        let mut env = Vec::new();
        match &self.user {
            User::Named(name) => env.push((user_variable.to_owned(), name.clone())),
            User::InFile(variable) => text.push_str(&format!(
                "read_file user \"${variable}\"\n{user_variable}=$content\nexport {user_variable}\n"
            )),
        }
        match &self.password {
            Password::Absent => {}
            Password::Variable(variable) => text.push_str(&format!("{password_variable}=${variable}\n")),
            Password::InFile(variable) => {
                text.push_str(&format!("read_file password \"${variable}\"\n{password_variable}=$content\n"));
            }
            Password::File(path) => {
                env.push(("DUMPCAR_PASSWORD_FILE".to_owned(), path.clone()));
                text.push_str(&format!(
                    "read_file password \"$DUMPCAR_PASSWORD_FILE\"\n{password_variable}=$content\n"
                ));
            }
        }
        if self.password != Password::Absent {
            text.push_str(&format!("export {password_variable}\n"));
        }
        text.push_str(script);
        Command { script: text, args, env, exec_user: facts.exec_user.map(str::to_owned) }
    }
}

impl Password {
    /// For a message: where the password was taken from.
    pub(super) fn origin(&self) -> String {
        match self {
            Self::Absent => "no password".to_owned(),
            Self::Variable(name) => format!("the password in {name}"),
            Self::InFile(name) => format!("the password in the file that {name} names"),
            Self::File(path) => format!("the password in {path}"),
        }
    }
}

/// The first variable that is set, as a password in a variable or, with `_FILE` or `FILE__`, in a file.
fn password(facts: &Facts<'_>, names: &[&'static str]) -> Option<Password> {
    let name = names.iter().copied().find(|name| facts.variable(name).is_some())?;
    let in_file = name.ends_with("_FILE") || name.starts_with("FILE__");
    Some(if in_file { Password::InFile(name) } else { Password::Variable(name) })
}

fn user(facts: &Facts<'_>, names: &[&'static str]) -> Option<User> {
    let name = names.iter().copied().find(|name| facts.variable(name).is_some())?;
    if name.ends_with("_FILE") {
        return Some(User::InFile(name));
    }
    facts.variable(name).map(|value| User::Named(value.to_owned()))
}

/// In the official image nobody needs a password on the socket; in bitnami's everybody does.
pub(super) fn postgresql(facts: &Facts<'_>) -> Login {
    const ADMIN: [&str; 2] = ["POSTGRESQL_POSTGRES_PASSWORD", "POSTGRESQL_POSTGRES_PASSWORD_FILE"];
    const OWNER: [&str; 4] =
        ["POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE", "POSTGRESQL_PASSWORD", "POSTGRESQL_PASSWORD_FILE"];
    const NAMES: [&str; 5] =
        ["POSTGRES_USER", "POSTGRES_USER_FILE", "POSTGRESQL_USERNAME", "POSTGRESQL_USER", "PGUSER"];
    let admin = password(facts, &ADMIN);
    let named = |name: &str| User::Named(name.to_owned());
    let user = match facts.user {
        Some(name) => named(name),
        // bitnami: POSTGRESQL_USERNAME is then an ordinary user.
        None if admin.is_some() => named("postgres"),
        None => user(facts, &NAMES).unwrap_or_else(|| named("postgres")),
    };
    let admin = admin.filter(|_| user == named("postgres"));
    let password = match facts.password_file {
        Some(path) => Password::File(path.to_owned()),
        None => admin.or_else(|| password(facts, &OWNER)).unwrap_or(Password::Absent),
    };
    Login { user, password, notes: Vec::new() }
}

pub(super) fn mariadb(facts: &Facts<'_>) -> Login {
    root_or_user(
        facts,
        &Variables {
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
            unknown: &[
                "MARIADB_RANDOM_ROOT_PASSWORD",
                "MYSQL_RANDOM_ROOT_PASSWORD",
                "MARIADB_ROOT_PASSWORD_HASH",
            ],
            users: &["MARIADB_USER", "MARIADB_USER_FILE", "MYSQL_USER", "MYSQL_USER_FILE"],
            passwords: &[
                "MARIADB_PASSWORD",
                "MARIADB_PASSWORD_FILE",
                "MYSQL_PASSWORD",
                "MYSQL_PASSWORD_FILE",
                "FILE__MYSQL_PASSWORD",
            ],
        },
    )
}

pub(super) fn mysql(facts: &Facts<'_>) -> Login {
    root_or_user(
        facts,
        &Variables {
            root: &["MYSQL_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD_FILE"],
            root_user: &["MYSQL_ROOT_USER"],
            empty: &["MYSQL_ALLOW_EMPTY_PASSWORD", "ALLOW_EMPTY_PASSWORD"],
            unknown: &["MYSQL_RANDOM_ROOT_PASSWORD"],
            users: &["MYSQL_USER", "MYSQL_USER_FILE"],
            passwords: &["MYSQL_PASSWORD", "MYSQL_PASSWORD_FILE"],
        },
    )
}

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

#[cfg(test)]
mod tests;
