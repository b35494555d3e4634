//! What each command does, and with which exit status it ends.

mod drill;
mod keygen;
mod restore;
mod verify;

pub use drill::drill;
pub use keygen::keygen;
pub use restore::restore;
pub use verify::verify;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::app::App;
use crate::cli::{At, BackupArgs, CatArgs, ConfigArgs, ListArgs, PruneArgs};
use crate::clock;
use crate::config::Config;
use crate::discovery::{Found, State};
use crate::exit::Exit;
use crate::health::{self, Health};
use crate::jobs::backup::{self, Order};
use crate::jobs::cat::{CatError, Wanted};
use crate::jobs::{cat, list, policy, prune};
use crate::model::key::{BackupKey, Stamp};
use crate::model::manifest::Manifest;
use crate::model::missing;
use crate::model::target::TargetName;
use crate::model::trigger::Trigger;
use crate::outcome::{Outcome, Verdict};
use crate::pipeline::Form;
use crate::scheduler::{self, Scheduler, log_outcome};
use crate::signals::Listener;
use crate::store::{StoreErrorKind, StoredBackup};
use crate::terminal::{ProgressDisplay, Terminal};
use crate::text::{Table, bytes, escaped_json, escaped_lines};

/// Docker sends SIGKILL 10 s after SIGTERM. What is not cleaned up by then would be cut anyway; this leaves time to
/// say so.
const GRACE: Duration = Duration::from_millis(9_500);

/// Writes a result to standard output: lines, in which nothing acts on a terminal. A reader that has gone wants no more of it.
fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    drop(stdout.write_all(escaped_lines(text).as_bytes()).and_then(|()| stdout.flush()));
}

fn print_json(value: &impl Serialize) {
    let json = serde_json::to_string_pretty(value).expect("results have only string keys");
    print(&format!("{}\n", escaped_json(&json)));
}

/// The daemon: backs up on schedule until told to stop.
pub async fn daemon(app: App, listener: Listener) -> Exit {
    if let Err(exit) = require_signer(&app) {
        return exit;
    }
    let health = Health::default();
    if let Err(error) = health.serve(&app.config.identity()) {
        error!(%error, "another dumpcar daemon runs in this container");
        return Exit::Failed;
    }
    match app.docker.version().await {
        Ok(version) => info!(engine = %version.engine, api = %version.api, "Docker answers"),
        // It may be restarting: the scheduler keeps asking. No permission stays no permission.
        Err(error) if error.is_transient() => warn!(%error, "Docker does not answer yet"),
        Err(error) => {
            error!(%error, "cannot use Docker");
            return Exit::Failed;
        }
    }
    info!(
        version = env!("CARGO_PKG_VERSION"), store = %app.store, schedule = %app.config.schedule,
        time_zone = app.config.time_zone.iana_name().unwrap_or("UTC"), credentials = %app.config.credentials,
        "dumpcar started"
    );
    let Listener { stop, requests, .. } = listener;
    let app = Arc::new(app);
    let (seen, sees) = watch::channel(scheduler::drill::Schedules::new());
    let scheduler = Scheduler::new(Arc::clone(&app), health.clone(), stop.clone(), seen);
    // It leaves nothing behind: it ends when told to, wherever it is.
    let verification = stop.run_until_cancelled(scheduler::verify::run(&app, &health));
    let drills = scheduler::drill::run(&app, &health, &stop, sees);
    let mut work = Box::pin(async { tokio::join!(scheduler.run(requests), verification, drills) });
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        _ = &mut work => {
            info!("stopped");
            Exit::Done
        }
        () = overdue => {
            warn!(grace = %humantime::format_duration(GRACE), "runs did not clean up in time");
            Exit::Failed
        }
    }
}

/// Whoever cannot sign may read a bucket in which only signed backups count, and must make none.
fn require_signer(app: &App) -> Result<(), Exit> {
    if app.store.can_sign() {
        return Ok(());
    }
    error!(
        "backups made here would not count: DUMPCAR_TRUSTED_SIGNERS is set and DUMPCAR_SIGNING_KEY is not. Set the key, or only read here (list, verify, cat, restore, drill)"
    );
    Err(Exit::Usage)
}

