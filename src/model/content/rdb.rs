//! What is in a dump of Redis or Valkey: the file `dump.rdb`, and what `redis-cli --rdb` prints.
//!
//! A table is what one database has of one type, like `0 string` or `15 zset`. A row is a key: its name, when it expires, and
//! its value. The libraries of functions are a table of their own, and so is what modules keep besides keys.
//!
//! A server writes a value in one of many ways: small ones packed, large ones member by member, and each version has its own.
//! The same value has the same hash in all of them ([`value`]). What a server notes along the way is not content: who wrote the
//! dump and when, what was used last, how large a table becomes.
//!
//! The facts are those of Redis 6.0 to 8.0 and Valkey 8.1 to 9.1, from their `src/rdb.c` and `src/rdb.h`; each place names the
//! function it has its facts from. A value that no server wrote when this was written is not skipped, for nobody knows where it
//! ends: the reader stops there, and [`Counter::unread`](super::Counter::unread) says so. Whether the dump is whole can be told all the same ([`seal`]).
//!
//! # Memory
//!
//! Strings and packed values are hashed as they pass. A piece of the dump is kept until it was read, and of a compressed string
//! the last 80 KiB. Nothing is reserved because a length says so. Of a stream's entries the names of fields they have in common
//! are kept, 8 bytes each; with more than 1,048,576 of them the stream counts as malformed.

mod feed;
mod file;
mod found;
mod lzf;
mod module;
mod pack;
mod parts;
mod seal;
mod stream;
mod text;
mod value;

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::rows::chain;
use super::tally::Tally;
use super::{NotWhole, Unread};
use feed::{Feed, Inbox};
use found::Found;
use seal::{MARK, Proof, SUM_BYTES, Seal};

pub use parts::{DumpPart, DumpParts, PUT_OFF};

/// When something expires that does not: -1, as the server has it.
const NEVER: u64 = u64::MAX;

/// What reads a dump. It is given up at the end of the dump, or where it cannot be read on.
type Parser = Pin<Box<dyn Future<Output = Result<u64, Unread>> + Send>>;

pub(super) struct Reader {
    inbox: Inbox,
    found: Found,
    state: State,
    seal: Seal,
}

enum State {
    Reading(Parser),
    /// Where the dump has its checksum, or why it could not be read.
    Ended(Result<u64, Unread>),
}

impl Default for Reader {
    fn default() -> Self {
        Self::new(false)
    }
}

impl Reader {
    /// `is_on_trial`: times were put off by [`PUT_OFF`] before it was loaded.
    pub(super) fn new(is_on_trial: bool) -> Self {
        let (inbox, found) = (Inbox::default(), Found::default());
        let feed = Feed::new(inbox.clone()).put_off(if is_on_trial { PUT_OFF } else { 0 });
        let parser = file::file(feed, found.clone());
        Self { inbox, found, state: State::Reading(Box::pin(parser)), seal: Seal::default() }
    }
}

impl Reader {
    pub(super) fn take(&mut self, piece: &[u8], tally: &mut Tally) {
        self.seal.take(piece);
        let State::Reading(parser) = &mut self.state else { return };
        self.inbox.put(piece);
        let polled = parser.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.found.hand_over(tally);
        if let Poll::Ready(result) = polled {
            self.state = State::Ended(result);
        }
    }

    /// Why it is not known what is in the dump, now that all of it has come.
    pub(super) fn unread(&self) -> Option<Unread> {
        match self.state {
            State::Reading(_) => Some(Unread::Ended { at: self.seal.bytes() }),
            State::Ended(Err(unread)) => Some(unread),
            State::Ended(Ok(_)) => None,
        }
    }

    /// Whether the dump is whole, now that all of it has come.
    ///
    /// If its checksum is right, it is what the server wrote, whether it can be read or not.
    pub(super) fn whole(&self) -> Result<(), NotWhole> {
        let bytes = self.seal.bytes();
        match self.seal.head().first_chunk() {
            None => return Err(NotWhole::CutOff { at: bytes }),
            Some(head) if file::brand(*head).is_none() => return Err(NotWhole::NoDump),
            Some(_) => {}
        }
        let mark = if self.seal.has_mark() { MARK } else { 0 };
        if let State::Ended(Ok(sum)) = self.state {
            let end = sum + SUM_BYTES as u64;
            let Some(behind) = bytes.checked_sub(end) else { return Err(NotWhole::CutOff { at: bytes }) };
            return if behind != 0 && behind != mark as u64 {
                Err(NotWhole::Trailing { end, bytes: behind })
            } else if self.seal.proof(if behind == 0 { 0 } else { mark }) == Proof::None {
                Err(NotWhole::Checksum)
            } else {
                Ok(())
            };
        }
        match (&self.state, self.seal.proof(mark)) {
            (_, Proof::Sum) | (State::Ended(Err(Unread::Unknown { .. })), Proof::Off) => Ok(()),
            (State::Ended(Err(unread)), _) => Err(NotWhole::Unread(*unread)),
            (State::Reading(_) | State::Ended(Ok(_)), _) => Err(NotWhole::CutOff { at: bytes }),
        }
    }
}

#[cfg(test)]
mod tests;
