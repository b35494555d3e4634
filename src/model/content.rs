//! What a dump contains, read off the dump itself while it passes.
//!
//! A drill restores a dump, dumps what it restored, and compares the two contents: so every row, definition, grant and
//! sequence is compared, as of the very snapshot that was dumped, and the database has no more work than before.
//!
//! The fingerprint is the sum, modulo 2^64, of the XXH3-64 hashes of all lines, without those that differ from dump to dump
//! (dates, versions, random words). A sum, because the order of what has no order (grants, say) is nobody's promise.

mod difference;

use std::collections::BTreeMap;
use std::fmt;

use memchr::{memchr, memchr_iter, memchr2, memmem};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

pub use difference::Difference;

/// How a dump is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `pg_dump`: rows behind `COPY`.
    Postgresql,
    /// `mariadb-dump` and `mysqldump`: rows in `INSERT`.
    Mysql,
}

/// What is in a dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub tables: u64,
    pub rows: u64,
    pub lines: u64,
    pub fingerprint: Fingerprint,
    /// The rows of each table, by its name; absent when there are more than [`MOST_NAMED`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows_of: BTreeMap<String, u64>,
}

/// A manifest is read by every `list`: it does not name more tables than this.
pub const MOST_NAMED: usize = 1000;

impl Content {
    /// Whether its numbers go together.
    pub(super) fn adds_up(&self) -> bool {
        let is_named = !self.rows_of.is_empty();
        let rows = self.rows_of.values().try_fold(0_u64, |sum, rows| sum.checked_add(*rows));
        self.rows_of.len() <= MOST_NAMED
            && (!is_named || self.rows_of.len() as u64 == self.tables && rows == Some(self.rows))
    }
}

/// 64 bits, written as 16 hexadecimal digits: JSON's readers keep only 53.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint(pub u64);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        format!("{fingerprint:?}")
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_plain = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = is_plain.then(|| u64::from_str_radix(&text, 16).ok()).flatten();
        value.map(Self).ok_or("a fingerprint is 16 hexadecimal digits")
    }
}

/// How much of a line is looked at: the names of a schema and a table fit, and the definition of a column.
const PREFIX: usize = 16 * 1024;

/// What begins a line that differs from dump to dump of the same content.
const VOLATILE: [&[u8]; 10] = [
    b"\\restrict ",
    b"\\unrestrict ",
    b"-- Dumped from ",
    b"-- Dumped by ",
    b"-- Dump completed",
    b"-- Server version",
    b"-- Host: ",
    b"-- MariaDB dump ",
    b"-- MySQL dump ",
    b"/*M!999999\\-",
];

/// Counts while a dump passes, in pieces of any size and in little memory.
#[derive(Debug)]
pub struct Counter {
    dialect: Dialect,
    lines: u64,
    sum: u64,
    rows_of: BTreeMap<String, u64>,
    /// A line that began in an earlier piece.
    partial: Option<Partial>,
    /// The table whose rows are being read.
    table: Option<Rows>,
    /// The table that the last comment of `pg_dump` announced.
    announced: Option<String>,
}

struct Partial {
    prefix: Vec<u8>,
    hash: Box<Xxh3>,
}

impl fmt::Debug for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partial").field("prefix", &self.prefix.len()).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Rows {
    name: String,
    rows: u64,
    insert: Insert,
}

/// Where in an `INSERT` the dump is.
#[derive(Debug, Default)]
struct Insert {
    depth: u32,
    /// The quote that ends what is being read, and whether the byte before was a backslash.
    quote: Option<u8>,
    is_escaped: bool,
    has_values: bool,
}

