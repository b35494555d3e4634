//! What the wrapper prints in front of output that is compressed.

use bytes::Bytes;

/// Tells by the first bytes of an output in which form the rest comes.
///
/// Only the wrapper knows the marker, so no dump begins like that by itself.
#[derive(Debug)]
pub(super) enum Opening {
    /// Until it is known: the line, and how much of it has come.
    Open {
        line: Vec<u8>,
        seen: usize,
    },
    Known(Arrives),
}

/// In which form a tool's output arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrives {
    /// As the tool printed it.
    Plain,
    /// As frames of zstd.
    Zstd,
}

impl Opening {
    /// Of an output that a level was named for.
    pub(super) fn of(marker: &str) -> Self {
        Self::Open { line: format!("{marker} zstd\n").into_bytes(), seen: 0 }
    }

    pub(super) fn form(&self) -> Option<Arrives> {
        match self {
            Self::Open { .. } => None,
            Self::Known(form) => Some(*form),
        }
    }

    /// Takes the line off. Returns what is not of it, in up to two pieces.
    pub(super) fn take(&mut self, mut piece: Bytes) -> [Bytes; 2] {
        let Self::Open { line, seen } = self else { return [Bytes::new(), piece] };
        let expected = line.get(*seen..).unwrap_or_default();
        let same = expected.iter().zip(&piece).take_while(|(one, other)| one == other).count();
        if same == expected.len() {
            *self = Self::Known(Arrives::Zstd);
            return [Bytes::new(), piece.split_off(same)];
        }
        if same == piece.len() {
            *seen += same;
            return [Bytes::new(), Bytes::new()];
        }
        // It only began like the line.
        line.truncate(*seen);
        let before = Bytes::from(std::mem::take(line));
        *self = Self::Known(Arrives::Plain);
        [before, piece]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(pieces: &[&[u8]]) -> (Option<Arrives>, Vec<u8>) {
        let mut opening = Opening::of("dumpcar-00");
        let rest =
            pieces.iter().flat_map(|piece| opening.take(Bytes::copy_from_slice(piece))).collect::<Vec<_>>();
        (opening.form(), rest.concat())
    }

    #[test]
    fn the_line_is_taken_off_wherever_the_stream_is_split() {
        for (stream, form, rest) in [
            (&b"dumpcar-00 zstd\nxyz"[..], Some(Arrives::Zstd), &b"xyz"[..]),
            (b"dumpcar-00 zstd\n", Some(Arrives::Zstd), b""),
            (b"dumpcar-00 zst\nxyz", Some(Arrives::Plain), b"dumpcar-00 zst\nxyz"),
            (b"-- a dump", Some(Arrives::Plain), b"-- a dump"),
            (b"\ndumpcar-00 0\n", Some(Arrives::Plain), b"\ndumpcar-00 0\n"),
            (b"d", None, b""),
            (b"", None, b""),
        ] {
            for split in 0..=stream.len() {
                let (a, b) = stream.split_at(split);
                assert_eq!(take(&[a, b]), (form, rest.to_vec()), "split at {split}");
            }
            let single: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(take(&single), (form, rest.to_vec()));
        }
    }
}
