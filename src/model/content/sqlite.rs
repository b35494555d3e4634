//! The content of a SQLite database, read off its image: pages 1, 2, 3 and so on, as they are in its file.
//!
//! A table is one of its schema, with those that SQLite or an extension made for itself. A virtual table has no rows. A row is
//! its rowid and its record as they are stored. Definitions are the rows of the schema, and of the header's fields those that
//! pragmas set: the order in which pages are used, free pages, counters and versions are not content.
//!
//! The facts are those of <https://www.sqlite.org/fileformat2.html>, and where it is silent those of SQLite's `btree.c`.
//!
//! # Order
//!
//! Pages come in no order of the trees they belong to, and a page does not say of which one it is. So a little is kept of each
//! page, and what is reached from a root counts at the end ([`tree`]). The end of a record's last overflow page is not in use, and
//! SQLite leaves there what was there before. It counts, since the page passes before its record is known. The same image
//! has the same content, and a copy of its rows into another database may have another sum.
//!
//! # Memory
//!
//! Of a page 16 bytes are kept, 4 more if another page refers to it, and 16 of each row with overflow pages. All of it may take
//! 27 MiB, which is enough for 1.4 million pages: 5.7 GB with SQLite's usual pages of 4096 bytes. Pages of the schema take
//! 4 MiB at most ([`schema`]). A larger database is whole or not, and [`Counter::unread`](super::Counter::unread) says why its
//! content is not known. Nothing is reserved because a length says so.

mod cell;
mod header;
mod pages;
mod schema;
mod tree;

use super::tally::Tally;
use super::{Dialect, NotWhole, Unread};
use header::{HEADER, Header, MAGIC};
use pages::Pages;
use schema::Kept;

#[derive(Default)]
pub(super) struct Reader {
    bytes: u64,
    /// A page, or the header, that began in an earlier piece.
    begun: Vec<u8>,
    header: Option<Header>,
    pages: Pages,
    kept: Kept,
    /// Why nothing more is read.
    stopped: Option<Unread>,
}

impl Reader {
    pub(super) fn take(&mut self, mut piece: &[u8]) {
        self.bytes += piece.len() as u64;
        while self.stopped.is_none() {
            let size = self.header.map_or(HEADER, |header| header.page_size);
            if self.begun.is_empty()
                && self.header.is_some()
                && let Some((page, rest)) = piece.split_at_checked(size)
            {
                self.page(page);
                piece = rest;
                continue;
            }
            let (part, rest) = piece.split_at(piece.len().min(size - self.begun.len()));
            self.begun.extend_from_slice(part);
            piece = rest;
            if self.begun.len() < size {
                return;
            }
            if self.header.is_some() {
                let mut page = std::mem::take(&mut self.begun);
                self.page(&page);
                page.clear();
                self.begun = page;
            } else {
                self.header = Header::read(&self.begun);
                if self.header.is_none() {
                    self.stopped = Some(Unread::Page { page: 1, what: "it does not begin with a header" });
                }
            }
        }
    }

    fn page(&mut self, page: &[u8]) {
        let Some(header) = &self.header else { return };
        match self.pages.add(page, header) {
            Ok(()) => self.kept.take(self.pages.count(), page, header),
            Err(unread) => {
                self.stopped = Some(unread);
                (self.pages, self.kept) = (Pages::default(), Kept::default());
            }
        }
    }

    /// Whether the database is whole, now that all of it has come.
    pub(super) fn whole(&self) -> Result<(), NotWhole> {
        let cut = NotWhole::CutOff { at: self.bytes };
        let Some(header) = self.header else {
            let head = self.begun.get(..MAGIC.len()).unwrap_or(&self.begun);
            return Err(if self.bytes < HEADER as u64 && MAGIC.starts_with(head) {
                cut
            } else {
                NotWhole::NoDatabase
            });
        };
        let size = header.page_size as u64;
        let Some(pages) = header.pages else {
            return if self.bytes.is_multiple_of(size) { Ok(()) } else { Err(cut) };
        };
        let end = u64::from(pages) * size;
        match self.bytes.checked_sub(end) {
            None => Err(cut),
            Some(0) => Ok(()),
            Some(bytes) => Err(NotWhole::Trailing { end, bytes }),
        }
    }

    /// Why it is not known what is in the database, now that all of it has come.
    pub(super) fn unread(&self) -> Option<Unread> {
        self.read(&mut Tally::new(Dialect::Sqlite)).err()
    }

    /// Tells what there is, as far as it can be read.
    pub(super) fn end(&self, tally: &mut Tally) {
        // The caller knows from `unread` whether that is all.
        let _known = self.read(tally);
    }

    fn read(&self, tally: &mut Tally) -> Result<(), Unread> {
        if let Some(unread) = self.stopped {
            return Err(unread);
        }
        let count = self.pages.count();
        let cut = Unread::Page { page: count + 1, what: "it is cut off" };
        let header = self.header.ok_or(cut)?;
        // A part that no table reaches may be missing as well.
        if self.begun.is_empty() && header.pages.is_none_or(|pages| pages <= count) {
            self.kept.read(&self.pages, &header, tally)
        } else {
            Err(cut)
        }
    }
}

#[cfg(test)]
mod tests;