impl Counter {
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            lines: 0,
            sum: 0,
            rows_of: BTreeMap::new(),
            partial: None,
            table: None,
            announced: None,
        }
    }

    /// Takes the next piece of the dump.
    pub fn take(&mut self, mut piece: &[u8]) {
        if let Some(end) = memchr(b'\n', piece).filter(|_| self.partial.is_some()) {
            let (rest, after) = piece.split_at(end);
            self.begin_or_go_on(rest);
            self.end_line();
            piece = after.get(1..).unwrap_or_default();
        }
        let mut start = 0;
        if self.partial.is_none() {
            for end in memchr_iter(b'\n', piece) {
                self.whole_line(piece.get(start..end).unwrap_or_default());
                start = end + 1;
            }
        }
        let rest = piece.get(start..).unwrap_or_default();
        if !rest.is_empty() {
            self.begin_or_go_on(rest);
        }
    }

    /// What there was.
    pub fn end(mut self) -> Content {
        if self.partial.is_some() {
            self.end_line();
        }
        self.end_table();
        let (tables, rows) = (self.rows_of.len() as u64, self.rows_of.values().sum());
        let rows_of = if self.rows_of.len() > MOST_NAMED { BTreeMap::new() } else { self.rows_of };
        Content { tables, rows, lines: self.lines, fingerprint: Fingerprint(self.sum), rows_of }
    }

    fn whole_line(&mut self, line: &[u8]) {
        self.begin(line.get(..PREFIX.min(line.len())).unwrap_or_default());
        self.scan(line);
        let hash = self.plain_column(line).map_or_else(|| xxh3_64(line), |plain| xxh3_64(&plain));
        self.count(line, hash);
    }

    /// A column's definition without the character set that its collation implies. MySQL shows it for a column that was
    /// made with a collation, so for one that was restored, and not for one that got it from its table.
    fn plain_column(&self, line: &[u8]) -> Option<Vec<u8>> {
        const CHARACTER_SET: &[u8] = b" CHARACTER SET ";
        if self.dialect != Dialect::Mysql || line.len() >= PREFIX || !line.starts_with(b"  `") {
            return None;
        }
        let start = memmem::find(line, CHARACTER_SET)?;
        let (before, rest) = line.split_at(start);
        let name = rest.get(CHARACTER_SET.len()..)?;
        let after = name.get(memchr(b' ', name)?..)?;
        after.starts_with(b" COLLATE ").then(|| [before, after].concat())
    }

    /// A line that does not end in this piece, or did not begin in it.
    fn begin_or_go_on(&mut self, part: &[u8]) {
        let mut partial = self
            .partial
            .take()
            .unwrap_or_else(|| Partial { prefix: Vec::new(), hash: Box::new(Xxh3::new()) });
        let was_short = partial.prefix.len() < PREFIX;
        let room = PREFIX - partial.prefix.len();
        partial.prefix.extend(part.iter().take(room));
        partial.hash.update(part);
        if was_short && partial.prefix.len() == PREFIX {
            // Long enough to know what it is; nothing of it was scanned so far.
            let prefix = partial.prefix.clone();
            self.begin(&prefix);
            self.scan(&prefix);
            self.scan(part.get(room..).unwrap_or_default());
        } else if !was_short {
            self.scan(part);
        }
        self.partial = Some(partial);
    }

    fn end_line(&mut self) {
        let Some(Partial { prefix, hash }) = self.partial.take() else { return };
        if prefix.len() < PREFIX {
            self.begin(&prefix);
            self.scan(&prefix);
        }
        // One that is longer has something else.
        let hash = self.plain_column(&prefix).map_or_else(|| hash.digest(), |plain| xxh3_64(&plain));
        self.count(&prefix, hash);
    }

    fn count(&mut self, prefix: &[u8], hash: u64) {
        let is_row = self.dialect == Dialect::Postgresql && self.table.is_some();
        if is_row || !VOLATILE.iter().any(|start| prefix.starts_with(start)) {
            self.lines += 1;
            self.sum = self.sum.wrapping_add(hash);
        }
    }

    /// Finds out what a line is by its beginning, which is all of it when it is short.
    fn begin(&mut self, line: &[u8]) {
        match (self.dialect, &mut self.table) {
            (Dialect::Postgresql, Some(_)) if line == b"\\." => self.end_table(),
            (Dialect::Postgresql, Some(table)) => table.rows += 1,
            (Dialect::Postgresql, None) if line.starts_with(b"-- Data for Name: ") => {
                self.announced = announced_table(line);
                if let Some(name) = &self.announced {
                    self.rows_of.entry(name.clone()).or_default();
                }
            }
            (Dialect::Postgresql, None) if line.starts_with(b"COPY ") => {
                self.table = self.announced.take().map(Rows::of);
            }
            (Dialect::Mysql, None) if line.starts_with(b"CREATE TABLE `") => {
                if let Some(name) = quoted_name(line, b"CREATE TABLE `") {
                    self.rows_of.entry(name).or_default();
                }
            }
            (Dialect::Mysql, None) if line.starts_with(b"INSERT INTO `") => {
                self.table = quoted_name(line, b"INSERT INTO `").map(Rows::of);
            }
            (Dialect::Postgresql | Dialect::Mysql, _) => {}
        }
    }

    fn end_table(&mut self) {
        if let Some(Rows { name, rows, .. }) = self.table.take() {
            *self.rows_of.entry(name).or_default() += rows;
        }
    }

    /// Counts the rows of an `INSERT`, which may be many on a line or one on many.
    fn scan(&mut self, bytes: &[u8]) {
        if self.dialect != Dialect::Mysql {
            return;
        }
        let Some(table) = &mut self.table else { return };
        if table.insert.scan(bytes, &mut table.rows) {
            self.end_table();
        }
    }
}

impl Rows {
    fn of(name: String) -> Self {
        Self { name, rows: 0, insert: Insert::default() }
    }
}

impl Insert {
    /// Whether the statement ends in `bytes`.
    fn scan(&mut self, bytes: &[u8], rows: &mut u64) -> bool {
        let mut at = 0;
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
                b'V' if self.depth == 0 => self.has_values = true,
                b'(' => {
                    *rows += u64::from(self.depth == 0 && self.has_values);
                    self.depth += 1;
                }
                b')' => self.depth = self.depth.saturating_sub(1),
                b';' if self.depth == 0 => return true,
                _ => {}
            }
        }
        false
    }
}

/// `-- Data for Name: orders; Type: TABLE DATA; Schema: public; Owner: shop`.
fn announced_table(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?.strip_prefix("-- Data for Name: ")?;
    let (name, rest) = line.rsplit_once("; Type: TABLE DATA; Schema: ")?;
    let (schema, _) = rest.split_once("; Owner: ")?;
    Some(format!("{schema}.{name}"))
}

/// A name in backquotes, in which one is written as two.
fn quoted_name(line: &[u8], start: &[u8]) -> Option<String> {
    let rest = String::from_utf8_lossy(line.strip_prefix(start)?).into_owned();
    let mut name = String::new();
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '`' && chars.next_if_eq(&'`').is_none() {
            return Some(name);
        }
        name.push(c);
    }
    None
}

#[cfg(test)]
mod tests;
