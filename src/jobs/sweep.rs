//! Cleaning up after runs whose process has ended (promise P4). It never touches the work of a living one.

use std::sync::PoisonError;
use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use crate::app::App;
use crate::clock;
use crate::discovery;
use crate::docker::DockerError;
use crate::jobs::error::{JobError, JobErrorKind};
use crate::jobs::{drill, leftovers, restore};
use crate::model::key::BackupKey;
use crate::model::run::{Fate, LEASE, RunId, RunRecord, Witness};
use crate::model::target::TargetName;
use crate::store::{Catalog, Records, StoreError, StoreErrorKind, StoredRecord};

/// How long nothing was written to a folder without a manifest before it counts as nobody's.
const ORPHAN_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Removes what dead runs have left, of one target or of all. Returns the records of the other runs, without `own`.
///
/// A record is obeyed as far as it is one, and no further: it comes out of the bucket. Tools are ended and databases dropped only
/// in containers that are targets by their own labels today, objects deleted only where no living run is at work.
///
/// # Errors
/// The records cannot be read. What could not be removed is logged, and stays on record for the next time.
pub async fn sweep(
    app: &App,
    only: Option<&TargetName>,
    own: Option<&RunId>,
) -> Result<Vec<RunRecord>, StoreError> {
    drill::sweep(app).await;
    if !app.config.prune {
        return Ok(Vec::new());
    }
    let Records { read, left_alone, unread } = app.store.records(only, own).await?;
    for (key, reason) in left_alone {
        warn!(key, reason, "a record of a run is left alone; if no newer Dumpcar wrote it, delete it");
    }
    if unread > 0 {
        warn!(
            unread,
            "there are more records of runs than Dumpcar reads; delete those of runs that are over, below .dumpcar/runs"
        );
    }
    let (mut over, mut living) = (Vec::new(), Vec::new());
    for stored in read {
        if may_be_swept(app, &stored).await? { over.push(stored) } else { living.push(stored.record) }
    }
    for StoredRecord { record, renewed } in over {
        let target = &record.target;
        // What is in the way of one is not in the way of the other; the record goes only when both are done.
        // Boxed: it is large, and mostly there is no record.
        let cleared = Box::pin(clear_container(app, &record, renewed)).await;
        let removed = leftovers::remove(&app.store, &record, &living).await;
        let done = match cleared.and(removed) {
            Ok(()) => leftovers::delete_record(app, &record).await,
            left => left,
        };
        match done {
            // What these keys may not delete today, they may not delete tomorrow.
            Err(left)
                if left.kind == JobErrorKind::Store(StoreErrorKind::Denied)
                    && !app.is_news(&record.key()) => {}
            Ok(()) => {
                info!(%target, run = %record.run, instance = %record.holder.instance, "cleaned up after a run that was killed");
            }
            Err(left) => {
                warn!(%target, run = %record.run, %left, "cannot clean up after a run that was killed; the next run tries again");
            }
        }
    }
    Ok(living)
}

/// Whether the run of this record is over. One that is only too old is taken over first, so that its process, should it
/// wake up, finds that out.
async fn may_be_swept(app: &App, stored: &StoredRecord) -> Result<bool, StoreError> {
    let StoredRecord { record, renewed } = stored;
    let own = app.identity.holder(&app.docker).await;
    if record.is_elsewhere(own.docker_engine.as_ref()) {
        leave_to_other_engine(app, record);
        return Ok(false);
    }
    if record.holder.process == own.process {
        return Ok(!app.runs.lock().unwrap_or_else(PoisonError::into_inner).contains(&record.run));
    }
    match app.identity.fate_of(&record.holder, &app.docker).await {
        Fate::Alive => Ok(false),
        Fate::Dead => Ok(true),
        Fate::Unknown if age(*renewed) < LEASE => Ok(false),
        Fate::Unknown => {
            app.store.put_record(&RunRecord { holder: own.clone(), ..record.clone() }).await?;
            Ok(true)
        }
    }
}

/// Once for each: it may take long until somebody starts Dumpcar there.
fn leave_to_other_engine(app: &App, record: &RunRecord) {
    let key = record.key();
    if app.is_news(&key) {
        info!(
            target = %record.target, key, instance = %record.holder.instance,
            "a restore on another Docker engine is on record, and only Dumpcar there can clean up after it; delete the record if that machine is gone"
        );
    }
}

/// Ends what a dead run may still have in its container, and drops the databases that its restore made for itself there.
///
/// # Errors
/// What is in the way, in one line.
async fn clear_container(app: &App, record: &RunRecord, renewed: Timestamp) -> Result<(), JobError> {
    let Some(id) = &record.container else { return Ok(()) };
    let container = match app.docker.container(id).await {
        Ok(container) => container,
        // With the container, its processes have gone, and its databases; or they are a volume's, and no backup has them.
        Err(DockerError::NotFound { .. }) => return Ok(()),
        Err(error) => {
            return Err(JobError::from(error).in_words(|error| format!("look at its container: {error}")));
        }
    };
    let has_stopped = Witness::of(&container.state, "") == Witness::Stopped;
    if has_stopped && !record.restores {
        return Ok(());
    }
    let name = container.name.clone();
    match discovery::labelled(container, &app.config) {
        Some(Ok(target)) => {
            if !target.engine.is_file() {
                leftovers::end_tools(&app.docker, id, &record.run, target.labels.exec_user.as_deref())
                    .await?;
            }
            if record.restores { restore::drop_leftovers(app, &target, &record.run).await } else { Ok(()) }
        }
        Some(Err(reason)) => Err(JobError::new(JobErrorKind::Wrong, reason)),
        // What is not a target is not touched, whatever a record says.
        None if age(renewed) < ORPHAN_AGE => Err(JobError::new(
            JobErrorKind::Wrong,
            format!(
                "container {name} is no target by its labels, so it is not looked for its tool or databases in there"
            ),
        )),
        None => Ok(()),
    }
}

/// A time in the future is a clock that is wrong, and proves nothing.
fn age(written: Timestamp) -> Duration {
    Duration::try_from(clock::now().duration_since(written)).unwrap_or_default()
}

/// Removes objects without a manifest that no record tells of, once they are surely nobody's: written by a Dumpcar that
/// kept no records yet, or left when somebody deleted a manifest. Objects somebody is copying here have time to get theirs.
pub async fn orphans(app: &App, target: &TargetName, catalog: &Catalog, living: &[RunRecord]) {
    if !app.config.prune {
        return;
    }
    let limit = clock::now().checked_sub(ORPHAN_AGE).unwrap_or(Timestamp::MIN);
    for stamp in catalog.orphans(target, limit) {
        if living.iter().any(|run| run.stamps().any(|of_run| of_run == stamp)) {
            continue;
        }
        let folder = BackupKey { target: target.clone(), stamp };
        if let Err(left) = leftovers::clean_folder(&app.store, &folder).await {
            // What these keys may not delete, or a lock keeps, is the same the next night.
            if left.kind == JobErrorKind::Store(StoreErrorKind::Denied) && !app.is_news(&folder.to_string()) {
                continue;
            }
            warn!(%target, %left, "cannot remove what is no backup; the next run tries again");
        }
    }
}
