//! A server of the same kind to try a backup on.

use std::collections::BTreeMap;

use super::{Command, Engine, Facts, custom, mysql, postgresql};

/// The environment of a scratch container: what its target was configured with, without what names a file that is not there,
/// and with a password of its administrator.
///
/// Passwords are kept where they are known, because roles get theirs back from the backup.
pub(super) fn env(
    engine: Engine,
    target: &BTreeMap<String, String>,
    password: &str,
) -> BTreeMap<String, String> {
    let is_elsewhere = |name: &str| {
        name.ends_with("_FILE")
            || name.starts_with("FILE__")
            || name.ends_with("_RANDOM_ROOT_PASSWORD")
            || name.ends_with("_ROOT_PASSWORD_HASH")
    };
    let mut env: BTreeMap<_, _> = target
        .iter()
        .filter(|(name, value)| !is_elsewhere(name) && !value.is_empty())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let names: &[&str] = match engine {
        Engine::Postgresql => &["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"],
        Engine::Mariadb => &["MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD"],
        Engine::Mysql => &["MYSQL_ROOT_PASSWORD"],
        Engine::Custom => &[],
    };
    if let Some(first) = names.first()
        && !names.iter().any(|name| env.contains_key(*name))
    {
        env.insert((*first).to_owned(), password.to_owned());
    }
    if engine == Engine::Postgresql {
        // The backup gives the administrator back a password that may be in a file of the target only.
        let args = env.entry("POSTGRES_INITDB_ARGS".to_owned()).or_default();
        *args = format!("{args} --auth-local=trust").trim_start().to_owned();
    }
    env
}

/// Prints the name of process 1. While an image sets a server up, that is its entry point, and the server that answers
/// is one that will be stopped again.
pub fn process_one() -> Command {
    Command { script: "exec cat /proc/1/comm\n".to_owned(), ..Command::default() }
}

/// The names of the servers as process 1.
pub(super) fn servers(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Postgresql => &["postgres"],
        Engine::Mariadb => &["mariadbd", "mysqld"],
        Engine::Mysql => &["mysqld"],
        Engine::Custom => &[],
    }
}

pub(super) fn query(engine: Engine, facts: &Facts<'_>, database: &str, query: &str) -> Command {
    match engine {
        Engine::Postgresql => postgresql::query(facts, database, query),
        Engine::Mariadb => mysql::query(mysql::Flavour::Mariadb, facts, database, query),
        Engine::Mysql => mysql::query(mysql::Flavour::Mysql, facts, database, query),
        Engine::Custom => custom::hook(facts, query),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(engine: Engine, pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let target = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        env(engine, &target, "made-up").into_iter().collect()
    }

    #[test]
    fn an_administrator_has_a_password_and_no_file_is_named() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            of(Engine::Postgresql, &[("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD_FILE", "/run/secrets/p")]),
            [
                pair("POSTGRES_INITDB_ARGS", "--auth-local=trust"),
                pair("POSTGRES_PASSWORD", "made-up"),
                pair("POSTGRES_USER", "app"),
            ]
        );
        assert_eq!(
            of(Engine::Mariadb, &[("MYSQL_ROOT_PASSWORD", "x"), ("MARIADB_RANDOM_ROOT_PASSWORD", "yes")]),
            [pair("MYSQL_ROOT_PASSWORD", "x")]
        );
        assert_eq!(of(Engine::Custom, &[("A", "b"), ("C", "")]), [pair("A", "b")]);
    }
}
