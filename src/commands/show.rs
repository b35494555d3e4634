//! `dumpcar show`: one backup, whole.

use serde::Serialize;
use tracing::{error, warn};

use super::choose::{names_of, served, wanted, what_there_is};
use super::output::{print, print_answer};
use crate::app::App;
use crate::cli::ShowArgs;
use crate::clock;
use crate::discovery::{self, Found, Readiness};
use crate::exit::Exit;
use crate::jobs::newest;
use crate::jobs::prune;
use crate::jobs::show::{Retention, Shown};
use crate::model::key::{BackupKey, Stamp};
use crate::model::restore_command;
use crate::model::retention::{Candidate, RetentionPolicy, Until, clash_of};
use crate::model::schedule::Schedule;
use crate::model::target::TargetName;
use crate::store::{Catalog, StoreError, StoredBackup};
use crate::worth::{self, Worth};

/// The answer of `--json`.
#[derive(Serialize)]
struct Answer<'a> {
    target: &'a TargetName,
    /// `None` when there is no such backup.
    backup: Option<Shown>,
}

/// `dumpcar show`.
pub async fn show(app: &App, args: &ShowArgs) -> Exit {
    let target = &args.target;
    let wanted = match wanted(app, args.at) {
        Ok(wanted) => wanted,
        Err(exit) => return exit,
    };
    let found = served(app).await;
    let container = found.as_deref().map(|found| found.iter().find(|found| found.serves(target)));
    let names = names_of(target, found.as_deref());
    // What retention counts together.
    let family =
        container.flatten().map_or_else(|| names.clone(), |found| discovery::names(&found.name, &found.was));
    let cannot_look = |error: StoreError| {
        error!(%error, "cannot look into the bucket");
        Exit::Failed
    };
    let catalog = match app.store.catalog_of(&family).await {
        Ok(catalog) => catalog,
        Err(error) => return cannot_look(error),
    };
    let backups = catalog.history(&names);
    let Some(backup) = backups.iter().find(|backup| wanted.may_be(backup.key.stamp)).cloned() else {
        if args.json {
            print_answer(Answer { target, backup: None });
        }
        let there_is = what_there_is(app, target, &backups, wanted).await;
        error!(%target, store = %app.store, "there is no such backup; {there_is}");
        return Exit::Nothing;
    };
    let shown = match Box::pin(look(app, &family, &catalog, backup, container)).await {
        Ok(shown) => shown,
        Err(error) => return cannot_look(error),
    };
    if args.json {
        print_answer(Answer { target, backup: Some(shown) });
    } else {
        print(&shown.text(clock::now(), &app.config.time_zone));
    }
    Exit::Done
}

/// `container` is `None` where Docker does not answer.
async fn look(
    app: &App,
    names: &[TargetName],
    catalog: &Catalog,
    backup: StoredBackup,
    container: Option<Option<&Found>>,
) -> Result<Shown, StoreError> {
    let key = backup.key.clone();
    let worth = worth::assess(&app.store, catalog, &key).await?;
    let drill = match backup.has_drill {
        false => None,
        true => match app.store.drill(&key).await {
            Err(error) if worth::says_something(&error) => {
                warn!(%error, "the drill's result does not count");
                None
            }
            drill => drill?,
        },
    };
    let retention = match rules(app, container) {
        Ok((policy, schedule)) => {
            let candidates = prune::candidates(app, names, policy, prune::FORESEEN, catalog).await?;
            retention(app, policy, &schedule, &candidates, key.stamp)
        }
        Err(reason) => Retention::stays(reason),
    };
    let last_good = newest::last_good(&app.store, &app.backup_cache, catalog, names).await?;
    let is_last_good = last_good.is_some_and(|good| good.target == key.target && good.stamp == key.stamp);
    let restore = restore_command(&key, &worth, names, container);
    Ok(Shown::new(backup, &worth, catalog, drill, is_last_good, retention, restore))
}

/// The rules that decide about the backups of a target, as far as they are known, and when it gets another one.
fn rules(app: &App, container: Option<Option<&Found>>) -> Result<(RetentionPolicy, Schedule), &'static str> {
    if !app.config.prune {
        return Err("DUMPCAR_PRUNE is false: nothing is ever deleted");
    }
    let by_the_settings = || app.config.retention.policy().map_err(|_| "no rule is set");
    match container {
        Some(None) => Err("no container here serves the target: nothing is pruned"),
        Some(Some(Found { state: Readiness::Ready(target), .. })) => {
            Ok((target.retention, target.schedule.clone()))
        }
        Some(Some(Found { schedule, .. })) => Ok((by_the_settings()?, schedule.clone())),
        None => Ok((by_the_settings()?, app.config.schedule.clone())),
    }
}

fn retention(
    app: &App,
    policy: RetentionPolicy,
    schedule: &Schedule,
    candidates: &[Candidate],
    stamp: Stamp,
) -> Retention {
    let (now, tz) = (clock::now(), &app.config.time_zone);
    let clash = clash_of(candidates, now);
    let plan = policy.plan(candidates, now, tz).held(clash.as_ref());
    let decision = plan.decisions.iter().find(|decision| decision.stamp == stamp);
    let reasons = decision.into_iter().flat_map(|decision| &decision.reasons);
    let times = std::iter::successors(schedule.next_after(now, tz), |last| schedule.next_after(*last, tz));
    let until = match clash {
        Some(_) => Until::Stays,
        None => policy.stays_until(stamp, candidates, times, tz),
    };
    Retention::new(reasons.map(ToString::to_string).collect(), until, tz)
}

/// The command that restores the backup, to be pasted.
fn restore_command(
    key: &BackupKey,
    worth: &Worth,
    names: &[TargetName],
    container: Option<Option<&Found>>,
) -> String {
    if matches!(worth, Worth::Unreadable(_) | Worth::Unsigned(_)) {
        return "(it cannot be restored: its manifest does not count)".to_owned();
    }
    let name = names.first().unwrap_or(&key.target);
    restore_command::restore_command(name, key.stamp, !matches!(container, Some(None)))
}
