//! The pieces of a dump that threads hand over.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Bytes handed over at a time. Docker sends frames of 13 KiB on average (measured): to wake a thread for each one would
/// cost as much as to hash it. And a chunk is as large as its memory, while a frame keeps all of the buffer it was read into.
pub(super) const CHUNK: usize = 256 * 1024;

/// Memory for chunks, used again and again: to give it back and take it anew for each would cost as much as to hash it.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

impl Pool {
    /// An empty buffer with room for a chunk.
    pub(super) fn take(&self) -> Vec<u8> {
        let mut free = self.pop();
        free.clear();
        free
    }

    /// A buffer of a chunk's length, with whatever was in it.
    pub(super) fn take_filled(&self) -> Vec<u8> {
        let mut free = self.pop();
        free.resize(CHUNK, 0);
        free
    }

    fn pop(&self) -> Vec<u8> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| Vec::with_capacity(CHUNK))
    }

    /// What is in the buffer; its memory comes back when nobody holds that any more.
    pub(super) fn share(&self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Chunk { bytes, pool: self.clone() })
    }
}

struct Chunk {
    bytes: Vec<u8>,
    pool: Pool,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let bytes = mem::take(&mut self.bytes);
        self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}
