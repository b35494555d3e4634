//! Work by hand: its events go to the sinks of this process, and the daemon of this container is told, if one runs there.

use crate::app::App;
use crate::clock;
use crate::jobs::record;
use crate::model::job::Job;
use crate::model::key::Stamp;
use crate::model::target::TargetName;
use crate::model::trigger::Trigger;
use crate::outcome::{Outcome, Verdict};
use crate::report::{End, Event, Reporter, Run, Running};
use crate::text::bytes;
use crate::told::{self, Message, Status};

/// A run by hand that has not begun.
pub(super) fn run(job: Job, target: &TargetName) -> Run {
    run_of_all(job, Some(target.clone()))
}

/// The same, of all targets if there is none.
pub(super) fn run_of_all(job: Job, target: Option<TargetName>) -> Run {
    let run = Run::new(record::new_run(), job, target, Trigger::Manual, clock::now());
    Run { is_by_hand: true, ..run }
}

/// Begins a run. `detail` is for the daemon's log.
pub(super) async fn begin(app: &App, reporter: &Reporter, run: Run, detail: &str) -> Running {
    let (job, target) = (run.job, run.target.clone());
    let backup = run.backup.as_ref().map(|key| key.stamp);
    let running = reporter.begin(run);
    if let Some(target) = &target {
        tell(app, job, target, backup, Status::Started(detail.to_owned())).await;
    }
    running
}

/// Tells the daemon. Nothing depends on whether it hears.
pub(super) async fn tell(app: &App, job: Job, target: &TargetName, backup: Option<Stamp>, status: Status) {
    let message = Message { job, target: target.clone(), backup, status };
    told::tell(&app.config.identity(), &message).await;
}

/// Ends the run of a backup.
pub(super) async fn end_backup(app: &App, running: Running, outcome: &Outcome) {
    running.end(End::Backup(outcome.verdict.clone()));
    tell_outcome(app, outcome).await;
}

/// A target that cannot be backed up.
pub(super) async fn skip_backup(app: &App, reporter: &Reporter, outcome: &Outcome) {
    let Outcome { target, verdict } = outcome.clone();
    reporter.send(&Event::Skipped { job: Job::Backup, target, end: End::Backup(verdict) });
    tell_outcome(app, outcome).await;
}

async fn tell_outcome(app: &App, outcome: &Outcome) {
    let (backup, status) = match (&outcome.verdict, outcome.problem()) {
        (Verdict::Stopped, _) => (None, Status::Ended("stopped before it was done".to_owned())),
        (Verdict::Busy { reason }, _) => (None, Status::Ended(reason.clone())),
        (Verdict::Done(summary), None) => {
            (Some(summary.stamp), Status::Good(format!("{} stored", bytes(summary.stored_bytes))))
        }
        (Verdict::Done(summary), Some(problem)) => (Some(summary.stamp), Status::Bad(problem)),
        (Verdict::Skipped { .. } | Verdict::Failed { .. }, problem) => {
            (None, Status::Bad(problem.unwrap_or_default()))
        }
    };
    tell(app, Job::Backup, &outcome.target, backup, status).await;
}
