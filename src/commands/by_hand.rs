//! What a command tells the daemon of this container, if one runs there.

use crate::app::App;
use crate::model::key::Stamp;
use crate::model::target::TargetName;
use crate::outcome::{Outcome, Verdict};
use crate::text::bytes;
use crate::told::{self, Event, Job, Word};

/// Tells it. Nothing depends on whether it hears.
pub(super) async fn tell(app: &App, job: Job, target: &TargetName, backup: Option<Stamp>, event: Event) {
    let word = Word { job, target: target.clone(), backup, event };
    told::tell(&app.config.identity(), &word).await;
}

/// Tells how a backup ended.
pub(super) async fn tell_outcome(app: &App, outcome: &Outcome) {
    let (backup, event) = match (&outcome.verdict, outcome.problem()) {
        (Verdict::Stopped, _) => (None, Event::Ended("stopped before it was done".to_owned())),
        // The other one says how the target is.
        (Verdict::Failed { reason }, _) if reason == crate::jobs::backup::BUSY => {
            (None, Event::Ended(reason.clone()))
        }
        (Verdict::Done(summary), None) => {
            (Some(summary.stamp), Event::Good(format!("{} stored", bytes(summary.stored_bytes))))
        }
        (Verdict::Done(summary), Some(problem)) => (Some(summary.stamp), Event::Bad(problem)),
        (Verdict::Skipped { .. } | Verdict::Failed { .. }, problem) => {
            (None, Event::Bad(problem.unwrap_or_default()))
        }
    };
    tell(app, Job::Backup, &outcome.target, backup, event).await;
}
