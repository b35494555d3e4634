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
