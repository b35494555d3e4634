//! Rows behind `COPY … FROM stdin;`: a line each, columns divided by tabs.

use memchr::memchr2_iter;

use super::super::rows::{Row, seeded};
use super::super::{Fingerprint, Rows};
use crate::model::line::Name;

/// Rows on their way.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) table: Name,
    pub(super) rows: Rows,
    row: Row,
    /// The start of a line that a piece ended in: too short to say that it is not the last one.
    start: Vec<u8>,
}

/// The line behind the last row.
const END: &[u8] = b"\\.";

impl Copy {
    pub(super) fn new(table: Name, columns: Vec<u64>) -> Self {
        Self { table, rows: Rows::default(), row: Row::new(columns), start: Vec::new() }
    }

    /// Returns what comes behind the last row, if that is in this piece.
    pub(super) fn take<'a>(&mut self, mut piece: &'a [u8]) -> Option<&'a [u8]> {
        while !self.start.is_empty() {
            let (&byte, rest) = piece.split_first()?;
            if byte == b'\n' && self.start == END {
                return Some(rest);
            }
            let start = std::mem::take(&mut self.start);
            if matches!(byte, b'\t' | b'\n') || start.len() >= END.len() {
                self.row.part(&start);
            } else {
                self.start = start;
                self.start.push(byte);
                piece = rest;
            }
        }
        let mut from = 0;
        for end in memchr2_iter(b'\t', b'\n', piece) {
            let field = piece.get(from..end).unwrap_or_default();
            from = end + 1;
            if piece.get(end) == Some(&b'\t') {
                self.row.field(field);
                continue;
            }
            if field == END && self.row.is_empty() {
                return piece.get(from..);
            }
            self.row.field(field);
            let hash = self.row.end();
            self.rows.rows += 1;
            self.rows.sum = Fingerprint(self.rows.sum.0.wrapping_add(hash));
        }
        let rest = piece.get(from..).unwrap_or_default();
        if self.row.is_empty() && rest.len() <= END.len() {
            self.start.extend_from_slice(rest);
        } else {
            self.row.part(rest);
        }
        None
    }
}

/// The columns of `COPY app.orders (id, "two words") FROM stdin;`, as rows are hashed with them; `None` for another line.
pub(super) fn columns(line: &[u8]) -> Option<Vec<u64>> {
    let line = line.strip_prefix(b"COPY ")?;
    let names = line.strip_suffix(b") FROM stdin;").unwrap_or_default();
    if names.is_empty() && !line.ends_with(b" FROM stdin;") {
        return None;
    }
    let mut columns = Vec::new();
    // The name of the table may have such a bracket in it, the last one of them is not in a column's name.
    let (mut from, mut is_quoted, mut is_list) = (0, false, false);
    for (at, byte) in names.iter().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'(' if !is_quoted && !is_list => (is_list, from) = (true, at + 1),
            b',' if !is_quoted && is_list => {
                columns.push(seeded(1, name(names.get(from..at))));
                from = at + 1;
            }
            _ => {}
        }
    }
    if is_list {
        columns.push(seeded(1, name(names.get(from..))));
    }
    Some(columns)
}

/// The most that a `COPY` may have before its end is seen.
const LONGEST: usize = 1024 * 1024;

/// Whether a `COPY` goes on in the next line, because a name in it has a line end.
pub(super) fn is_open(begun: &[u8], line: &[u8]) -> bool {
    let is_copy = begun.starts_with(b"COPY ") || (begun.is_empty() && line.starts_with(b"COPY "));
    let quotes = |text: &[u8]| memchr::memchr_iter(b'"', text).count();
    is_copy && begun.len() < LONGEST && (quotes(begun) + quotes(line)) % 2 == 1
}

/// The partitioned table that rows are loaded into instead of a part of it: those of a hash over an `enum` would be
/// in other parts. `-- load via partition root public."two words"`.
pub(super) fn root(line: &[u8]) -> Option<Name> {
    let line = line.strip_prefix(b"-- load via partition root ")?;
    let name = String::from_utf8_lossy(line).replace("\"\"", "\u{0}").replace('"', "").replace('\u{0}', "\"");
    Some(Name::clean(&name))
}

fn name(text: Option<&[u8]>) -> &[u8] {
    text.unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_in_a_name_does_not_end_a_copy() {
        assert!(is_open(b"", b"COPY public.\"two"));
        assert!(is_open(b"COPY public.\"two\n", b"or three"));
        assert!(!is_open(b"COPY public.\"two\n", b"lines\" (id) FROM stdin;"));
        assert!(!is_open(b"", b"COPY public.\"a\"\"b\" (id) FROM stdin;"));
        assert!(!is_open(b"", b"SET x = \""));
    }

    #[test]
    fn the_root_of_parts_is_named_like_a_table() {
        let of = |line: &str| root(line.as_bytes()).map(|name| name.to_string());
        assert_eq!(of("-- load via partition root public.\"a \"\"b\"").as_deref(), Some("public.a \"b"));
        assert_eq!(of("-- load"), None);
    }

    #[test]
    fn columns_are_told_by_their_names() {
        let of = |line: &str| columns(line.as_bytes());
        let one = of("COPY public.o (id, b) FROM stdin;").unwrap();
        assert_eq!(of("COPY public.o (b, id) FROM stdin;").unwrap(), [one[1], one[0]]);
        assert_eq!(of("COPY app.\"no (columns\" () FROM stdin;").unwrap().len(), 1);
        assert_eq!(of("COPY app.\"a (\" (\"b, (\"\"c\", d) FROM stdin;").unwrap().len(), 2);
        assert_eq!(of("COPY app.x FROM stdin;").unwrap(), [0; 0]);
        assert_eq!(of("COPY app.x (a) TO stdout;"), None);
    }
}
