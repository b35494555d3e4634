//! Which backup is the last good one: the newest that is not suspicious.

use tracing::warn;

use crate::clock;
use crate::model::manifest::Manifest;
use crate::model::retention::is_from_the_future;
use crate::store::{Store, StoreError, StoreErrorKind, StoredBackup};

/// Finds it among a target's backups, which come newest first: mostly one request, one more for each suspicious one.
///
/// A manifest that cannot be understood is not known to be good and is passed over. So is a backup dated in the future:
/// it would be the last good one until that day.
///
/// # Errors
/// A manifest could not be read, which says nothing about it.
pub async fn last_good(store: &Store, backups: &[StoredBackup]) -> Result<Option<Manifest>, StoreError> {
    let now = clock::now();
    for backup in backups.iter().filter(|backup| !is_from_the_future(backup.key.stamp, now)) {
        match store.manifest(&backup.key).await {
            Ok(manifest) if manifest.suspicious.is_none() => return Ok(Some(manifest)),
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
