//! The pages of a b-tree and their cells (section 1.6 of the file format).

use super::header::{HEADER, Header};

/// No string or blob of SQLite is longer (`SQLITE_MAX_LENGTH`).
const LONGEST_PAYLOAD: u64 = 0x7fff_ffff;

/// The kind of a page, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    TableLeaf,
    TableInterior,
    IndexLeaf,
    IndexInterior,
    /// A part of a row, or free. Its first byte is that of another page's number.
    Overflow,
    /// It has cells that are none. It may be free.
    Malformed,
    /// It is of no b-tree.
    Reserved,
}

impl Kind {
    pub(super) fn is_table(self) -> bool {
        matches!(self, Self::TableLeaf | Self::TableInterior)
    }

    pub(super) fn is_index(self) -> bool {
        matches!(self, Self::IndexLeaf | Self::IndexInterior)
    }

    pub(super) fn is_interior(self) -> bool {
        matches!(self, Self::TableInterior | Self::IndexInterior)
    }
}

/// A page of a b-tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct BtreePage<'a> {
    pub(super) kind: Kind,
    /// The last child of an interior page.
    pub(super) right: Option<u32>,
    usable: &'a [u8],
    pointers: &'a [u8],
}

/// A cell of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<'a> {
    pub(super) child: Option<u32>,
    /// A row, which cells of a table's interior pages do not have.
    pub(super) row: Option<Row<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    /// Of a table with rowids.
    pub(super) rowid: u64,
    /// As much of the payload as is on this page.
    pub(super) local: &'a [u8],
    pub(super) rest: Option<Overflow>,
}

/// The rest of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overflow {
    /// The page it begins on.
    pub(super) first: u32,
    pub(super) pages: u32,
}

/// A variable-length integer, and what comes behind it.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for place in 0..9 {
        let byte = *bytes.get(place)?;
        if place == 8 {
            return Some((value << 8 | u64::from(byte), bytes.get(9..)?));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, bytes.get(place + 1..)?));
        }
    }
    None
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    bytes.split_first_chunk().map(|(number, rest)| (u32::from_be_bytes(*number), rest))
}

/// How much of a payload is on a page of a b-tree.
fn local(payload: usize, usable: usize, is_table: bool) -> usize {
    let most = if is_table { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
    if payload <= most {
        return payload;
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let fitting = least + (payload - least) % (usable - 4);
    if fitting <= most { fitting } else { least }
}

impl<'a> BtreePage<'a> {
    /// Returns what else it is, if it is none.
    pub(super) fn read(number: u32, page: &'a [u8], header: &Header) -> Result<Self, Kind> {
        if header.is_reserved(number) {
            return Err(Kind::Reserved);
        }
        let usable = page.get(..header.usable).ok_or(Kind::Malformed)?;
        let start = usable.get(if number == 1 { HEADER } else { 0 }..).ok_or(Kind::Malformed)?;
        let kind = match start.first() {
            Some(2) => Kind::IndexInterior,
            Some(5) => Kind::TableInterior,
            Some(10) => Kind::IndexLeaf,
            Some(13) => Kind::TableLeaf,
            _ => return Err(Kind::Overflow),
        };
        Self::of(kind, usable, start).ok_or(Kind::Malformed)
    }

    fn of(kind: Kind, usable: &'a [u8], start: &'a [u8]) -> Option<Self> {
        let cells = u16::from_be_bytes(*start.get(3..)?.first_chunk()?);
        let (right, pointers) = if kind.is_interior() {
            let (right, pointers) = number(start.get(8..)?)?;
            (Some(right), pointers)
        } else {
            (None, start.get(8..)?)
        };
        let pointers = pointers.get(..2 * usize::from(cells))?;
        Some(Self { kind, right, usable, pointers })
    }

    /// Each cell; `None` is one that is malformed.
    pub(super) fn cells(&self) -> impl Iterator<Item = Option<Cell<'a>>> + use<'a> {
        let page = *self;
        page.pointers.chunks_exact(2).map(move |pointer| {
            let at = u16::from_be_bytes(*pointer.first_chunk()?);
            page.cell(usize::from(at))
        })
    }

    fn cell(&self, at: usize) -> Option<Cell<'a>> {
        let mut bytes = self.usable.get(at..)?;
        let mut child = None;
        if self.kind.is_interior() {
            let (page, rest) = number(bytes)?;
            (child, bytes) = (Some(page), rest);
        }
        if self.kind == Kind::TableInterior {
            varint(bytes)?;
            return Some(Cell { child, row: None });
        }
        let (payload, mut bytes) = varint(bytes)?;
        let mut rowid = 0;
        if self.kind.is_table() {
            (rowid, bytes) = varint(bytes)?;
        }
        let payload = usize::try_from(payload).ok().filter(|_| payload <= LONGEST_PAYLOAD)?;
        let usable = self.usable.len();
        let (local, behind) = bytes.split_at_checked(local(payload, usable, self.kind.is_table()))?;
        let pages = u32::try_from((payload - local.len()).div_ceil(usable - 4)).ok()?;
        let rest = if pages == 0 { None } else { Some(Overflow { first: number(behind)?.0, pages }) };
        Some(Cell { child, row: Some(Row { rowid, local, rest }) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_has_up_to_nine_bytes() {
        assert_eq!(varint(&[0x7f, 1]), Some((127, &[1][..])));
        assert_eq!(varint(&[0x81, 0]), Some((128, &[][..])));
        assert_eq!(varint(&[0xff; 9]), Some((u64::MAX, &[][..])));
        assert_eq!(varint(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 7, 9]), Some((7, &[9][..])));
        assert_eq!(varint(&[]), None);
        assert_eq!(varint(&[0xff; 8]), None);
    }

    #[test]
    fn a_payload_spills_as_the_format_says() {
        // The limits of a page of 4096 bytes: 4061 of a table, 1002 of an index, and 489 at least.
        assert_eq!(local(4061, 4096, true), 4061);
        assert_eq!(local(4062, 4096, true), 489);
        assert_eq!(local(489 + 4092, 4096, true), 489);
        assert_eq!(local(490 + 4092, 4096, true), 490);
        assert_eq!(local(1002, 4096, false), 1002);
        assert_eq!(local(1003, 4096, false), 489);
    }
}
