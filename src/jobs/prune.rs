//! Deleting what the retention rules no longer want. The plan is made elsewhere; this only carries it out.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::app::App;
use crate::clock;
use crate::discovery::Target;
use crate::jobs::error::JobError;
use crate::jobs::newest::{Seen, see};
use crate::jobs::record::Entry;
use crate::model::key::{BackupKey, Stamp};
use crate::model::retention::{Candidate, RetentionPlan, RetentionPolicy, Standing, clash_of};
use crate::model::target::TargetName;
use crate::model::trigger::Trigger;
use crate::model::writers::{Clash, Writer};
use crate::store::{Catalog, Deleted, Kept, StoreError, StoreErrorKind, StoredBackup};
use crate::worth::{Known, says_something};

/// What would be kept and what would go now, from a complete listing and the manifests in it.
///
/// # Errors
/// They cannot be read. There is no plan then.
pub async fn plan(
    app: &App,
    names: &[TargetName],
    retention: RetentionPolicy,
    ahead: usize,
) -> Result<Pruning, StoreError> {
    let catalog = app.store.catalog_of(names).await?;
    let backups = candidates(app, names, retention, ahead, &catalog).await?;
    let now = clock::now();
    let clash = clash_of(&backups, now);
    let plan = retention.plan(&backups, now, &app.config.time_zone).held(clash.as_ref());
    let keys = catalog.history(names).into_iter().map(|backup| backup.key).collect();
    Ok(Pruning { plan, keys, clash })
}

/// What is decided about a target's backups, and where they are: under its name, or one that it had before.
#[derive(Debug)]
pub struct Pruning {
    pub plan: RetentionPlan,
    /// Each stamp once.
    pub keys: Vec<BackupKey>,
    /// Why nothing goes.
    pub clash: Option<Clash>,
}

impl Pruning {
    /// What goes, by the names it is under.
    fn doomed(&self) -> BTreeMap<TargetName, Vec<Stamp>> {
        doomed_by_name(&self.plan, &self.keys)
    }
}

fn doomed_by_name(plan: &RetentionPlan, keys: &[BackupKey]) -> BTreeMap<TargetName, Vec<Stamp>> {
    let mut by_name: BTreeMap<TargetName, Vec<Stamp>> = BTreeMap::new();
    for stamp in plan.deleted() {
        if let Some(key) = keys.iter().find(|key| key.stamp == stamp) {
            by_name.entry(key.target.clone()).or_default().push(stamp);
        }
    }
    by_name
}

/// What may go once the backup `new` is there, whatever becomes of it: some of it stays if it is not good.
pub fn doomed(
    app: &App,
    target: &Target,
    backups: &[Candidate],
    new: (Stamp, Option<Writer>),
    trigger: Trigger,
) -> Vec<Stamp> {
    let (stamp, writer) = new;
    let good = Standing::Counts { trigger, accepted_smaller_than: None };
    let aside = |stands_in| Standing::Aside { reason: String::new(), stands_in };
    let plans = [good, aside(false), aside(true)].map(|standing| {
        let all = [backups, &[Candidate { stamp, standing, writer: writer.clone() }]].concat();
        target.retention.plan_safely(&all, clock::now(), &app.config.time_zone)
    });
    let doomed: BTreeSet<Stamp> = plans.iter().flat_map(RetentionPlan::deleted).collect();
    doomed.into_iter().collect()
}

/// Manifests that are read at the same time.
const AT_ONCE: usize = 8;

/// Who deletes nothing looks at as many of those that would go. The others are shown as what no rule wants.
pub const FORESEEN: usize = 100;

