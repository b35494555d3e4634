//! Compression and decompression, piece by piece.
//!
//! Nothing in here finishes a stream by itself: a dump that broke off must not become a valid archive. (`xz2`'s writer
//! types finish when they are dropped, so the raw stream is used.)

use std::io::{self, BufRead, Read, Write};

use bytes::Bytes;
use xz2::stream::Stream;

use super::xz::XzEncoder;
use super::zstd_stream::ZstdEncoder;
use crate::model::compression::Compression;
use crate::model::encoding::Step;

/// What an xz decoder takes besides its window, and some more.
const BESIDES_WINDOW: u64 = 1024 * 1024;

/// Compresses a dump.
pub(super) enum Encoder {
    Xz(XzEncoder),
    Zstd(ZstdEncoder),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
}

impl Encoder {
    /// `None` for [`Compression::None`]: there is nothing to do, so nothing is copied.
    pub(super) fn new(compression: Compression) -> io::Result<Option<Self>> {
        Ok(match compression {
            Compression::Xz(level) => Some(Self::Xz(XzEncoder::new(level)?)),
            Compression::Zstd(level) => Some(Self::Zstd(ZstdEncoder::new(level)?)),
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
            Self::Zstd(encoder) => encoder.push(piece, out)?,
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
            Self::Zstd(encoder) => encoder.finish(out)?,
            Self::Gzip(encoder) => out.append(&mut encoder.finish()?),
        }
        Ok(())
    }
}

/// Decompresses a stored object while it is read, never more at a time than there is room for: a few stored bytes may be
/// many plain ones. What `stored` still has at the end does not belong to the archive.
///
/// Memory is the window, which is as large as the archive wants it to be, up to what its step may have.
///
/// # Errors
/// No memory. What is wrong with the archive shows when it is read: it was cut, it is damaged, its window is too large.
pub(super) fn decoder<'a>(step: Step, stored: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match step {
        Step::Xz { window_log } => {
            let stream = Stream::new_stream_decoder((1 << window_log) + BESIDES_WINDOW, 0)?;
            Box::new(xz2::bufread::XzDecoder::new_stream(stored, stream))
        }
        Step::Zstd { window_log } => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(stored)?;
            decoder.window_log_max(window_log)?;
            Box::new(decoder)
        }
        Step::Gzip => Box::new(flate2::bufread::GzDecoder::new(stored)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::encoding::Encoding;
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
        let mut plain = Vec::new();
        let step = Encoding::from(compression).compression().unwrap();
        decoder(step, io::BufReader::with_capacity(piece, stored))?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    const ALL: [Compression; 5] = [
        Compression::Xz(None),
        Compression::Xz(Some(1)),
        Compression::Zstd(3),
        // On threads of its own.
        Compression::Zstd(9),
        Compression::Gzip(6),
    ];

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
            assert!(decompress(compression, &out, 4096).is_err(), "{compression}");
        }
    }

    /// The window that an archive asks for stands in its first bytes: the dump need not be as large.
    #[test]
    fn each_level_has_a_window_that_is_read_back() {
        let levels = (0..=9).map(|level| Compression::Xz(Some(level))).chain((1..=22).map(Compression::Zstd));
        for compression in levels {
            let stored = compress(compression, &[b"-- a dump\n".to_vec()]);
            assert_eq!(decompress(compression, &stored, 7).unwrap(), b"-- a dump\n", "{compression}");
        }
    }

    #[test]
    fn a_window_that_no_archive_of_its_level_has_is_refused() {
        for (level, other) in [
            (Compression::Xz(Some(9)), Compression::Xz(None)),
            (Compression::Xz(Some(8)), Compression::Xz(Some(7))),
            (Compression::Zstd(22), Compression::Zstd(21)),
            (Compression::Zstd(20), Compression::Zstd(19)),
        ] {
            let stored = compress(level, &[b"-- a dump\n".to_vec()]);
            assert!(decompress(other, &stored, 7).is_err(), "{level} as {other}");
        }
    }

    /// What `cat a.zst b.zst` and `pzstd` make is one archive to zstd.
    #[test]
    fn frames_of_zstd_may_stand_one_behind_the_other() {
        let zstd = Compression::Zstd(3);
        let two = [compress(zstd, &[b"a".to_vec()]), compress(zstd, &[b"b".to_vec()])].concat();
        assert_eq!(decompress(zstd, &two, 7).unwrap(), b"ab");
        assert!(decompress(zstd, &two[..two.len() - 1], 7).is_err(), "cut");
        assert!(decompress(zstd, &[&two[..], b"x"].concat(), 7).is_err(), "something behind it");
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
