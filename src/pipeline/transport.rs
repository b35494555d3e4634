//! Compressing inside the target, where fewer bytes then have to go through Docker.
//!
//! Docker delivers an exec's output through one goroutine and several copies, at 60 to 100 MB/s (`docs/performance.md`).

use super::codec::ZSTD_THREADS_FROM;
use crate::model::compression::Compression;
use crate::model::encoding::{Encoding, Step};

/// The fastest: what arrives is compressed once more here.
const FASTEST: u8 = 1;

/// What undoes the compression of any level there is in a target.
pub(super) const STEP: Step = Step::Zstd { window_log: Encoding::USUAL_WINDOW_LOG };

/// The level at which zstd is to compress in a target.
pub fn level(compression: Compression) -> u8 {
    if let Compression::Zstd(level) = compression
        && is_kept(compression)
    {
        return level;
    }
    FASTEST
}

/// Whether what arrives compressed is what is to be stored. Higher levels would take memory of the database's, and are faster
/// on several threads, which are here.
pub(super) fn is_kept(compression: Compression) -> bool {
    matches!(compression, Compression::Zstd(level) if level < ZSTD_THREADS_FROM)
}
