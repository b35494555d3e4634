//! Counts while a dump passes, in pieces of any size and in little memory.

use memchr::memchr;
use xxhash_rust::xxh3::Xxh3;

use super::tally::Tally;
use super::{Content, Dialect, NotWhole, Unread, globals, mysql, postgresql, rdb, sqlite};

/// How much of a line is kept. Of a longer one, which is no row, the rest is hashed.
const LONGEST_LINE: usize = 1024 * 1024;

/// How many bytes tell what a line is that may be rows.
const START: usize = 32;

/// Counts what is in a dump.
pub struct Counter {
    reader: Reader,
    tally: Tally,
    /// A line that began in an earlier piece.
    line: Vec<u8>,
    /// Of a line that is longer than [`LONGEST_LINE`]: the hash of what is not kept.
    long: Option<Box<Xxh3>>,
}

enum Reader {
    Postgresql(postgresql::Reader),
    Mysql(mysql::Reader),
    Globals(globals::Reader),
    Rdb(rdb::Reader),
    Sqlite(sqlite::Reader),
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counter").field("tally", &self.tally).finish_non_exhaustive()
    }
}

impl Counter {
    pub fn new(dialect: Dialect) -> Self {
        let reader = match dialect {
            Dialect::Postgresql => Reader::Postgresql(postgresql::Reader::default()),
            Dialect::Mysql => Reader::Mysql(mysql::Reader::default()),
            Dialect::Globals => Reader::Globals(globals::Reader::default()),
            Dialect::Rdb => Reader::Rdb(rdb::Reader::new(false)),
            Dialect::RdbOnTrial => Reader::Rdb(rdb::Reader::new(true)),
            Dialect::Sqlite => Reader::Sqlite(sqlite::Reader::default()),
        };
        Self { reader, tally: Tally::new(dialect), line: Vec::new(), long: None }
    }

    /// Takes the next piece of the dump.
    pub fn take(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let rest = match &mut self.reader {
                Reader::Postgresql(reader) => reader.rows(piece, &mut self.tally),
                Reader::Mysql(reader) => reader.rows(piece, &mut self.tally),
                Reader::Globals(_) => None,
                // These have no lines.
                Reader::Rdb(reader) => return reader.take(piece, &mut self.tally),
                Reader::Sqlite(reader) => return reader.take(piece),
            };
            piece = match rest {
                // It was all rows.
                Some([]) => return,
                Some(rest) => rest,
                None => self.text(piece),
            };
        }
    }

    /// Takes a line, or as much of one as there is, and returns what comes behind it.
    fn text<'a>(&mut self, mut piece: &'a [u8]) -> &'a [u8] {
        if let Reader::Mysql(reader) = &mut self.reader
            && self.line.len() < START
        {
            // A line of rows may be of any length: it is known by its start.
            if self.line.is_empty() && reader.begins(piece) {
                return piece;
            }
            if !self.line.is_empty() || piece.len() < START {
                let most = memchr(b'\n', piece).unwrap_or(piece.len()).min(START - self.line.len());
                let (start, rest) = piece.split_at(most);
                self.line.extend_from_slice(start);
                if reader.begins(&self.line) {
                    let line = std::mem::take(&mut self.line);
                    let behind = reader.rows(&line, &mut self.tally);
                    self.line.extend_from_slice(behind.unwrap_or_default());
                    return rest;
                }
                piece = rest;
            }
        }
        let Some(end) = memchr(b'\n', piece) else {
            self.keep(piece);
            return &[];
        };
        let (part, rest) = piece.split_at(end);
        if self.line.is_empty() {
            self.line(part);
        } else {
            self.keep(part);
            self.end_line();
        }
        rest.get(1..).unwrap_or_default()
    }

    fn keep(&mut self, part: &[u8]) {
        let room = LONGEST_LINE.saturating_sub(self.line.len());
        let (kept, beyond) = part.split_at(part.len().min(room));
        self.line.extend_from_slice(kept);
        if !beyond.is_empty() {
            self.long.get_or_insert_with(|| Box::new(Xxh3::new())).update(beyond);
        }
    }

    fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        if let Some(hash) = self.long.take() {
            line.extend_from_slice(&hash.digest().to_le_bytes());
        }
        self.line(&line);
        line.clear();
        if line.capacity() <= LONGEST_LINE {
            self.line = line;
        }
    }

    fn line(&mut self, line: &[u8]) {
        match &mut self.reader {
            Reader::Postgresql(reader) => reader.line(line, &mut self.tally),
            Reader::Mysql(reader) => reader.line(line, &mut self.tally),
            Reader::Globals(reader) => reader.line(line, &mut self.tally),
            Reader::Rdb(_) | Reader::Sqlite(_) => {}
        }
    }

    /// Whether the dump says of itself that it is whole, once all of it was taken. Only a [`Dialect::Rdb`] and a
    /// [`Dialect::Sqlite`] have more to say than their first and last lines.
    ///
    /// # Errors
    ///
    /// Why it is not.
    pub fn whole(&self) -> Result<(), NotWhole> {
        match &self.reader {
            Reader::Rdb(reader) => reader.whole(),
            Reader::Sqlite(reader) => reader.whole(),
            Reader::Postgresql(_) | Reader::Mysql(_) | Reader::Globals(_) => Ok(()),
        }
    }

    /// Why [`Counter::end`] does not know the content, once all of the dump was taken: there is something in a whole dump that
    /// this version cannot read.
    pub fn unread(&self) -> Option<Unread> {
        match &self.reader {
            Reader::Rdb(reader) => reader.unread(),
            Reader::Sqlite(reader) => reader.unread(),
            Reader::Postgresql(_) | Reader::Mysql(_) | Reader::Globals(_) => None,
        }
    }

    /// What there was.
    pub fn end(mut self) -> Content {
        if !self.line.is_empty() {
            self.end_line();
        }
        match self.reader {
            Reader::Postgresql(reader) => reader.end(&mut self.tally),
            Reader::Mysql(reader) => reader.end(&mut self.tally),
            Reader::Sqlite(reader) => reader.end(&mut self.tally),
            Reader::Globals(_) | Reader::Rdb(_) => {}
        }
        self.tally.end()
    }
}
