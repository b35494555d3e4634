//! Compression and decompression, piece by piece.
//!
//! Nothing in here finishes a stream by itself: a dump that broke off must not become a valid archive. (`xz2`'s writer
//! types finish when they are dropped, so the raw stream is used.)

use std::io::{self, Write};

use xz2::stream::{Action, Check, Filters, LzmaOptions, MtStreamBuilder, Status, Stream};

use crate::model::compression::Compression;

/// Memory the xz encoder's threads may take together. Level 1 takes 14 MiB a thread, level 6 166 MiB, level 9 over
/// 600 MiB (measured); a level that does not fit runs on one thread.
const XZ_MEMORY: u64 = 256 * 1024 * 1024;

/// More threads than this gain nothing: one stream of `pg_dump` does not deliver faster.
const MAX_THREADS: usize = 8;

/// The decoder's limit; preset 9 needs 65 MiB.
const XZ_DECODER_MEMORY: u64 = 80 * 1024 * 1024;

/// From this level on zstd runs on threads of its own. Below, one thread is faster than a dump comes, and further ones would
/// only take memory, and processor time from the database.
const ZSTD_THREADS_FROM: u8 = 4;

const LEVEL_1_WINDOW: u32 = 512 * 1024;

/// What a thread compresses at a time: that of `xz -1`, which the smaller window would make smaller.
const LEVEL_1_BLOCK: u64 = 3 * 1024 * 1024;

/// Output room made before each call of the raw coders.
const ROOM: usize = 64 * 1024;

/// Compresses a dump.
pub(super) enum Encoder {
    Xz(Stream),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
}

impl Encoder {
    /// `None` for [`Compression::None`]: there is nothing to do, so nothing is copied.
    pub(super) fn new(compression: Compression) -> io::Result<Option<Self>> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        Ok(match compression {
            Compression::Xz(level) => Some(Self::Xz(xz_encoder(level.into(), threads)?)),
            Compression::Zstd(level) => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), level.into())?;
                encoder.include_checksum(true)?;
                if threads > 1 && level >= ZSTD_THREADS_FROM {
                    encoder.multithread(u32::try_from(threads).unwrap_or(1))?;
                }
                Some(Self::Zstd(encoder))
            }
            Compression::Gzip(level) => {
                let level = flate2::Compression::new(level.into());
                Some(Self::Gzip(flate2::write::GzEncoder::new(Vec::new(), level)))
            }
            Compression::None => None,
        })
    }

    /// Takes a piece of the dump and appends what it compresses to, if anything yet, to `out`.
    pub(super) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Xz(stream) => drop(xz_step(stream, piece, Action::Run, out)?),
            Self::Zstd(encoder) => {
                encoder.write_all(piece)?;
                out.append(encoder.get_mut());
            }
            Self::Gzip(encoder) => {
                encoder.write_all(piece)?;
                out.append(encoder.get_mut());
            }
        }
        Ok(())
    }

    /// Ends the stream: everything was pushed, and it was everything.
    pub(super) fn finish(self, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Xz(mut stream) => loop {
                if xz_step(&mut stream, &[], Action::Finish, out)? == Status::StreamEnd {
                    return Ok(());
                }
            },
            Self::Zstd(encoder) => out.append(&mut encoder.finish()?),
            Self::Gzip(encoder) => out.append(&mut encoder.finish()?),
        }
        Ok(())
    }
}

fn xz_encoder(level: u32, threads: usize) -> io::Result<Stream> {
    let mut filters = Filters::new();
    filters.lzma2(&xz_options(level)?);
    let mut builder = MtStreamBuilder::new();
    builder.filters(filters).check(Check::Crc64);
    if level == 1 {
        builder.block_size(LEVEL_1_BLOCK);
    }
    for threads in (2..=threads).rev() {
        builder.threads(u32::try_from(threads).unwrap_or(1));
        if builder.memusage() <= XZ_MEMORY {
            return Ok(builder.encoder()?);
        }
    }
    let mut filters = Filters::new();
    filters.lzma2(&xz_options(level)?);
    Ok(Stream::new_stream_encoder(&filters, Check::Crc64)?)
}

/// What a level of xz means for a dump. The presets are made for anything, programs too; a dump is text, in which a byte
/// depends on the one before and not on where it stands. At level 1, half as long a search in half the window finds almost as
/// much: what it searches then fits into a core's own cache better, and into less memory.
fn xz_options(level: u32) -> io::Result<LzmaOptions> {
    let mut options = LzmaOptions::new_preset(level)?;
    options.literal_context_bits(4).position_bits(0);
    if level == 1 {
        options.depth(4).dict_size(LEVEL_1_WINDOW);
    }
    Ok(options)
}

