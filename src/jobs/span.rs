//! Whose a line of the log is.

use tracing::{Span, error_span, field};

use crate::model::key::BackupKey;
use crate::model::run::RunId;
use crate::model::target::TargetName;

/// What everything belongs to that is logged in a job: which one it is, and of which target. As an error's: a span has to be
/// there for each line that is shown, and `DUMPCAR_LOG` may leave out the rest.
pub(super) fn job(job: &'static str, target: &TargetName) -> Span {
    error_span!("job", job, %target, run = field::Empty, backup = field::Empty)
}

/// Adds the run that the job at hand is now.
pub(super) fn is_run(run: &RunId) {
    Span::current().record("run", field::display(run));
}

/// Adds the backup that the job at hand is about.
pub(super) fn is_about(backup: &BackupKey) {
    Span::current().record("backup", field::display(&backup.stamp));
}
