//! What was done before this process was there, read from the bucket: the bucket is the memory.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tracing::{debug, warn};

use super::newest::{Seen, see};
use crate::app::App;
use crate::clock;
use crate::model::key::Stamp;
use crate::model::past_backup::{PastBackup, RecentPast};
use crate::model::past_drill::PastDrill;
use crate::model::retention::{Candidate, Standing, is_from_the_future};
use crate::model::target::TargetName;
use crate::model::verified::Verified;
use crate::model::writers::Writer;
use crate::store::{Catalog, StoreError, StoreErrorKind, StoredBackup};
use crate::worth::Known;

/// What the bucket says.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// Those that were asked for, and those that have a backup and nobody serves.
    pub targets: BTreeMap<TargetName, TargetPast>,
    /// The targets that somebody has forgotten on purpose, and who did.
    pub forgotten: BTreeMap<TargetName, String>,
    /// The last verification of all targets.
    pub verified: Option<Verified>,
}

/// What it says of one target. Backups dated in the future are left out of all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetPast {
    pub newest: Option<Newest>,
    pub newest_good: Option<Stamp>,
    /// The newest good one in numbers.
    pub last_good: Option<PastBackup>,
    /// Bytes in the store of its backups of the last days as they are listed, the oldest first: good or not.
    pub sizes: Vec<u64>,
    /// How many backups there are.
    pub backups: usize,
    /// The newest one was made here, by this host's sidecars.
    pub is_ours: bool,
    /// The drill of the newest backup that was drilled.
    pub drilled: Option<Drilled>,
    /// The same in numbers.
    pub drill: Option<PastDrill>,
    /// Its backups of the last days, the oldest first; `None` where nobody shows them (`DUMPCAR_LISTEN`).
    pub recent: Option<RecentPast>,
}

/// The newest backup that counts as one: it is signed, where that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    pub stamp: Stamp,
    /// Why it is not good, if it is not.
    pub problem: Option<String>,
}

/// A drill that has found something out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drilled {
    pub backup: Stamp,
    /// When it was done.
    pub at: Timestamp,
    /// Why the backup is not good, if it is not.
    pub problem: Option<String>,
}

/// Targets that are looked at at the same time.
const AT_ONCE: usize = 8;

/// How many backups are looked at for a good one.
const MOST_LOOKED_AT: usize = 20;

/// What is shown of a target's past.
const RECENT: SignedDuration = SignedDuration::from_hours(31 * 24);

/// How many of a target's backups are shown. Each is a request, once in a process.
const MOST_RECENT: usize = 200;

/// Reads it, of the targets that have these `names` and of those that nobody serves: one listing, the manifests from each target's
/// newest to its first good one, once in this process, and the newest drill's result. `others` are served by other sidecars.
/// `shows_recent`: the manifests of the last days as well.
///
/// # Errors
/// See [`StoreError`]. What one manifest does not say costs only itself.
pub async fn read(
    app: &App,
    served: &[Vec<TargetName>],
    others: &BTreeSet<TargetName>,
    shows_recent: bool,
) -> Result<Past, StoreError> {
    let catalog = app.store.catalog(None).await?;
    let now = clock::now();
    let taken: BTreeSet<&TargetName> = served.iter().flatten().chain(others).collect();
    let absent = catalog.targets().filter(|name| !taken.contains(name)).map(|name| vec![name.clone()]);
    let groups: Vec<Vec<TargetName>> = served.iter().cloned().chain(absent).collect();
    let read = stream::iter(groups).map(async |names| {
        let past = of_target(app, &catalog, &names, now, shows_recent).await?;
        Ok((names.into_iter().next(), past))
    });
    let read: Vec<_> = read.buffer_unordered(AT_ONCE).try_collect().await?;
    let targets: BTreeMap<TargetName, TargetPast> =
        read.into_iter().filter_map(|(name, past)| Some((name?, past))).collect();
    let mut forgotten = app.store.forgotten().await?;
    forgotten.retain(|name, said| {
        let newest = targets.get(name).and_then(|past| past.newest.as_ref());
        said.holds(newest.map(|newest| newest.stamp))
    });
    let forgotten = forgotten.into_iter().map(|(name, said)| (name, said.instance.to_string())).collect();
    let verified = app.store.verified(now).await?;
    Ok(Past { targets, forgotten, verified })
}

