//! The bytes of a dump, as a reader asks for them and in whatever pieces they come.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use super::Unread;

/// What came and was not asked for yet.
#[derive(Clone, Default)]
pub(super) struct Inbox(Arc<Mutex<Vec<u8>>>);

impl Inbox {
    pub(super) fn put(&self, piece: &[u8]) {
        self.lock().extend_from_slice(piece);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever asks it for bytes waits until there are some. If the dump ends before, it waits for ever: a reader has no end of
/// input to think of, and one that still waits at the end says that the dump is cut off.
pub(super) struct Feed {
    inbox: Inbox,
    bytes: Vec<u8>,
    /// How many of them were taken.
    taken: usize,
    /// How many were taken before them.
    before: u64,
}

impl Feed {
    pub(super) fn new(inbox: Inbox) -> Self {
        Self { inbox, bytes: Vec::new(), taken: 0, before: 0 }
    }

    /// How many bytes of the dump were taken.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.taken as u64
    }

    /// The next bytes, if so many are there without waiting.
    pub(super) fn now(&mut self, bytes: u64) -> Option<&[u8]> {
        let end = self.taken.checked_add(usize::try_from(bytes).ok()?)?;
        let part = self.bytes.get(self.taken..end)?;
        self.taken = end;
        Some(part)
    }

    /// The next bytes: at least one, and at most so many.
    pub(super) async fn some(&mut self, most: u64) -> &[u8] {
        if self.taken == self.bytes.len() && most > 0 {
            self.wait().await;
        }
        let start = self.taken;
        let size = usize::try_from(most).unwrap_or(usize::MAX).min(self.bytes.len() - start);
        self.taken += size;
        self.bytes.get(start..self.taken).unwrap_or_default()
    }

    async fn wait(&mut self) {
        self.before += self.bytes.len() as u64;
        self.bytes.clear();
        self.taken = 0;
        let Self { inbox, bytes, .. } = self;
        poll_fn(|_| {
            std::mem::swap(&mut *inbox.lock(), bytes);
            if bytes.is_empty() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    pub(super) async fn byte(&mut self) -> u8 {
        let [byte] = self.array().await;
        byte
    }

    pub(super) async fn array<const SIZE: usize>(&mut self) -> [u8; SIZE] {
        if let Some(array) = self.now(SIZE as u64).and_then(|part| part.first_chunk()) {
            return *array;
        }
        let mut array = [0; SIZE];
        let mut rest = array.as_mut_slice();
        while !rest.is_empty() {
            let part = self.some(rest.len() as u64).await;
            let (now, later) = rest.split_at_mut(part.len());
            now.copy_from_slice(part);
            rest = later;
        }
        array
    }

    /// A length, or a number that is written like one (`rdbLoadLenByRef` in `rdb.c`).
    pub(super) async fn length(&mut self) -> Result<u64, Unread> {
        match self.length_or_encoding().await? {
            Length::Plain(length) => Ok(length),
            Length::Encoded(_) => Err(self.malformed("there is no length")),
        }
    }

    pub(super) async fn length_or_encoding(&mut self) -> Result<Length, Unread> {
        let first = self.byte().await;
        Ok(match (first >> 6, first & 0x3f) {
            (0, short) => Length::Plain(u64::from(short)),
            (1, high) => Length::Plain(u64::from(u16::from_be_bytes([high, self.byte().await]))),
            (2, 0) => Length::Plain(u64::from(u32::from_be_bytes(self.array().await))),
            (2, 1) => Length::Plain(u64::from_be_bytes(self.array().await)),
            (2, _) => return Err(self.malformed("there is no length")),
            (_, encoding) => Length::Encoded(encoding),
        })
    }

    pub(super) fn malformed(&self, what: &'static str) -> Unread {
        Unread::Malformed { at: self.offset(), what }
    }
}

/// What stands before a string.
pub(super) enum Length {
    Plain(u64),
    /// It is written in another way (`RDB_ENC_…` in `rdb.h`).
    Encoded(u8),
}
