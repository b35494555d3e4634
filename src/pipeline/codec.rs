//! Compression and decompression, piece by piece.
//!
//! Nothing in here finishes a stream by itself: a dump that broke off must not become a valid archive. (`xz2`'s writer
//! types finish when they are dropped, so the raw stream is used.)

use std::io::{self, Write};

use bytes::Bytes;
use xz2::stream::{Action, Status, Stream};

use super::xz::XzEncoder;
use crate::model::compression::Compression;

/// The decoder's limit; preset 9 needs 65 MiB.
const XZ_DECODER_MEMORY: u64 = 80 * 1024 * 1024;

/// From this level on zstd runs on threads of its own. Below, one thread is faster than a dump comes, and further ones would
/// only take memory, and processor time from the database.
const ZSTD_THREADS_FROM: u8 = 4;

/// Output room made before each call of the raw coders.
pub(super) const ROOM: usize = 64 * 1024;

/// How many threads compress: one for each processor. More than eight gain nothing: no server delivers faster.
pub(super) fn threads() -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(processors).unwrap_or(u32::MAX).min(8)
}

/// Compresses a dump.
pub(super) enum Encoder {
    Xz(XzEncoder),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
}

impl Encoder {
    /// `None` for [`Compression::None`]: there is nothing to do, so nothing is copied.
    pub(super) fn new(compression: Compression) -> io::Result<Option<Self>> {
        Ok(match compression {
            Compression::Xz(level) => Some(Self::Xz(XzEncoder::new(level.into())?)),
            Compression::Zstd(level) => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), level.into())?;
                encoder.include_checksum(true)?;
                if threads() > 1 && level >= ZSTD_THREADS_FROM {
                    encoder.multithread(threads())?;
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
    pub(super) fn push(&mut self, piece: &Bytes, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Xz(encoder) => encoder.push(piece, out)?,
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
            Self::Xz(encoder) => encoder.finish(out)?,
            Self::Zstd(encoder) => out.append(&mut encoder.finish()?),
            Self::Gzip(encoder) => out.append(&mut encoder.finish()?),
        }
        Ok(())
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
            encoder.push(&Bytes::copy_from_slice(piece), &mut out).unwrap();
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
            encoder.push(&vec![b'x'; 10_000_000].into(), &mut out).unwrap();
            drop(encoder);
            let read = decompress(compression, &out, 4096);
            assert_ne!(read.ok(), Some(vec![b'x'; 10_000_000]), "{compression}");
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
