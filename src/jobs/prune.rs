//! Deleting what the retention rules no longer want. The plan is made elsewhere; this only carries it out.

use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::app::App;
use crate::clock;
use crate::discovery::Target;
use crate::jobs::good;
use crate::jobs::journal::Entry;
use crate::model::key::{BackupKey, Stamp};
use crate::model::retention::RetentionPlan;
use crate::model::target::TargetName;
use crate::store::{Catalog, StoreError};

/// What would be kept and what would go now, from a complete listing and the last good one in it.
///
/// # Errors
/// One of the two cannot be read. There is no plan then.
pub async fn plan(app: &App, target: &Target) -> Result<RetentionPlan, StoreError> {
    let backups = app.store.catalog(Some(&target.name)).await?.backups(&target.name);
    let last_good =
        good::last_good(&app.store, &app.last_good, &backups).await?.map(|manifest| manifest.stamp);
    let stamps: Vec<Stamp> = backups.iter().map(|backup| backup.key.stamp).collect();
    Ok(target.retention.plan(&stamps, last_good, clock::now(), &app.config.time_zone))
}

/// What goes once the backup `new` is there, which the listing does not have yet; less, should it be suspicious.
pub fn doomed(app: &App, target: &Target, catalog: &Catalog, new: Stamp) -> Vec<Stamp> {
    plan_with(app, target, catalog, new, new).deleted().collect()
}

/// The plan for when `new` is there, and `last_good` is the last good one.
fn plan_with(app: &App, target: &Target, catalog: &Catalog, new: Stamp, last_good: Stamp) -> RetentionPlan {
    let mut stamps: Vec<Stamp> =
        catalog.backups(&target.name).iter().map(|backup| backup.key.stamp).collect();
    stamps.push(new);
    target.retention.plan(&stamps, Some(last_good), clock::now(), &app.config.time_zone)
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
) -> Result<usize, String> {
    let plan = plan_with(app, target, catalog, new.stamp, last_good);
    delete(app, &target.name, &plan, stop).await.map_err(|error| format!("prune: {error}"))
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
) -> Result<usize, String> {
    let doomed: Vec<Stamp> = plan.deleted().collect();
    if doomed.is_empty() {
        return Ok(0);
    }
    let entry = Entry::of_prune(app, target, doomed).await.map_err(|error| error.to_string())?;
    let deleted = entry.during(delete(app, target, plan, stop)).await;
    let closed = entry.close(deleted.is_ok()).await;
    let deleted = deleted.map_err(|error| error.to_string())?;
    closed.map(|()| deleted)
}

/// Carries out a plan, oldest first. Returns how many backups were deleted.
///
/// # Errors
/// The first deletion that fails ends it: what is left will be tried at the next run.
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
        let manifest = app.store.delete_backup(&key).await?;
        info!(target = %target, backup = %stamp, bytes = manifest.stored_bytes(), "backup pruned");
        deleted += 1;
    }
    Ok(deleted)
}
