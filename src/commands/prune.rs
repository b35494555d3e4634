//! `dumpcar prune`: what the rules no longer want goes.

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::by_hand;
use super::choose::select_from;
use super::output::{print, print_answer};
use crate::app::App;
use crate::cli::PruneArgs;
use crate::discovery::{Found, Readiness};
use crate::docker::DockerError;
use crate::exit::Exit;
use crate::jobs::prune::{self, Stays};
use crate::model::job::Job;
use crate::model::key::Stamp;
use crate::model::retention::{MOST_PRUNED, RetentionPolicy};
use crate::model::target::TargetName;
use crate::model::writers::Clash;
use crate::report::{End, Reporter};
use crate::text::Table;

/// `dumpcar prune`.
pub async fn prune(app: &App, args: &PruneArgs, stop: CancellationToken) -> Exit {
    if !app.config.prune && !args.dry_run {
        error!("DUMPCAR_PRUNE is false: nothing is ever deleted. `prune --dry-run` shows what would be");
        return Exit::Usage;
    }
    let selected = match app.discover().await {
        Err(error) if args.dry_run => without_docker(app, &args.targets, &error).await,
        looked => with_docker(app, &args.targets, looked),
    };
    let (chosen, mut bad) = match selected {
        Ok(selected) => selected,
        Err(exit) => {
            if args.json && exit == Exit::Nothing {
                print_answer(Answer { decisions: &[] });
            }
            return exit;
        }
    };
    let reporter = Reporter::new(app.config.time_zone.clone());
    let (mut good, mut rows) = (0, Vec::new());
    for (names, retention) in chosen {
        let Some(name) = names.first() else { continue };
        let ahead = if args.dry_run { prune::FORESEEN } else { MOST_PRUNED };
        let plan = match prune::plan(app, &names, retention, ahead).await {
            Ok(plan) => plan,
            Err(error) => {
                error!(target = %name, %error, "cannot look into the bucket: nothing is deleted");
                bad += 1;
                continue;
            }
        };
        if let Some(clash) = &plan.clash {
            let (newest, other) = clash.names();
            let cure = Clash::cure(&app.config.label_prefix);
            warn!(target = %name, newest, other, "two writers make these backups, so nothing is pruned: {cure}");
        }
        rows.extend(plan.plan.decisions.iter().map(|decision| PruneRow {
            backup: decision.stamp,
            decision: if decision.is_kept() { "keep" } else { "delete" },
            reasons: decision.reasons.iter().map(ToString::to_string).collect(),
            target: name.clone(),
            stays: None,
        }));
        if args.dry_run {
            good += 1;
            continue;
        }
        let running = reporter.begin(by_hand::run(Job::Prune, name));
        match prune::prune(app, &plan, &stop).await {
            Ok(pruned) => {
                running.end(End::Prune { deleted: pruned.deleted });
                for row in rows.iter_mut().filter(|row| row.target == *name) {
                    row.learn(pruned.kept.get(&row.backup));
                }
                good += 1;
            }
            Err(error) => {
                running.end(error.into());
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

/// Targets with their rules, and how many there are none for.
type Chosen = (Vec<(Vec<TargetName>, RetentionPolicy)>, usize);

/// The running targets, each with the rules of its labels.
fn with_docker(
    app: &App,
    names: &[TargetName],
    looked: Result<Vec<Found>, DockerError>,
) -> Result<Chosen, Exit> {
    let (found, mut bad) = select_from(app, names, looked)?;
    let mut chosen = Vec::new();
    for one in found {
        match one.state {
            Readiness::Ready(target) => chosen.push((target.names(), target.retention)),
            Readiness::Unavailable { .. } | Readiness::Misconfigured { .. } => {
                warn!(target = %one.name, "not pruned: its container cannot be backed up now, so no backup of it is deleted");
                bad += 1;
            }
        }
    }
    Ok((chosen, bad))
}

/// The targets of the bucket, each with the rules of the settings: enough for a plan that nobody carries out.
async fn without_docker(app: &App, names: &[TargetName], error: &DockerError) -> Result<Chosen, Exit> {
    warn!(
        %error,
        "the labels of the containers are not known: this plan follows DUMPCAR_KEEP_* alone, also for a target with rules of its own"
    );
    let retention = app.config.retention.policy().map_err(|error| {
        error!("DUMPCAR_KEEP_*: {error}");
        Exit::Usage
    })?;
    let catalog = app.store.catalog(None).await.map_err(|error| {
        error!(%error, "cannot list the bucket");
        Exit::Failed
    })?;
    let there: Vec<&TargetName> = catalog.targets().collect();
    let unknown: Vec<_> = names.iter().filter(|name| !there.contains(name)).collect();
    for name in &unknown {
        error!(target = %name, store = %app.store, "there is no backup of this target; `dumpcar list` shows what there is");
    }
    let chosen: Vec<_> = there.into_iter().filter(|name| names.is_empty() || names.contains(name)).collect();
    if chosen.is_empty() {
        if names.is_empty() {
            error!(store = %app.store, "there is no backup");
        }
        return Err(Exit::Nothing);
    }
    Ok((chosen.into_iter().map(|name| (vec![name.clone()], retention)).collect(), unknown.len()))
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
    /// What the store keeps of what no rule wants.
    #[serde(skip_serializing_if = "Option::is_none")]
    stays: Option<String>,
}

impl PruneRow {
    /// What the store made of the decision.
    fn learn(&mut self, stays: Option<&Stays>) {
        match stays {
            None => {}
            Some(Stays::Backup(kept)) => {
                self.decision = "keep";
                self.reasons = vec![kept.to_string()];
            }
            Some(Stays::OldVersion(kept)) => self.stays = Some(format!("its old version is {kept}")),
        }
    }
}

fn prune_table(rows: Vec<PruneRow>) -> Table<4> {
    let mut table = Table::new(["TARGET", "BACKUP (UTC)", "DECISION", "WHY"]);
    table.wrap();
    for PruneRow { backup, decision, reasons, target, stays } in rows {
        let why = match (decision, stays) {
            ("keep", _) => reasons.join(", "),
            (_, Some(stays)) => format!("no rule wants it; {stays}"),
            (_, None) => "no rule wants it".to_owned(),
        };
        table.push([target.to_string(), backup.to_string(), decision.to_owned(), why]);
    }
    table
}
