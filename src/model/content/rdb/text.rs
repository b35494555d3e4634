//! A string of a dump, whichever way it is written: as it is, as a number, or compressed.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::feed::{Feed, Length};
use super::lzf::Lzf;
use crate::model::content::verdict::Unread;

/// `RDB_ENC_…` in `rdb.h`.
const INT8: u8 = 0;
const INT16: u8 = 1;
const INT32: u8 = 2;
const LZF: u8 = 3;

/// A string that is read as it passes: it may be of any size.
pub(super) struct Text<'f> {
    pub(super) feed: &'f mut Feed,
    /// Where it begins.
    at: u64,
    /// How many of its bytes were not taken yet.
    left: u64,
    way: Way,
}

enum Way {
    Plain,
    Number(Decimal),
    Compressed(Lzf),
}

impl<'f> Text<'f> {
    /// The next string (`rdbGenericLoadStringObject` in `rdb.c`).
    pub(super) async fn next(feed: &'f mut Feed) -> Result<Self, Unread> {
        let at = feed.offset();
        let number = match feed.length_or_encoding().await? {
            Length::Plain(left) => return Ok(Self { feed, at, left, way: Way::Plain }),
            Length::Encoded(INT8) => i64::from(i8::from_le_bytes(feed.array().await)),
            Length::Encoded(INT16) => i64::from(i16::from_le_bytes(feed.array().await)),
            Length::Encoded(INT32) => i64::from(i32::from_le_bytes(feed.array().await)),
            Length::Encoded(LZF) => {
                let compressed = feed.length().await?;
                let left = feed.length().await?;
                if left == 0 {
                    return Err(feed.malformed("an empty string is compressed"));
                }
                return Ok(Self { feed, at, left, way: Way::Compressed(Lzf::new(compressed, left)) });
            }
            Length::Encoded(_) => return Err(feed.malformed("a string has an unknown encoding")),
        };
        let number = Decimal::new(number);
        Ok(Self { feed, at, left: number.digits().len() as u64, way: Way::Number(number) })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Its next bytes: at least one unless it has ended, and at most so many.
    pub(super) async fn some(&mut self, most: u64) -> Result<&[u8], Unread> {
        let most = most.min(self.left);
        let part = match &mut self.way {
            Way::Plain => self.feed.some(most).await,
            Way::Number(number) => number.some(most),
            Way::Compressed(lzf) => {
                lzf.some(self.feed, most).await.map_err(|what| Unread::Malformed { at: self.at, what })?
            }
        };
        self.left -= part.len() as u64;
        Ok(part)
    }

    /// Its next bytes, if so many are there without waiting. It is for speed only: most of what is asked for is short.
    fn now(&mut self, bytes: u64) -> Option<&[u8]> {
        let part = match &mut self.way {
            Way::Plain if bytes <= self.left => self.feed.now(bytes),
            Way::Compressed(lzf) => lzf.now(bytes),
            Way::Plain | Way::Number(_) => None,
        }?;
        self.left -= bytes;
        Some(part)
    }

    pub(super) async fn array<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], Unread> {
        if let Some(array) = self.now(SIZE as u64).and_then(|part| part.first_chunk()) {
            return Ok(*array);
        }
        let mut array = [0; SIZE];
        self.copy(&mut array).await?;
        Ok(array)
    }

    /// Its next bytes, so many as there is room for.
    pub(super) async fn copy(&mut self, mut room: &mut [u8]) -> Result<(), Unread> {
        self.has(room.len() as u64)?;
        while !room.is_empty() {
            let part = self.some(room.len() as u64).await?;
            let (now, later) = room.split_at_mut(part.len());
            now.copy_from_slice(part);
            room = later;
        }
        Ok(())
    }

    /// The hash of its next bytes.
    pub(super) async fn hash_of(&mut self, bytes: u64) -> Result<u64, Unread> {
        if let Some(part) = self.now(bytes) {
            return Ok(xxh3_64(part));
        }
        self.has(bytes)?;
        let part = self.some(bytes).await?;
        let mut left = bytes - part.len() as u64;
        if left == 0 {
            return Ok(xxh3_64(part));
        }
        let mut hash = Box::new(Xxh3::new());
        hash.update(part);
        while left > 0 {
            let part = self.some(left).await?;
            left -= part.len() as u64;
            hash.update(part);
        }
        Ok(hash.digest())
    }

    pub(super) async fn skip(&mut self, bytes: u64) -> Result<(), Unread> {
        if self.now(bytes).is_some() {
            return Ok(());
        }
        self.has(bytes)?;
        let mut left = bytes;
        while left > 0 {
            left -= self.some(left).await?.len() as u64;
        }
        Ok(())
    }

    /// Says where the string begins: where in it something is depends on how much of it was unpacked in advance.
    pub(super) fn malformed(&self, what: &'static str) -> Unread {
        Unread::Malformed { at: self.at, what }
    }

    fn has(&self, bytes: u64) -> Result<(), Unread> {
        if bytes > self.left { Err(self.malformed("a value ends too early")) } else { Ok(()) }
    }
}

/// The hash of the next string.
pub(super) async fn hash(feed: &mut Feed) -> Result<u64, Unread> {
    let mut text = Text::next(feed).await?;
    text.hash_of(text.left).await
}

/// The next string as clients see it; `None` if it has more bytes than `most`, and then it was passed over.
pub(super) async fn bytes(feed: &mut Feed, most: usize) -> Result<Option<Vec<u8>>, Unread> {
    let mut text = Text::next(feed).await?;
    if usize::try_from(text.left).map_or(true, |bytes| bytes > most) {
        text.skip(text.left).await?;
        return Ok(None);
    }
    let mut all = Vec::new();
    while !text.is_empty() {
        let part = text.some(u64::MAX).await?;
        all.extend_from_slice(part);
    }
    Ok(Some(all))
}

/// Takes the next string.
pub(super) async fn skip(feed: &mut Feed) -> Result<(), Unread> {
    let mut text = Text::next(feed).await?;
    text.skip(text.left).await
}

/// A number as a client sees it.
pub(super) struct Decimal {
    digits: [u8; Self::MOST],
    taken: usize,
}

impl Decimal {
    /// A sign, and what 2⁶³ has.
    const MOST: usize = 20;

    pub(super) fn new(number: i64) -> Self {
        let (mut digits, mut taken, mut rest) = ([b'0'; Self::MOST], Self::MOST, number.unsigned_abs());
        for place in digits.iter_mut().rev() {
            if rest == 0 && taken < Self::MOST {
                if number < 0 {
                    *place = b'-';
                    taken -= 1;
                }
                break;
            }
            // It is one digit.
            *place += u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
            taken -= 1;
        }
        Self { digits, taken }
    }

    pub(super) fn digits(&self) -> &[u8] {
        self.digits.get(self.taken..).unwrap_or_default()
    }

    fn some(&mut self, most: u64) -> &[u8] {
        let start = self.taken;
        self.taken += usize::try_from(most).unwrap_or(Self::MOST).min(Self::MOST - start);
        self.digits.get(start..self.taken).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_text_that_clients_see() {
        for number in [0, 1, -1, 9, 10, -10, 127, -128, 65_535, i64::MAX, i64::MIN] {
            assert_eq!(Decimal::new(number).digits(), number.to_string().as_bytes());
        }
    }
}