/// What each of a target's backups is to retention: nothing is deleted on the strength of one that is not all there, or is not what
/// it seems. Those are looked at that may be kept, or are among `ahead` that go next; their manifests are read once for as long as
/// nothing of them changes. The others would only have to be looked at if the rules wanted them, and count as if they were wanted most.
///
/// # Errors
/// The store does not answer. One manifest that it refuses to hand out costs only itself: that backup does not count, and stays.
pub async fn candidates(
    app: &App,
    names: &[TargetName],
    retention: RetentionPolicy,
    ahead: usize,
    catalog: &Catalog,
) -> Result<Vec<Candidate>, StoreError> {
    let (now, backups) = (clock::now(), catalog.history(names));
    let seen = |stamp| Candidate {
        stamp,
        standing: Standing::Counts { trigger: Trigger::Schedule, accepted_smaller_than: None },
        writer: None,
    };
    let mut known: BTreeMap<Stamp, Candidate> = BTreeMap::new();
    loop {
        let all: Vec<Candidate> = backups
            .iter()
            .map(|backup| known.get(&backup.key.stamp).cloned().unwrap_or_else(|| seen(backup.key.stamp)))
            .collect();
        let plan = retention.plan(&all, now, &app.config.time_zone);
        let wanted: BTreeSet<Stamp> = plan.kept().chain(plan.deleted().take(ahead)).collect();
        let is_unknown = |backup: &&StoredBackup| {
            let stamp = backup.key.stamp;
            wanted.contains(&stamp) && !known.contains_key(&stamp)
        };
        let unknown: Vec<StoredBackup> = backups.iter().filter(is_unknown).cloned().collect();
        if unknown.is_empty() {
            return Ok(all);
        }
        let looked = stream::iter(unknown).map(async |backup| look(app, catalog, &backup).await);
        let looked: Vec<Candidate> = looked.buffer_unordered(AT_ONCE).try_collect().await?;
        known.extend(looked.into_iter().map(|candidate| (candidate.stamp, candidate)));
    }
}

async fn look(app: &App, catalog: &Catalog, backup: &StoredBackup) -> Result<Candidate, StoreError> {
    let Seen { known: Known { candidate, .. }, is_new, .. } = see(app, catalog, backup).await?;
    let reason = match &candidate.standing {
        Standing::Counts { .. } => None,
        Standing::Aside { reason, .. } | Standing::Unknown(reason) => Some(reason.clone()),
        Standing::Unsigned(reason) => Some(format!("unsigned: {reason}")),
    };
    if let Some(reason) = reason.filter(|_| is_new) {
        warn!(backup = %backup.key, reason, "this backup does not count: no other one goes because of it");
    }
    Ok(candidate)
}

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Pruned {
    /// How many backups are gone.
    pub deleted: usize,
    /// Those, and what another process has deleted meanwhile.
    pub gone: Vec<Stamp>,
    /// What the store keeps all the same.
    pub kept: BTreeMap<Stamp, Stays>,
}

/// A lock at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    /// The backup is still there: it goes once the lock has ended.
    Backup(Kept),
    /// It is gone, and an old version of its bytes stays.
    OldVersion(Kept),
}

impl Pruned {
    fn add(&mut self, other: Self) {
        self.deleted += other.deleted;
        self.gone.extend(other.gone);
        self.kept.extend(other.kept);
    }
}

/// Prunes a target right after its backup `new` was committed, which `backups` does not have yet.
///
/// # Errors
/// What was in the way, in one line.
pub(super) async fn after_run(
    app: &App,
    target: &Target,
    catalog: &Catalog,
    backups: Result<Vec<Candidate>, StoreError>,
    new: Candidate,
    stop: &CancellationToken,
) -> Result<Pruned, JobError> {
    let in_words = |error: JobError| error.in_words(|error| format!("prune: {error}"));
    let all = [backups.map_err(|error| in_words(error.into()))?, vec![new]].concat();
    let plan = target.retention.plan_safely(&all, clock::now(), &app.config.time_zone);
    let keys: Vec<BackupKey> =
        catalog.history(&target.names()).into_iter().map(|backup| backup.key).collect();
    let mut pruned = Pruned::default();
    for (name, doomed) in doomed_by_name(&plan, &keys) {
        // What is under its own name is on the run's record.
        let done = match name == target.name {
            true => delete(app, &name, doomed, stop).await.map_err(JobError::from),
            false => on_record(app, &name, doomed, stop).await,
        };
        pruned.add(done.map_err(in_words)?);
    }
    Ok(pruned)
}

