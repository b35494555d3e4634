//! Which accounts a load of globals leaves alone: that is asked of the server that gets them, whoever made the dump.

use bytes::Bytes;

use super::separate::blank_statement;
use super::statements::{Splitter, Visitor};
use super::tokens::{Part, Token, tokens};

/// Accounts that images and services make for themselves: they know the password, and nobody else.
const OF_IMAGES: [(&str, &[&str]); 4] = [
    ("healthcheck", &["localhost", "127.0.0.1", "::1"]),
    ("rdsadmin", &["localhost", "%"]),
    ("cloudsqladmin", &["localhost", "%"]),
    ("azure_superuser", &["localhost", "127.0.0.1", "%"]),
];

/// What a load of globals has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    /// That stay what they are.
    pub left_alone: Vec<String>,
    /// Where each account's statements begin.
    lines: Vec<(usize, String)>,
    pub problem: Option<String>,
}

/// Takes out of globals what would change an account that has to stay what it is.
#[derive(Debug)]
pub struct AccountFilter {
    splitter: Splitter,
    sight: Sight,
}

#[derive(Debug)]
struct Sight {
    login: String,
    line: usize,
    found: Accounts,
}

impl AccountFilter {
    /// `login` is the name of whoever loads: its password is that of the next login as well.
    pub fn new(login: &str) -> Self {
        let sight = Sight { login: login.to_owned(), line: 1, found: Accounts::default() };
        Self { splitter: Splitter::of_all(), sight }
    }

    /// What can be passed on when this piece has come; without one, at the end, what is left.
    pub fn take(&mut self, piece: Option<&[u8]>) -> Bytes {
        Bytes::from(self.splitter.take(piece, &mut self.sight))
    }

    /// When all has passed.
    pub fn end(self) -> Accounts {
        self.sight.found
    }
}

impl Accounts {
    /// The account of the statement that begins in this line.
    pub fn of_line(&self, line: usize) -> Option<&str> {
        self.lines.iter().find(|(at, _)| *at == line).map(|(_, account)| account.as_str())
    }
}

impl Visitor for Sight {
    fn statement(&mut self, text: &mut Vec<u8>, from: usize) {
        let newlines = |bytes: &[u8]| memchr::memchr_iter(b'\n', bytes).count();
        let begins = self.line + newlines(text.get(..from).unwrap_or_default());
        self.line += newlines(text);
        let parts = tokens(text, from, false);
        let Some((name, host)) = account(text, &parts) else { return };
        let shown = format!("{name}@{host}");
        let is = |at: usize, word: &str| parts.get(at).is_some_and(|token| token.is(text, word));
        let is_of_image = OF_IMAGES.iter().any(|(of, hosts)| *of == name && hosts.contains(&host.as_str()));
        let changes_login = name == self.login && is(0, "ALTER") && is(1, "USER");
        if is_of_image || changes_login {
            blank_statement(text, from, &parts);
            if !self.found.left_alone.contains(&shown) {
                self.found.left_alone.push(shown);
            }
        } else {
            self.found.lines.push((begins, shown));
        }
    }

    fn too_long(&mut self) {
        self.found
            .problem
            .get_or_insert("the globals have a statement that is longer than 32 MiB".to_owned());
    }

    fn broken_off(&mut self) {
        self.found.problem.get_or_insert("the globals end in the middle of a statement".to_owned());
    }
}

/// The account a statement is about: behind `USER` or the last `TO` or `FROM`.
fn account(text: &[u8], parts: &[Token]) -> Option<(String, String)> {
    let is = |at: usize, word: &str| parts.get(at).is_some_and(|token| token.is(text, word));
    let mut at = if is(1, "USER") {
        2
    } else if is(0, "GRANT") || is(0, "REVOKE") || is(1, "DEFAULT") {
        1 + parts.iter().rposition(|token| token.is(text, "TO") || token.is(text, "FROM"))?
    } else {
        return None;
    };
    if is(at, "IF") {
        at += if is(at + 1, "NOT") { 3 } else { 2 };
    }
    let word = |at: usize| {
        let token = parts.get(at)?;
        if token.part == Part::String { string(token.text(text)) } else { token.name(text) }
    };
    let name = word(at)?;
    let host = if parts.get(at + 1).is_some_and(|token| token.is_sign(b'@')) {
        word(at + 2)?
    } else {
        "%".to_owned()
    };
    Some((name, host))
}

/// What a simple literal says.
fn string(text: &[u8]) -> Option<String> {
    let inner = text.get(1..text.len().checked_sub(1)?)?;
    let text = String::from_utf8(inner.to_vec()).ok()?;
    Some(text.replace("''", "'").replace("\\'", "'").replace("\\\\", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLOBALS: &str = "-- Users\nSET NAMES utf8mb4;\nCREATE USER IF NOT EXISTS `root`@`localhost` IDENTIFIED BY PASSWORD '*A;';\n\
        ALTER USER `root`@`localhost` IDENTIFIED BY PASSWORD '*A;';\nCREATE USER IF NOT EXISTS `o\nd`@`%`;\n\
        ALTER USER `healthcheck`@`::1` IDENTIFIED BY PASSWORD '*B';\nALTER USER 'healthcheck'@'%' IDENTIFIED BY 'mine';\n\
        GRANT USAGE ON *.* TO `healthcheck`@`localhost`;\nGRANT SELECT ON *.* TO `root`@`localhost`;\n\
        REPLACE INTO mysql.tables_priv VALUES ('x');\nALTER USER `app`@`%` IDENTIFIED BY 'x';\n";

    #[test]
    fn the_login_keeps_its_password_and_the_image_its_accounts() {
        let mut filter = AccountFilter::new("root");
        let mut out = filter.take(Some(GLOBALS.as_bytes())).to_vec();
        out.extend_from_slice(&filter.take(None));
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.len(), GLOBALS.len());
        for gone in ["ALTER USER `root`", "`healthcheck`", "*B"] {
            assert!(!out.contains(gone), "{gone}: {out}");
        }
        for stays in [
            "CREATE USER IF NOT EXISTS `root`",
            "'healthcheck'@'%'",
            "GRANT SELECT ON *.* TO `root`",
            "tables_priv",
            "`app`",
        ] {
            assert!(out.contains(stays), "{stays}: {out}");
        }
        let found = filter.end();
        assert_eq!(found.left_alone, ["root@localhost", "healthcheck@::1", "healthcheck@localhost"]);
        assert_eq!(found.of_line(5), Some("o\nd@%"));
        assert_eq!(found.of_line(8), Some("healthcheck@%"));
        assert_eq!(found.of_line(12), Some("app@%"));
    }
}
