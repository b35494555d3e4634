//! What the globals have: a statement on each line, about roles and accounts, their memberships and grants.
//!
//! They are never compared with a restored server, whose own accounts are others: only the dump with its manifest.

use memchr::memmem;

use super::tally::Tally;

/// What comes before a password, or what was made of it.
const SECRETS: [&[u8]; 3] = [b" IDENTIFIED ", b" PASSWORD ", b" AS '"];

/// What comes before a string that is no secret.
const OPEN: [&[u8]; 8] =
    [b" WITH ", b" VIA ", b" UNTIL ", b" SUBJECT ", b" ISSUER ", b" CIPHER ", b" COMMENT ", b" ATTRIBUTE "];

/// Words of a statement that say what it is about, before anything secret.
const WORDS: usize = 3;

/// Reads the globals.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// Lines that continue a statement count to it.
    last: Option<(&'static str, String)>,
}

/// What a statement begins with, and what that makes it.
const KINDS: [(&str, &str); 6] = [
    ("GRANT ", "grant"),
    ("REPLACE INTO mysql.", "grant"),
    ("SET DEFAULT ROLE ", "default role"),
    ("CREATE ", "account"),
    ("ALTER ", "account"),
    ("COMMENT ", "comment"),
];

impl Reader {
    pub(super) fn line(&mut self, line: &[u8], tally: &mut Tally) {
        // Comments have dates and versions, and `psql`'s commands a random word.
        if line.is_empty() || line.starts_with(b"--") || line.starts_with(b"\\") {
            return;
        }
        let text = String::from_utf8_lossy(line);
        let kind = KINDS.iter().find(|(start, _)| text.starts_with(start)).map(|(_, kind)| *kind);
        let (kind, name) = match kind {
            // Who may do what is all that there is, up to a password.
            Some(kind @ "grant") => (kind, text.split(" IDENTIFIED ").next().unwrap_or_default().to_owned()),
            Some(kind) => {
                let text = text.replacen("IF NOT EXISTS ", "", 1);
                (kind, text.split(' ').take(WORDS).collect::<Vec<_>>().join(" "))
            }
            None => self.last.clone().unwrap_or(("statement", "of the globals".to_owned())),
        };
        tally.mark(kind, &name, b"", tally.lines(&without_secrets(line)));
        self.last = Some((kind, name));
    }
}

/// Nothing that is made of a password goes into a manifest: some are guessed by it. So behind the word that announces one there
/// are only words, and strings that are known to be none.
fn without_secrets(line: &[u8]) -> Vec<u8> {
    let secret = SECRETS.iter().filter_map(|word| memmem::find(line, word)).min();
    let (open, mut rest) = line.split_at(secret.unwrap_or(line.len()));
    let mut kept = open.to_vec();
    while let Some(&byte) = rest.first() {
        let length = match byte {
            b'\'' => string_length(rest),
            _ if byte.is_ascii_alphanumeric() => {
                rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count()
            }
            _ => 1,
        };
        let (word, behind) = rest.split_at(length.min(rest.len()));
        rest = behind;
        let is_value = byte == b'\'' || word.starts_with(b"0x") || word.starts_with(b"0X");
        if !is_value || OPEN.iter().any(|word| kept.ends_with(word)) {
            kept.extend_from_slice(word);
        } else {
            kept.extend_from_slice(b"?");
        }
    }
    kept
}

/// Of a string in single quotes, in which one is doubled or behind a backslash.
fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        at += match byte {
            b'\\' => 2,
            b'\'' if text.get(at + 1) == Some(&b'\'') => 2,
            b'\'' => return at + 1,
            _ => 1,
        };
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_what_is_made_of_a_password_counts() {
        for (line, kept) in [
            (
                "ALTER ROLE a WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:x' VALID UNTIL '2030-01-01';",
                "ALTER ROLE a WITH LOGIN PASSWORD ? VALID UNTIL '2030-01-01';",
            ),
            (
                "CREATE USER 'a'@'%' IDENTIFIED WITH 'caching_sha2_password' AS 0x2441 REQUIRE NONE PASSWORD EXPIRE \
                 DEFAULT ACCOUNT LOCK PASSWORD HISTORY 5;",
                "CREATE USER 'a'@'%' IDENTIFIED WITH 'caching_sha2_password' AS ? REQUIRE NONE PASSWORD EXPIRE \
                 DEFAULT ACCOUNT LOCK PASSWORD HISTORY 5;",
            ),
            (
                "CREATE USER `a`@`%` IDENTIFIED VIA mysql_native_password USING '*1''\\'2' OR unix_socket ACCOUNT LOCK",
                "CREATE USER `a`@`%` IDENTIFIED VIA mysql_native_password USING ? OR unix_socket ACCOUNT LOCK",
            ),
            (
                "CREATE USER a IDENTIFIED BY PASSWORD '*12' REQUIRE SUBJECT '/CN=x'",
                "CREATE USER a IDENTIFIED BY PASSWORD ? REQUIRE SUBJECT '/CN=x'",
            ),
            ("GRANT SELECT ON a TO b", "GRANT SELECT ON a TO b"),
            ("CREATE USER a IDENTIFIED BY 'open", "CREATE USER a IDENTIFIED BY ?"),
        ] {
            assert_eq!(String::from_utf8_lossy(&without_secrets(line.as_bytes())), kept);
        }
    }
}
