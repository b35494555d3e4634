//! The two lines by which a newer `pg_dump` protects a `psql` from its own dump.
//!
//! `\restrict KEY` and `\unrestrict KEY` are of no use to a load: whoever wrote the dump knows the key. A `psql` that is
//! restricted already refuses the first one, and one that is too old does not know it. So both become comments.

use bytes::Bytes;
use memchr::{memchr, memmem};

/// What `pg_dump` and `pg_dumpall` write right before the first line.
const TITLES: [&[u8]; 2] = [b"--\n-- PostgreSQL database", b"--\n-- PostgreSQL database cluster"];
const HEADER: &[u8] = b" dump\n--\n\n";

const RESTRICT: &[u8] = br"\restrict ";
const MAX_KEY: usize = 256;

/// A dump has nothing before its header but the settings of its database.
const MAX_HEAD: usize = 4 * 1024 * 1024;

/// Makes comments of the two lines while a dump passes by in pieces. It changes no other byte, and not the length: a row or a
/// function may have the text of another dump in it.
#[derive(Debug, Default)]
pub(in crate::engine) struct RestrictLines {
    place: Place,
    /// Has to be seen together with what follows.
    held: Vec<u8>,
}

#[derive(Debug, Default)]
enum Place {
    /// Before the first line.
    #[default]
    Head,
    /// Before the second one, which is this, line ends included.
    Body(Vec<u8>),
    /// There is none any more.
    Rest,
}

impl RestrictLines {
    /// What can be passed on when this piece has come.
    pub(in crate::engine) fn take(&mut self, mut piece: Bytes) -> Bytes {
        if !self.held.is_empty() {
            self.held.extend_from_slice(&piece);
            piece = Bytes::from(std::mem::take(&mut self.held));
        }
        match &self.place {
            Place::Head => self.head(piece),
            Place::Body(line) => match memmem::find(&piece, line) {
                Some(at) => {
                    self.place = Place::Rest;
                    commented(piece, at + 1)
                }
                None => {
                    let rest = piece.split_off(start_of(line, &piece));
                    self.held.extend_from_slice(&rest);
                    piece
                }
            },
            Place::Rest => piece,
        }
    }

    /// What is left at the end of the dump.
    pub(in crate::engine) fn end(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.held))
    }

    fn head(&mut self, piece: Bytes) -> Bytes {
        match first_line(&piece) {
            First::Found { at, key } => {
                self.place = Place::Body([b"\n\\unrestrict ", key, b"\n"].concat());
                self.take(commented(piece, at))
            }
            First::Unknown if piece.len() < MAX_HEAD => {
                self.held = piece.into();
                Bytes::new()
            }
            First::Unknown | First::Absent => {
                self.place = Place::Rest;
                piece
            }
        }
    }
}

/// The first line, as far as the beginning of a dump tells.
enum First<'a> {
    Found { at: usize, key: &'a [u8] },
    Absent,
    Unknown,
}

fn first_line(dump: &[u8]) -> First<'_> {
    let is_header = |at: &usize| {
        let before = dump.get(..*at).unwrap_or_default();
        TITLES.iter().any(|title| before.ends_with(title))
    };
    let Some(header) = memmem::find_iter(dump, HEADER).find(is_header) else { return First::Unknown };
    let at = header + HEADER.len();
    let line = dump.get(at..).unwrap_or_default();
    let Some(rest) = line.strip_prefix(RESTRICT) else {
        return if RESTRICT.starts_with(line) { First::Unknown } else { First::Absent };
    };
    match memchr(b'\n', rest).and_then(|end| rest.get(..end)) {
        Some(key) if key.len() <= MAX_KEY && key.iter().all(u8::is_ascii_alphanumeric) => {
            First::Found { at, key }
        }
        None if rest.len() <= MAX_KEY => First::Unknown,
        Some(_) | None => First::Absent,
    }
}

/// Where the end of `piece` may be the start of `line`.
fn start_of(line: &[u8], piece: &[u8]) -> usize {
    let from = (piece.len() + 1).saturating_sub(line.len());
    let is_start = |at: &usize| piece.get(*at..).is_some_and(|end| line.starts_with(end));
    (from..piece.len()).find(is_start).unwrap_or(piece.len())
}

fn commented(piece: Bytes, at: usize) -> Bytes {
    let mut bytes = Vec::from(piece);
    if let Some(start) = bytes.get_mut(at..at + 2) {
        start.copy_from_slice(b"--");
    }
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn passed(dump: &[u8], sizes: &[usize]) -> Vec<u8> {
        let (mut lines, mut passed, mut rest) = (RestrictLines::default(), Vec::new(), dump);
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at((*size).clamp(1, rest.len()));
            passed.extend_from_slice(&lines.take(Bytes::copy_from_slice(piece)));
            rest = behind;
        }
        passed.extend_from_slice(&lines.end());
        passed
    }

    const DUMP: &str = "-- Made with: CREATE DATABASE shop;\nDO '';\n--\n-- PostgreSQL database dump\n--\n\n\
        \\restrict Kx7\n\n-- Dumped\nINSERT INTO dumps VALUES ('\n\\unrestrict Kx\n\\unrestrict Kx78\n \\unrestrict Kx7\n--\n\
        -- PostgreSQL database dump\n--\n\n\\restrict other\n');\n\\unrestrict other\n\n\\unrestrict Kx7\n\nx\n\\unrestrict Kx7\n";

    #[test]
    fn the_tools_own_lines_become_comments_and_nothing_else() {
        let wanted = DUMP.replacen("\\restrict Kx7", "--estrict Kx7", 1).replacen(
            "\n\n\\unrestrict Kx7\n",
            "\n\n--nrestrict Kx7\n",
            1,
        );
        assert_eq!(String::from_utf8(passed(DUMP.as_bytes(), &[usize::MAX])).unwrap(), wanted);
        let cluster = DUMP.replace("database dump", "database cluster dump");
        let wanted = wanted.replace("database dump", "database cluster dump");
        assert_eq!(String::from_utf8(passed(cluster.as_bytes(), &[7])).unwrap(), wanted);
    }

    /// Of an older `pg_dump`, or what only looks like the line.
    #[test]
    fn a_dump_without_them_stays_what_it_is() {
        let older = DUMP.replacen("\\restrict Kx7\n\n", "", 1);
        let odd = DUMP.replacen("\\restrict Kx7", "\\restrict K'7", 1);
        let long = DUMP.replacen("Kx7", &"k".repeat(MAX_KEY + 1), 1);
        let no_title = DUMP.replacen("-- PostgreSQL", "-- OtherSQL", 2);
        let (cut, _) = DUMP.split_once("Kx7").unwrap();
        let large = format!("{}{DUMP}", " ".repeat(2 * MAX_HEAD));
        for dump in [&older, &odd, &long, &no_title, cut, &large, "", "x"] {
            assert!(passed(dump.as_bytes(), &[100_000]) == dump.as_bytes(), "{:.300}", dump);
        }
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(sizes in proptest::collection::vec(1_usize..90, 1..20)) {
            prop_assert_eq!(passed(DUMP.as_bytes(), &sizes), passed(DUMP.as_bytes(), &[usize::MAX]));
        }
    }
}
