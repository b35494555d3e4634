//! `dumpcar show`: one backup, whole.

use serde::Serialize;
use tracing::{error, warn};

use super::choose::{names_of, served, what_there_is};
use super::output::{print, print_answer};
use crate::app::App;
use crate::cli::ShowArgs;
use crate::clock;
use crate::discovery::{self, Found, State};
use crate::exit::Exit;
use crate::jobs::good::{self, Worth};
use crate::jobs::prune;
use crate::jobs::show::{Retention, Shown};
use crate::model::key::{BackupKey, Stamp};
use crate::model::retention::Candidate;
use crate::model::target::TargetName;
use crate::store::{Catalog, StoreError, StoredBackup};

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
    let Some(backup) = backups.iter().find(|backup| args.at.may_be(backup.key.stamp)).cloned() else {
        if args.json {
            print_answer(Answer { target, backup: None });
        }
        let there_is = what_there_is(app, target, &backups).await;
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
    let worth = good::assess(&app.store, catalog, &key).await?;
    let drill = match backup.has_drill {
        false => None,
        true => match app.store.drill(&key).await {
            Err(error) if good::says_something(&error) => {
                warn!(%error, "the drill's result does not count");
                None
            }
            drill => drill?,
        },
    };
    let candidates = prune::candidates(app, names, catalog).await?;
    let last_good = good::last_good(&app.store, &app.last_good, catalog, names).await?;
    let is_last_good = last_good.is_some_and(|good| good.target == key.target && good.stamp == key.stamp);
    let retention = retention(app, &candidates, key.stamp, container);
    let restore = restore_command(&key, &worth, names, container);
    Ok(Shown::new(backup, &worth, catalog, drill, is_last_good, retention, restore))
}

fn retention(
    app: &App,
    candidates: &[Candidate],
    stamp: Stamp,
    container: Option<Option<&Found>>,
) -> Retention {
    if !app.config.prune {
        return Retention::stays("DUMPCAR_PRUNE is false: nothing is ever deleted");
    }
    let (policy, schedule) = match container {
        Some(None) => return Retention::stays("no container here serves the target: nothing is pruned"),
        Some(Some(Found { state: State::Ready(target), .. })) => (target.retention, target.schedule.clone()),
        // As far as is known.
        Some(Some(Found { schedule, .. })) => match app.config.retention.policy() {
            Ok(policy) => (policy, schedule.clone()),
            Err(_) => return Retention::stays("no rule is set"),
        },
        None => match app.config.retention.policy() {
            Ok(policy) => (policy, app.config.schedule.clone()),
            Err(_) => return Retention::stays("no rule is set"),
        },
    };
    let (now, tz) = (clock::now(), &app.config.time_zone);
    let plan = policy.plan(candidates, now, tz);
    let decision = plan.decisions.iter().find(|decision| decision.stamp == stamp);
    let reasons = decision.into_iter().flat_map(|decision| &decision.reasons);
    let times = std::iter::successors(schedule.next_after(now, tz), |last| schedule.next_after(*last, tz));
    let until = policy.stays_until(stamp, candidates, times, tz);
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
    // A server that is new has no roles, and dumps name them.
    let to = if matches!(container, Some(None)) { " --to CONTAINER --globals" } else { "" };
    format!("dumpcar restore {name} --at {}{to}", key.stamp)
}
