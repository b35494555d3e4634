//! What a run is doing right now, for whoever wants to look.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Shared between a run and its spectators.
#[derive(Debug, Default)]
pub struct Progress {
    stage: Mutex<String>,
    retries: AtomicU64,
    plain_bytes: AtomicU64,
    stored_bytes: AtomicU64,
}

impl Progress {
    /// Says what is done now: `dumping shop`.
    pub fn set_stage(&self, stage: impl Into<String>) {
        *self.stage.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = stage.into();
    }

    pub fn stage(&self) -> String {
        self.stage.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// It is tried again.
    pub fn try_again(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it was tried again so far.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Bytes of a dump have come or gone.
    pub fn add_plain(&self, bytes: u64) {
        self.plain_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn add_stored(&self, bytes: usize) {
        self.stored_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of dumps that were printed, or read back, so far.
    pub fn plain_bytes(&self) -> u64 {
        self.plain_bytes.load(Ordering::Relaxed)
    }

    /// Bytes handed to the store so far.
    pub fn stored_bytes(&self) -> u64 {
        self.stored_bytes.load(Ordering::Relaxed)
    }
}