/// `dumpcar backup`.
pub async fn backup(app: App, args: BackupArgs, stop: CancellationToken, terminal: Arc<Terminal>) -> Exit {
    if let Err(exit) = require_signer(&app) {
        return exit;
    }
    let (found, mut missing) = match select(&app, &args.targets).await {
        Ok(selected) => selected,
        Err(exit) => return exit,
    };
    let app = Arc::new(app);
    let slots = Arc::new(Semaphore::new(app.config.parallel.try_into().unwrap_or(1)));
    let display = Arc::new(ProgressDisplay::start(terminal));
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut runs = JoinSet::new();
    let order = Order { trigger: Trigger::Manual, accepts_smaller: args.accept_smaller };
    for Found { name: target, state, .. } in found {
        let found = match state {
            State::Ready(found) => *found,
            State::Unavailable { reason, .. } => {
                outcomes.push(Outcome { target, verdict: Verdict::Skipped { reason } });
                continue;
            }
            State::Invalid { reason } => {
                outcomes.push(Outcome { target, verdict: Verdict::Failed { reason } });
                continue;
            }
        };
        let (app, slots, stop, display) =
            (Arc::clone(&app), Arc::clone(&slots), stop.clone(), Arc::clone(&display));
        runs.spawn(async move {
            let slot = slots.acquire_owned().await;
            let progress = display.show(target.as_str());
            let verdict = backup::run_guarded(app, found, order, stop, Arc::clone(&progress)).await;
            display.hide(&progress);
            drop(slot);
            Outcome { target, verdict }
        });
    }
    for outcome in &outcomes {
        log_outcome(outcome);
    }
    while let Some(ended) = runs.join_next().await {
        let Ok(outcome) = ended else { continue };
        log_outcome(&outcome);
        outcomes.push(outcome);
    }
    drop(display);
    outcomes.sort_by(|a, b| a.target.cmp(&b.target));
    if args.json {
        print_json(&outcomes);
    } else {
        print(&outcome_table(&outcomes));
    }
    let good = outcomes.iter().filter(|outcome| outcome.is_good()).count();
    let partly = outcomes.iter().any(|outcome| matches!(outcome.verdict, Verdict::Done(_)));
    missing += outcomes.len() - good;
    let exit = Exit::of_targets(good, missing);
    // A backup with problems is a backup all the same.
    if exit == Exit::Failed && partly { Exit::Partial } else { exit }
}

fn outcome_table(outcomes: &[Outcome]) -> String {
    let mut table = Table::new(["TARGET", "RESULT", "BACKUP", "OBJECTS", "DUMP", "STORED", "TIME"]);
    for outcome in outcomes {
        let name = outcome.target.to_string();
        let row = match &outcome.verdict {
            Verdict::Done(summary) => [
                name,
                match (&summary.suspicious, summary.problems.is_empty()) {
                    _ if summary.incomplete.is_some() => "incomplete",
                    (Some(_), _) => "suspicious",
                    (None, true) => "ok",
                    (None, false) => "ok, with problems",
                }
                .to_owned(),
                summary.stamp.to_string(),
                summary.objects.to_string(),
                bytes(summary.plain_bytes),
                bytes(summary.stored_bytes),
                format!("{:.1}s", summary.elapsed.as_secs_f64()),
            ],
            Verdict::Skipped { .. } => row_without_backup(name, "skipped"),
            Verdict::Failed { .. } => row_without_backup(name, "failed"),
            Verdict::Stopped => row_without_backup(name, "stopped"),
        };
        table.push(row);
    }
    table.to_string()
}

fn row_without_backup(name: String, result: &str) -> [String; 7] {
    let dash = || "-".to_owned();
    [name, result.to_owned(), dash(), dash(), dash(), dash(), dash()]
}

