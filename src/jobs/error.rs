//! Why a job was not done. One type for all jobs: what follows from a failure is decided by its kind, never by its words.

use tokio_util::sync::CancellationToken;

use crate::docker::DockerError;
use crate::engine;
use crate::exit::Exit;
use crate::model::drill::Problem;
use crate::report::End;
use crate::store::{StoreError, StoreErrorKind};

/// A job, or a step of one, that was not done. The text is one line without secrets, names the thing, and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct JobError {
    pub kind: JobErrorKind,
    text: String,
    blame: Option<Box<Problem>>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobErrorKind {
    /// Dumpcar was told to stop.
    Stopped,
    /// There is no such thing as was asked for.
    Nothing,
    /// A label, a setting or the command line asks for what cannot be.
    Wrong,
    /// Somebody else is at work on the same.
    Busy,
    /// It took longer than its limit.
    TooLong,
    Store(StoreErrorKind),
    /// Docker, or the container.
    Docker {
        may_pass: bool,
    },
    /// A command broke off, fell silent or contradicts itself.
    Broken,
    /// A tool has failed.
    Tool(engine::ToolFailure),
    /// A tool ended well, and what it printed is not whole.
    IncompleteDump,
    /// What is in the bucket is not what its manifest says, or does not come back.
    Backup,
    /// A bug.
    Internal,
}

impl JobErrorKind {
    /// Whether the same may go well a little later.
    pub fn may_pass(self) -> bool {
        match self {
            Self::Store(kind) => matches!(kind, StoreErrorKind::Transient | StoreErrorKind::Lost),
            Self::Docker { may_pass } => may_pass,
            Self::Tool(problem) => problem.is_transient(),
            Self::Broken | Self::IncompleteDump => true,
            Self::Stopped
            | Self::Nothing
            | Self::Wrong
            | Self::Busy
            | Self::TooLong
            | Self::Backup
            | Self::Internal => false,
        }
    }

    /// Whether a server that is asked to take a backup has refused something of it: all else says nothing about the backup.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Tool(problem) if problem.is_refusal())
    }

    /// The exit status of a command that does nothing else.
    pub fn exit(self) -> Exit {
        if self == Self::Nothing { Exit::Nothing } else { Exit::Failed }
    }
}

impl JobError {
    pub fn new(kind: JobErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), blame: None }
    }

    /// The one line.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn stopped() -> Self {
        Self::new(JobErrorKind::Stopped, "stopped before it was done")
    }

    /// The backup is not good.
    pub(super) fn of_backup(problem: Problem, text: impl Into<String>) -> Self {
        Self { blame: Some(Box::new(problem)), ..Self::new(JobErrorKind::Backup, text) }
    }

    pub fn is_stopped(&self) -> bool {
        self.kind == JobErrorKind::Stopped
    }

    /// What is wrong with the backup; `None` where that is not known.
    pub(super) fn blame(&self) -> Option<&Problem> {
        self.blame.as_deref()
    }

    /// If the server has refused what it was given: that this is a problem of the backup.
    #[must_use]
    pub(super) fn or_blame(self, problem: impl FnOnce() -> Problem) -> Self {
        let is_new = self.blame.is_none() && self.kind.is_refusal();
        let blame = if is_new { Some(Box::new(problem())) } else { self.blame };
        Self { blame, ..self }
    }

    /// The same, but for this it says nothing about the backup.
    #[must_use]
    pub(super) fn without_blame(self) -> Self {
        Self { blame: None, ..self }
    }

    /// The same, but an answer that is not understood does not pass by asking again.
    #[must_use]
    pub(super) fn for_good(self) -> Self {
        let kind = if self.kind == JobErrorKind::IncompleteDump { JobErrorKind::Wrong } else { self.kind };
        Self { kind, ..self }
    }

    /// The same in other words.
    #[must_use]
    pub fn in_words(self, words: impl FnOnce(&str) -> String) -> Self {
        Self { text: words(&self.text), ..self }
    }
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        let is_stop = error.kind == StoreErrorKind::Stopped;
        let kind = if is_stop { JobErrorKind::Stopped } else { JobErrorKind::Store(error.kind) };
        Self::new(kind, error.to_string())
    }
}

impl From<DockerError> for JobError {
    fn from(error: DockerError) -> Self {
        Self::new(JobErrorKind::Docker { may_pass: error.is_transient() }, error.to_string())
    }
}

impl From<JobError> for End {
    fn from(error: JobError) -> Self {
        match error.is_stopped() {
            true => Self::Stopped { reason: error.text },
            false => Self::Failed { reason: error.text },
        }
    }
}

/// What `future` gives, unless Dumpcar is told to stop before.
pub(super) async fn stoppable<T>(
    stop: &CancellationToken,
    future: impl Future<Output = T>,
) -> Result<T, JobError> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(JobError::stopped()),
        result = future => Ok(result),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_blames_the_backup() {
        let blamed = |kind| JobError::new(kind, "x").or_blame(|| Problem::SwapFailed {}).blame().is_some();
        assert!(blamed(JobErrorKind::Tool(engine::ToolFailure::Other)));
        for kind in [
            JobErrorKind::Stopped,
            JobErrorKind::Docker { may_pass: false },
            JobErrorKind::Broken,
            JobErrorKind::Store(StoreErrorKind::Refused),
            JobErrorKind::Tool(engine::ToolFailure::DiskFull),
            JobErrorKind::Tool(engine::ToolFailure::ToolMissing),
            JobErrorKind::Tool(engine::ToolFailure::AuthRefused),
            JobErrorKind::Tool(engine::ToolFailure::NotAccepting),
        ] {
            assert!(!blamed(kind), "{kind:?}");
        }
        // What is known already is not replaced.
        let damaged = JobError::of_backup(Problem::Empty {}, "x").or_blame(|| Problem::SwapFailed {});
        assert_eq!(damaged.blame(), Some(&Problem::Empty {}));
    }
}
