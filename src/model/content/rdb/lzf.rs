//! Strings that the server compressed (`lzf_decompress` in `lzf_d.c`), unpacked as they pass.

use super::feed::Feed;

/// How far back a repetition may begin: an offset has 13 bits.
const WINDOW: usize = 1 << 13;

/// How much is unpacked at a time.
const CHUNK: usize = 1 << 16;

/// How much of what is compressed is taken at a time.
const COMPRESSED_CHUNK: u64 = 1 << 12;

pub(super) struct Lzf {
    /// How many compressed bytes were not taken yet.
    compressed: u64,
    /// Those that were taken, and how many of them were read.
    input: Vec<u8>,
    read: usize,
    /// How many bytes were not unpacked yet.
    left: u64,
    /// What was unpacked last: the window, and what was not taken yet.
    unpacked: Vec<u8>,
    taken: usize,
}

impl Lzf {
    pub(super) fn new(compressed: u64, left: u64) -> Self {
        Self { compressed, input: Vec::new(), read: 0, left, unpacked: Vec::new(), taken: 0 }
    }

    /// The next bytes: at least one, and at most so many.
    ///
    /// # Errors
    ///
    /// Why they cannot be unpacked.
    pub(super) async fn some(&mut self, feed: &mut Feed, most: u64) -> Result<&[u8], &'static str> {
        if self.taken == self.unpacked.len() && most > 0 {
            self.unpack(feed).await?;
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

    async fn unpack(&mut self, feed: &mut Feed) -> Result<(), &'static str> {
        if let Some(old) = self.unpacked.len().checked_sub(WINDOW) {
            self.unpacked.drain(..old);
        }
        self.taken = self.unpacked.len();
        while self.left > 0 && self.unpacked.len() < CHUNK {
            let before = self.unpacked.len();
            match step(self.input.get(self.read..).unwrap_or_default(), &mut self.unpacked) {
                Step::Read(bytes) => self.read += bytes,
                Step::NeedsMore if self.compressed > 0 => {
                    self.input.drain(..self.read);
                    self.read = 0;
                    let part = feed.some(self.compressed.min(COMPRESSED_CHUNK)).await;
                    self.compressed -= part.len() as u64;
                    self.input.extend_from_slice(part);
                }
                Step::NeedsMore => return Err("a compressed string is too short"),
                Step::NotThere => {
                    return Err("a compressed string repeats what is not there");
                }
            }
            let unpacked = (self.unpacked.len() - before) as u64;
            let left = self.left.checked_sub(unpacked);
            self.left = left.ok_or("a compressed string is too long")?;
        }
        if self.left == 0 && (self.compressed > 0 || self.read < self.input.len()) {
            return Err("a compressed string is too long");
        }
        Ok(())
    }
}

enum Step {
    /// So many bytes were read.
    Read(usize),
    NeedsMore,
    /// What it repeats was never there.
    NotThere,
}

/// Carries out the first instruction: some bytes as they are, or a repetition.
fn step(input: &[u8], unpacked: &mut Vec<u8>) -> Step {
    let Some((control, behind)) = input.split_first() else { return Step::NeedsMore };
    let control = usize::from(*control);
    if control < 32 {
        let size = control + 1;
        let Some(literal) = behind.get(..size) else { return Step::NeedsMore };
        unpacked.extend_from_slice(literal);
        return Step::Read(1 + size);
    }
    let (mut size, low, read) = match (control >> 5, behind) {
        (7, [more, low, ..]) => (9 + usize::from(*more), low, 3),
        (short, [low, ..]) if short < 7 => (2 + short, low, 2),
        _ => return Step::NeedsMore,
    };
    let distance = ((control & 0x1f) << 8 | usize::from(*low)) + 1;
    let Some(start) = unpacked.len().checked_sub(distance) else { return Step::NotThere };
    // What is repeated may reach into what the repetition adds.
    while size > 0 {
        let part = size.min(unpacked.len() - start);
        unpacked.extend_from_within(start..start + part);
        size -= part;
    }
    Step::Read(read)
}
