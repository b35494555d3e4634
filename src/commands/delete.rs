//! `dumpcar delete`: what goes, the question, and the report.

use std::fmt::Write as _;

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::ask::{Unasked, go_on};
use super::by_hand;
use super::choose::{wanted, what_there_is};
use super::output::{print, print_answer, print_aside};
use crate::app::App;
use crate::cli::DeleteArgs;
use crate::clock;
use crate::exit::Exit;
use crate::jobs::delete::{self, Plan, Which};
use crate::jobs::list::{BackupState, Row};
use crate::model::at::Wanted;
use crate::model::forgotten::Forgotten;
use crate::model::job::Job;
use crate::model::key::Stamp;
use crate::model::target::TargetName;
use crate::report::{End, Reporter};
use crate::store::{Catalog, StoredBackup};
use crate::text::{Table, bytes, local, span};
use crate::told::Status;

/// `dumpcar delete`.
pub async fn delete(app: &App, args: &DeleteArgs, stop: CancellationToken) -> Exit {
    if !app.config.prune {
        error!("DUMPCAR_PRUNE is false: nothing is ever deleted. Run `delete` with DUMPCAR_PRUNE=true");
        return Exit::Usage;
    }
    let prepared = stop.run_until_cancelled(Box::pin(prepare(app, args))).await;
    let plan = match prepared {
        Some(Ok(plan)) => plan,
        Some(Err(exit)) => {
            if args.json && exit == Exit::Nothing {
                print_answer(Report::nothing(&args.target));
            }
            return exit;
        }
        None => return Exit::Failed,
    };
    // Standard output is the report's.
    let say = if args.json { print_aside } else { print };
    say(&overview(app, &plan));
    if plan.doomed.is_empty() {
        if args.json {
            print_answer(Report::new(&plan, &[]));
        }
        error!(target = %plan.target, "nothing to delete");
        return Exit::Nothing;
    }
    let unasked = Unasked::Refused("this deletes backups");
    if !args.yes
        && let Err(exit) = go_on("nothing was deleted", unasked, &stop).await
    {
        return exit;
    }
    let doomed: Vec<Stamp> = plan.doomed.iter().map(|(backup, _)| backup.key.stamp).collect();
    let reporter = Reporter::new(app.config.time_zone.clone());
    let run = by_hand::run(Job::Delete, &plan.target);
    let running = by_hand::begin(app, &reporter, run, &listed(&doomed)).await;
    let (gone, result) = Box::pin(delete::run(app, &plan, &stop)).await;
    let deleted = format!("{} deleted", backups(gone.len()));
    let problem = result.as_ref().err().map(ToString::to_string);
    let status = match &problem {
        None => Status::Good(deleted),
        Some(problem) => Status::Bad(format!("{deleted}, not all: {problem}")),
    };
    running.end(End::Delete { deleted: gone.len(), of: plan.doomed.len(), problem });
    by_hand::tell(app, Job::Delete, &plan.target, None, status).await;
    if args.json {
        print_answer(Report::new(&plan, &gone));
    } else {
        print(&format!("deleted {} of {}\n", backups(gone.len()), plan.target));
    }
    // With the last backup goes the memory of having been forgotten.
    if plan.left == 0 && result.is_ok() {
        drop(app.store.delete(&Forgotten::key(&plan.target)).await);
    }
    match (&result, plan.last_good) {
        (Ok(()), Some(good)) if plan.takes_last_good() => {
            warn!(target = %plan.target, backup = %good, "the last good backup was deleted: {}", what_is_left(&plan));
        }
        _ => {}
    }
    match result {
        Ok(()) => Exit::Done,
        Err(_) if gone.is_empty() => Exit::Failed,
        Err(_) => Exit::Partial,
    }
}

async fn prepare(app: &App, args: &DeleteArgs) -> Result<Plan, Exit> {
    let target = &args.target;
    let cannot_look = |error: crate::store::StoreError| {
        error!(%error, "cannot look into the bucket: nothing was deleted");
        Exit::Failed
    };
    let catalog = app.store.catalog(Some(target)).await.map_err(cannot_look)?;
    let now = clock::now();
    let which = match args.older_than {
        Some(age) => Which::older_than(age, now),
        None if args.all => Which::All,
        None => Which::Named(named(app, args, &catalog).await?),
    };
    let backups = catalog.backups(target);
    if backups.is_empty() {
        let there_is = what_there_is(app, target, &backups, Wanted::Latest).await;
        error!(%target, store = %app.store, "there is no backup of this target; {there_is}");
        return Err(Exit::Nothing);
    }
    delete::plan(app, target, &catalog, &which, now).await.map_err(cannot_look)
}

