//! Compressing what goes into a container, where Docker then has fewer bytes to copy.

use std::fmt;
use std::io::{self, Write as _};

use bytes::Bytes;
use zstd::stream::write::Encoder;

/// The fastest: it is taken apart again at once.
const LEVEL: i32 = 1;

/// A piece is sent when it has so many bytes, or a little more. In the container it is read as one, by a process of its own.
const PIECE: usize = 1024 * 1024;

/// Makes pieces of zstd, each behind a line with its length, which is what `feed.sh` reads.
pub(super) struct Packer(Encoder<'static, Vec<u8>>);

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Packer")
    }
}

impl Packer {
    pub(super) fn new() -> io::Result<Self> {
        let mut encoder = Encoder::new(Vec::new(), LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(Self(encoder))
    }

    /// Takes what is to arrive; returns what is to be sent for it now, which may be nothing yet.
    pub(super) fn push(&mut self, piece: &[u8]) -> io::Result<Bytes> {
        self.0.write_all(piece)?;
        let made = self.0.get_mut();
        Ok(if made.len() < PIECE { Bytes::new() } else { framed(&std::mem::take(made)).into() })
    }

    /// It was everything: what is to be sent at the end.
    pub(super) fn end(self) -> io::Result<Bytes> {
        let mut last = framed(&self.0.finish()?);
        last.extend_from_slice(b"end\n");
        Ok(last.into())
    }
}

fn framed(piece: &[u8]) -> Vec<u8> {
    let mut framed = format!("{}\n", piece.len()).into_bytes();
    framed.extend_from_slice(piece);
    framed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the wrapper makes of it.
    fn unpacked(mut sent: &[u8]) -> Vec<u8> {
        let mut frames = Vec::new();
        loop {
            let end = sent.iter().position(|byte| *byte == b'\n').unwrap();
            let line = std::str::from_utf8(&sent[..end]).unwrap();
            sent = &sent[end + 1..];
            if line == "end" {
                assert_eq!(sent, b"");
                return zstd::decode_all(&frames[..]).unwrap();
            }
            let (piece, rest) = sent.split_at(line.parse().unwrap());
            frames.extend_from_slice(piece);
            sent = rest;
        }
    }

    #[test]
    fn what_is_packed_in_any_pieces_is_unpacked() {
        let noise: Vec<u8> =
            (0..5_000_000_u32).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_be_bytes()).collect();
        for dump in [&b""[..], b"-- a dump\n", &noise] {
            for piece in [1 << 10, 1 << 18, 1 << 24] {
                let (mut packer, mut sent) = (Packer::new().unwrap(), Vec::new());
                for piece in dump.chunks(piece) {
                    sent.extend(packer.push(piece).unwrap());
                }
                sent.extend(packer.end().unwrap());
                assert!(unpacked(&sent) == dump, "{} bytes in pieces of {piece}", dump.len());
            }
        }
    }
}