/// Runs the raw stream until it has taken all of `input`, or, when finishing, filled the room it was given.
fn xz_step(stream: &mut Stream, mut input: &[u8], action: Action, out: &mut Vec<u8>) -> io::Result<Status> {
    loop {
        out.reserve(ROOM);
        let before = stream.total_in();
        let status = stream.process_vec(input, out, action)?;
        let taken = usize::try_from(stream.total_in() - before).unwrap_or(usize::MAX);
        input = input.get(taken..).unwrap_or_default();
        if input.is_empty() || status == Status::StreamEnd {
            return Ok(status);
        }
    }
}

/// Decompresses a stored object.
pub(super) enum Decoder {
    Xz { stream: Stream, ended: bool },
    Zstd { decoder: zstd::stream::write::Decoder<'static, Vec<u8>> },
    Gzip(flate2::write::GzDecoder<Vec<u8>>),
}

impl Decoder {
    pub(super) fn new(compression: Compression) -> io::Result<Option<Self>> {
        Ok(match compression {
            Compression::Xz(_) => {
                Some(Self::Xz { stream: Stream::new_stream_decoder(XZ_DECODER_MEMORY, 0)?, ended: false })
            }
            Compression::Zstd(_) => {
                Some(Self::Zstd { decoder: zstd::stream::write::Decoder::new(Vec::new())? })
            }
            Compression::Gzip(_) => Some(Self::Gzip(flate2::write::GzDecoder::new(Vec::new()))),
            Compression::None => None,
        })
    }

    pub(super) fn push(&mut self, mut piece: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Xz { stream, ended } => {
                while !piece.is_empty() {
                    if *ended {
                        return Err(io::Error::new(
                            io::ErrorKind::InvalidData,
                            "bytes behind the end of the archive",
                        ));
                    }
                    out.reserve(ROOM);
                    let before = stream.total_in();
                    let status = stream.process_vec(piece, out, Action::Run)?;
                    let taken = usize::try_from(stream.total_in() - before).unwrap_or(usize::MAX);
                    piece = piece.get(taken..).unwrap_or_default();
                    *ended = status == Status::StreamEnd;
                }
            }
            Self::Zstd { decoder } => {
                decoder.write_all(piece)?;
                out.append(decoder.get_mut());
            }
            Self::Gzip(decoder) => {
                decoder.write_all(piece)?;
                out.append(decoder.get_mut());
            }
        }
        Ok(())
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// The archive was cut.
    pub(super) fn finish(self, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Xz { mut stream, ended } => {
                if ended {
                    return Ok(());
                }
                loop {
                    out.reserve(ROOM);
                    let before = stream.total_out();
                    let status = stream.process_vec(&[], out, Action::Finish)?;
                    if status == Status::StreamEnd {
                        return Ok(());
                    }
                    if stream.total_out() == before {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
            Self::Zstd { mut decoder } => {
                decoder.flush()?;
                out.append(decoder.get_mut());
                Ok(())
            }
            Self::Gzip(decoder) => {
                out.append(&mut decoder.finish()?);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compress(compression: Compression, pieces: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(compression).unwrap().unwrap();
        for piece in pieces {
            encoder.push(piece, &mut out).unwrap();
        }
        encoder.finish(&mut out).unwrap();
        out
    }

    fn decompress(compression: Compression, stored: &[u8], piece: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut decoder = Decoder::new(compression)?.unwrap();
        for piece in stored.chunks(piece) {
            decoder.push(piece, &mut out)?;
        }
        decoder.finish(&mut out)?;
        Ok(out)
    }

    const ALL: [Compression; 3] = [Compression::Xz(1), Compression::Zstd(3), Compression::Gzip(6)];

    #[test]
    fn an_empty_dump_is_still_a_valid_archive() {
        for compression in ALL {
            assert_eq!(decompress(compression, &compress(compression, &[]), 7).unwrap(), b"");
        }
    }

    #[test]
    fn an_encoder_that_is_dropped_leaves_a_broken_archive() {
        for compression in ALL {
            let mut out = Vec::new();
            let mut encoder = Encoder::new(compression).unwrap().unwrap();
            encoder.push(&vec![b'x'; 10_000_000], &mut out).unwrap();
            drop(encoder);
            let read = decompress(compression, &out, 4096);
            assert_ne!(read.ok(), Some(vec![b'x'; 10_000_000]), "{compression}");
        }
    }

    #[test]
    fn a_high_level_fits_its_memory_budget() {
        for level in 0..=9 {
            drop(xz_encoder(level, 8).unwrap());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_goes_in_comes_out_in_any_pieces(
            seed in prop::collection::vec(any::<u8>(), 1..2000),
            repeats in 1usize..400,
            piece in 1usize..70_000,
            read_piece in 1usize..70_000,
        ) {
            let plain = seed.repeat(repeats);
            let pieces: Vec<Vec<u8>> = plain.chunks(piece).map(<[u8]>::to_vec).collect();
            for compression in ALL {
                let stored = compress(compression, &pieces);
                prop_assert_eq!(&decompress(compression, &stored, read_piece).unwrap(), &plain);
            }
        }
    }
}
