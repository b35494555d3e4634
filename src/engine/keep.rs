//! What a restore has replaced, kept beside it: its name, and what it must not go on doing.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::login::User;
use super::{Address, Command, Engine, Facts, mysql, postgresql};

/// Between a database's name and when it was replaced.
const BEFORE: &str = "_before_";
const BEFORE_TIME: &str = "%Y%m%d_%H%M%S";
/// PostgreSQL cuts a name at so many bytes (`NAMEDATALEN`); those of MariaDB and MySQL have up to 64 characters.
const LONGEST_NAME: usize = 63;

/// The name under which an old database stays beside the restored one: `shop_before_20261127_021500`, in UTC.
pub fn old_name(name: &str, at: Timestamp) -> String {
    let end = format!("{BEFORE}{}", at.strftime(BEFORE_TIME));
    let mut start = name.to_owned();
    while start.len() + end.len() > LONGEST_NAME && start.pop().is_some() {}
    start + &end
}

/// Whether a restore has left the database of this name beside another one: it may go at any time.
pub fn is_old_name(name: &str) -> bool {
    let Some((_, time)) = name.rsplit_once(BEFORE) else { return false };
    DateTime::strptime(BEFORE_TIME, time).is_ok()
}

impl Engine {
    /// Ends what an old database would go on doing to others: it is kept to be looked at. `old` are those of one restore. `None` where
    /// there is nothing of the kind.
    pub fn quiet_old(self, facts: &Facts<'_>, name: &str, old: &[&str]) -> Option<Command> {
        match self {
            Self::Postgresql => Some(postgresql::detach(facts, name)),
            Self::Mariadb => Some(mysql::Exchange(mysql::Flavour::Mariadb).drop_keys_of(facts, name, old)),
            Self::Mysql => Some(mysql::Exchange(mysql::Flavour::Mysql).drop_keys_of(facts, name, old)),
            Self::Custom => None,
        }
    }

    /// What a person types on the host to drop a database.
    pub fn drop_by_hand(self, facts: &Facts<'_>, container: &str, name: &str) -> String {
        let user = match self.login(facts).map(|login| login.user) {
            Some(User::Named(user)) => shell_quoted(&user),
            Some(User::InFile(_)) | None => "USER".to_owned(),
        };
        let Address { host, port, socket } = self.address(facts);
        let option = |letter: char, value: Option<String>| {
            value.map(|value| format!(" -{letter} {}", shell_quoted(&value))).unwrap_or_default()
        };
        let port = port.map(|port| port.to_string());
        let (tool, quote) = match self {
            Self::Postgresql => {
                let place = option('h', host.or(socket)) + &option('p', port);
                (format!("psql -U {user}{place} -d template1 -c"), '"')
            }
            Self::Mariadb | Self::Mysql => {
                let port = port.filter(|_| host.is_some());
                let place = option('h', host) + &option('P', port) + &option('S', socket);
                (
                    format!(
                        "{} -u {user}{place} -p -e",
                        if self == Self::Mysql { "mysql" } else { "mariadb" }
                    ),
                    '`',
                )
            }
            Self::Custom => return String::new(),
        };
        let doubled = name.replace(quote, &format!("{quote}{quote}"));
        let statement = shell_quoted(&format!("DROP DATABASE {quote}{doubled}{quote}"));
        format!("docker exec -it {} {tool} {statement}", shell_quoted(container))
    }
}

/// As a shell takes it for one word.
fn shell_quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_old_database_has_a_name_that_says_since_when() {
        let at: Timestamp = "2026-11-27T02:15:09Z".parse().unwrap();
        assert_eq!(old_name("shop", at), "shop_before_20261127_021509");
        let long = old_name(&"ä".repeat(31), at);
        assert_eq!(long, format!("{}_before_20261127_021509", "ä".repeat(20)));
        assert!(long.len() <= 63 && is_old_name(&long) && is_old_name(&old_name("shop", at)));
        assert!(is_old_name(&old_name(&old_name("shop", at), at)));
        for name in [
            "shop",
            "shop_before",
            "shop_before_the_move",
            "shop_before_20261127",
            "shop_before_20269927_021500",
        ] {
            assert!(!is_old_name(name), "{name}");
        }
        assert!(!super::super::restore::is_leftover(&old_name("shop", at)));
    }

    #[test]
    fn the_command_that_drops_it_can_be_pasted() {
        let env = BTreeMap::from([("POSTGRES_USER".to_owned(), "it's me".to_owned())]);
        let facts = Facts::new("db", &env);
        let typed = |engine: Engine, name| engine.drop_by_hand(&facts, "shop-db-1", name);
        insta::assert_snapshot!(typed(Engine::Postgresql, "a\"b"), @r#"docker exec -it shop-db-1 psql -U 'it'\''s me' -d template1 -c 'DROP DATABASE "a""b"'"#);
        insta::assert_snapshot!(typed(Engine::Mysql, "a`b c"), @"docker exec -it shop-db-1 mysql -u root -p -e 'DROP DATABASE `a``b c`'");
        insta::assert_snapshot!(typed(Engine::Mariadb, "shop_before_20261127_021509"), @"docker exec -it shop-db-1 mariadb -u root -p -e 'DROP DATABASE `shop_before_20261127_021509`'");
        assert_eq!(typed(Engine::Custom, "x"), "");
        let elsewhere = Facts { port: Some(5433), ..facts };
        insta::assert_snapshot!(Engine::Postgresql.drop_by_hand(&elsewhere, "db", "x"), @r#"docker exec -it db psql -U 'it'\''s me' -p 5433 -d template1 -c 'DROP DATABASE "x"'"#);
        insta::assert_snapshot!(Engine::Mariadb.drop_by_hand(&elsewhere, "db", "x"), @"docker exec -it db mariadb -u root -h 127.0.0.1 -P 5433 -p -e 'DROP DATABASE `x`'");
        let elsewhere = Facts { socket: Some("/tmp/m sock"), ..facts };
        insta::assert_snapshot!(Engine::Mysql.drop_by_hand(&elsewhere, "db", "x"), @"docker exec -it db mysql -u root -S '/tmp/m sock' -p -e 'DROP DATABASE `x`'");
    }
}
