//! The zstd encoder, on threads of its own where that is worth it.

use std::io;

use zstd::stream::raw::{self, InBuffer, Operation as _, OutBuffer};
use zstd::zstd_safe::CParameter;

use super::threads::threads;

/// From this level on zstd runs on threads of its own. Below, one thread is faster than a dump comes, and further ones would
/// only take memory, and processor time from the database.
pub(super) const ZSTD_THREADS_FROM: u8 = 4;

/// At level 9 four of them compress more than a server delivers, and each takes memory.
const MOST_THREADS: u32 = 4;

/// Bytes that a thread takes at a time. With four windows, as zstd would have it, level 9 takes 128 instead of 43 MiB on two
/// processors, and stores 4 % less: `zstd -9 -T2`, with and without `-B2097152`, on 100 MB of nine kinds of rows.
const JOB: u32 = 2 * 1024 * 1024;

/// Higher levels have larger windows, which a job has to be larger than.
const SHORT_JOBS_TO: u8 = 12;

/// What zstd hands out at a time, at the least: one of its blocks.
const ROOM: usize = 128 * 1024;

pub(super) struct ZstdEncoder(raw::Encoder<'static>);

impl ZstdEncoder {
    pub(super) fn new(level: u8) -> io::Result<Self> {
        let mut encoder = raw::Encoder::new(level.into())?;
        encoder.set_parameter(CParameter::ChecksumFlag(true))?;
        if threads() > 1 && level >= ZSTD_THREADS_FROM {
            encoder.set_parameter(CParameter::NbWorkers(threads().min(MOST_THREADS)))?;
            if level <= SHORT_JOBS_TO {
                encoder.set_parameter(CParameter::JobSize(JOB))?;
            }
        }
        Ok(Self(encoder))
    }

    /// Takes a piece, and everything that zstd has ready. `zstd::stream::write::Encoder` takes 32 KiB for each piece, so where
    /// rows do not get smaller, up to eight finished jobs wait in there: 20 MiB (`tests/docker/memory.rs`).
    pub(super) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let mut input = InBuffer::around(piece);
        loop {
            let mut output = room(out);
            self.0.run(&mut input, &mut output)?;
            if output.pos() < output.capacity() && input.pos() == piece.len() {
                return Ok(());
            }
        }
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> io::Result<()> {
        while self.0.finish(&mut room(out), true)? > 0 {}
        Ok(())
    }
}

fn room(out: &mut Vec<u8>) -> OutBuffer<'_, Vec<u8>> {
    out.reserve(ROOM);
    let filled = out.len();
    OutBuffer::around_pos(out, filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::splitmix::mix;

    /// Rows that do not get smaller, as fast as they can be pushed.
    #[test]
    fn what_its_threads_have_made_does_not_wait_inside() {
        const PLAIN: usize = 48 * 1024 * 1024;
        let plain: Vec<u8> = (0..PLAIN as u64 / 8).flat_map(|number| mix(number).to_ne_bytes()).collect();
        let (mut encoder, mut stored) = (ZstdEncoder::new(9).unwrap(), Vec::new());
        let mut push = |piece: &[u8]| {
            // Has no room but what the encoder makes.
            let mut out = Vec::new();
            encoder.push(piece, &mut out).unwrap();
            stored.append(&mut out);
        };
        plain.chunks(256 * 1024).for_each(&mut push);
        // With nothing to take, zstd waits until one of its jobs, of which there are no more than eight, has made something of the
        // next 512 KiB.
        (0..8 * 4).for_each(|_| push(&[]));
        let inside = PLAIN.saturating_sub(stored.len());
        assert!(inside <= JOB as usize, "{inside} bytes are still inside");
        encoder.finish(&mut stored).unwrap();
        assert!(zstd::decode_all(&stored[..]).unwrap() == plain);
    }
}
