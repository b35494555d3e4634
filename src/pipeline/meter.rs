//! Size and digest of what passes.

use ring::digest::{Context, SHA256};

use crate::model::manifest::Sha256;

/// Counts and hashes what passes.
pub(super) struct Meter {
    pub(super) bytes: u64,
    sha256: Context,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { bytes: 0, sha256: Context::new(&SHA256) }
    }

    pub(super) fn take(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.sha256.update(piece);
    }

    pub(super) fn end(self) -> (u64, Sha256) {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.sha256.finish().as_ref());
        (self.bytes, Sha256(digest))
    }
}
