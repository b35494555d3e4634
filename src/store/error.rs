//! A request to the store that was not done.

use std::fmt::Write as _;
use std::time::Duration;

use super::cause::short;
use crate::model::key::BackupKey;
use crate::model::manifest::ManifestError;
use crate::model::run::RecordError;
use crate::signing::{Namespace, Unsigned};

/// A request to the store that was not done. The text is one line, names the thing, and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct StoreError {
    pub kind: StoreErrorKind,
    pub(super) text: String,
    /// The store refused because it keeps the object for a time.
    pub(super) is_of_a_lock: bool,
}

/// What the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// There is no such object.
    NotFound,
    /// A person has to change something: keys, names, the clock.
    Refused,
    /// The keys are good but lack this right.
    Denied,
    /// This store has no such request.
    Unsupported,
    /// May go through later.
    Transient,
    /// The store no longer has what was sent so far: it may go through from the beginning.
    Lost,
    /// The object is not what it should be.
    Damaged,
    /// It is not signed by anybody whose signature counts.
    Unsigned,
    /// Somebody else's backup is where this one was to be.
    Taken,
    /// Dumpcar was told to stop.
    Stopped,
}

impl StoreError {
    /// Whether the keys lack the right, as keys that may only write do.
    pub fn is_denied(&self) -> bool {
        self.kind == StoreErrorKind::Denied
    }

    /// Whether the store says that it keeps the object for a time. One that only says that it is denied may mean the same.
    pub fn is_of_a_lock(&self) -> bool {
        self.is_of_a_lock
    }

    /// The same, and that it was tried for so long.
    pub(super) fn after_trying_for(mut self, time: Duration) -> Self {
        let seconds = Duration::from_secs(time.as_secs());
        write!(self.text, " (tried for {})", humantime::format_duration(seconds))
            .expect("a String takes everything");
        self
    }

    pub(super) fn new(kind: StoreErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), is_of_a_lock: false }
    }

    pub(super) fn manifest_taken(key: &BackupKey) -> Self {
        Self::new(
            StoreErrorKind::Taken,
            format!(
                "another backup {key} is already there; is a second Dumpcar using this bucket and target name?"
            ),
        )
    }

    pub(super) fn bad_manifest(key: &BackupKey, error: &ManifestError) -> Self {
        Self::new(StoreErrorKind::Damaged, format!("{}: {}", key.manifest(), short(error)))
    }

    pub(super) fn bad_record(key: &str, error: &RecordError) -> Self {
        Self::new(StoreErrorKind::Damaged, format!("{key}: {}", short(error)))
    }

    pub(super) fn too_large(key: &str, bytes: u64, most: u64) -> Self {
        Self::new(
            StoreErrorKind::Damaged,
            format!("{key} has {bytes} bytes, and no file of Dumpcar's of this kind has more than {most}"),
        )
    }

    pub(super) fn unsigned(kind: Namespace, key: &str, reason: Unsigned) -> Self {
        let cure = match (reason, kind) {
            (Unsigned::Untrusted(_), _) => "if you trust this signer, add the key",
            (_, Namespace::Manifest) => {
                "if you trust it, put the signature of `ssh-keygen -Y sign -n dumpcar-manifest` beside it"
            }
            (_, Namespace::Record) => "if no Dumpcar without DUMPCAR_SIGNING_KEY is at work here, delete it",
            (_, Namespace::Drill) => "drill this backup again",
            (_, Namespace::Forgotten) => "run `dumpcar forget` again",
            (_, Namespace::Verified) => "the next verification writes it again",
        };
        Self::new(StoreErrorKind::Unsigned, format!("{key} {reason}: {cure}"))
    }

    pub(super) fn foreign_manifest(key: &BackupKey) -> Self {
        Self::new(
            StoreErrorKind::Damaged,
            format!("{} belongs to another backup; was it copied there?", key.manifest()),
        )
    }
}
