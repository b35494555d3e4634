//! `dumpcar backup`: now, with a report.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::ask::{Unasked, go_on};
use super::by_hand;
use super::choose::{names_of, require_signer, select, served};
use super::output::{print, print_answer};
use crate::app::App;
use crate::cli::BackupArgs;
use crate::discovery::{Found, Readiness};
use crate::exit::Exit;
use crate::jobs::backup::{self, Order};
use crate::jobs::{newest, readme};
use crate::model::job::Job;
use crate::model::target::TargetName;
use crate::model::trigger::Trigger;
use crate::outcome::{Outcome, Verdict};
use crate::report::{Reporter, Run, Summary, Wave};
use crate::terminal::{ProgressDisplay, Terminal};
use crate::text::{Table, bytes, escaped_lines, local};

/// The answer of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    results: &'a [Outcome],
}

/// `dumpcar backup`.
pub async fn backup(app: App, args: BackupArgs, stop: CancellationToken, terminal: Arc<Terminal>) -> Exit {
    if let Err(exit) = require_signer(&app) {
        return exit;
    }
    let (found, mut missing) = match select(&app, &args.targets).await {
        Ok(selected) => selected,
        Err(exit) => {
            if args.json && exit == Exit::Nothing {
                print_answer(Report { results: &[] });
            }
            return exit;
        }
    };
    if args.accept_smaller
        && let Err(exit) = confirm_smaller(&app, &args.targets, &stop).await
    {
        return exit;
    }
    let app = Arc::new(app);
    let slots = Arc::new(Semaphore::new(app.config.parallel.try_into().unwrap_or(1)));
    let reporter = Reporter::new(app.config.time_zone.clone());
    let display = ProgressDisplay::start(terminal, reporter.board());
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut runs = JoinSet::new();
    let order = Order { accepts_smaller: args.accept_smaller, ..Order::of(Trigger::Manual) };
    for Found { name: target, state, .. } in found {
        let found = match state {
            Readiness::Ready(found) => *found,
            Readiness::Unavailable { reason, .. } => {
                outcomes.push(Outcome { target, verdict: Verdict::Skipped { reason } });
                continue;
            }
            Readiness::Misconfigured { reason } => {
                outcomes.push(Outcome { target, verdict: Verdict::Failed { reason } });
                continue;
            }
        };
        let (app, slots, stop, reporter) =
            (Arc::clone(&app), Arc::clone(&slots), stop.clone(), reporter.clone());
        runs.spawn(async move {
            let slot = slots.acquire_owned().await;
            let run = Run { engine: Some(found.engine.name()), ..by_hand::run(Job::Backup, &target) };
            let running = by_hand::begin(&app, &reporter, run, "").await;
            let progress = Arc::clone(running.progress());
            let verdict = backup::run_guarded(Arc::clone(&app), found, order, stop, progress).await;
            drop(slot);
            let outcome = Outcome { target, verdict };
            by_hand::end_backup(&app, running, &outcome).await;
            outcome
        });
    }
    for outcome in &outcomes {
        by_hand::skip_backup(&app, &reporter, outcome).await;
    }
    while let Some(ended) = runs.join_next().await {
        outcomes.extend(ended);
    }
    drop(display);
    outcomes.sort_by(|a, b| a.target.cmp(&b.target));
    if args.json {
        print_answer(Report { results: &outcomes });
    } else {
        let mut wave = Wave::default();
        outcomes.iter().for_each(|outcome| wave.take(outcome));
        let summary = wave.end(None).filter(Summary::is_of_several);
        let line = summary.map(|summary| format!("\n{}\n", summary.line(&app.config.time_zone)));
        let line = line.unwrap_or_default();
        print(&format!("{}{line}", outcome_table(&outcomes)));
    }
    let good = outcomes.iter().filter(|outcome| outcome.is_good()).count();
    let partly = outcomes.iter().any(|outcome| matches!(outcome.verdict, Verdict::Done(_)));
    if partly {
        stop.run_until_cancelled(readme::keep(&app)).await;
    }
    missing += outcomes.len() - good;
    let exit = Exit::of_targets(good, missing);
    // A backup with problems is a backup all the same.
    if exit == Exit::Failed && partly { Exit::Partial } else { exit }
}

/// Says how long the last good backups stay that may be far larger, and asks whether to go on if there is anybody to ask.
async fn confirm_smaller(app: &App, targets: &[TargetName], stop: &CancellationToken) -> Result<(), Exit> {
    let mut text = String::new();
    for target in targets {
        let found = async {
            let names = names_of(target, served(app).await.as_deref());
            let catalog = app.store.catalog_of(&names).await?;
            newest::last_good(&app.store, &app.backup_cache, &catalog, &names).await
        };
        match stop.run_until_cancelled(found).await {
            Some(Ok(Some(good))) => {
                writeln!(
                    text,
                    "{target}: the last good backup is {} ({}), {} of dumps. A far smaller one will take its place; {} stays until there is \
                     a good backup a week younger than that, whatever the retention rules say, and then goes by the rules",
                    good.stamp, local(good.stamp.timestamp(), &app.config.time_zone), bytes(good.plain_bytes()), good.stamp,
                ).expect("a string takes everything");
            }
            Some(Ok(None)) => {}
            Some(Err(error)) => {
                error!(%target, %error, "cannot tell which backup is the last good one");
                return Err(Exit::Failed);
            }
            None => return Err(Exit::Failed),
        }
    }
    if text.is_empty() {
        return Ok(());
    }
    drop(io::stderr().write_all(escaped_lines(&text).as_bytes()));
    go_on("nothing was backed up", Unasked::GoesOn, stop).await
}

fn outcome_table(outcomes: &[Outcome]) -> String {
    let mut table = Table::new(["TARGET", "RESULT", "BACKUP (UTC)", "STORED", "TIME"]);
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
                bytes(summary.stored_bytes),
                format!("{:.1}s", summary.elapsed.as_secs_f64()),
            ],
            Verdict::Skipped { .. } => row_without_backup(name, "skipped"),
            Verdict::Failed { .. } | Verdict::Busy { .. } => row_without_backup(name, "failed"),
            Verdict::Stopped => row_without_backup(name, "stopped"),
        };
        table.push(row);
    }
    table.to_string()
}

fn row_without_backup(name: String, result: &str) -> [String; 5] {
    let dash = || "-".to_owned();
    [name, result.to_owned(), dash(), dash(), dash()]
}
