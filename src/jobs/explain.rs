//! What went wrong in a target, in the words of whoever has to do something about it.

use crate::discovery::Target;
use crate::docker::{Docker, DockerError, ExecError};
use crate::engine;

/// Why a command in a target failed, in one line without secrets, and whether it may go better a little later.
pub(super) async fn explain(
    docker: &Docker,
    target: &Target,
    what: &str,
    database: Option<&str>,
    error: ExecError,
) -> (String, bool) {
    let (reason, transient) = match error {
        ExecError::Failed { status, stderr } => {
            let diagnosis = engine::diagnose(
                target.engine,
                status.into(),
                // Before anything is cut off: half a secret is not recognized.
                &target.container.redact(&stderr),
                &target.facts(),
                database,
            );
            (diagnosis.text.clone(), diagnosis.problem.is_transient())
        }
        // Docker's own words have the container's id, which nobody knows it by.
        ExecError::Docker(
            error @ (DockerError::NotFound { .. } | DockerError::Refused { status: 409, .. }),
        ) => (whereabouts(docker, target).await.unwrap_or_else(|| error.to_string()), error.is_transient()),
        ExecError::Docker(error) => (error.to_string(), error.is_transient()),
        error @ ExecError::NotStarted { .. } if error.is_missing_shell() => {
            (format!("{error}; Dumpcar needs `sh` in the image {}", target.container.image), false)
        }
        // Mostly the container itself ended, and took the tool with it.
        error @ (ExecError::Cut { .. } | ExecError::NotStarted { .. } | ExecError::Contradicted { .. }) => {
            (whereabouts(docker, target).await.unwrap_or_else(|| error.to_string()), true)
        }
        // A paused container looks the same.
        error @ ExecError::Stalled(_) => (
            whereabouts(docker, target)
                .await
                .unwrap_or_else(|| format!("{error}; is it waiting for a lock? (DUMPCAR_STALL_TIMEOUT)")),
            true,
        ),
        error @ (ExecError::Trailing(_)
        | ExecError::TooMuch { .. }
        | ExecError::Timeout { .. }
        | ExecError::InputLeft { .. }
        | ExecError::Surplus
        | ExecError::Protocol) => (error.to_string(), true),
    };
    (target.container.redact(&format!("{what}: {reason}")), transient)
}

/// The operating system's words where nothing may be written.
pub(super) const READ_ONLY: &str = "Read-only file system";

/// Whether a command in a target failed because there is no room to write in.
pub(super) fn lacks_room(target: &Target, error: &ExecError) -> bool {
    let ExecError::Failed { status, stderr } = error else { return false };
    // The same in every program, also one that nobody knows.
    if ["No space left on device", READ_ONLY].iter().any(|words| stderr.contains(words)) {
        return true;
    }
    let diagnosis = engine::diagnose(target.engine, (*status).into(), stderr, &target.facts(), None);
    diagnosis.problem == engine::Problem::DiskFull
}

/// What became of the container, when it is no longer running.
async fn whereabouts(docker: &Docker, target: &Target) -> Option<String> {
    let name = &target.container.name;
    match docker.container(&target.container.id).await {
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
