//! The end of a dump, carried in band.
//!
//! Docker reports exit code 0 for an exec whose output it cut (measured on Docker 20.10: an exec read slowly loses its
//! tail when dockerd gives up copying 2 s after the process ended). So the wrapper that runs the tool prints a trailer
//! behind the dump, `\n<marker> <status>\n`, and only a dump whose trailer arrived is complete. Where something compresses the
//! tool's output in the target, its exit status comes second: `\n<marker> <status> <status>\n`.

use bytes::Bytes;
use memchr::memmem::Finder;

/// Longest text behind the marker: twice a space and an exit status of up to three digits, and a newline.
const STATUS_LEN: usize = 9;

/// Takes the trailer off the end of a stream that arrives in pieces of any size.
#[derive(Debug)]
pub(crate) struct TrailerStripper {
    /// `\n` and the marker.
    needle: Finder<'static>,
    /// The last bytes seen, kept back because the trailer may have begun in them.
    held: Vec<u8>,
    statuses: Option<Statuses>,
}

/// How the processes ended that a dump came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Statuses {
    pub(crate) tool: u8,
    /// Of what compressed the tool's output, where something did.
    pub(crate) compressor: Option<u8>,
}

/// The stream went on after its trailer, or the trailer is not one.
///
/// The marker is random, so a dump cannot contain it by chance: something in the target wrote to the tool's output
/// after the tool had ended (a child it left behind).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("output went on after the dump tool had ended; does it leave a process behind?")]
pub struct TrailingOutput;

impl TrailerStripper {
    pub(crate) fn new(marker: &str) -> Self {
        let needle = format!("\n{marker}");
        Self { needle: Finder::new(needle.as_bytes()).into_owned(), held: Vec::new(), statuses: None }
    }

    pub(super) fn marker(&self) -> &str {
        // It was made of one.
        std::str::from_utf8(self.needle.needle().get(1..).unwrap_or_default()).unwrap_or_default()
    }

    /// The exit statuses, once the trailer has arrived.
    pub(crate) fn statuses(&self) -> Option<Statuses> {
        self.statuses
    }

    /// Takes the next piece of the stream and returns what is certainly dump, in order, in up to two pieces.
    ///
    /// # Errors
    /// [`TrailingOutput`], when anything follows the trailer.
    pub(crate) fn push(&mut self, piece: Bytes) -> Result<[Bytes; 2], TrailingOutput> {
        if piece.is_empty() {
            return Ok([Bytes::new(), Bytes::new()]);
        }
        if self.statuses.is_some() {
            return Err(TrailingOutput);
        }
        let keep = self.needle.needle().len() + STATUS_LEN;
        if piece.len() < 2 * keep {
            // Small pieces are joined with what is held; a dump's end comes in a few of them.
            self.held.extend_from_slice(&piece);
            return self.scan_held(keep).map(|dump| [dump, Bytes::new()]);
        }
        // Large pieces are passed on without a copy. A trailer that began in what is held ends within `keep` bytes.
        let seam_len = self.held.len();
        self.held.extend_from_slice(piece.get(..keep).unwrap_or_default());
        if self.needle.find(&self.held).is_some_and(|start| start < seam_len) {
            // A whole trailer, and still a large piece behind it.
            return Err(TrailingOutput);
        }
        self.held.truncate(seam_len);
        let before = Bytes::from(std::mem::take(&mut self.held));
        let cut = match self.needle.find(&piece) {
            Some(start) => start,
            None => piece.len() - keep,
        };
        self.held.extend_from_slice(piece.get(cut..).unwrap_or_default());
        let mut dump = piece;
        dump.truncate(cut);
        let rest = self.scan_held(keep)?;
        debug_assert!(rest.is_empty(), "what is held is no longer than what must be");
        Ok([before, dump])
    }

    /// Returns the part of what is held that is dump for sure, and reads the trailer when it is complete.
    fn scan_held(&mut self, keep: usize) -> Result<Bytes, TrailingOutput> {
        if let Some(start) = self.needle.find(&self.held) {
            let behind = self.held.get(start + self.needle.needle().len()..).unwrap_or_default();
            self.statuses = parse_statuses(behind)?;
            let dump = self.held.drain(..start).collect::<Vec<_>>();
            return Ok(dump.into());
        }
        let sure = self.held.len().saturating_sub(keep);
        Ok(self.held.drain(..sure).collect::<Vec<_>>().into())
    }
}

/// Reads ` <status>\n` or ` <status> <status>\n`; `None` while it may still be incomplete.
fn parse_statuses(text: &[u8]) -> Result<Option<Statuses>, TrailingOutput> {
    let complete = match text.iter().position(|&byte| byte == b'\n') {
        Some(end) if end + 1 == text.len() => text.get(..end).unwrap_or_default(),
        None if text.len() < STATUS_LEN => return Ok(None),
        _ => return Err(TrailingOutput),
    };
    let mut statuses = complete.split(|&byte| byte == b' ').skip(1).map(exit_status);
    let found = match (complete.first(), statuses.next(), statuses.next(), statuses.next()) {
        (Some(b' '), Some(Some(tool)), None, _) => Some(Statuses { tool, compressor: None }),
        (Some(b' '), Some(Some(tool)), Some(Some(compressor)), None) => {
            Some(Statuses { tool, compressor: Some(compressor) })
        }
        _ => None,
    };
    found.map(Some).ok_or(TrailingOutput)
}

