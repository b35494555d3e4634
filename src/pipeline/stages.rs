//! The stages of a dump one by one, for `benches`: what they are made of is nobody else's business.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::chunk::CHUNK;
use super::codec::{Encoder, decoder};
use super::meter::Meter;
use super::stored::fill;
use super::worker::{self, Digests, Made, Worker};
use crate::docker::{Arrives, TrailerStripper, TrailingOutput};
use crate::model::compression::Compression;
use crate::model::content::Dialect;
use crate::model::encoding::Encoding;
use crate::model::manifest::Sha256;

/// Takes the trailer off; returns the size of the dump.
///
/// # Errors
/// The stream goes on behind the trailer.
pub fn trailer(marker: &str, pieces: impl Iterator<Item = Bytes>) -> Result<u64, TrailingOutput> {
    let (mut stripper, mut bytes) = (TrailerStripper::new(marker), 0);
    for piece in pieces {
        bytes += stripper.push(piece)?.iter().map(|dump| dump.len() as u64).sum::<u64>();
    }
    Ok(bytes)
}

pub fn hash(pieces: &[Bytes]) -> (u64, Sha256) {
    let mut meter = Meter::new();
    pieces.iter().for_each(|piece| meter.take(piece));
    meter.end()
}

/// The codec by itself.
///
/// # Errors
/// The codec fails, or there is none.
pub fn encode(compression: Compression, pieces: &[Bytes], mut sink: impl FnMut(&[u8])) -> io::Result<()> {
    let mut encoder = Encoder::new(compression)?.ok_or(io::ErrorKind::Unsupported)?;
    let mut out = Vec::with_capacity(CHUNK);
    for piece in pieces {
        encoder.push(piece, &mut out)?;
        if out.len() >= CHUNK {
            sink(&out);
            out.clear();
        }
    }
    encoder.finish(&mut out)?;
    sink(&out);
    Ok(())
}

/// The codec by itself, the other way.
///
/// # Errors
/// The codec fails.
pub fn decode(compression: Compression, stored: &[u8], mut sink: impl FnMut(&[u8])) -> io::Result<()> {
    let step = Encoding::from(compression).compression().ok_or(io::ErrorKind::Unsupported)?;
    let (mut decoder, mut out) = (decoder(step, stored)?, vec![0; CHUNK]);
    loop {
        let filled = fill(&mut decoder, &mut out)?;
        let (now, _) = out.split_at(filled);
        if now.is_empty() {
            return Ok(());
        }
        sink(now);
    }
}

/// The worker: counter, hashes and codec on a thread of their own, with the queues on both its sides.
///
/// # Errors
/// The worker fails.
pub async fn compress(
    arrives: Arrives,
    compression: Compression,
    dialect: Option<Dialect>,
    pieces: &[Bytes],
    sink: impl FnMut(Bytes),
) -> io::Result<Made> {
    work(worker::compress(arrives, compression, dialect, Arc::default())?, pieces, sink).await
}

/// The worker, the other way.
///
/// # Errors
/// The worker fails.
pub async fn decompress(
    compression: Compression,
    stored: &[Bytes],
    sink: impl FnMut(Bytes),
) -> io::Result<Digests> {
    let digests = work(worker::decompress(&compression.into(), u64::MAX)?, stored, sink).await?;
    digests.ok_or_else(|| io::ErrorKind::FileTooLarge.into())
}

async fn work<T>(worker: Worker<T>, pieces: &[Bytes], mut sink: impl FnMut(Bytes)) -> io::Result<T> {
    let Worker { mut input, mut output, result } = worker;
    let feed = async move {
        for piece in pieces {
            if input.push(piece).await.is_err() {
                return;
            }
        }
        drop(input.finish().await);
    };
    let take = async {
        while let Some(piece) = output.recv().await {
            sink(piece);
        }
    };
    tokio::join!(feed, take);
    result.await.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
}
