//! Rows in `INSERT`, many in a statement, a line each or all in one.

use memchr::memchr2;

use super::super::rows::{Row, seeded};
use super::super::{Fingerprint, Rows};
use super::quoted::quoted;
use crate::model::line::Name;

/// What is before the first row: a table's name and the names of its columns.
const LONGEST_HEAD: usize = 1024 * 1024;

const STARTS: [&[u8]; 4] =
    [b"INSERT INTO `", b"INSERT IGNORE INTO `", b"INSERT  IGNORE INTO `", b"REPLACE INTO `"];
const VALUES: &[u8] = b"VALUES";

/// Whether a statement with rows begins here.
pub(super) fn is_start(line: &[u8]) -> bool {
    matches!(line, [b'I' | b'R', ..]) && STARTS.iter().any(|start| line.starts_with(start))
}

/// A statement on its way.
#[derive(Debug, Default)]
pub(super) struct Insert {
    head: Head,
    table: Name,
    row: Option<Row>,
    rows: Rows,
    depth: u32,
    /// The quote that ends what is being read, and whether the byte before was a backslash.
    quote: Option<u8>,
    is_escaped: bool,
}

/// What is before the rows, and whether a name is being read.
#[derive(Debug, Default)]
struct Head {
    text: Vec<u8>,
    is_quoted: bool,
}

impl Insert {
    /// Returns what comes behind the statement, if its end is in this piece. `known` are a table and its columns.
    pub(super) fn take<'a>(&mut self, piece: &'a [u8], known: &(Name, Vec<u64>)) -> Option<&'a [u8]> {
        if self.row.is_some() {
            return self.values(piece);
        }
        for (at, &byte) in piece.iter().enumerate() {
            let Head { text, is_quoted } = &mut self.head;
            if text.len() < LONGEST_HEAD {
                text.push(byte);
            }
            *is_quoted ^= byte == b'`';
            if *is_quoted {
                continue;
            }
            let rest = piece.get(at + 1..);
            if byte == b';' {
                return rest;
            }
            if byte == b'S' && text.ends_with(VALUES) {
                self.begin_rows(known);
                return self.values(rest.unwrap_or_default());
            }
        }
        None
    }

    /// The table and its rows; `None` of a statement that has none.
    pub(super) fn end(self) -> Option<(Name, Rows)> {
        self.row.is_some().then_some((self.table, self.rows))
    }

    fn begin_rows(&mut self, known: &(Name, Vec<u64>)) {
        let head = std::mem::take(&mut self.head.text);
        let name = STARTS.iter().find_map(|start| head.strip_prefix(start.strip_suffix(b"`")?));
        let (table, mut rest) = quoted(name.unwrap_or_default());
        self.table = Name::clean(&table);
        let mut columns = Vec::new();
        while let Some((&byte, behind)) = rest.split_first() {
            if byte == b'`' {
                let (name, behind) = quoted(rest);
                columns.push(seeded(1, name.as_bytes()));
                rest = behind;
                continue;
            }
            // `row_start` has no quotes.
            let word = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            match rest.get(..word) {
                Some(VALUES) | None | Some([]) => rest = behind,
                Some(name) => {
                    columns.push(seeded(1, name));
                    rest = rest.get(word..).unwrap_or_default();
                }
            }
        }
        if columns.is_empty() && known.0 == self.table {
            columns.clone_from(&known.1);
        }
        self.row = Some(Row::new(columns));
    }

    /// Reads rows; what is between brackets at depth 1 is fields, divided by commas.
    fn values<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let Some(row) = &mut self.row else { return None };
        let (mut at, mut from) = (0, 0);
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            if self.is_escaped {
                self.is_escaped = false;
                continue;
            }
            if let Some(quote) = self.quote {
                match byte {
                    b'\\' if quote == b'\'' => self.is_escaped = true,
                    _ if byte == quote => self.quote = None,
                    _ => {
                        let rest = bytes.get(at..).unwrap_or_default();
                        at += memchr2(quote, b'\\', rest).unwrap_or(rest.len());
                    }
                }
                continue;
            }
            match byte {
                b'\'' | b'`' => self.quote = Some(byte),
                b',' if self.depth == 1 => {
                    row.field(bytes.get(from..at - 1).unwrap_or_default());
                    from = at;
                }
                b'(' => {
                    self.depth += 1;
                    if self.depth == 1 {
                        from = at;
                    }
                }
                b')' if self.depth == 1 => {
                    self.depth = 0;
                    row.field(bytes.get(from..at - 1).unwrap_or_default());
                    self.rows.rows += 1;
                    self.rows.sum = Fingerprint(self.rows.sum.0.wrapping_add(row.end()));
                }
                b')' => self.depth = self.depth.saturating_sub(1),
                b';' if self.depth == 0 => return bytes.get(at..),
                _ => {}
            }
        }
        if self.depth > 0 {
            row.part(bytes.get(from..).unwrap_or_default());
        }
        None
    }
}
