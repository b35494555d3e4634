//! What a backup is worth: by its manifest, and by what the bucket's listing shows of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::model::content::Content;
use crate::model::key::{BackupKey, Stamp};
use crate::model::manifest::{Manifest, ManifestObject};
use crate::model::missing;
use crate::model::past_backup::PastBackup;
use crate::model::retention::{Candidate, Standing};
use crate::model::target::TargetName;
use crate::store::{Catalog, Store, StoreError, StoreErrorKind, StoredBackup, Version};

/// What a backup is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Worth {
    Good(Manifest),
    /// Whole, and far smaller than the last good one was.
    Suspicious(Manifest, String),
    /// Whole, as far as it goes: something could not be dumped.
    Partial(Manifest, String),
    /// An object that its manifest names is not listed, or not with its size.
    Incomplete(Manifest, String),
    /// There is no manifest that could be understood.
    Unreadable(String),
    /// Only signed ones count (`DUMPCAR_TRUSTED_SIGNERS`), and this one is not.
    Unsigned(String),
}

impl Worth {
    /// What there is, if it could be read.
    pub fn manifest(&self) -> Option<&Manifest> {
        match self {
            Self::Good(manifest)
            | Self::Suspicious(manifest, _)
            | Self::Partial(manifest, _)
            | Self::Incomplete(manifest, _) => Some(manifest),
            Self::Unreadable(_) | Self::Unsigned(_) => None,
        }
    }

    /// What is remembered of the backup of this stamp.
    pub fn known(&self, stamp: Stamp) -> Known {
        let standing = self.standing();
        let numbers = self.manifest().map(|manifest| PastBackup::new(manifest, standing.clone()));
        let writer = self.manifest().and_then(Manifest::writer);
        Known { candidate: Candidate { stamp, standing, writer }, numbers }
    }

    /// Whether the rules of retention count it.
    pub fn standing(&self) -> Standing {
        match self {
            Self::Good(manifest) => Standing::Counts {
                trigger: manifest.trigger,
                accepted_smaller_than: manifest.accepted_smaller_than,
            },
            Self::Suspicious(_, reason) => {
                Standing::Aside { reason: format!("suspicious: {reason}"), stands_in: false }
            }
            Self::Partial(manifest, reason) => Standing::Aside {
                reason: format!("incomplete: {reason}"),
                stands_in: manifest.suspicious.is_none(),
            },
            Self::Incomplete(_, reason) => {
                Standing::Aside { reason: format!("incomplete: {reason}"), stands_in: false }
            }
            Self::Unreadable(reason) => Standing::Unknown(format!("unreadable: {reason}")),
            Self::Unsigned(reason) => Standing::Unsigned(reason.clone()),
        }
    }
}

/// What is remembered of a backup.
#[derive(Debug, Clone)]
pub struct Known {
    /// What it is to retention.
    pub candidate: Candidate,
    /// `None` for one whose manifest cannot be understood, or does not count.
    pub numbers: Option<PastBackup>,
}

/// Finds out what a backup is worth, in one request.
///
/// # Errors
/// The manifest could not be read, which says nothing about it.
pub async fn assess(store: &Store, catalog: &Catalog, key: &BackupKey) -> Result<Worth, StoreError> {
    let manifest = match store.manifest(key).await {
        Ok(manifest) => manifest,
        Err(error) if error.kind == StoreErrorKind::Unsigned => {
            return Ok(Worth::Unsigned(error.to_string()));
        }
        Err(error) if says_something(&error) => return Ok(Worth::Unreadable(error.to_string())),
        Err(error) => return Err(error),
    };
    if let Some(reason) = catalog.lacks(key, &manifest) {
        return Ok(Worth::Incomplete(manifest, reason));
    }
    Ok(match (missing::summary(&manifest.missing), &manifest.suspicious) {
        (Some(reason), _) => Worth::Partial(manifest, reason),
        (None, Some(reason)) => {
            let reason = reason.to_string();
            Worth::Suspicious(manifest, reason)
        }
        (None, None) => Worth::Good(manifest),
    })
}

/// What this process has read of backups, or made, so that the daemon need not read tonight what it wrote last night. A listing
/// says each time whether it is still there, and still the same.
#[derive(Debug, Default)]
pub struct BackupCache {
    /// The last good backup of each target.
    last_good: Mutex<BTreeMap<TargetName, (Version, Manifest)>>,
    /// Backups, by the versions of their manifests, and the fingerprints of what was listed beside these.
    known: Mutex<BTreeMap<BackupKey, (Version, u64, Known)>>,
}

impl BackupCache {
    /// Remembers a good one; of its content, which may be large, only the numbers, which are compared.
    pub fn keep(&self, version: Version, manifest: &Manifest) {
        let objects = manifest.objects.iter();
        let objects = objects.map(|object| ManifestObject {
            content: object.content.as_ref().map(Content::numbers),
            ..object.clone()
        });
        let objects = objects.collect();
        let manifest = Manifest { objects, ..manifest.clone() };
        self.last_good
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(manifest.target.clone(), (version, manifest));
    }

    /// The last good backup, if this is it.
    pub fn find(&self, backup: &StoredBackup, catalog: &Catalog) -> Option<Manifest> {
        let all = self.last_good.lock().unwrap_or_else(PoisonError::into_inner);
        let (version, manifest) = all.get(&backup.key.target)?;
        let is_it = manifest.stamp == backup.key.stamp && version.is_same(&backup.manifest);
        (is_it && catalog.lacks(&backup.key, manifest).is_none()).then(|| manifest.clone())
    }

    /// Remembers a backup, as it is listed now.
    pub fn set_known(&self, backup: &StoredBackup, catalog: &Catalog, known: Known) {
        let seen = (backup.manifest.clone(), catalog.fingerprint(&backup.key), known);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(backup.key.clone(), seen);
    }

    /// What is known of a backup; `None` if that is nothing, or if anything of it has changed since.
    pub fn known(&self, backup: &StoredBackup, catalog: &Catalog) -> Option<Known> {
        if let Some(manifest) = self.find(backup, catalog) {
            return Some(Worth::Good(manifest).known(backup.key.stamp));
        }
        let all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (version, fingerprint, known) = all.get(&backup.key)?;
        let is_it = version.is_same(&backup.manifest) && *fingerprint == catalog.fingerprint(&backup.key);
        is_it.then(|| known.clone())
    }

    /// Forgets a backup that was deleted.
    pub fn forget(&self, key: &BackupKey) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Whether a failure is one of the manifest itself: damaged, unsigned, of a newer Dumpcar, or gone meanwhile.
pub fn says_something(error: &StoreError) -> bool {
    matches!(error.kind, StoreErrorKind::Damaged | StoreErrorKind::Unsigned | StoreErrorKind::NotFound)
}
