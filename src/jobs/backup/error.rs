//! Why a run made no backup, in words for whoever is woken by it.

use super::Run;
use crate::docker::{DockerError, ExecError};
use crate::engine;
use crate::pipeline::PipelineError;
use crate::store::{StoreError, StoreErrorKind};

/// Why an attempt made no backup.
#[derive(Debug)]
pub(super) enum RunError {
    /// Dumpcar was told to stop.
    Stopped,
    Failed {
        reason: String,
        /// Whether the same run may succeed a little later.
        transient: bool,
    },
}

impl RunError {
    pub(super) fn permanent(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), transient: false }
    }
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        match error.kind {
            StoreErrorKind::Stopped => Self::Stopped,
            StoreErrorKind::Transient | StoreErrorKind::Lost => {
                Self::Failed { reason: error.to_string(), transient: true }
            }
            StoreErrorKind::NotFound
            | StoreErrorKind::Refused
            | StoreErrorKind::Denied
            | StoreErrorKind::Unsupported
            | StoreErrorKind::Damaged
            | StoreErrorKind::Taken => Self::permanent(error.to_string()),
        }
    }
}

impl From<DockerError> for RunError {
    fn from(error: DockerError) -> Self {
        Self::Failed { transient: error.is_transient(), reason: error.to_string() }
    }
}

impl Run<'_> {
    pub(super) async fn part_failed(
        &self,
        what: &str,
        database: Option<&str>,
        error: PipelineError,
    ) -> RunError {
        match error {
            PipelineError::Exec(error) => self.exec_failed(&format!("dump {what}"), database, error).await,
            PipelineError::Store(error) => error.into(),
            PipelineError::Content(reason) => {
                RunError::Failed { reason: format!("dump {what}: {reason}"), transient: true }
            }
            PipelineError::Codec(error) => RunError::permanent(format!("dump {what}: compress it: {error}")),
        }
    }

    pub(super) async fn exec_failed(&self, what: &str, database: Option<&str>, error: ExecError) -> RunError {
        let (reason, transient) = match error {
            ExecError::Failed { status, stderr } => {
                let diagnosis = engine::diagnose(
                    self.target.engine,
                    status.into(),
                    // Before anything is cut off: half a secret is not recognized.
                    &self.target.container.redact(&stderr),
                    &self.target.facts(),
                    database,
                );
                (diagnosis.text.clone(), diagnosis.problem.is_transient())
            }
            // Docker's own words have the container's id, which nobody knows it by.
            ExecError::Docker(
                error @ (DockerError::NotFound { .. } | DockerError::Refused { status: 409, .. }),
            ) => (self.whereabouts().await.unwrap_or_else(|| error.to_string()), error.is_transient()),
            ExecError::Docker(error) => (error.to_string(), error.is_transient()),
            error @ ExecError::NotStarted { .. } if error.is_missing_shell() => {
                (format!("{error}; Dumpcar needs `sh` in the image {}", self.target.container.image), false)
            }
            // Mostly the container itself ended, and took the tool with it.
            error @ (ExecError::Cut { .. }
            | ExecError::NotStarted { .. }
            | ExecError::Contradicted { .. }) => {
                (self.whereabouts().await.unwrap_or_else(|| error.to_string()), true)
            }
            // A paused container looks the same.
            error @ ExecError::Stalled(_) => (
                self.whereabouts()
                    .await
                    .unwrap_or_else(|| format!("{error}; is it waiting for a lock? (DUMPCAR_STALL_TIMEOUT)")),
                true,
            ),
            error @ (ExecError::Trailing(_)
            | ExecError::TooMuch { .. }
            | ExecError::Timeout { .. }
            | ExecError::Protocol) => (error.to_string(), true),
        };
        RunError::Failed { reason: self.target.container.redact(&format!("{what}: {reason}")), transient }
    }

    /// What became of the container, when it is no longer running.
    async fn whereabouts(&self) -> Option<String> {
        let name = &self.target.container.name;
        match self.app.docker.container(&self.target.container.id).await {
            Ok(container) if container.state == "running" => None,
            Ok(container) if container.state == "paused" => {
                Some(format!("container {name} is paused now: `docker unpause {name}`"))
            }
            Ok(container) => {
                Some(format!("container {name} is {} now: see `docker logs {name}`", container.state))
            }
            Err(DockerError::NotFound { .. }) => Some(format!("container {name} was removed meanwhile")),
            Err(_) => None,
        }
    }
}
