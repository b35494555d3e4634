//! What a row hashes to: neither the order of rows nor that of columns matters, and everything else does.

use std::fmt;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Spreads a hash over all 64 bits, so that a sum of such hashes tells which belong together (the last steps of SplitMix64).
pub(super) const fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// The hash of what comes one after the other.
pub(super) fn chain(sum: u64, next: u64) -> u64 {
    mix(mix(next).wrapping_add(sum).wrapping_add(0x9e37_79b9_7f4a_7c15))
}

/// The hash of a text that says what it is for, by `seed`.
pub(super) fn seeded(seed: u64, text: &[u8]) -> u64 {
    mix(xxh3_64(text).wrapping_add(seed))
}

/// A row in the making, field by field.
pub(super) struct Row {
    /// What each field is hashed with: its column's name, or its place where the dump does not name it.
    columns: Vec<u64>,
    column: usize,
    sum: u64,
    /// A field that began in an earlier piece; of any size.
    begun: Box<Xxh3>,
    has_begun: bool,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("column", &self.column).finish_non_exhaustive()
    }
}

impl Row {
    pub(super) fn new(columns: Vec<u64>) -> Self {
        Self { columns, column: 0, sum: 0, begun: Box::new(Xxh3::new()), has_begun: false }
    }

    /// Whether nothing of it has come yet.
    pub(super) fn is_empty(&self) -> bool {
        self.column == 0 && !self.has_begun
    }

    /// A part of a field that goes on.
    pub(super) fn part(&mut self, part: &[u8]) {
        if !part.is_empty() {
            self.begun.update(part);
            self.has_begun = true;
        }
    }

    /// The rest of a field.
    pub(super) fn field(&mut self, rest: &[u8]) {
        let hash = if self.has_begun {
            self.begun.update(rest);
            let hash = self.begun.digest();
            self.begun.reset();
            self.has_begun = false;
            hash
        } else {
            xxh3_64(rest)
        };
        let column = self.columns.get(self.column).copied().unwrap_or(self.column as u64);
        self.sum = self.sum.wrapping_add(mix(hash.wrapping_add(column)));
        self.column += 1;
    }

    /// Ends the row, and begins the next one.
    pub(super) fn end(&mut self) -> u64 {
        self.column = 0;
        mix(std::mem::take(&mut self.sum))
    }
}