async fn of_target(
    app: &App,
    catalog: &Catalog,
    names: &[TargetName],
    now: Timestamp,
    shows_recent: bool,
) -> Result<TargetPast, StoreError> {
    let history = catalog.history(names);
    let (ahead, backups): (Vec<_>, Vec<_>) =
        history.into_iter().partition(|backup| is_from_the_future(backup.key.stamp, now));
    for backup in ahead.iter().filter(|backup| app.is_news(&format!("ahead {}", backup.key))) {
        warn!(
            backup = %backup.key,
            "this backup is dated in the future: it counts for nothing until then; if a clock was wrong, delete it"
        );
    }
    let mut past = TargetPast { backups: backups.len(), ..TargetPast::default() };
    for backup in backups.iter().take(MOST_LOOKED_AT) {
        let Known { candidate: Candidate { stamp, standing, writer }, numbers } =
            look(app, catalog, backup).await?;
        let problem = match standing {
            Standing::Counts { .. } => None,
            // Anybody who may write to the bucket can put one there.
            Standing::Unsigned(_) => continue,
            Standing::Aside { reason, .. } | Standing::Unknown(reason) => Some(reason),
        };
        let is_good = problem.is_none();
        if past.newest.is_none() {
            past.is_ours = match &writer {
                Some(writer) => is_ours(app, writer).await,
                None => true,
            };
            past.newest = Some(Newest { stamp, problem });
        }
        if is_good {
            (past.newest_good, past.last_good) = (Some(stamp), numbers);
            break;
        }
    }
    (past.drilled, past.drill) = drilled(app, &backups).await?.unzip();
    past.sizes =
        backups.iter().take_while(|backup| is_recent(backup, now)).map(|backup| backup.bytes).collect();
    past.sizes.reverse();
    if shows_recent {
        past.recent = Some(recent(app, catalog, &backups, now).await?);
    }
    Ok(past)
}

async fn look(app: &App, catalog: &Catalog, backup: &StoredBackup) -> Result<Known, StoreError> {
    let Seen { known, good, .. } = see(app, catalog, backup).await?;
    if let Some(good) = good {
        app.backup_cache.keep(backup.manifest.clone(), &good);
    }
    Ok(known)
}

fn is_recent(backup: &StoredBackup, now: Timestamp) -> bool {
    now.duration_since(backup.key.stamp.timestamp()) <= RECENT
}

/// The numbers of the backups of the last days, the oldest first.
async fn recent(
    app: &App,
    catalog: &Catalog,
    backups: &[StoredBackup],
    now: Timestamp,
) -> Result<RecentPast, StoreError> {
    let mut recent = RecentPast::default();
    let shown: Vec<&StoredBackup> =
        backups.iter().take_while(|backup| is_recent(backup, now)).take(MOST_RECENT).collect();
    recent.older = backups.len().saturating_sub(shown.len());
    for backup in shown.into_iter().rev() {
        match see(app, catalog, backup).await?.known {
            Known { numbers: Some(numbers), .. } => recent.backups.push(numbers),
            Known { numbers: None, candidate } => recent.uncounted.push(candidate),
        }
    }
    Ok(recent)
}

/// Whether a backup was made here: what another host has made, that one tells of.
async fn is_ours(app: &App, writer: &Writer) -> bool {
    let own = app.identity.holder(&app.docker).await;
    Writer::new(own.docker_engine.as_ref(), &own.instance).is_none_or(|own| own.shares(writer))
}

async fn drilled(app: &App, backups: &[StoredBackup]) -> Result<Option<(Drilled, PastDrill)>, StoreError> {
    let Some(backup) = backups.iter().find(|backup| backup.has_drill) else { return Ok(None) };
    let result = match app.store.drill(&backup.key).await {
        Ok(result) => result,
        // One that does not count is as good as none.
        Err(error) if error.kind != StoreErrorKind::Transient => {
            debug!(backup = %backup.key, %error, "the result of a drill does not count");
            None
        }
        Err(error) => return Err(error),
    };
    Ok(result.map(|result| {
        let problem = result.problem.as_ref().map(|problem| {
            format!("the backup {} is not good: {problem}; `dumpcar drill` says more", backup.key)
        });
        (Drilled { backup: backup.key.stamp, at: result.at, problem }, PastDrill::from(&result))
    }))
}
