//! Deleting what the retention rules no longer want. The plan is made elsewhere; this only carries it out.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::app::App;
use crate::clock;
use crate::discovery::Target;
use crate::jobs::error::JobError;
use crate::jobs::good;
use crate::jobs::journal::Entry;
use crate::model::key::{BackupKey, Stamp};
use crate::model::retention::RetentionPlan;
use crate::model::target::TargetName;
use crate::store::{Catalog, StoreError, StoredBackup};

/// What would be kept and what would go now, from a complete listing and the last good one in it.
///
/// # Errors
/// One of the two cannot be read. There is no plan then.
pub async fn plan(app: &App, target: &Target) -> Result<RetentionPlan, StoreError> {
    let catalog = app.store.catalog(Some(&target.name)).await?;
    let last_good = good::last_good(&app.store, &app.last_good, &catalog, &target.name).await?;
    proved(app, target, &catalog, None, last_good.map(|manifest| manifest.stamp)).await
}

/// What goes at the most once the backup `new` is there, which the listing does not have yet: less, should it be suspicious, or
/// should others turn out not to count.
pub fn doomed(app: &App, target: &Target, catalog: &Catalog, new: Stamp) -> Vec<Stamp> {
    let stamps = catalog.backups(&target.name).into_iter().map(|backup| backup.key.stamp).chain([new]);
    let plan =
        target.retention.plan(&stamps.collect::<Vec<_>>(), Some(new), clock::now(), &app.config.time_zone);
    plan.deleted().collect()
}

/// Manifests that are read at the same time.
const AT_ONCE: usize = 8;

/// A plan in which only backups count that are all there: nothing is deleted on the strength of one that is not. Each of those by
/// which others would go is looked at, once for as long as nothing of it changes; `new` was made by this very process.
///
/// # Errors
/// A manifest could not be read.
async fn proved(
    app: &App,
    target: &Target,
    catalog: &Catalog,
    new: Option<Stamp>,
    last_good: Option<Stamp>,
) -> Result<RetentionPlan, StoreError> {
    let now = clock::now();
    let backups = catalog.backups(&target.name);
    let mut not_counted: BTreeMap<Stamp, String> = BTreeMap::new();
    loop {
        let counted =
            backups.iter().map(|backup| backup.key.stamp).filter(|stamp| !not_counted.contains_key(stamp));
        let stamps: Vec<Stamp> = counted.chain(new).collect();
        let plan = target.retention.plan(&stamps, last_good, now, &app.config.time_zone);
        let all_signed = app.store.wants_signatures();
        let looked_at: BTreeSet<Stamp> = match plan.deleted().next() {
            None => BTreeSet::new(),
            // What is not signed is not deleted either, and the plan says so.
            Some(_) if all_signed => stamps.into_iter().collect(),
            Some(_) => plan.kept().collect(),
        };
        let is_unknown = |backup: &&StoredBackup| {
            // Without an ETag, a size is all there is to know a manifest by, and anybody can get that right.
            let is_known =
                app.last_good.counts(backup, catalog) && !(all_signed && backup.manifest.e_tag.is_none());
            looked_at.contains(&backup.key.stamp) && !is_known
        };
        let unknown: Vec<StoredBackup> = backups.iter().filter(is_unknown).cloned().collect();
        let assessed = stream::iter(unknown).map(async |backup: StoredBackup| {
            let worth = good::assess(&app.store, catalog, &backup.key).await?;
            Ok::<_, StoreError>((backup, worth.against_counting()))
        });
        let before = not_counted.len();
        for (backup, against) in assessed.buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await? {
            match against {
                Some(reason) => {
                    warn!(backup = %backup.key, reason, "this backup does not count: no other one goes because of it");
                    not_counted.insert(backup.key.stamp, reason);
                }
                None => app.last_good.count(&backup, catalog),
            }
        }
        if not_counted.len() == before {
            return Ok(plan.with(not_counted));
        }
    }
}

/// Prunes a target right after its backup `new` was committed.
///
/// # Errors
/// What was in the way, in one line.
pub async fn after_run(
    app: &App,
    target: &Target,
    catalog: &Catalog,
    new: &BackupKey,
    last_good: Stamp,
    stop: &CancellationToken,
) -> Result<usize, JobError> {
    let pruned = async {
        let plan = proved(app, target, catalog, Some(new.stamp), Some(last_good)).await?;
        delete(app, &target.name, &plan, stop).await
    };
    pruned
        .await
        .map_err(|error: StoreError| JobError::from(error).in_words(|error| format!("prune: {error}")))
}

/// Prunes a target outside of a run: on record, so that what a killed process leaves is found.
///
/// # Errors
/// What was in the way, in one line.
pub async fn prune(
    app: &App,
    target: &TargetName,
    plan: &RetentionPlan,
    stop: &CancellationToken,
) -> Result<usize, JobError> {
    let doomed: Vec<Stamp> = plan.deleted().collect();
    if doomed.is_empty() {
        return Ok(0);
    }
    let entry = Entry::of_prune(app, target, doomed).await?;
    let deleted = entry.during(delete(app, target, plan, stop)).await;
    let closed = entry.close(deleted.is_ok()).await;
    let deleted = deleted?;
    closed.map(|()| deleted)
}

/// Carries out a plan, oldest first. Returns how many backups were deleted.
///
/// # Errors
/// The first deletion that the store refuses ends it: what is left will be tried at the next run.
async fn delete(
    app: &App,
    target: &TargetName,
    plan: &RetentionPlan,
    stop: &CancellationToken,
) -> Result<usize, StoreError> {
    let mut doomed: Vec<Stamp> = plan.deleted().collect();
    doomed.sort_unstable();
    let mut deleted = 0;
    for stamp in doomed {
        if stop.is_cancelled() {
            break;
        }
        let key = BackupKey { target: target.clone(), stamp };
        match app.store.delete_backup(&key).await {
            Ok(manifest) => {
                app.last_good.forget(&key);
                info!(target = %target, backup = %stamp, bytes = manifest.stored_bytes(), "backup pruned");
                deleted += 1;
            }
            // Which objects are its own, only the manifest could say. The others go on.
            Err(error) if good::says_something(&error) => {
                warn!(backup = %key, %error, "this backup is not pruned, because its manifest cannot be read; if nobody needs it, delete its folder");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(deleted)
}