/// The stamps of the backups that were named. One that is not there is a mistake, and nothing is deleted then. So is a day with
/// several backups; and who is not asked names each by its stamp.
async fn named(app: &App, args: &DeleteArgs, catalog: &Catalog) -> Result<Vec<Stamp>, Exit> {
    let target = &args.target;
    let backups = catalog.backups(target);
    let mut stamps = Vec::new();
    for at in &args.at {
        let wanted = wanted(app, *at)?;
        let there: Vec<Stamp> =
            backups.iter().map(|backup| backup.key.stamp).filter(|stamp| wanted.may_be(*stamp)).collect();
        let Some(stamp) = there.first() else {
            let there_is = what_there_is(app, target, &backups, wanted).await;
            error!(%target, store = %app.store, "nothing was deleted: there is no such backup; {there_is}");
            return Err(Exit::Nothing);
        };
        let is_exact = matches!(wanted, Wanted::Latest | Wanted::Stamp(_));
        if matches!(wanted, Wanted::Within { .. }) && there.len() > 1 {
            error!(%target, "nothing was deleted: that day has {}; pass --at with the stamps of those that are to go", listed(&there));
            return Err(Exit::Usage);
        }
        if args.yes && !is_exact {
            error!(%target, "nothing was deleted: with --yes, --at takes stamps only; pass --at {stamp}, or leave --yes out and look");
            return Err(Exit::Usage);
        }
        stamps.push(*stamp);
    }
    Ok(stamps)
}

fn listed(stamps: &[Stamp]) -> String {
    stamps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn backups(count: usize) -> String {
    if count == 1 { "1 backup".to_owned() } else { format!("{count} backups") }
}

fn overview(app: &App, plan: &Plan) -> String {
    let now = clock::now();
    let age = |stamp: Stamp| span(now.as_second() - stamp.timestamp().as_second());
    let mut text = String::new();
    let size = plan.doomed.iter().map(|(backup, _)| backup.bytes).sum();
    let what = backups(plan.doomed.len());
    let mut line = |line: String| writeln!(text, "{line}").expect("a string takes everything");
    line(format!(
        "delete {what} of {} ({}) from {}; {} stay{}",
        plan.target,
        bytes(size),
        app.store,
        plan.left,
        if plan.left == 1 { "s" } else { "" }
    ));
    if !plan.doomed.is_empty() {
        let mut table = Table::new(["BACKUP", "TIME", "SIZE", "STATE"]);
        for (backup, worth) in &plan.doomed {
            let stamp = backup.key.stamp;
            let state = BackupState::of(worth).for_people();
            let last = if Some(stamp) == plan.last_good { ", THE LAST GOOD ONE" } else { "" };
            table.push([
                stamp.to_string(),
                local(stamp.timestamp(), &app.config.time_zone),
                bytes(backup.bytes),
                format!("{state}{last}"),
            ]);
        }
        line(table.to_string().trim_end().to_owned());
    }
    for (backup, reason) in &plan.spared {
        let stamp = backup.key.stamp;
        line(format!("{stamp} stays: {reason} (`--at {stamp}` deletes it)"));
    }
    line(match plan.last_good {
        None => format!("{} has no good backup", plan.target),
        Some(good) if plan.takes_last_good() => {
            format!("THE LAST GOOD BACKUP GOES ({good}, {} old): {}", age(good), what_is_left(plan))
        }
        Some(good) => format!("the last good backup stays ({good}, {} old)", age(good)),
    });
    text
}

/// What there is to go back to once the last good backup is gone.
fn what_is_left(plan: &Plan) -> String {
    match plan.next_good {
        Some(good) => format!("the newest good one is then {good}"),
        None => format!("no good backup of {} is left", plan.target),
    }
}

/// The answer of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    target: &'a TargetName,
    deleted: Vec<Row>,
    /// What was asked for and stays.
    kept: Vec<Kept>,
    /// The last good backup that is there now.
    last_good: Option<Stamp>,
}

#[derive(Serialize)]
struct Kept {
    backup: Stamp,
    reason: String,
}

impl<'a> Report<'a> {
    fn new(plan: &'a Plan, gone: &[Stamp]) -> Self {
        let is_gone = |backup: &StoredBackup| gone.contains(&backup.key.stamp);
        let deleted = plan.doomed.iter().filter(|(backup, _)| is_gone(backup));
        let is_still_there = plan.last_good.is_some_and(|good| !gone.contains(&good));
        let left = plan.doomed.iter().filter(|(backup, _)| !is_gone(backup));
        let left =
            left.map(|(backup, _)| Kept { backup: backup.key.stamp, reason: "not deleted".to_owned() });
        let spared = plan.spared.iter();
        let spared = spared.map(|(backup, reason)| Kept { backup: backup.key.stamp, reason: reason.clone() });
        Self {
            target: &plan.target,
            deleted: deleted.map(|(backup, worth)| Row::new(backup.clone(), Some(worth))).collect(),
            kept: spared.chain(left).collect(),
            last_good: if is_still_there { plan.last_good } else { plan.next_good },
        }
    }

    fn nothing(target: &'a TargetName) -> Self {
        Self { target, deleted: Vec::new(), kept: Vec::new(), last_good: None }
    }
}