/// Prunes a target outside of a run: on record, so that what a killed process leaves is found.
///
/// # Errors
/// What was in the way, in one line.
pub async fn prune(app: &App, pruning: &Pruning, stop: &CancellationToken) -> Result<Pruned, JobError> {
    let mut pruned = Pruned::default();
    for (name, doomed) in pruning.doomed() {
        pruned.add(on_record(app, &name, doomed, stop).await?);
    }
    Ok(pruned)
}

async fn on_record(
    app: &App,
    target: &TargetName,
    doomed: Vec<Stamp>,
    stop: &CancellationToken,
) -> Result<Pruned, JobError> {
    let entry = Entry::of_prune(app, target, doomed.clone()).await?;
    let deleted = entry.during(delete(app, target, doomed, stop)).await;
    let closed = entry.close(deleted.is_ok()).await;
    let deleted = deleted?;
    closed.map(|()| deleted)
}

/// Deletes these, oldest first. What the store keeps under a lock is no obstacle to the others.
///
/// # Errors
/// The first deletion that the store refuses ends it: what is left will be tried at the next run.
async fn delete(
    app: &App,
    target: &TargetName,
    mut doomed: Vec<Stamp>,
    stop: &CancellationToken,
) -> Result<Pruned, StoreError> {
    doomed.sort_unstable();
    let mut pruned = Pruned::default();
    for stamp in doomed {
        if stop.is_cancelled() {
            break;
        }
        let key = BackupKey { target: target.clone(), stamp };
        match app.store.delete_backup(&key, clock::now()).await {
            Ok(Deleted { bytes, kept }) => {
                app.backup_cache.forget(&key);
                pruned.deleted += 1;
                pruned.gone.push(stamp);
                match kept {
                    None => info!(target = %target, backup = %stamp, bytes, "backup pruned"),
                    Some(kept) => {
                        info!(target = %target, backup = %stamp, bytes, old_version = %kept, "backup pruned");
                        pruned.kept.insert(stamp, Stays::OldVersion(kept));
                    }
                }
                warn_of_versions(app).await;
            }
            // Another prune of this target was faster, and has counted it.
            Err(error) if error.kind == StoreErrorKind::NotFound => {
                app.backup_cache.forget(&key);
                pruned.gone.push(stamp);
                info!(target = %target, backup = %stamp, "gone already: another Dumpcar prunes this target at the same time");
            }
            // Which objects are its own, only the manifest could say. The others go on.
            Err(error) if says_something(&error) => {
                warn!(backup = %key, %error, "this backup is not pruned, because its manifest cannot be read; if nobody needs it, delete its folder");
            }
            Err(error) => match app.store.kept(&key, &error, clock::now()).await {
                Some(kept) => {
                    // Each night finds it again.
                    if app.is_news(&format!("{key} {kept}")) {
                        info!(target = %target, backup = %stamp, "not pruned yet: {kept}");
                    }
                    pruned.kept.insert(stamp, Stays::Backup(kept));
                }
                None => return Err(error),
            },
        }
    }
    Ok(pruned)
}

/// Once: what was deleted is still paid for.
pub(super) async fn warn_of_versions(app: &App) {
    const HINT: &str = "this bucket keeps old versions: what Dumpcar deletes stays in it, and is paid for, until a lifecycle rule of the \
                        bucket removes it; `dumpcar policy --lifecycle` prints such rules";
    if app.store.leaves_versions() && app.is_news(HINT) && app.store.piles_up_versions().await {
        info!(store = %app.store, "{HINT}");
    }
}
