//! Small collections, which the server keeps and writes as one string.
//!
//! They are read as they pass, whatever their size: with a list of large elements they are not small.

use super::feed::Feed;
use super::text::{Decimal, Text};
use crate::model::content::verdict::Unread;
use xxhash_rust::xxh3::xxh3_64;

/// How the entries of such a string are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `listpack.c`: since Redis 7 nearly everything.
    Listpack,
    /// `ziplist.c`: before.
    Ziplist,
    /// `zipmap.c`: hashes before Redis 2.6.
    Zipmap,
    /// `intset.c`: sets of numbers.
    Intset,
}

/// An entry. The bytes of a text come next.
#[derive(Clone, Copy)]
pub(super) enum Entry {
    Number(i64),
    Text(u64),
}

pub(super) struct Pack<'f> {
    text: Text<'f>,
    format: Format,
    /// How many bytes belong to the last entry and come behind it.
    behind: u64,
    /// The bytes of each number of an [`Format::Intset`].
    width: u32,
    /// Whether a [`Format::Zipmap`] has its next entry's value to come.
    is_value: bool,
}

impl<'f> Pack<'f> {
    pub(super) async fn open(mut text: Text<'f>, format: Format) -> Result<Self, Unread> {
        let (mut behind, mut width) = (0, 0);
        match format {
            // Its size in bytes and its number of entries.
            Format::Listpack => behind = 4 + 2,
            // And the place of its last entry.
            Format::Ziplist => behind = 4 + 4 + 2,
            Format::Zipmap => behind = 1,
            Format::Intset => {
                width = u32::from_le_bytes(text.array().await?);
                text.skip(4).await?;
            }
        }
        Ok(Self { text, format, behind, width, is_value: false })
    }

    /// The next entry, if there is one. Whatever the last one was, its bytes were taken.
    pub(super) async fn next(&mut self) -> Result<Option<Entry>, Unread> {
        self.text.skip(std::mem::take(&mut self.behind)).await?;
        let entry = match self.format {
            Format::Listpack => self.listpack().await?,
            Format::Ziplist => self.ziplist().await?,
            Format::Zipmap => self.zipmap().await?,
            Format::Intset if self.text.is_empty() => None,
            Format::Intset => Some(Entry::Number(self.signed(self.width).await?)),
        };
        if entry.is_none() && !self.text.is_empty() {
            return Err(self.malformed());
        }
        Ok(entry)
    }

    /// The next entry, which has to be there.
    pub(super) async fn must(&mut self) -> Result<Entry, Unread> {
        self.next().await?.ok_or(self.malformed())
    }

    /// The hash of an entry as the text a client sees.
    pub(super) async fn hash(&mut self, entry: Entry) -> Result<u64, Unread> {
        match entry {
            Entry::Number(number) => Ok(xxh3_64(Decimal::new(number).digits())),
            Entry::Text(bytes) => self.text.hash_of(bytes).await,
        }
    }

    /// An entry as a client sees it, of no more bytes than there is room for.
    pub(super) async fn bytes(&mut self, entry: Entry, room: &mut usize) -> Result<Vec<u8>, Unread> {
        let mut left = match entry {
            Entry::Number(number) => return Ok(Decimal::new(number).digits().to_vec()),
            Entry::Text(bytes) => bytes,
        };
        let taken = usize::try_from(left).ok().and_then(|bytes| room.checked_sub(bytes));
        *room = taken.ok_or(self.text.feed.malformed("a packed value is too large to be taken apart"))?;
        let mut all = Vec::new();
        while left > 0 {
            let part = self.text.some(left).await?;
            if part.is_empty() {
                return Err(self.malformed());
            }
            left -= part.len() as u64;
            all.extend_from_slice(part);
        }
        Ok(all)
    }

    pub(super) fn feed(&self) -> &Feed {
        self.text.feed
    }

    /// The next entry, which has to be a number.
    pub(super) async fn number(&mut self) -> Result<i64, Unread> {
        match self.must().await? {
            Entry::Number(number) => Ok(number),
            Entry::Text(_) => Err(self.malformed()),
        }
    }

