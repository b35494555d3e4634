//! The first 100 bytes of a database (section 1.3 of the file format).

pub(super) const MAGIC: &[u8; 16] = b"SQLite format 3\0";
pub(super) const HEADER: usize = 100;

/// SQLite uses no smaller pages, without their reserved bytes.
const LEAST_USABLE: usize = 480;

/// The byte that SQLite locks is never in use, and neither is the page around it (section 1.4).
const LOCK_BYTE: usize = 0x4000_0000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) page_size: usize,
    /// Of a page, without its reserved bytes.
    pub(super) usable: usize,
    /// How many pages the database has, if it says so.
    pub(super) pages: Option<u32>,
    pub(super) encoding: Encoding,
    pub(super) has_pointer_map: bool,
    is_incremental: bool,
    user_version: i32,
    application_id: i32,
}

impl Header {
    /// `None` if SQLite would not open it.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
        let page_size = match u16::from_be_bytes(*bytes.get(16..)?.first_chunk()?) {
            1 => 65536,
            size if size >= 512 && size.is_power_of_two() => usize::from(size),
            _ => return None,
        };
        let usable = page_size - usize::from(*bytes.get(20)?);
        // The fractions of a page for embedded payload are constants.
        if !bytes.starts_with(MAGIC) || usable < LEAST_USABLE || bytes.get(21..24)? != [64, 32, 32] {
            return None;
        }
        let encoding = match number(56)? {
            // No table was made yet.
            0 | 1 => Encoding::Utf8,
            2 => Encoding::Utf16Le,
            3 => Encoding::Utf16Be,
            _ => return None,
        };
        // Versions of SQLite before 3.7.0 change the database, its change counter, and not its size.
        let is_size = number(24)? == number(92)?;
        Some(Self {
            page_size,
            usable,
            pages: number(28).filter(|pages| is_size && *pages != 0),
            encoding,
            has_pointer_map: number(52)? != 0,
            is_incremental: number(64)? != 0,
            user_version: number(60)?.cast_signed(),
            application_id: number(68)?.cast_signed(),
        })
    }

    /// The fields that are content, by the names of the pragmas that set them.
    pub(super) fn pragmas(&self) -> [(&'static str, String); 4] {
        let encoding = match self.encoding {
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf16Le => "UTF-16le",
            Encoding::Utf16Be => "UTF-16be",
        };
        let auto_vacuum = match (self.has_pointer_map, self.is_incremental) {
            (false, _) => "none",
            (true, false) => "full",
            (true, true) => "incremental",
        };
        [
            ("application_id", self.application_id.to_string()),
            ("auto_vacuum", auto_vacuum.to_owned()),
            ("encoding", encoding.to_owned()),
            ("user_version", self.user_version.to_string()),
        ]
    }

    /// Whether the page has neither rows nor a part of one: the one with the lock byte, or one of the pointer map
    /// (`ptrmapPageno` in `btree.c`).
    pub(super) fn is_reserved(&self, page: u32) -> bool {
        let page = page as usize;
        let lock = LOCK_BYTE / self.page_size + 1;
        let every = self.usable / 5 + 1;
        let is_map = self.has_pointer_map && page >= 2 && {
            let map = (page - 2) / every * every + 2;
            page == if map == lock { map + 1 } else { map }
        };
        page == lock || is_map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(change: impl FnOnce(&mut [u8])) -> Option<Header> {
        let mut bytes = [0; HEADER];
        bytes[..16].copy_from_slice(MAGIC);
        bytes[16..24].copy_from_slice(&[0x10, 0, 1, 1, 0, 64, 32, 32]);
        change(&mut bytes);
        Header::read(&bytes)
    }

    #[test]
    fn a_header_that_sqlite_does_not_open_is_none() {
        assert!(header(|_| {}).is_some());
        assert!(header(|bytes| bytes[15] = b' ').is_none());
        assert!(header(|bytes| bytes[59] = 4).is_none());
        assert!(header(|bytes| bytes[21] = 63).is_none());
        assert!(header(|bytes| bytes[17] = 1).is_none());
        assert!(header(|bytes| bytes[16] = 1).is_none());
        let small = |reserved| header(|bytes| bytes[16..21].copy_from_slice(&[2, 0, 1, 1, reserved]));
        assert_eq!(small(32).unwrap().usable, 480);
        assert!(small(33).is_none());
        let large = header(|bytes| bytes[16..18].copy_from_slice(&[0, 1])).unwrap();
        assert_eq!((large.page_size, large.usable), (65536, 65536));
    }

    #[test]
    fn the_size_counts_if_the_last_change_wrote_it() {
        let pages = |pages, changes, valid_for| {
            header(|bytes| (bytes[31], bytes[27], bytes[95]) = (pages, changes, valid_for)).unwrap().pages
        };
        assert_eq!(pages(3, 7, 7), Some(3));
        assert_eq!(pages(3, 7, 6), None);
        assert_eq!(pages(0, 7, 7), None);
    }

    #[test]
    fn the_pointer_map_steps_aside_for_the_lock_byte() {
        let plain = header(|_| {}).unwrap();
        let lock = 262_145;
        assert_eq!((1..=1_000_000).filter(|page| plain.is_reserved(*page)).collect::<Vec<_>>(), [lock]);
        let mapped = header(|bytes| bytes[55] = 1).unwrap();
        let reserved = (1..=2_000).filter(|page| mapped.is_reserved(*page)).collect::<Vec<_>>();
        assert_eq!(reserved, [2, 822, 1642]);
        // With pages of 1024 bytes, the map would be on the page of the lock byte if 20 of them were reserved.
        let aside = (0..=255).filter_map(|unused| {
            let header = header(|bytes| {
                bytes[16] = 4;
                bytes[20] = unused;
                bytes[55] = 1;
            })?;
            let (lock, every) = (1_048_577, header.usable / 5 + 1);
            (lock as usize - 2)
                .is_multiple_of(every)
                .then(|| (header.is_reserved(lock), header.is_reserved(lock + 1)))
        });
        assert!(aside.clone().count() > 0);
        assert!(aside.clone().all(|both| both == (true, true)));
    }
}
