//! The two ends of a dump.

/// Enough for a magic number, and for the marks engines put at the end of a dump.
const HEAD: usize = 64;
const TAIL: usize = 4096;

/// The two ends of a dump, for the content check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ends {
    pub head: Vec<u8>,
    pub tail: Vec<u8>,
    pub bytes: u64,
}

impl Ends {
    pub(super) fn take(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        let room = HEAD - self.head.len();
        self.head.extend(piece.iter().take(room));
        let last = piece.get(piece.len().saturating_sub(TAIL)..).unwrap_or_default();
        let surplus = (self.tail.len() + last.len()).saturating_sub(TAIL);
        self.tail.drain(..surplus);
        self.tail.extend_from_slice(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_dump_are_kept_however_it_is_split() {
        let dump: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
        for piece in [1, 7, 63, 64, 65, 4095, 4096, 4097, 100_000] {
            let mut ends = Ends::default();
            dump.chunks(piece).for_each(|piece| ends.take(piece));
            assert_eq!(ends.head, dump[..HEAD]);
            assert_eq!(ends.tail, dump[dump.len() - TAIL..]);
            assert_eq!(ends.bytes, dump.len() as u64);
        }
    }
}