/// As a shell prints it: no sign, and no zero in front of it.
fn exit_status(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    text.parse().ok().filter(|status: &u8| status.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MARKER: &str = "dumpcar-0123456789abcdef0123456789abcdef";

    fn run(stripper: &mut TrailerStripper, pieces: &[&[u8]]) -> Result<Vec<u8>, TrailingOutput> {
        let mut dump = Vec::new();
        for piece in pieces {
            for part in stripper.push(Bytes::copy_from_slice(piece))? {
                dump.extend_from_slice(&part);
            }
        }
        Ok(dump)
    }

    fn one(tool: u8) -> Option<Statuses> {
        Some(Statuses { tool, compressor: None })
    }

    fn with_trailer(dump: &[u8], status: u8) -> Vec<u8> {
        [dump, format!("\n{MARKER} {status}\n").as_bytes()].concat()
    }

    /// What is held back waits in memory, and the tool in the target waits for whoever holds it.
    #[test]
    fn no_more_is_held_back_than_a_trailer_may_have() {
        let longest = format!("\n{MARKER} 255 255\n").len();
        for size in [1, 7, 40, 90, 100, 1000, 32 * 1024] {
            let (piece, mut stripper) = (vec![b'x'; size], TrailerStripper::new(MARKER));
            let got: usize = (0..20).map(|_| run(&mut stripper, &[&piece]).unwrap().len()).sum();
            assert_eq!(20 * size - got, longest.min(20 * size), "{size}");
        }
    }

    #[test]
    fn a_status_that_is_too_long_is_refused_at_once() {
        for behind in [" 255 2555", " 123456789", "xxxxxxxxx", " 0\nx", " 256\n", " 0 256\n"] {
            let mut stripper = TrailerStripper::new(MARKER);
            let stream = format!("dump\n{MARKER}{behind}");
            let pieces: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(run(&mut stripper, &pieces), Err(TrailingOutput), "{behind:?}");
            assert_eq!(
                run(&mut TrailerStripper::new(MARKER), &[stream.as_bytes()]),
                Err(TrailingOutput),
                "{behind:?}"
            );
        }
    }

    #[test]
    fn the_trailer_is_found_wherever_the_stream_is_split() {
        for dump in [&b""[..], b"\n", b"-- done\n", &[b'x'; 300], &[b'\n'; 300]] {
            for status in [0, 7, 42, 255] {
                let stream = with_trailer(dump, status);
                for split in 0..=stream.len() {
                    let mut stripper = TrailerStripper::new(MARKER);
                    let (a, b) = stream.split_at(split);
                    assert_eq!(run(&mut stripper, &[a, b]).unwrap(), dump, "split at {split}");
                    assert_eq!(stripper.statuses(), one(status), "split at {split}");
                }
            }
        }
    }

    #[test]
    fn a_compressors_status_comes_second() {
        let stream = [&[b'x'; 200][..], format!("\n{MARKER} 1 137\n").as_bytes()].concat();
        for split in 0..=stream.len() {
            let mut stripper = TrailerStripper::new(MARKER);
            let (a, b) = stream.split_at(split);
            assert_eq!(run(&mut stripper, &[a, b]).unwrap(), [b'x'; 200], "split at {split}");
            let both = Statuses { tool: 1, compressor: Some(137) };
            assert_eq!(stripper.statuses(), Some(both), "split at {split}");
        }
    }

    #[test]
    fn a_cut_stream_never_has_a_status() {
        let stream = with_trailer(&[b'x'; 200], 0);
        for end in 0..stream.len() {
            let mut stripper = TrailerStripper::new(MARKER);
            run(&mut stripper, &[&stream[..end]]).unwrap();
            assert_eq!(stripper.statuses(), None, "cut at {end}");
        }
    }

    #[test]
    fn output_behind_the_trailer_is_an_error() {
        for behind in [&b"x"[..], b"\n", &[b'x'; 1000]] {
            let stream = [&with_trailer(&[b'x'; 200], 0), behind].concat();
            for split in 0..=stream.len() {
                let (a, b) = stream.split_at(split);
                assert_eq!(
                    run(&mut TrailerStripper::new(MARKER), &[a, b]),
                    Err(TrailingOutput),
                    "split at {split}"
                );
            }
        }
    }

    #[test]
    fn a_marker_without_a_status_is_an_error() {
        for text in [
            " 256\n",
            " 999\n",
            " x\n",
            "0\n",
            " 123456789",
            " +0\n",
            " -0\n",
            " 00\n",
            " 007\n",
            " +7\n",
            "  0\n",
            " 0 \n",
            " \n",
            "\n",
            " 0  0\n",
            " 0 x\n",
            " 0 0 0\n",
            " 0 0 \n",
        ] {
            let stream = format!("dump\n{MARKER}{text}");
            assert_eq!(
                run(&mut TrailerStripper::new(MARKER), &[stream.as_bytes()]),
                Err(TrailingOutput),
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_dump_in_any_pieces_comes_out_whole(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..20),
            status in any::<u8>(),
            tail_splits in prop::collection::vec(0usize..60, 0..4),
        ) {
            let dump = pieces.concat();
            let mut stripper = TrailerStripper::new(MARKER);
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let mut got = run(&mut stripper, &pieces).unwrap();
            let trailer = with_trailer(b"", status);
            let mut splits = tail_splits;
            splits.retain(|&at| at <= trailer.len());
            splits.sort_unstable();
            let mut from = 0;
            for to in splits.into_iter().chain([trailer.len()]) {
                got.extend(run(&mut stripper, &[&trailer[from..to]]).unwrap());
                from = to;
            }
            prop_assert_eq!(got, dump);
            prop_assert_eq!(stripper.statuses(), one(status));
        }
    }
}
