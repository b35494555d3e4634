//! Why a run made no backup, in words for whoever is woken by it.

use super::Run;
use crate::docker::{DockerError, ExecError};
use crate::jobs::explain::explain;
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
            | StoreErrorKind::Unsigned
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
        let (reason, transient) = explain(&self.app.docker, self.target, what, database, error).await;
        RunError::Failed { reason, transient }
    }
}
