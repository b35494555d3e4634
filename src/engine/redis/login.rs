//! Who the tools of Redis and Valkey log in as, and where the password is.

use super::said::Said;
use crate::engine::shared::facts::Facts;
use crate::engine::shared::login::{Login, Password, User, password};

/// Those of bitnami's images and of linuxserver's, and what people call it in a Compose file.
const PASSWORDS: [&str; 7] = [
    "REDIS_PASSWORD",
    "REDIS_PASSWORD_FILE",
    "VALKEY_PASSWORD",
    "VALKEY_PASSWORD_FILE",
    "FILE__REDIS_PASSWORD",
    "REDIS_PASS",
    "REDIS_REQUIREPASS",
];

/// Arguments of the server that images take from a variable.
const ARGUMENTS: [&str; 3] = ["REDIS_ARGS", "VALKEY_EXTRA_FLAGS", "REDIS_EXTRA_FLAGS"];

/// Without a name, it is the server's `default` user.
pub(super) fn login(facts: &Facts<'_>) -> Login {
    let user = facts.user.map_or(User::Unknown, |name| User::Named(name.to_owned()));
    let password = match facts.password_file {
        Some(path) => Password::File(path.to_owned()),
        None if facts.user.is_some_and(|user| user != "default") => Password::Absent,
        None => password(facts, &PASSWORDS).unwrap_or(Password::Absent),
    };
    Login { user, password, notes: Vec::new() }
}

/// The password that the server was started with, if its command line or one of these variables has it: nothing else in the
/// container does.
pub(super) fn argument(facts: &Facts<'_>) -> Option<String> {
    let of_variables = || {
        let lines = ARGUMENTS.iter().filter_map(|name| facts.variable(name));
        lines
            .filter_map(|line| crate::model::words::split(line).ok())
            .find_map(|words| Said::by(&words).password)
    };
    Said::by(facts.arguments).password.or_else(of_variables).filter(|password| !password.is_empty())
}
