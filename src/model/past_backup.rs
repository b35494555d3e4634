//! A backup in numbers, for whoever shows what was: a page, a metric.

use std::time::Duration;

use jiff::Timestamp;

use super::key::Stamp;
use super::manifest::Manifest;
use super::trigger::Trigger;

/// A backup as its manifest has it, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastBackup {
    pub stamp: Stamp,
    pub trigger: Trigger,
    /// From the start of its run to its manifest.
    pub elapsed: Duration,
    /// Bytes, as the tools printed them.
    pub plain_bytes: u64,
    /// Bytes in the store.
    pub stored_bytes: u64,
    /// Why it is not good, if it is not.
    pub defect: Option<String>,
}

impl PastBackup {
    pub fn new(manifest: &Manifest, defect: Option<String>) -> Self {
        Self {
            stamp: manifest.stamp,
            trigger: manifest.trigger,
            elapsed: Duration::try_from(manifest.finished.duration_since(manifest.started))
                .unwrap_or_default(),
            plain_bytes: manifest.plain_bytes(),
            stored_bytes: manifest.stored_bytes(),
            defect,
        }
    }

    /// When it was whole.
    pub fn ended(&self) -> Timestamp {
        self.stamp.timestamp().checked_add(self.elapsed).unwrap_or(Timestamp::MAX)
    }
}
