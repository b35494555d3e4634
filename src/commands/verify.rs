//! `dumpcar verify`.

use std::sync::Arc;

use serde::Serialize;
use tracing::error;

use super::by_hand;
use super::output::{print, print_answer};
use crate::app::App;
use crate::cli::VerifyArgs;
use crate::exit::Exit;
use crate::jobs::verify::{self, Report};
use crate::model::job::Job;
use crate::model::target::TargetName;
use crate::report::{End, Reporter};
use crate::terminal::{ProgressDisplay, Terminal};

/// The answer of `--json`.
#[derive(Serialize)]
struct Answer<'a> {
    backups: &'a [Report],
}

/// `dumpcar verify`.
pub async fn verify(app: &App, args: &VerifyArgs, terminal: Arc<Terminal>) -> Exit {
    let reporter = Reporter::new(app.config.time_zone.clone());
    let display = ProgressDisplay::start(terminal, reporter.board());
    let running = reporter.begin(by_hand::run_of_all(Job::Verify, None));
    running.progress().set_stage("looking into the bucket");
    let reports = verify::verify(&app.store, &args.targets, args.all, running.progress()).await;
    drop(display);
    let reports = match reports {
        Ok(reports) => reports,
        Err(error) => {
            running.end(End::Failed { reason: error.to_string() });
            return Exit::Failed;
        }
    };
    let backups = reports.iter().filter(|report| report.is_backup()).count();
    let failed = reports.iter().filter(|report| report.is_failure()).count();
    running.end(verify::end(&reports));
    if args.json {
        print_answer(Answer { backups: &reports });
    } else if !reports.is_empty() {
        print(&verify::table(&reports));
    }
    let has_backup =
        |name: &TargetName| reports.iter().any(|report| report.target == *name && report.is_backup());
    let unknown: Vec<_> = args.targets.iter().filter(|name| !has_backup(name)).collect();
    for name in &unknown {
        error!(target = %name, store = %app.store, "there is no backup of this target; `dumpcar list` shows what there is");
    }
    if backups == 0 {
        if unknown.is_empty() {
            error!(store = %app.store, "there is no backup");
        }
        return Exit::Nothing;
    }
    Exit::of_targets(backups - failed, failed + unknown.len())
}
