//! A dump in parts that can be put into another server one by one.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::feed::{Feed, Inbox, NEVER};
use super::file::{Key, Parser, Visitor, file};
use super::seal::SUM;
use crate::model::content::verdict::Unread;

/// By how many milliseconds times are put off on trial: a hundred years.
///
/// A drill compares what was dumped days ago, and nothing of it may expire in the meantime.
pub const PUT_OFF: u64 = 100 * 31_557_600_000;

/// A larger value is not taken apart: in bytes. One is in memory at a time, a few times.
const MOST: usize = 16 * 1024 * 1024;

/// What a dump has, in its order.
#[derive(Clone, PartialEq, Eq)]
pub enum DumpPart {
    Key {
        database: u64,
        name: Vec<u8>,
        /// In milliseconds since 1970.
        expires: Option<u64>,
        /// Its type and its value, as the dump has them.
        value: Vec<u8>,
    },
    /// The code of a library of functions.
    Library(Vec<u8>),
    /// A value of more than so many bytes.
    TooLarge { name: Option<String>, most: usize },
    /// What no client can put into a server.
    LeftOut(&'static str),
}

impl fmt::Debug for DumpPart {
    /// Without values: they are people's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { database, name, value, .. } => {
                write!(f, "key {database} {:?} ({} bytes)", String::from_utf8_lossy(name), value.len())
            }
            Self::Library(code) => write!(f, "library ({} bytes)", code.len()),
            Self::TooLarge { name, .. } => write!(f, "{name:?} is too large"),
            Self::LeftOut(what) => f.write_str(what),
        }
    }
}

/// Takes a dump apart while it passes.
pub struct DumpParts {
    inbox: Inbox,
    queue: Queue,
    state: Result<Parser, Result<u64, Unread>>,
    bytes: u64,
}

impl fmt::Debug for DumpParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DumpParts").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl DumpParts {
    /// `is_on_trial`: with the times of fields put off by [`PUT_OFF`]; those of keys are for the caller to put off.
    pub fn new(is_on_trial: bool) -> Self {
        let (inbox, queue) = (Inbox::default(), Queue { is_on_trial, ..Queue::default() });
        let parser = file(Feed::new(inbox.clone()), queue.clone());
        Self { inbox, queue, state: Ok(Box::pin(parser)), bytes: 0 }
    }

    /// What is complete now that this piece has come.
    pub fn take(&mut self, piece: &[u8]) -> Vec<DumpPart> {
        self.bytes += piece.len() as u64;
        let Ok(parser) = &mut self.state else { return Vec::new() };
        self.inbox.put(piece);
        if let Poll::Ready(ended) = parser.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            self.state = Err(ended);
        }
        self.queue.take()
    }

    /// Whether all of the dump was taken apart, now that it has ended.
    ///
    /// # Errors
    /// Why not.
    pub fn end(&self) -> Result<(), Unread> {
        match self.state {
            Ok(_) => Err(Unread::Ended { at: self.bytes }),
            Err(Err(unread)) => Err(unread),
            Err(Ok(_)) => Ok(()),
        }
    }

    /// What the command `RESTORE` wants behind a value and its version (`createDumpPayload` in `cluster.c`).
    pub fn checksum(value: &[u8]) -> u64 {
        SUM.checksum(value)
    }
}

#[derive(Clone, Default)]
struct Queue {
    parts: Arc<Mutex<VecDeque<DumpPart>>>,
    is_on_trial: bool,
}

impl Queue {
    fn put(&self, part: DumpPart) {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).push_back(part);
    }

    fn take(&self) -> Vec<DumpPart> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}

impl Visitor for Queue {
    const BYTES: usize = MOST;

    fn later(&self) -> u64 {
        if self.is_on_trial { PUT_OFF } else { 0 }
    }

    fn key(&mut self, key: Key) {
        let expires = Some(key.expiry).filter(|time| *time != NEVER);
        self.put(match (key.name, key.bytes) {
            (Some(name), Some(value)) => DumpPart::Key { database: key.database, name, expires, value },
            (name, _) => {
                let name = name.map(|name| String::from_utf8_lossy(&name).into_owned());
                DumpPart::TooLarge { name, most: MOST }
            }
        });
    }

    fn library(&mut self, _hash: u64, code: Option<Vec<u8>>) {
        let too_large =
            || DumpPart::TooLarge { name: Some("of a library of functions".to_owned()), most: MOST };
        self.put(code.map_or_else(too_large, DumpPart::Library));
    }

    fn module(&mut self, _hash: u64) {
        self.put(DumpPart::LeftOut("what a module keeps besides keys is not restored"));
    }

    fn metadata(&mut self) {
        self.put(DumpPart::LeftOut("what modules keep of a key besides its value is not restored"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::content::rdb::tests::all;

    fn parts(dump: &[u8], piece: usize) -> (Vec<DumpPart>, Result<(), Unread>) {
        let mut parts = DumpParts::new(false);
        let all = dump.chunks(piece).flat_map(|piece| parts.take(piece)).collect();
        (all, parts.end())
    }

    #[test]
    fn a_dump_comes_apart_in_the_same_way_whatever_its_pieces() {
        for (name, dump) in all() {
            let (whole, end) = parts(dump, dump.len());
            assert_eq!(end, Ok(()), "{name}");
            assert!(!whole.is_empty(), "{name}");
            for size in [1, 7, 1000] {
                assert!(parts(dump, size) == (whole.clone(), Ok(())), "{name} {size}");
            }
            let (_, end) = parts(&dump[..dump.len() / 2], 4096);
            assert!(matches!(end, Err(Unread::Ended { .. })), "{name}");
        }
    }
}
