//! Strings that the server compressed (`lzf_decompress` in `lzf_d.c`), unpacked as they pass.

use super::Unread;
use super::feed::Feed;

/// How far back a repetition may begin: an offset has 13 bits.
const WINDOW: usize = 1 << 13;

/// How much is unpacked at a time.
const CHUNK: usize = 1 << 16;

pub(super) struct Lzf {
    /// How many compressed bytes were not taken yet.
    compressed: u64,
    /// How many bytes were not unpacked yet.
    left: u64,
    /// What was unpacked last: the window, and what was not taken yet.
    unpacked: Vec<u8>,
    taken: usize,
}

impl Lzf {
    pub(super) fn new(compressed: u64, left: u64) -> Self {
        Self { compressed, left, unpacked: Vec::new(), taken: 0 }
    }

    /// The next bytes: at least one, and at most so many.
    pub(super) async fn some(&mut self, feed: &mut Feed, most: u64) -> Result<&[u8], Unread> {
        if self.taken == self.unpacked.len() && most > 0 {
            if let Some(old) = self.unpacked.len().checked_sub(WINDOW) {
                self.unpacked.drain(..old);
            }
            self.taken = self.unpacked.len();
            while self.left > 0 && self.unpacked.len() < CHUNK {
                self.step(feed).await?;
            }
            if self.left == 0 && self.compressed > 0 {
                return Err(feed.malformed("a compressed string is too long"));
            }
        }
        let start = self.taken;
        let size = usize::try_from(most).unwrap_or(usize::MAX).min(self.unpacked.len() - start);
        self.taken += size;
        Ok(self.unpacked.get(start..self.taken).unwrap_or_default())
    }

    /// The next bytes, if so many are unpacked.
    pub(super) fn now(&mut self, bytes: u64) -> Option<&[u8]> {
        let end = self.taken.checked_add(usize::try_from(bytes).ok()?)?;
        let part = self.unpacked.get(self.taken..end)?;
        self.taken = end;
        Some(part)
    }

    /// The next instruction: some bytes as they are, or a repetition.
    async fn step(&mut self, feed: &mut Feed) -> Result<(), Unread> {
        let control = self.byte(feed).await?;
        if let literal @ 1..=32 = u64::from(control) + 1 {
            self.gives(feed, literal)?;
            self.takes(feed, literal)?;
            let mut left = literal;
            while left > 0 {
                let part = feed.some(left).await;
                left -= part.len() as u64;
                self.unpacked.extend_from_slice(part);
            }
            return Ok(());
        }
        let mut length = usize::from(control >> 5) + 2;
        if length == 9 {
            length += usize::from(self.byte(feed).await?);
        }
        let distance = usize::from(u16::from_be_bytes([control & 0x1f, self.byte(feed).await?])) + 1;
        self.gives(feed, length as u64)?;
        let Some(start) = self.unpacked.len().checked_sub(distance) else {
            return Err(feed.malformed("a compressed string repeats what is not there"));
        };
        // What is repeated may reach into what the repetition adds.
        while length > 0 {
            let size = length.min(self.unpacked.len() - start);
            self.unpacked.extend_from_within(start..start + size);
            length -= size;
        }
        Ok(())
    }

    async fn byte(&mut self, feed: &mut Feed) -> Result<u8, Unread> {
        self.takes(feed, 1)?;
        Ok(feed.byte().await)
    }

    fn takes(&mut self, feed: &Feed, bytes: u64) -> Result<(), Unread> {
        self.compressed =
            self.compressed.checked_sub(bytes).ok_or(feed.malformed("a compressed string is too short"))?;
        Ok(())
    }

    fn gives(&mut self, feed: &Feed, bytes: u64) -> Result<(), Unread> {
        self.left = self.left.checked_sub(bytes).ok_or(feed.malformed("a compressed string is too long"))?;
        Ok(())
    }
}