    /// The next entry as the score of a sorted set (`zzlGetScore` in `t_zset.c`).
    #[expect(
        clippy::cast_precision_loss,
        reason = "the server does the same, and writes no number that loses"
    )]
    pub(super) async fn score(&mut self) -> Result<f64, Unread> {
        match self.must().await? {
            Entry::Number(number) => Ok(number as f64),
            Entry::Text(bytes) => {
                let mut digits = [0; 128];
                let digits = usize::try_from(bytes).ok().and_then(|bytes| digits.get_mut(..bytes));
                let digits = digits.ok_or(self.text.malformed("a score is too long"))?;
                self.text.copy(digits).await?;
                parse_score(digits).ok_or(self.malformed())
            }
        }
    }

    /// `lpGetWithSize` in `listpack.c`.
    async fn listpack(&mut self) -> Result<Option<Entry>, Unread> {
        let first = self.byte().await?;
        // With the bytes of its head, so that the size behind the entry can be told.
        let (head, text) = match first {
            0..0x80 => {
                self.behind = 1;
                return Ok(Some(Entry::Number(i64::from(first))));
            }
            0x80..0xc0 => (1, u64::from(first & 0x3f)),
            0xc0..0xe0 => {
                self.behind = 1;
                // 13 bits with their sign.
                let bits = i16::from_be_bytes([first << 3, 0]) >> 3;
                let number = bits | i16::from(self.byte().await?);
                return Ok(Some(Entry::Number(i64::from(number))));
            }
            0xe0..0xf0 => (2, u64::from(u16::from_be_bytes([first & 0x0f, self.byte().await?]))),
            0xf0 => (5, u64::from(u32::from_le_bytes(self.text.array().await?))),
            0xf1..0xf5 => {
                self.behind = 1;
                let width = match first {
                    0xf1 => 2,
                    0xf2 => 3,
                    0xf3 => 4,
                    _ => 8,
                };
                return Ok(Some(Entry::Number(self.signed(width).await?)));
            }
            0xff => return Ok(None),
            _ => return Err(self.malformed()),
        };
        self.behind = match head + text {
            0..128 => 1,
            128..16_383 => 2,
            16_383..2_097_151 => 3,
            2_097_151..268_435_455 => 4,
            _ => 5,
        };
        Ok(Some(Entry::Text(text)))
    }

    /// `zipEntry` in `ziplist.c`.
    async fn ziplist(&mut self) -> Result<Option<Entry>, Unread> {
        match self.byte().await? {
            0xff => return Ok(None),
            // The size of the entry before it.
            0xfe => self.text.skip(4).await?,
            _ => {}
        }
        let first = self.byte().await?;
        Ok(Some(match first {
            0..0x40 => Entry::Text(u64::from(first)),
            0x40..0x80 => Entry::Text(u64::from(u16::from_be_bytes([first & 0x3f, self.byte().await?]))),
            0x80..0xc0 => Entry::Text(u64::from(u32::from_be_bytes(self.text.array().await?))),
            0xc0 => Entry::Number(self.signed(2).await?),
            0xd0 => Entry::Number(self.signed(4).await?),
            0xe0 => Entry::Number(self.signed(8).await?),
            0xf0 => Entry::Number(self.signed(3).await?),
            0xfe => Entry::Number(self.signed(1).await?),
            0xf1..0xfe => Entry::Number(i64::from(first & 0x0f) - 1),
            _ => return Err(self.malformed()),
        }))
    }

    /// The comment at the head of `zipmap.c`.
    async fn zipmap(&mut self) -> Result<Option<Entry>, Unread> {
        let length = match self.byte().await? {
            0xff if !self.is_value => return Ok(None),
            0xff => return Err(self.malformed()),
            0xfe => u64::from(u32::from_le_bytes(self.text.array().await?)),
            short => u64::from(short),
        };
        if self.is_value {
            self.behind = u64::from(self.byte().await?);
        }
        self.is_value = !self.is_value;
        Ok(Some(Entry::Text(length)))
    }

    /// A number of so many bytes, the lowest one first.
    async fn signed(&mut self, width: u32) -> Result<i64, Unread> {
        let mut bytes = [0; 8];
        let room = usize::try_from(width).ok().and_then(|width| bytes.get_mut(..width));
        let room = room.filter(|room| !room.is_empty()).ok_or(self.text.malformed("a number is too long"))?;
        self.text.copy(room).await?;
        let unused = 64 - 8 * width;
        Ok((i64::from_le_bytes(bytes) << unused) >> unused)
    }

    async fn byte(&mut self) -> Result<u8, Unread> {
        let [byte] = self.text.array().await?;
        Ok(byte)
    }

    pub(super) fn malformed(&self) -> Unread {
        self.text.malformed("a packed value cannot be read")
    }
}

/// A number as the server writes it, to its last digit.
pub(super) fn parse_score(digits: &[u8]) -> Option<f64> {
    let score: f64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    // The server loads none that is no number.
    (!score.is_nan()).then_some(score)
}
