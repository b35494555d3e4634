//! What `pg_dump` prints: each object behind a comment that says its type, name, schema and owner, each table's rows behind `COPY`.

mod copy;
mod header;
mod large;
mod privileges;
mod table;

use xxhash_rust::xxh3::xxh3_64;

use super::rows::{Row, mix};
use super::tally::Tally;
use super::{Fingerprint, Rows};
use crate::model::line::Name;
use copy::Copy;
use header::Header;

/// An object's text is kept up to here; what is longer is taken as a whole.
const LONGEST_TEXT: usize = 2 * 1024 * 1024;
/// Lines at the end of an object that may belong to what comes next.
const LONGEST_END: usize = 16 * 1024;

/// Reads what `pg_dump` prints.
#[derive(Debug, Default)]
pub(super) struct Reader {
    place: Place,
    /// Whether the line before was `--`, as before a header.
    is_after_dashes: bool,
    /// What the settings of the database say, in any order.
    settings: Option<u64>,
    /// The last `SET default_table_access_method`: it holds for the tables behind it.
    access_method: u64,
}

#[derive(Debug, Default)]
enum Place {
    /// Before the first object: what Dumpcar has printed of the database itself.
    #[default]
    Start,
    /// Between what is known.
    Between,
    Object(Object),
    Data(Data),
    Copy(Copy),
    LargeObjects(Option<Row>),
}

/// What comes behind the header of a table's rows.
#[derive(Debug)]
struct Data {
    table: Name,
    /// The start of a `COPY` with a line end in a name.
    copy: Vec<u8>,
}

#[derive(Debug, Default)]
struct Object {
    header: Header,
    text: Vec<u8>,
    /// Whether the text was replaced by a hash, for its length.
    is_folded: bool,
    /// Lines that belong to what comes next, unless it goes on.
    end: Vec<u8>,
    access_method: u64,
}

impl Object {
    fn push(&mut self, line: &[u8]) {
        let may_be_between = line.is_empty() || line == b"--" || line.starts_with(b"SET default_table");
        if (may_be_between && self.end.len() < LONGEST_END) || (self.text.is_empty() && line.is_empty()) {
            self.end.extend_from_slice(line);
            self.end.push(b'\n');
            return;
        }
        if self.text.is_empty() {
            self.end.clear();
        }
        self.text.append(&mut self.end);
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
        if self.text.len() > LONGEST_TEXT {
            let hash = xxh3_64(&self.text);
            self.text.clear();
            self.text.extend_from_slice(format!("{hash:016x}\n").as_bytes());
            self.is_folded = true;
        }
    }

    fn define(self, tally: &mut Tally) {
        let Header { kind, name, owner } = &self.header;
        let text = self.text.as_slice();
        match kind.as_str() {
            "table" | "foreign table" if !self.is_folded => {
                table::define(kind, name, owner, text, self.access_method, tally);
            }
            "large object" => large::define(text, tally),
            "privileges on" if large::is_name(name) => large::define_privileges(text, tally),
            "privileges on" | "default privileges" => {
                let lines = privileges::lines(text);
                tally.mark(kind, name, owner, (lines, lines));
            }
            _ => tally.define(kind, name, owner, text),
        }
    }
}

impl Place {
    /// What comes behind a header.
    fn behind(header: Header, tally: &mut Tally) -> Self {
        match header.kind.as_str() {
            "TABLE DATA" => {
                let name = Name::clean(&header.name);
                tally.table(&name);
                Self::Data(Data { table: name, copy: Vec::new() })
            }
            "BLOBS" => {
                tally.table(&Name::clean(large::TABLE));
                Self::LargeObjects(None)
            }
            _ => Self::Object(Object { header, ..Object::default() }),
        }
    }
}

impl Reader {
    /// Takes rows, if they are what comes now; returns what comes behind them.
    pub(super) fn rows<'a>(&mut self, piece: &'a [u8], tally: &mut Tally) -> Option<&'a [u8]> {
        let Place::Copy(copy) = &mut self.place else { return None };
        let rest = copy.take(piece);
        if let Some(rest) = rest {
            tally.rows(&copy.table, copy.rows);
            self.place = Place::Between;
            return Some(rest);
        }
        Some(&[])
    }

    pub(super) fn line(&mut self, line: &[u8], tally: &mut Tally) {
        let is_after_dashes = std::mem::replace(&mut self.is_after_dashes, line == b"--");
        if is_after_dashes && line.starts_with(b"-- ") {
            if line.starts_with(b"-- PostgreSQL database dump") {
                self.end_place(tally);
                return;
            }
            if let Some(header) = header::parse(line) {
                self.end_place(tally);
                self.place = Place::behind(header, tally);
                if let Place::Object(object) = &mut self.place {
                    object.access_method = self.access_method;
                }
                return;
            }
        }
        if line.starts_with(b"SET default_table_access_method") {
            self.access_method = xxh3_64(line);
        }
        match &mut self.place {
            Place::Start => self.start(line, tally),
            Place::Object(object) => object.push(line),
            Place::Data(Data { table, copy }) => {
                if copy::is_open(copy, line) {
                    copy.extend_from_slice(line);
                    copy.push(b'\n');
                    return;
                }
                copy.extend_from_slice(line);
                if let Some(root) = copy::root(line) {
                    // Which of its parts a row goes into is up to the server.
                    *table = root;
                    tally.table(table);
                    copy.clear();
                } else if let Some(columns) = copy::columns(copy) {
                    self.place = Place::Copy(Copy::new(table.clone(), columns));
                    return;
                }
                copy.clear();
                if !line.is_empty() && !line.starts_with(b"--") && !line.starts_with(b"SET ") {
                    // What `--inserts` prints: a row may have several lines.
                    let rows = u64::from(line.starts_with(b"INSERT INTO "));
                    let rows = Rows { rows, sum: Fingerprint(mix(xxh3_64(line))) };
                    tally.rows(table, rows);
                }
            }
            Place::LargeObjects(row) => large::row(row, line, tally),
            Place::Between | Place::Copy(_) => {}
        }
    }

    fn start(&mut self, line: &[u8], tally: &mut Tally) {
        if line.starts_with(b"-- Made with: ") {
            // Where it was is nothing of its content: a drill's server has no tablespaces.
            let mark = b" TABLESPACE ";
            let tablespace = line.windows(mark.len()).rposition(|part| part == mark);
            let line = tablespace.map_or(line, |from| line.get(..from).unwrap_or(line));
            let line = line.strip_suffix(b";").unwrap_or(line);
            tally.define("encoding and locale", "of the database", b"", line);
        } else if !line.is_empty() && line != b"--" && !line.starts_with(b"SET ") {
            let sum = self.settings.unwrap_or_default();
            self.settings = Some(sum.wrapping_add(mix(xxh3_64(line))));
        }
    }

    fn end_place(&mut self, tally: &mut Tally) {
        if let Some(text) = self.settings.take() {
            tally.mark("settings", "of the database", b"", (text, text));
        }
        match std::mem::replace(&mut self.place, Place::Between) {
            Place::Object(object) => object.define(tally),
            Place::Copy(copy) => tally.rows(&copy.table, copy.rows),
            Place::LargeObjects(Some(mut row)) => {
                tally.rows(&Name::clean(large::TABLE), Rows { rows: 1, sum: Fingerprint(row.end()) });
            }
            Place::Start | Place::Between | Place::Data(_) | Place::LargeObjects(None) => {}
        }
    }

    pub(super) fn end(mut self, tally: &mut Tally) {
        self.end_place(tally);
    }
}