/// The labelled containers, or those of them that were named. The second number counts names that matched nothing.
async fn select(app: &App, names: &[TargetName]) -> Result<(Vec<Found>, usize), Exit> {
    let all = match app.discover().await {
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

/// `dumpcar list`.
pub async fn list(app: &App, args: &ListArgs) -> Exit {
    let only = match args.targets.as_slice() {
        [one] => Some(one),
        _ => None,
    };
    let catalog = match app.store.catalog(only).await {
        Ok(catalog) => catalog,
        Err(error) => {
            error!(%error, "cannot list the bucket");
            return Exit::Failed;
        }
    };
    let now = clock::now();
    let mut rows = list::rows(&catalog, &args.targets, now);
    if let Err(error) =
        list::read_states(&app.store, &catalog, &mut rows, !args.targets.is_empty(), now).await
    {
        warn!(%error, "cannot read every manifest: it is not shown which backups are suspicious");
    }
    if let Err(error) = list::read_drills(&app.store, &mut rows).await {
        warn!(%error, "cannot read every drill's result");
    }
    if args.json {
        print_json(&rows);
    } else if !rows.is_empty() {
        print(&list::table(&rows, now));
    }
    if rows.is_empty() {
        error!(store = %app.store, "there is no such backup");
        return Exit::Nothing;
    }
    Exit::Done
}

/// The backup of a target that was asked for.
async fn find_backup(app: &App, target: &TargetName, at: At) -> Result<(BackupKey, Manifest), Exit> {
    let catalog = match app.store.catalog(Some(target)).await {
        Ok(catalog) => catalog,
        Err(error) => {
            error!(%error, "cannot list the bucket");
            return Err(Exit::Failed);
        }
    };
    let backups = catalog.backups(target);
    let mut stamps = backups.iter().map(|backup| backup.key.stamp);
    let (key, manifest) = loop {
        let Some(stamp) = at.pick(&mut stamps) else {
            let there_is = what_there_is(app, target, &backups).await;
            error!(%target, store = %app.store, "there is no such backup; {there_is}");
            return Err(Exit::Nothing);
        };
        let key = BackupKey { target: target.clone(), stamp };
        match app.store.manifest(&key).await {
            Ok(manifest) => break (key, manifest),
            // Anybody can put one there: it must not be in the way of the newest that is signed.
            Err(error) if error.kind == StoreErrorKind::Unsigned && !matches!(at, At::Stamp(_)) => {
                warn!(backup = %key, %error, "an unsigned backup is passed over");
            }
            Err(error) => {
                error!(%error, "cannot read the manifest");
                return Err(Exit::Failed);
            }
        }
    };
    if let Some(reason) = catalog.lacks(&key, &manifest) {
        warn!(backup = %key, reason, "this backup is incomplete: `dumpcar list {target}` shows good ones");
    }
    if let Some(reason) = missing::summary(&manifest.missing) {
        warn!(backup = %key, reason, "this backup is incomplete: `dumpcar list {target}` shows good ones");
    }
    if let Some(reason) = &manifest.suspicious {
        warn!(backup = %key, %reason, "this backup is suspicious: `dumpcar list {target}` shows good ones");
    }
    Ok((key, manifest))
}

/// What could have been meant.
async fn what_there_is(app: &App, target: &TargetName, backups: &[StoredBackup]) -> String {
    /// More than these nobody reads.
    const SHOWN: usize = 10;
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

/// `dumpcar cat`.
pub async fn cat(app: &App, args: &CatArgs) -> Exit {
    let (key, manifest) = match find_backup(app, &args.target, args.at).await {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    let wanted = match (&args.database, args.globals) {
        (Some(name), _) => Wanted::Database(name.clone()),
        (None, true) => Wanted::Globals,
        (None, false) => Wanted::Only,
    };
    let object = match cat::choose(&manifest, &wanted) {
        Ok(object) => object,
        Err(problem) => {
            error!(backup = %key, "{problem}");
            return Exit::Nothing;
        }
    };
    let form = if args.stored { Form::Stored } else { Form::Plain };
    match cat::cat(&app.store, &key, object, form).await {
        Ok(()) | Err(CatError::Closed) => Exit::Done,
        Err(error) => {
            error!(backup = %key, object = object.name, error = %chain(&error), "cannot read the dump");
            Exit::Failed
        }
    }
}

/// `dumpcar prune`.
pub async fn prune(app: &App, args: &PruneArgs, stop: CancellationToken) -> Exit {
    if !app.config.prune && !args.dry_run {
        error!("DUMPCAR_PRUNE is false: nothing is ever deleted. `prune --dry-run` shows what would be");
        return Exit::Usage;
    }
    let (found, mut bad) = match select(app, &args.targets).await {
        Ok(selected) => selected,
        Err(exit) => return exit,
    };
    let (mut good, mut rows) = (0, Vec::new());
    for one in found {
        let State::Ready(target) = one.state else {
            warn!(target = %one.name, "not pruned: its container cannot be backed up now, so no backup of it is deleted");
            bad += 1;
            continue;
        };
        let plan = match prune::plan(app, &target).await {
            Ok(plan) => plan,
            Err(error) => {
                error!(target = %target.name, %error, "cannot look into the bucket: nothing is deleted");
                bad += 1;
                continue;
            }
        };
        rows.extend(plan.decisions.iter().map(|decision| PruneRow {
            backup: decision.stamp,
            decision: if decision.is_kept() { "keep" } else { "delete" },
            reasons: decision.reasons.iter().map(ToString::to_string).collect(),
            target: target.name.clone(),
        }));
        if args.dry_run {
            good += 1;
            continue;
        }
        match prune::prune(app, &target.name, &plan, &stop).await {
            Ok(deleted) => {
                info!(target = %target.name, deleted, "pruned");
                good += 1;
            }
            Err(error) => {
                error!(target = %target.name, %error, "cannot prune");
                bad += 1;
            }
        }
    }
    if args.json {
        print_json(&rows);
    } else {
        print(&prune_table(rows).to_string());
    }
    Exit::of_targets(good, bad)
}

/// What is decided about one backup.
#[derive(Serialize)]
struct PruneRow {
    backup: Stamp,
    decision: &'static str,
    reasons: Vec<String>,
    target: TargetName,
}

fn prune_table(rows: Vec<PruneRow>) -> Table<4> {
    let mut table = Table::new(["TARGET", "BACKUP", "DECISION", "WHY"]);
    for PruneRow { backup, decision, reasons, target } in rows {
        let why = if decision == "keep" { reasons.join(", ") } else { "no rule wants it".to_owned() };
        table.push([target.to_string(), backup.to_string(), decision.to_owned(), why]);
    }
    table
}

/// `dumpcar config`.
pub fn config(config: &Config, args: &ConfigArgs) -> Exit {
    let shown = config.redacted();
    if args.json {
        let rows: Vec<_> = shown
            .iter()
            .map(|one| json!({ "name": one.name, "value": one.value, "source": one.source.to_string() }))
            .collect();
        print_json(&rows);
    } else {
        let mut table = Table::new(["NAME", "VALUE", "SOURCE"]);
        for one in shown {
            table.push([one.name.clone(), one.value.clone(), one.source.to_string()]);
        }
        print(&table.to_string());
    }
    Exit::Done
}

/// `dumpcar policy`.
pub fn policy(config: &Config) -> Exit {
    print_json(&policy::policy(config));
    Exit::Done
}

/// `dumpcar healthcheck`. Its output is what `docker inspect` shows.
pub fn healthcheck(config: &Config) -> Exit {
    match health::ask(&config.identity()) {
        Ok(report) if report.is_empty() => {
            print("healthy\n");
            Exit::Done
        }
        Ok(report) => {
            print(&report);
            Exit::Failed
        }
        Err(error) => {
            print(&format!("no dumpcar daemon answers in this container: {error}\n"));
            Exit::Failed
        }
    }
}

/// An error with its causes, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let part = cause.to_string();
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        next = cause.source();
    }
    text
}
