//! Deleting backups that somebody names, whatever the rules of retention say. It needs only the bucket.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::app::App;
use crate::clock;
use crate::jobs::error::{JobError, JobErrorKind};
use crate::jobs::newest::newest_good;
use crate::jobs::prune;
use crate::jobs::record::Entry;
use crate::lock::RunLock;
use crate::model::key::{BackupKey, Stamp};
use crate::model::retention::MOST_PRUNED;
use crate::model::target::TargetName;
use crate::store::{Catalog, StoreError, StoreErrorKind, StoredBackup};
use crate::worth::{self, Worth};

/// Which of a target's backups are to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// These, whatever they are.
    Named(Vec<Stamp>),
    All,
    /// Those that were begun before this time, without the last good one.
    Before(Timestamp),
}

impl Which {
    /// Those that are older than this.
    pub fn older_than(age: Duration, now: Timestamp) -> Self {
        Self::Before(now.checked_sub(age).unwrap_or(Timestamp::MIN))
    }

    fn wants(&self, stamp: Stamp) -> bool {
        match self {
            Self::Named(stamps) => stamps.contains(&stamp),
            Self::All => true,
            Self::Before(time) => stamp.timestamp() < *time,
        }
    }
}

/// What would go, and what that means.
#[derive(Debug)]
pub struct Plan {
    pub target: TargetName,
    /// Newest first.
    pub doomed: Vec<(StoredBackup, Worth)>,
    /// What was asked for and stays, and why.
    pub spared: Vec<(StoredBackup, String)>,
    /// The last good backup as long as nothing was deleted.
    pub last_good: Option<Stamp>,
    /// The last good backup of those that stay.
    pub next_good: Option<Stamp>,
    /// How many backups stay.
    pub left: usize,
}

impl Plan {
    /// Whether the last good backup goes.
    pub fn takes_last_good(&self) -> bool {
        self.last_good.is_some() && self.last_good != self.next_good
    }
}

/// Manifests that are read at the same time.
const AT_ONCE: usize = 8;

/// Finds out what would go.
///
/// Only a backup that is named goes without a manifest that can be read: which objects are its own, the manifest would say.
///
/// # Errors
/// The store does not answer.
pub async fn plan(
    app: &App,
    target: &TargetName,
    catalog: &Catalog,
    which: &Which,
    now: Timestamp,
) -> Result<Plan, StoreError> {
    let backups = catalog.backups(target);
    let last_good = newest_good(app, catalog, backups.iter(), now).await?;
    let wanted = backups.iter().filter(|backup| which.wants(backup.key.stamp)).cloned();
    let looked = stream::iter(wanted).map(async |backup: StoredBackup| {
        let worth = assess(app, catalog, &backup.key).await?;
        Ok((backup, worth))
    });
    let looked: Vec<_> = looked.buffered(AT_ONCE).try_collect().await?;
    let (mut doomed, mut spared) = (Vec::new(), Vec::new());
    for (backup, worth) in looked {
        let stamp = backup.key.stamp;
        match (&worth, which) {
            (_, Which::Before(_)) if Some(stamp) == last_good => {
                spared.push((backup, "it is the last good one".to_owned()));
            }
            (Worth::Unreadable(reason) | Worth::Unsigned(reason), Which::All | Which::Before(_)) => {
                let reason = reason.clone();
                spared.push((backup, reason));
            }
            _ => doomed.push((backup, worth)),
        }
    }
    let goes = |backup: &&StoredBackup| doomed.iter().any(|(other, _)| other.key == backup.key);
    let left: Vec<&StoredBackup> = backups.iter().filter(|backup| !goes(backup)).collect();
    let next_good = match last_good {
        Some(good) if left.iter().any(|backup| backup.key.stamp == good) => Some(good),
        Some(_) => newest_good(app, catalog, left.iter().copied(), now).await?,
        None => None,
    };
    Ok(Plan { target: target.clone(), last_good, next_good, left: left.len(), doomed, spared })
}

/// What a backup is worth. One that the store does not hand out is unreadable, and does not keep the others.
async fn assess(app: &App, catalog: &Catalog, key: &BackupKey) -> Result<Worth, StoreError> {
    match worth::assess(&app.store, catalog, key).await {
        Err(error) if is_its_own(&error) => Ok(Worth::Unreadable(error.to_string())),
        worth => worth,
    }
}

/// Whether a failure is of this one manifest.
fn is_its_own(error: &StoreError) -> bool {
    worth::says_something(error) || matches!(error.kind, StoreErrorKind::Denied | StoreErrorKind::Refused)
}

/// Carries the plan out, oldest first and on record, so that what a killed process leaves is found. Returns what is gone.
///
/// # Errors
/// What was in the way, in one line; and what is gone all the same.
pub async fn run(app: &App, plan: &Plan, stop: &CancellationToken) -> (Vec<Stamp>, Result<(), JobError>) {
    let mut gone = Vec::new();
    let Some(_lock) = RunLock::take(&app.store.to_string(), plan.target.as_str()) else {
        let reason = "a backup or a restore of it is running: wait for that one";
        return (gone, Err(JobError::new(JobErrorKind::Busy, reason)));
    };
    let oldest_first: Vec<&(StoredBackup, Worth)> = plan.doomed.iter().rev().collect();
    for batch in oldest_first.chunks(MOST_PRUNED) {
        let stamps = batch.iter().map(|(backup, _)| backup.key.stamp).collect();
        let entry = match Entry::of_prune(app, &plan.target, stamps).await {
            Ok(entry) => entry,
            Err(error) => return (gone, Err(error.into())),
        };
        let deleted = entry.during(delete(app, batch, stop, &mut gone)).await;
        let closed = entry.close(deleted.is_ok()).await;
        if let Err(problem) = deleted.and(closed) {
            return (gone, Err(problem));
        }
    }
    (gone, Ok(()))
}

async fn delete(
    app: &App,
    batch: &[&(StoredBackup, Worth)],
    stop: &CancellationToken,
    gone: &mut Vec<Stamp>,
) -> Result<(), JobError> {
    let mut stays = Ok(());
    for (backup, worth) in batch {
        let key = &backup.key;
        if stop.is_cancelled() {
            return Err(JobError::stopped());
        }
        let says_nothing = matches!(worth, Worth::Unreadable(_) | Worth::Unsigned(_));
        let deleted = match says_nothing {
            true => app.store.delete_unread(key).await.map(|left| (left, None)),
            false => {
                app.store.delete_backup(key, clock::now()).await.map(|deleted| (Vec::new(), deleted.kept))
            }
        };
        let (left, kept) = match deleted {
            Ok(deleted) => deleted,
            Err(error) => match app.store.kept(key, &error, clock::now()).await {
                // The others may go.
                Some(kept) => {
                    let locked = JobError::new(JobErrorKind::Store(error.kind), format!("{key} is {kept}"));
                    stays = stays.and(Err(locked));
                    continue;
                }
                None => return Err(JobError::from(error).in_words(|error| format!("{key}: {error}"))),
            },
        };
        app.backup_cache.forget(key);
        gone.push(key.stamp);
        info!(
            target = %key.target, backup = %key.stamp, bytes = backup.bytes, old_version = kept.map(tracing::field::display),
            "backup deleted by hand"
        );
        prune::warn_of_versions(app).await;
        if !left.is_empty() {
            warn!(backup = %key, files = left.join(", "), "these files are not Dumpcar's and stay");
        }
    }
    stays
}
