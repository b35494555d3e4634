//! What a dump says of itself at its end: the opcode `EOF` and the checksum of everything before it (`rdbSaveRio` in `rdb.c`).

use crc::{CRC_64_REDIS, Crc, Digest, Table};

use super::brand::HEAD;

pub(super) static SUM: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// `RDB_OPCODE_EOF` in `rdb.h`.
const EOF: u8 = 0xff;
pub(super) const SUM_BYTES: usize = 8;

/// So many bytes of a mark tell a replica that a dump has ended whose size nobody knew before (`RDB_EOF_MARK_SIZE` in
/// `server.h`).
///
/// A server that sends its dump without a file (`repl-diskless-sync`, which Redis does since 7.0) puts it behind the dump.
/// `redis-cli --rdb` takes it off a file, but not off its standard output (`getRDB` in `redis-cli.c`). A server that loads the
/// dump does not read that far.
pub(super) const MARK: usize = 40;

/// How much of a dump's end is kept.
const TAIL: usize = 1 + SUM_BYTES + MARK;

/// What the last bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// The checksum is right.
    Sum,
    /// The server was told to write no checksums (`rdbchecksum no`).
    Off,
    None,
}

pub(super) struct Seal {
    /// Of all but [`Seal::tail`].
    sum: Digest<'static, u64, Table<16>>,
    head: Vec<u8>,
    tail: Vec<u8>,
    bytes: u64,
}

impl Default for Seal {
    fn default() -> Self {
        Self { sum: SUM.digest(), head: Vec::new(), tail: Vec::new(), bytes: 0 }
    }
}

impl Seal {
    pub(super) fn take(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        let (start, _) = piece.split_at(piece.len().min(HEAD - self.head.len()));
        self.head.extend_from_slice(start);
        // What of the tail and what of the piece are no longer among the last bytes.
        let of_tail = (self.tail.len() + piece.len()).saturating_sub(TAIL).min(self.tail.len());
        let (before, last) = piece.split_at(piece.len().saturating_sub(TAIL));
        self.sum.update(self.tail.get(..of_tail).unwrap_or_default());
        self.sum.update(before);
        self.tail.drain(..of_tail);
        self.tail.extend_from_slice(last);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The first bytes.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Whether the last bytes look like a mark.
    pub(super) fn has_mark(&self) -> bool {
        let mark = self.tail.len().checked_sub(MARK).and_then(|start| self.tail.get(start..));
        mark.is_some_and(|mark| mark.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
    }

    /// What a dump says of itself behind which so many bytes come, at most [`MARK`].
    pub(super) fn proof(&self, behind: usize) -> Proof {
        let dump = self.tail.len().checked_sub(behind).and_then(|end| self.tail.get(..end));
        let Some((before, said)) = dump.and_then(<[u8]>::split_last_chunk::<SUM_BYTES>) else {
            return Proof::None;
        };
        if before.last() != Some(&EOF) {
            return Proof::None;
        }
        let mut sum = self.sum.clone();
        sum.update(before);
        match u64::from_le_bytes(*said) {
            0 => Proof::Off,
            said if said == sum.finalize() => Proof::Sum,
            _ => Proof::None,
        }
    }
}
