//! `dumpcar drill`.

use std::sync::Arc;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::by_hand;
use super::choose::find_backup;
use super::output::{print, print_answer};
use crate::app::App;
use crate::cli::DrillArgs;
use crate::exit::Exit;
use crate::jobs::drill::{self, Drilled};
use crate::jobs::list;
use crate::model::at::At;
use crate::model::drill::Verdict;
use crate::model::job::Job;
use crate::model::target::TargetName;
use crate::report::{Reporter, Run};
use crate::terminal::{ProgressDisplay, Terminal};
use crate::text::Table;
use crate::told::Status;

/// `dumpcar drill`.
pub async fn drill(app: &App, args: &DrillArgs, stop: CancellationToken, terminal: Arc<Terminal>) -> Exit {
    let targets = match targets(app, args).await {
        Ok(targets) => targets,
        Err(exit) => {
            if args.json && exit == Exit::Nothing {
                print_answer(json!({ "results": [] }));
            }
            return exit;
        }
    };
    drill::sweep(app).await;
    let reporter = Reporter::new(app.config.time_zone.clone());
    let display = ProgressDisplay::start(terminal, reporter.board());
    let mut table = Table::new(["TARGET", "BACKUP (UTC)", "RESULT", "TABLES", "ROWS", "TIME"]);
    let (mut good, mut bad, mut missing, mut reports) = (0, 0, 0, Vec::new());
    // One after the other: each is a server of its own.
    for name in targets {
        let (key, manifest) = match find_backup(app, &name, args.at).await {
            Ok(found) => found,
            Err(Exit::Nothing) => {
                missing += 1;
                continue;
            }
            Err(_) => {
                bad += 1;
                continue;
            }
        };
        let target = app.target(&name).await;
        let run = Run { backup: Some(key.clone()), ..by_hand::run(Job::Drill, &name) };
        let running = by_hand::begin(app, &reporter, run, "").await;
        let result =
            Box::pin(drill::run(app, &key, &manifest, target.as_ref(), &stop, running.progress())).await;
        let status = match &result {
            Ok(Drilled { detail: Some(problem), .. }) => {
                let problem = format!("the backup {key} is not good: {problem}");
                // An older one says nothing about how the target is.
                if args.at == At::Latest { Status::Bad(problem) } else { Status::Ended(problem) }
            }
            Ok(Drilled { result, detail: None }) => Status::Good(result.verdict().to_string()),
            Err(problem) => Status::Ended(format!("inconclusive: {problem}")),
        };
        running.end(drill::end(result.clone()));
        by_hand::tell(app, Job::Drill, &name, Some(key.stamp), status).await;
        let row = |word: &str, numbers: [String; 3]| {
            let [tables, rows, time] = numbers;
            [name.to_string(), key.stamp.to_string(), word.to_owned(), tables, rows, time]
        };
        match result {
            Ok(drilled) => {
                let Drilled { result, detail } = drilled;
                let verdict = result.verdict();
                table.push(row(
                    &verdict.to_string(),
                    [result.tables.to_string(), result.rows.to_string(), format!("{}s", result.seconds)],
                ));
                if verdict.is_good() {
                    good += 1;
                } else {
                    bad += 1;
                }
                reports.push(json!({ "target": name, "backup": key.stamp, "result": verdict.word(), "drill": list::drill_json(&result), "problem": detail }));
            }
            Err(problem) => {
                let verdict = Verdict::Inconclusive;
                table.push(row(&verdict.to_string(), ["-"; 3].map(str::to_owned)));
                reports.push(json!({ "target": name, "backup": key.stamp, "result": verdict.word(), "problem": problem.to_string() }));
                bad += 1;
                if stop.is_cancelled() {
                    break;
                }
            }
        }
    }
    drop(display);
    if args.json {
        print_answer(json!({ "results": reports }));
    } else if !reports.is_empty() {
        print(&table.to_string());
    }
    match (good, bad, missing) {
        (0, 0, _) => Exit::Nothing,
        (good, bad, missing) => Exit::of_targets(good, bad + missing),
    }
}

async fn targets(app: &App, args: &DrillArgs) -> Result<Vec<TargetName>, Exit> {
    if !args.targets.is_empty() {
        return Ok(args.targets.clone());
    }
    match app.store.catalog(None).await {
        Ok(catalog) => {
            let targets: Vec<_> = catalog.targets().cloned().collect();
            if targets.is_empty() {
                error!(store = %app.store, "there is no backup");
                return Err(Exit::Nothing);
            }
            Ok(targets)
        }
        Err(error) => {
            error!(%error, "cannot list the bucket");
            Err(Exit::Failed)
        }
    }
}
