//! Which backup is the last good one: the newest that is not suspicious.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tracing::warn;

use crate::clock;
use crate::model::manifest::{Manifest, ManifestObject};
use crate::model::retention::is_from_the_future;
use crate::model::target::TargetName;
use crate::store::{Store, StoreError, StoreErrorKind, StoredBackup, Version};

/// The last good backup of each target that this process has read or made, so that the daemon need not read tonight what it
/// wrote last night. A listing says each time whether it is still there, and still the same.
#[derive(Debug, Default)]
pub struct Remembered(Mutex<BTreeMap<TargetName, (Version, Manifest)>>);

impl Remembered {
    /// Remembers a good one; without its content, which may be large and is not compared.
    pub fn keep(&self, version: Version, manifest: &Manifest) {
        let objects = manifest.objects.iter();
        let objects = objects.map(|object| ManifestObject { content: None, ..object.clone() }).collect();
        let manifest = Manifest { objects, ..manifest.clone() };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(manifest.target.clone(), (version, manifest));
    }

    fn find(&self, backup: &StoredBackup) -> Option<Manifest> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (version, manifest) = all.get(&backup.key.target)?;
        let is_it = manifest.stamp == backup.key.stamp && version.is_same(&backup.manifest);
        is_it.then(|| manifest.clone())
    }
}

/// Finds it among a target's backups, which come newest first: one request for each suspicious one, and one for itself
/// unless it is remembered.
///
/// A manifest that cannot be understood is not known to be good and is passed over. So is a backup dated in the future:
/// it would be the last good one until that day.
///
/// # Errors
/// A manifest could not be read, which says nothing about it.
pub async fn last_good(
    store: &Store,
    remembered: &Remembered,
    backups: &[StoredBackup],
) -> Result<Option<Manifest>, StoreError> {
    let now = clock::now();
    for backup in backups.iter().filter(|backup| !is_from_the_future(backup.key.stamp, now)) {
        if let Some(manifest) = remembered.find(backup) {
            return Ok(Some(manifest));
        }
        match store.manifest(&backup.key).await {
            Ok(manifest) if manifest.suspicious.is_none() => {
                remembered.keep(backup.manifest.clone(), &manifest);
                return Ok(Some(manifest));
            }
            Ok(_) => {}
            Err(error) if says_something(&error) => {
                warn!(backup = %backup.key, %error, "this backup is not known to be good");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether a failure is one of the manifest itself: damaged, of a newer Dumpcar, or gone meanwhile.
pub fn says_something(error: &StoreError) -> bool {
    matches!(error.kind, StoreErrorKind::Damaged | StoreErrorKind::NotFound)
}
