//! The newest backup of a target, its newest good one, and what each is to retention, as far as it is remembered.

use jiff::Timestamp;
use tracing::warn;

use crate::app::App;
use crate::clock;
use crate::model::key::{BackupKey, Stamp};
use crate::model::manifest::Manifest;
use crate::model::retention::{Candidate, Standing, is_from_the_future};
use crate::model::target::TargetName;
use crate::store::{Catalog, Store, StoreError, StoreErrorKind, StoredBackup};
use crate::worth::{BackupCache, Known, Worth, assess, says_something};

/// What is known of a backup.
pub(super) struct Seen {
    pub(super) known: Known,
    /// It was not known before, or anything of it has changed.
    pub(super) is_new: bool,
    /// What there is, if it was read just now and is good.
    pub(super) good: Option<Manifest>,
}

/// What is known of a backup. Its manifest is read once for as long as nothing of the backup changes. One that the store does
/// not hand out is unknown.
///
/// # Errors
/// The store does not answer.
pub(super) async fn see(app: &App, catalog: &Catalog, backup: &StoredBackup) -> Result<Seen, StoreError> {
    let stamp = backup.key.stamp;
    // Without an ETag, a size is all there is to know a manifest by, and anybody can get that right.
    let is_sure = !app.store.wants_signatures() || backup.manifest.e_tag.is_some();
    if let Some(known) = app.backup_cache.known(backup, catalog).filter(|_| is_sure) {
        return Ok(Seen { known, is_new: false, good: None });
    }
    let worth = match assess(&app.store, catalog, &backup.key).await {
        Ok(worth) => worth,
        // The rights may be others tomorrow.
        Err(error) if matches!(error.kind, StoreErrorKind::Denied | StoreErrorKind::Refused) => {
            let standing = Standing::Unknown(format!("unreadable: {error}"));
            let candidate = Candidate { stamp, standing, writer: None };
            return Ok(Seen { known: Known { candidate, numbers: None }, is_new: true, good: None });
        }
        Err(error) => return Err(error),
    };
    let known = worth.known(stamp);
    app.backup_cache.set_known(backup, catalog, known.clone());
    let good = if let Worth::Good(manifest) = worth { Some(manifest) } else { None };
    Ok(Seen { known, is_new: true, good })
}

/// Finds the last good backup of a target under its names, the newest that is: one request for each that is not, and one for
/// itself unless it is remembered. Where something was always missing, so that there is none, it is the newest with what could be
/// dumped: that has the rows.
///
/// A manifest that cannot be understood is not known to be good and is passed over. So is a backup that is not all there, and
/// one dated in the future: it would be the last good one until that day.
///
/// # Errors
/// A manifest could not be read, which says nothing about it.
pub async fn last_good(
    store: &Store,
    remembered: &BackupCache,
    catalog: &Catalog,
    names: &[TargetName],
) -> Result<Option<Manifest>, StoreError> {
    let mut partial = None;
    for backup in &catalog.to_date(names, clock::now()) {
        if let Some(manifest) = remembered.find(backup, catalog) {
            // Also when it is the last good one no more.
            let worth = Worth::Good(manifest.clone());
            remembered.set_known(backup, catalog, worth.known(backup.key.stamp));
            return Ok(Some(manifest));
        }
        let worth = assess(store, catalog, &backup.key).await?;
        remembered.set_known(backup, catalog, worth.known(backup.key.stamp));
        match worth {
            Worth::Good(manifest) => {
                remembered.keep(backup.manifest.clone(), &manifest);
                return Ok(Some(manifest));
            }
            Worth::Partial(manifest, _) if manifest.suspicious.is_none() => {
                partial.get_or_insert(manifest);
            }
            Worth::Suspicious(..) | Worth::Partial(..) => {}
            Worth::Incomplete(_, reason) => {
                warn!(backup = %backup.key, reason, "this backup is incomplete");
            }
            Worth::Unreadable(reason) | Worth::Unsigned(reason) => {
                warn!(backup = %backup.key, reason, "this backup is not known to be good");
            }
        }
    }
    Ok(partial)
}

/// The newest of `backups` that counts as good, which come newest first. One dated in the future would be it until that day.
///
/// # Errors
/// The store does not answer.
pub(super) async fn newest_good(
    app: &App,
    catalog: &Catalog,
    backups: impl Iterator<Item = &StoredBackup>,
    now: Timestamp,
) -> Result<Option<Stamp>, StoreError> {
    for backup in backups.filter(|backup| !is_from_the_future(backup.key.stamp, now)) {
        if matches!(see(app, catalog, backup).await?.known.candidate.standing, Standing::Counts { .. }) {
            return Ok(Some(backup.key.stamp));
        }
    }
    Ok(None)
}

/// The newest backup of a target under its names: of those that are not dated in the future, the first that is not unsigned.
/// Anybody who may write to the bucket can put an unsigned one there. Asks the store only where that matters.
///
/// # Errors
/// A manifest could not be read, which says nothing about it.
pub async fn newest(
    store: &Store,
    catalog: &Catalog,
    names: &[TargetName],
) -> Result<Option<BackupKey>, StoreError> {
    for backup in &catalog.to_date(names, clock::now()) {
        if !store.wants_signatures() {
            return Ok(Some(backup.key.clone()));
        }
        match store.manifest(&backup.key).await {
            Err(error) if error.kind == StoreErrorKind::Unsigned => {
                warn!(backup = %backup.key, %error, "an unsigned backup is passed over");
            }
            // What else is wrong with it is for the caller to find out.
            Err(error) if !says_something(&error) => return Err(error),
            Ok(_) | Err(_) => return Ok(Some(backup.key.clone())),
        }
    }
    Ok(None)
}
