//! The bytes of a dump, as a reader asks for them and in whatever pieces they come.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use crate::model::content::verdict::Unread;

/// When something expires that does not: -1, as the server has it.
pub(super) const NEVER: u64 = u64::MAX;

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
    capture: Option<Capture>,
    /// By how many milliseconds the times in it were put off, so that nothing expires on trial.
    put_off: u64,
}

/// The bytes that are taken, for somebody who passes them on.
struct Capture {
    bytes: Vec<u8>,
    most: usize,
    is_over: bool,
}

impl Feed {
    pub(super) fn new(inbox: Inbox) -> Self {
        Self { inbox, bytes: Vec::new(), taken: 0, before: 0, capture: None, put_off: 0 }
    }

    pub(super) fn put_off(self, milliseconds: u64) -> Self {
        Self { put_off: milliseconds, ..self }
    }

    /// From now on keeps what is taken, behind `first`, as long as all of it is no more than `most` bytes.
    pub(super) fn begin(&mut self, first: u8, most: usize) {
        self.capture = Some(Capture { bytes: vec![first], most, is_over: false });
    }

    /// What was taken since then; `None` if it was more.
    pub(super) fn end(&mut self) -> Option<Vec<u8>> {
        self.capture.take().filter(|capture| !capture.is_over).map(|capture| capture.bytes)
    }

    /// How many bytes may still be kept.
    pub(super) fn room(&self) -> usize {
        self.capture.as_ref().map_or(0, |capture| capture.most)
    }

    /// Keeps other bytes instead of those that were taken.
    pub(super) fn replace(&mut self, bytes: Vec<u8>, most: usize) {
        self.capture = Some(Capture { is_over: bytes.len() > most, bytes, most });
    }

    /// A time in milliseconds, as it was before it was put off.
    pub(super) fn time(&self, time: u64) -> u64 {
        if time == NEVER { NEVER } else { time.wrapping_sub(self.put_off) }
    }

    /// Puts off the time that was taken last, in what is kept.
    pub(super) fn put_off_last(&mut self, milliseconds: u64) {
        let last = self.capture.as_mut().and_then(|capture| capture.bytes.last_chunk_mut::<8>());
        if let Some(last) = last
            && u64::from_le_bytes(*last) != NEVER
        {
            *last = u64::from_le_bytes(*last).wrapping_add(milliseconds).to_le_bytes();
        }
    }

    fn keep(&mut self, from: usize) {
        if let (Some(capture), Some(part)) = (&mut self.capture, self.bytes.get(from..self.taken)) {
            capture.is_over |= part.len() > capture.most.saturating_sub(capture.bytes.len());
            if !capture.is_over {
                capture.bytes.extend_from_slice(part);
            }
        }
    }

    /// How many bytes of the dump were taken.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.taken as u64
    }

    /// The next bytes, if so many are there without waiting.
    pub(super) fn now(&mut self, bytes: u64) -> Option<&[u8]> {
        let end = self.taken.checked_add(usize::try_from(bytes).ok()?)?;
        let start = self.taken;
        self.bytes.get(start..end)?;
        self.taken = end;
        self.keep(start);
        self.bytes.get(start..end)
    }

    /// The next bytes: at least one, and at most so many.
    pub(super) async fn some(&mut self, most: u64) -> &[u8] {
        if self.taken == self.bytes.len() && most > 0 {
            self.wait().await;
        }
        let start = self.taken;
        let size = usize::try_from(most).unwrap_or(usize::MAX).min(self.bytes.len() - start);
        self.taken += size;
        self.keep(start);
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
