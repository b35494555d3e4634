//! What the globals have: a statement on each line, about roles and accounts, their memberships and grants.
//!
//! They are never compared with a restored server, whose own accounts are others: only the dump with its manifest.

use memchr::memmem;

use super::tally::Tally;

/// What comes before a password, or what was made of it.
const SECRETS: [&[u8]; 3] = [b" IDENTIFIED ", b" PASSWORD ", b" AS '"];

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
        // Nothing that is made of a password goes into a manifest: some are guessed by it.
        let secret = SECRETS.iter().filter_map(|word| memmem::find(line, word)).min();
        let open = line.get(..secret.unwrap_or(line.len())).unwrap_or_default();
        tally.mark(kind, &name, b"", tally.lines(open));
        self.last = Some((kind, name));
    }
}
