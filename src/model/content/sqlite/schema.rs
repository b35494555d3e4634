//! The table `sqlite_schema` (section 2.6 of the file format): what there is, and where its rows are.
//!
//! Its rows are read when all pages have come, so its pages are kept as they are: each leaf that looks like one of its leaves
//! (every row of it begins with one of four words, and has five columns). A row's text may go on elsewhere. It counts by the
//! digests of those pages. Only if its name is that long as well are they kept.

use std::borrow::Cow;
use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::cell::{BtreePage, Kind, Overflow, Row, varint};
use super::header::{Encoding, Header};
use super::pages::Pages;
use super::tree::Walk;
use crate::model::content::Unread;
use crate::model::content::rows::chain;
use crate::model::content::tally::Tally;
use crate::model::line::Name;

/// The root of the schema.
const ROOT: u32 = 1;

/// How many bytes of pages are kept, and how many of them to begin with in case that a name is on them.
const MOST_BYTES: usize = 4 << 20;
const EARLY_BYTES: usize = 1 << 20;
/// The bytes that a page takes besides its own.
const BESIDES: usize = 64;
/// How many pages are waited for.
const MOST_WANTED: usize = 1024;

const TYPES: [&str; 4] = ["table", "index", "view", "trigger"];

/// Pages that may be of the schema.
#[derive(Default)]
pub(super) struct Kept {
    pages: BTreeMap<u32, Box<[u8]>>,
    bytes: usize,
    /// Pages that have a name's end, and on how many more it goes on from there.
    wanted: BTreeMap<u32, u64>,
}

/// The header of a record (section 2.1).
struct Heading {
    bytes: usize,
    types: [u64; 5],
}

impl Heading {
    fn read(record: &[u8]) -> Option<Self> {
        let (bytes, rest) = varint(record)?;
        let bytes = usize::try_from(bytes).ok()?;
        let behind = record.len() - rest.len();
        let mut rest = record.get(behind..bytes)?;
        let mut types = [0; 5];
        for of in &mut types {
            (*of, rest) = varint(rest)?;
        }
        rest.is_empty().then_some(Self { bytes, types })
    }

    /// How many bytes the record has as far as its text, which is the last column.
    fn names(&self) -> u64 {
        let columns = self.types.iter().take(4).map(|of| size(*of));
        columns.fold(self.bytes as u64, u64::saturating_add)
    }
}

/// How many bytes a value of this serial type has.
fn size(serial: u64) -> u64 {
    match serial {
        0 | 8..12 => 0,
        1..=4 => serial,
        5 => 6,
        6 | 7 => 8,
        12.. => (serial - 12) / 2,
    }
}

fn is_text(serial: u64) -> bool {
    serial >= 13 && serial % 2 == 1
}

/// An integer as SQLite stores it, if no page has a higher number.
fn page_number(serial: u64, bytes: &[u8]) -> Option<u32> {
    match serial {
        0 | 8 => Some(0),
        9 => Some(1),
        1..=6 => {
            let value = bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
            u32::try_from(value).ok()
        }
        7 | 10.. => None,
    }
}

fn decode(bytes: &[u8], encoding: Encoding) -> Cow<'_, str> {
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).filter_map(|two| two.first_chunk().copied()).map(unit);
        let chars = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
        Cow::Owned(chars.collect())
    };
    match encoding {
        Encoding::Utf8 => String::from_utf8_lossy(bytes),
        Encoding::Utf16Le => wide(u16::from_le_bytes),
        Encoding::Utf16Be => wide(u16::from_be_bytes),
    }
}

/// Whether it may be a row of the schema.
fn is_like(row: &Row<'_>, encoding: Encoding) -> bool {
    let word = Heading::read(row.local).and_then(|heading| {
        let [of, ..] = heading.types;
        let (_, behind) = row.local.split_at_checked(heading.bytes)?;
        let word = behind.get(..usize::try_from(size(of)).ok()?)?;
        is_text(of).then(|| decode(word, encoding))
    });
    word.is_some_and(|word| TYPES.contains(&word.as_ref()))
}

impl Kept {
    /// Takes the next page.
    pub(super) fn take(&mut self, number: u32, page: &[u8], header: &Header) {
        let is_kept = match BtreePage::read(number, page, header) {
            Ok(leaf) if leaf.kind == Kind::TableLeaf => {
                let mut rows = leaf.cells().map_while(|cell| cell?.row);
                let is_like = number == ROOT || rows.next().is_some_and(|row| is_like(&row, header.encoding));
                if is_like {
                    leaf.cells().for_each(|cell| self.want(number, cell.and_then(|cell| cell.row), header));
                }
                is_like
            }
            Err(Kind::Overflow) => match self.wanted.remove(&number) {
                Some(more) => {
                    self.want_page(number, next(page), more - 1);
                    true
                }
                None => self.bytes < EARLY_BYTES,
            },
            Ok(_) | Err(_) => false,
        };
        let bytes = self.bytes + page.len() + BESIDES;
        if is_kept && bytes <= MOST_BYTES {
            self.bytes = bytes;
            self.pages.insert(number, page.into());
        }
    }

