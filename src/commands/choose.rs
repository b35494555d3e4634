//! Which targets, and which backup, a command is about.

use std::collections::BTreeSet;

use tracing::{debug, error, warn};

use crate::app::App;
use crate::clock;
use crate::discovery::{self, Found};
use crate::docker::DockerError;
use crate::exit::Exit;
use crate::model::at::{At, Wanted};
use crate::model::key::{BackupKey, Stamp};
use crate::model::manifest::Manifest;
use crate::model::retention::is_from_the_future;
use crate::model::target::TargetName;
use crate::store::StoredBackup;
use crate::text::local;
use crate::worth::{self, Worth};

/// Whoever cannot sign may read a bucket in which only signed backups count, and must make none.
pub(super) fn require_signer(app: &App) -> Result<(), Exit> {
    if app.store.can_sign() {
        return Ok(());
    }
    error!(
        "backups made here would not count: DUMPCAR_TRUSTED_SIGNERS is set and DUMPCAR_SIGNING_KEY is not. Set the key, or only read here (list, verify, cat, restore, drill)"
    );
    Err(Exit::Usage)
}

/// The labelled containers, or those of them that were named. The second number counts names that matched nothing.
pub(super) async fn select(app: &App, names: &[TargetName]) -> Result<(Vec<Found>, usize), Exit> {
    select_from(app, names, app.discover().await)
}

/// The same, of what was found already.
pub(super) fn select_from(
    app: &App,
    names: &[TargetName],
    looked: Result<Vec<Found>, DockerError>,
) -> Result<(Vec<Found>, usize), Exit> {
    let all = match looked {
        Ok(all) => all,
        Err(error) => {
            error!(%error, "cannot look at the containers");
            return Err(Exit::Failed);
        }
    };
    if all.is_empty() {
        error!("{}", app.nothing_labelled());
        return Err(Exit::Nothing);
    }
    if names.is_empty() {
        return Ok((all, 0));
    }
    let known: Vec<String> = all.iter().map(|found| found.name.to_string()).collect();
    let unknown: Vec<_> = names.iter().filter(|name| !all.iter().any(|found| found.name == **name)).collect();
    for name in &unknown {
        error!(target = %name, "there is no such target; there are {}", known.join(", "));
    }
    let missing = unknown.len();
    let chosen: Vec<Found> = all.into_iter().filter(|found| names.contains(&found.name)).collect();
    if chosen.is_empty() { Err(Exit::Nothing) } else { Ok((chosen, missing)) }
}

/// The containers of this group, and the names that those of other groups serve, if Docker answers.
pub(super) async fn all_served(app: &App) -> Option<(Vec<Found>, BTreeSet<TargetName>)> {
    match app.discover_all().await {
        Ok((found, mut names)) => {
            names.extend(found.iter().flat_map(|one| discovery::names(&one.name, &one.was)));
            Some((found, names))
        }
        Err(error) => {
            debug!(%error, "Docker does not answer: nothing is known of the containers");
            None
        }
    }
}

/// The containers of this group, if Docker answers: what needs only the bucket goes on without it.
pub(super) async fn served(app: &App) -> Option<Vec<Found>> {
    all_served(app).await.map(|(found, _)| found)
}

/// The names under which a target's backups are: its own, and those it had before.
pub(super) fn names_of(target: &TargetName, found: Option<&[Found]>) -> Vec<TargetName> {
    let renamed = found.into_iter().flatten().find(|found| found.name == *target);
    discovery::names(target, renamed.map(|found| found.was.as_slice()).unwrap_or_default())
}

