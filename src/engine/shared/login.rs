//! Who a dump tool logs in as, and where inside the container the password is.
//!
//! Chosen by which variables are set, never by what is in them. The names are those of the official images, bitnami's
//! and linuxserver's. They say what was set up when the server was first started; the password may be another today.

use super::facts::Facts;
use crate::model::command::Command;

/// What every script starts with.
const PRELUDE: &str = include_str!("prelude.sh");

/// A choice, and what the owner should know about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    pub user: User,
    pub password: Password,
    /// Sentences for the log: what this login cannot see, or what is missing for a better one.
    pub notes: Vec<String>,
}

/// Where the user's name comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum User {
    /// Nobody has a name here, or nobody knows it.
    #[default]
    Unknown,
    Named(String),
    /// A variable with the path, inside the container, of a file with the name.
    InFile(&'static str),
}

/// Where the password comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Password {
    /// None is sent, unless the container's environment has the tool's own variable for it.
    #[default]
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
    pub(in crate::engine) fn user_name(&self) -> Option<&str> {
        match &self.user {
            User::Named(name) => Some(name),
            User::Unknown | User::InFile(_) => None,
        }
    }

    /// For a message: who it is.
    pub fn who(&self) -> String {
        self.user_name().map_or_else(|| "the user".to_owned(), |name| format!("user {name:?}"))
    }

    /// A command that runs `script` with the user's name and the password in these variables.
    pub(in crate::engine) fn command(
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
            User::Unknown => {}
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
        Command {
            script: text,
            args,
            env,
            exec_user: facts.exec_user.map(str::to_owned),
            ..Command::default()
        }
    }
}

/// A command that prints the version of the first of these tools that is there. It needs no login.
pub(in crate::engine) fn tool_version(facts: &Facts<'_>, tools: &str) -> Command {
    Command {
        script: format!("{PRELUDE}find_tool {tools}\nexec \"$tool\" --version\n"),
        exec_user: facts.exec_user.map(str::to_owned),
        ..Command::default()
    }
}

impl Password {
    /// For a message: where the password was taken from.
    pub fn origin(&self) -> String {
        match self {
            Self::Absent => "no password".to_owned(),
            Self::Variable(name) => format!("the password in {name}"),
            Self::InFile(name) => format!("the password in the file that {name} names"),
            Self::File(path) => format!("the password in {path}"),
        }
    }
}

/// The first variable that is set, as a password in a variable or, with `_FILE` or `FILE__`, in a file.
pub(in crate::engine) fn password(facts: &Facts<'_>, names: &[&'static str]) -> Option<Password> {
    let name = names.iter().copied().find(|name| facts.variable(name).is_some())?;
    let in_file = name.ends_with("_FILE") || name.starts_with("FILE__");
    Some(if in_file { Password::InFile(name) } else { Password::Variable(name) })
}

pub(in crate::engine) fn user(facts: &Facts<'_>, names: &[&'static str]) -> Option<User> {
    let name = names.iter().copied().find(|name| facts.variable(name).is_some())?;
    if name.ends_with("_FILE") {
        return Some(User::InFile(name));
    }
    facts.variable(name).map(|value| User::Named(value.to_owned()))
}
