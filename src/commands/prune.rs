//! `dumpcar prune`: what the rules no longer want goes.

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::choose::select;
use super::output::{print, print_answer};
use crate::app::App;
use crate::cli::PruneArgs;
use crate::discovery::State;
use crate::exit::Exit;
use crate::jobs::prune;
use crate::model::key::Stamp;
use crate::model::target::TargetName;
use crate::text::Table;

/// `dumpcar prune`.
pub async fn prune(app: &App, args: &PruneArgs, stop: CancellationToken) -> Exit {
    if !app.config.prune && !args.dry_run {
        error!("DUMPCAR_PRUNE is false: nothing is ever deleted. `prune --dry-run` shows what would be");
        return Exit::Usage;
    }
    let (found, mut bad) = match select(app, &args.targets).await {
        Ok(selected) => selected,
        Err(exit) => {
            if args.json && exit == Exit::Nothing {
                print_answer(Answer { decisions: &[] });
            }
            return exit;
        }
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
        rows.extend(plan.plan.decisions.iter().map(|decision| PruneRow {
            backup: decision.stamp,
            decision: if decision.is_kept() { "keep" } else { "delete" },
            reasons: decision.reasons.iter().map(ToString::to_string).collect(),
            target: target.name.clone(),
        }));
        if args.dry_run {
            good += 1;
            continue;
        }
        match prune::prune(app, &plan, &stop).await {
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
        print_answer(Answer { decisions: &rows });
    } else {
        print(&prune_table(rows).to_string());
    }
    Exit::of_targets(good, bad)
}

/// The answer of `--json`.
#[derive(Serialize)]
struct Answer<'a> {
    decisions: &'a [PruneRow],
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