/// The backup of a target that was asked for: by its stamp, whatever it is worth; else the last good one, or the last good one
/// of that time. Newer ones are named that are passed over.
pub(super) async fn find_backup(
    app: &App,
    target: &TargetName,
    at: At,
) -> Result<(BackupKey, Manifest), Exit> {
    let wanted = wanted(app, at)?;
    let names = names_of(target, served(app).await.as_deref());
    let catalog = match app.store.catalog_of(&names).await {
        Ok(catalog) => catalog,
        Err(error) => {
            error!(%error, "cannot list the bucket");
            return Err(Exit::Failed);
        }
    };
    let (backups, now) = (catalog.history(&names), clock::now());
    let mut passed_over: Option<String> = None;
    for backup in backups.iter().filter(|backup| wanted.may_be(backup.key.stamp)) {
        let key = &backup.key;
        let worth = match worth::assess(&app.store, &catalog, key).await {
            Ok(worth) => worth,
            Err(error) => {
                error!(%error, "cannot read the manifest");
                return Err(Exit::Failed);
            }
        };
        let reason = match (&worth, wanted) {
            (Worth::Good(_), Wanted::Latest | Wanted::NotAfter(_) | Wanted::Within { .. })
                if is_from_the_future(key.stamp, now) =>
            {
                "dated in the future".to_owned()
            }
            (Worth::Good(manifest), _) => {
                if let Some(passed_over) = passed_over {
                    warn!(backup = %key, "{passed_over}; taking {} instead (--at takes another one)", key.stamp);
                }
                return Ok((key.clone(), manifest.clone()));
            }
            (Worth::Suspicious(_, reason), _) => format!("suspicious: {reason}"),
            (Worth::Incomplete(_, reason) | Worth::Partial(_, reason), _) => format!("incomplete: {reason}"),
            (Worth::Unreadable(reason), _) => format!("unreadable: {reason}"),
            (Worth::Unsigned(reason), _) => format!("unsigned: {reason}"),
        };
        match (worth, wanted) {
            (
                Worth::Suspicious(manifest, _) | Worth::Incomplete(manifest, _) | Worth::Partial(manifest, _),
                Wanted::Stamp(_),
            ) => {
                warn!(backup = %key, "this backup is {reason}; `dumpcar list {target}` shows good ones");
                return Ok((key.clone(), manifest));
            }
            (_, Wanted::Stamp(_)) => {
                error!(backup = %key, "this backup is {reason}; `dumpcar list {target}` shows good ones");
                return Err(Exit::Failed);
            }
            (_, Wanted::Latest | Wanted::NotAfter(_) | Wanted::Within { .. }) => {
                passed_over.get_or_insert_with(|| format!("the newest backup, {}, is {reason}", key.stamp));
            }
        }
    }
    match passed_over {
        Some(passed_over) => {
            error!(%target, "there is no good backup: {passed_over}. Pass --at with its stamp to take it all the same");
            Err(Exit::Failed)
        }
        None => {
            let there_is = what_there_is(app, target, &backups, wanted).await;
            error!(%target, store = %app.store, "there is no such backup; {there_is}");
            Err(Exit::Nothing)
        }
    }
}

/// What `--at` means now, on the clock of `TZ`.
pub(super) fn wanted(app: &App, at: At) -> Result<Wanted, Exit> {
    at.wanted(clock::now(), &app.config.time_zone).map_err(|error| {
        error!("the time of --at {error}");
        Exit::Usage
    })
}

/// What could have been meant.
pub(super) async fn what_there_is(
    app: &App,
    target: &TargetName,
    backups: &[StoredBackup],
    wanted: Wanted,
) -> String {
    /// More than these nobody reads.
    const SHOWN: usize = 10;
    let near = |stamp: Stamp| format!("{stamp} ({})", local(stamp.timestamp(), &app.config.time_zone));
    match wanted.neighbours(backups.iter().map(|backup| backup.key.stamp)) {
        (Some(before), Some(after)) => {
            return format!("the nearest ones are {} before and {} after it", near(before), near(after));
        }
        (Some(before), None) => return format!("the nearest one is {}, before it", near(before)),
        (None, Some(after)) => return format!("the nearest one is {}, after it", near(after)),
        (None, None) => {}
    }
    if !backups.is_empty() {
        let stamps: Vec<_> = backups.iter().take(SHOWN).map(|backup| backup.key.stamp.to_string()).collect();
        return format!("{target} has {} (`dumpcar list {target}` shows all)", stamps.join(", "));
    }
    match app.store.catalog(None).await {
        Ok(catalog) => match catalog.targets().map(ToString::to_string).collect::<Vec<_>>().as_slice() {
            [] => "there is none of any target".to_owned(),
            targets => format!("there are some of {}", targets.join(", ")),
        },
        Err(_) => "`dumpcar list` shows what there is".to_owned(),
    }
}
