//! What is compressed only on its way between a target and Dumpcar, so that fewer bytes have to go through Docker.
//!
//! Docker delivers an exec's output through one goroutine and several copies, at 60 to 130 MB/s (`docs/performance.md`).

use std::io;
use std::mem;

use bytes::Bytes;

use super::codec::Encoder;
use super::zstd_stream::ZSTD_THREADS_FROM;
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

/// What goes into a target is sent when there are so many bytes, or a little more: there, each piece is read by a process of its
/// own.
const PIECE: usize = 1024 * 1024;

/// Compresses what goes into a target.
pub(super) struct Packer {
    encoder: Option<Encoder>,
    made: Vec<u8>,
}

impl Packer {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { encoder: Encoder::new(Compression::Zstd(FASTEST))?, made: Vec::new() })
    }

    /// What is to be sent now: nothing, mostly.
    pub(super) fn push(&mut self, piece: &Bytes) -> io::Result<Bytes> {
        if let Some(encoder) = &mut self.encoder {
            encoder.push(piece, &mut self.made)?;
        }
        Ok(if self.made.len() < PIECE { Bytes::new() } else { mem::take(&mut self.made).into() })
    }

    /// What is to be sent at the end, when this last piece has come.
    pub(super) fn end(mut self, last: &Bytes) -> io::Result<Bytes> {
        if let Some(mut encoder) = self.encoder {
            encoder.push(last, &mut self.made)?;
            encoder.finish(&mut self.made)?;
        }
        Ok(self.made.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_in_any_pieces_is_unpacked() {
        let noise: Vec<u8> =
            (0..1_000_000_u32).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_be_bytes()).collect();
        for dump in [&b""[..], b"-- a dump\n", &noise] {
            for piece in [1 << 10, 1 << 18, 1 << 24] {
                let (mut packer, mut sent) = (Packer::new().unwrap(), Vec::new());
                let mut pieces = dump.chunks(piece).map(Bytes::copy_from_slice);
                let last = pieces.next_back().unwrap_or_default();
                for piece in pieces {
                    sent.push(packer.push(&piece).unwrap());
                }
                sent.retain(|piece| !piece.is_empty());
                assert!(sent.iter().all(|piece| piece.len() >= PIECE));
                sent.push(packer.end(&last).unwrap());
                assert!(
                    zstd::decode_all(&sent.concat()[..]).unwrap() == dump,
                    "{} bytes by {piece}",
                    dump.len()
                );
            }
        }
    }
}
