//! The little that is kept of each page.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use super::cell::{BtreePage, Kind, Overflow};
use super::header::Header;
use crate::model::content::Unread;
use crate::model::content::rows::{chain, mix};

/// How many bytes are kept of all pages.
const MOST_BYTES: usize = 27 << 20;

/// An array that grows without being moved, so that it never takes twice its size.
struct Array<T>(Vec<Vec<T>>);

impl<T: Copy> Array<T> {
    const CHUNK: usize = 4096;

    fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * Self::CHUNK + last.len())
    }

    fn push(&mut self, value: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < Self::CHUNK => last.push(value),
            _ => {
                let mut chunk = Vec::with_capacity(Self::CHUNK);
                chunk.push(value);
                self.0.push(chunk);
            }
        }
    }

    fn get(&self, at: usize) -> Option<T> {
        self.0.get(at / Self::CHUNK)?.get(at % Self::CHUNK).copied()
    }
}

/// A page in 16 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// Of the hashes of its rows without those that go on elsewhere; or the digest of what an overflow page has.
    pub(super) sum: u64,
    /// Where its references begin. They end where those of the next page begin.
    references: u32,
    /// How many rows it has, with those that go on elsewhere.
    pub(super) rows: u16,
    pub(super) kind: Kind,
}

/// A row that goes on on other pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spilled {
    pub(super) first: u32,
    pub(super) pages: u32,
    /// Of the rowid and of the part on its own page.
    pub(super) hash: u64,
}

/// In how many references it is kept.
const SPILLED: usize = 4;

/// All pages, in the order they come in.
pub(super) struct Pages {
    pages: Array<Page>,
    /// Of an interior page its children, then rows that go on elsewhere; of an overflow page the next one.
    references: Array<u32>,
    /// Those of the page that is read.
    children: Vec<u32>,
    spilled: Vec<u32>,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            pages: Array(Vec::new()),
            references: Array(Vec::new()),
            children: Vec::new(),
            spilled: Vec::new(),
        }
    }
}

impl Pages {
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.pages.len()).unwrap_or(u32::MAX)
    }

    /// Takes the next page.
    pub(super) fn add(&mut self, page: &[u8], header: &Header) -> Result<(), Unread> {
        let kept = self.pages.len() * size_of::<Page>() + self.references.len() * size_of::<u32>();
        let too_many = Unread::ManyPages { pages: self.count().into() };
        let Ok(number) = u32::try_from(self.pages.len() + 1) else { return Err(too_many) };
        let references = u32::try_from(self.references.len()).map_err(|_| too_many)?;
        self.children.clear();
        self.spilled.clear();
        let (kind, rows, sum) = match BtreePage::read(number, page, header) {
            Ok(page) => match self.btree(&page) {
                Some((rows, sum)) => (page.kind, rows, sum),
                None => (Kind::Malformed, 0, 0),
            },
            Err(Kind::Overflow) => {
                let (next, rest) = page.split_first_chunk().unwrap_or((&[0; 4], &[]));
                self.children.push(u32::from_be_bytes(*next));
                (Kind::Overflow, 0, xxh3_64(rest.get(..header.usable - 4).unwrap_or(rest)))
            }
            Err(kind) => (kind, 0, 0),
        };
        let all = (self.children.len() + self.spilled.len()) * size_of::<u32>() + size_of::<Page>();
        if kept + all > MOST_BYTES {
            return Err(too_many);
        }
        if kind != Kind::Malformed {
            self.children.iter().chain(&self.spilled).for_each(|word| self.references.push(*word));
        }
        self.pages.push(Page { sum, references, rows, kind });
        Ok(())
    }

    /// How many rows a page has, and the sum of the hashes of those that are on it alone.
    fn btree(&mut self, page: &BtreePage<'_>) -> Option<(u16, u64)> {
        let (mut rows, mut sum) = (0_u16, 0_u64);
        for cell in page.cells() {
            let cell = cell?;
            self.children.extend(cell.child);
            let Some(row) = cell.row else { continue };
            rows += 1;
            let hash = chain(row.rowid, xxh3_64(row.local));
            match row.rest {
                None => sum = sum.wrapping_add(mix(hash)),
                Some(Overflow { first, pages }) => {
                    let [high, low] = halves(hash);
                    self.spilled.extend([first, pages, high, low]);
                }
            }
        }
        self.children.extend(page.right);
        Some((rows, sum))
    }

    pub(super) fn get(&self, number: u32) -> Option<Page> {
        self.pages.get((number as usize).checked_sub(1)?)
    }

    /// Where the children of a page are, and the rows that go on elsewhere.
    fn references(&self, number: u32) -> Option<(Range<usize>, Range<usize>)> {
        let page = self.get(number)?;
        let start = page.references as usize;
        let end = self.get(number + 1).map_or(self.references.len(), |next| next.references as usize);
        let children = match page.kind {
            Kind::TableLeaf | Kind::IndexLeaf | Kind::Malformed | Kind::Reserved => start,
            Kind::Overflow => start + 1,
            Kind::IndexInterior => start + usize::from(page.rows) + 1,
            Kind::TableInterior => end,
        };
        Some((start..children, children..end))
    }

    /// The child of a page that comes first, second and so on; of an overflow page the next one.
    pub(super) fn child(&self, number: u32, place: usize) -> Option<u32> {
        let (mut children, _) = self.references(number)?;
        children.nth(place).and_then(|at| self.references.get(at))
    }

    /// The rows of a page that go on elsewhere.
    pub(super) fn spilled(&self, number: u32) -> impl Iterator<Item = Spilled> {
        let (_, spilled) = self.references(number).unwrap_or_default();
        spilled.step_by(SPILLED).map_while(|at| {
            let word = |place| self.references.get(at + place);
            let hash = u64::from(word(2)?) << 32 | u64::from(word(3)?);
            Some(Spilled { first: word(0)?, pages: word(1)?, hash })
        })
    }

    /// The pages on which a row goes on, each with its digest, as far as there are such pages.
    pub(super) fn chain(&self, first: u32, pages: u32) -> impl Iterator<Item = (u32, u64)> {
        let next = move |page: &u32| self.child(*page, 0);
        let all = std::iter::successors(Some(first), next).take(pages as usize);
        all.map_while(|page| Some((page, self.get(page)?.sum)))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "both halves are kept")]
fn halves(hash: u64) -> [u32; 2] {
    [(hash >> 32) as u32, hash as u32]
}