    /// Waits for the pages with the rest of the row's names.
    fn want(&mut self, number: u32, row: Option<Row<'_>>, header: &Header) {
        let Some(Row { local, rest: Some(Overflow { first, .. }), .. }) = row else { return };
        let names = Heading::read(local).map_or(0, |heading| heading.names());
        let missing = names.saturating_sub(local.len() as u64);
        self.want_page(number, first, missing.div_ceil(header.usable as u64 - 4));
    }

    /// Waits for a page, if a name goes on there and it is still to come.
    fn want_page(&mut self, number: u32, page: u32, pages: u64) {
        if pages > 0 && page > number && self.wanted.len() < MOST_WANTED {
            self.wanted.insert(page, pages);
        }
    }

    fn get(&self, page: u32) -> Result<&[u8], Unread> {
        self.pages.get(&page).map(AsRef::as_ref).ok_or(Unread::LargeSchema { page })
    }

    /// Tells what there is, and the rows of each table.
    pub(super) fn read(&self, pages: &Pages, header: &Header, tally: &mut Tally) -> Result<(), Unread> {
        for (name, value) in header.pragmas() {
            tally.define("pragma", name, b"", value.as_bytes());
        }
        let (mut walk, mut leaves) = (Walk::new(pages), Vec::new());
        walk.rows(ROOT, |page, kind| {
            match kind {
                Kind::TableLeaf => leaves.push((page, self.get(page)?)),
                Kind::TableInterior => {}
                Kind::IndexLeaf | Kind::IndexInterior | Kind::Overflow | Kind::Malformed | Kind::Reserved => {
                    return Err(Unread::Page { page, what: "it is no page of the schema" });
                }
            }
            Ok(())
        })?;
        for (page, leaf) in leaves {
            let malformed = Unread::Page { page, what: "a row of the schema is malformed" };
            let leaf = BtreePage::read(page, leaf, header).map_err(|_| malformed)?;
            for cell in leaf.cells() {
                let row = cell.and_then(|cell| cell.row).ok_or(malformed)?;
                let heading = Heading::read(row.local).ok_or(malformed)?;
                let record = self.names(&heading, &row, pages, header)?;
                let object = Object::read(&heading, &record, header.encoding).ok_or(malformed)?;
                object.tell(&row, pages, &mut walk, tally)?;
            }
        }
        Ok(())
    }

    /// As much of a record as is on its page, or else as far as its names.
    fn names<'a>(
        &self,
        heading: &Heading,
        row: &Row<'a>,
        pages: &Pages,
        header: &Header,
    ) -> Result<Cow<'a, [u8]>, Unread> {
        let names = usize::try_from(heading.names()).unwrap_or(usize::MAX);
        let Some(rest) = row.rest.filter(|_| names > row.local.len()) else {
            return Ok(Cow::Borrowed(row.local));
        };
        let mut record = row.local.to_vec();
        for (page, _) in pages.chain(rest.first, rest.pages) {
            if record.len() >= names {
                break;
            }
            record.extend(self.get(page)?.get(4..header.usable).unwrap_or_default());
        }
        record.truncate(names);
        Ok(Cow::Owned(record))
    }
}

/// The number of the next page, of an overflow page.
fn next(page: &[u8]) -> u32 {
    page.first_chunk().map_or(0, |next| u32::from_be_bytes(*next))
}

/// A row of the schema.
struct Object<'a> {
    of: Cow<'a, str>,
    name: Name,
    root: u32,
    /// The hash of its table's name and of its text, as far as that is on this page.
    text: u64,
}

impl<'a> Object<'a> {
    /// `None` if it is malformed.
    fn read(heading: &Heading, record: &'a [u8], encoding: Encoding) -> Option<Self> {
        let mut rest = record.get(heading.bytes..)?;
        let mut column = |serial| {
            let (column, behind) = rest.split_at_checked(usize::try_from(size(serial)).ok()?)?;
            rest = behind;
            Some(column)
        };
        let [of, name, table, root, text] = heading.types;
        if ![of, name, table].into_iter().all(is_text) {
            return None;
        }
        let (of, name, table) = (column(of)?, column(name)?, column(table)?);
        let root = page_number(root, column(root)?)?;
        let text = [text, xxh3_64(rest)].into_iter().fold(xxh3_64(table), chain);
        Some(Self { of: decode(of, encoding), name: Name::clean(&decode(name, encoding)), root, text })
    }

    fn tell(
        self,
        row: &Row<'_>,
        pages: &Pages,
        walk: &mut Walk<'_>,
        tally: &mut Tally,
    ) -> Result<(), Unread> {
        let elsewhere = row.rest.into_iter().flat_map(|rest| pages.chain(rest.first, rest.pages));
        let text = elsewhere.fold(self.text, |text, (_, digest)| chain(text, digest));
        let is_table = self.of == "table";
        let kind = if is_table && self.root == 0 { "virtual table" } else { &self.of };
        tally.mark(kind, &self.name, b"", (text, text));
        if is_table {
            tally.table(&self.name);
        }
        // An index has nothing that is not in its table.
        if is_table && self.root != 0 {
            tally.rows(&self.name, walk.rows(self.root, |_, _| Ok(()))?);
        }
        Ok(())
    }
}
