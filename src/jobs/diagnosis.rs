//! What went wrong in a target, in the words of whoever has to do something about it.

use super::error::{JobError, JobErrorKind};
use crate::discovery::Target;
use crate::docker::{Docker, DockerError, ExecError, names_no_user};
use crate::engine;

/// Why a command in a target failed to do `what`.
pub(super) async fn diagnose(
    docker: &Docker,
    target: &Target,
    what: &str,
    database: Option<&str>,
    error: ExecError,
) -> JobError {
    // Of what a tool said, and of nothing else: a password may be the name of a database, or a word of our own.
    let hide = |said: &str| target.container.redact(said);
    let is_to_be_understood = matches!(error, ExecError::Failed { .. });
    let (kind, reason) = match if is_to_be_understood { error } else { error.hidden(&hide) } {
        ExecError::Failed { status, stderr } => {
            let diagnosis =
                engine::diagnose(target.engine, status.into(), &stderr, &hide, &target.facts(), database);
            let meant = match (diagnosis.failure, target.beside.as_slice()) {
                // The application knows its database's password, and looks like one.
                (engine::ToolFailure::ToolMissing, [_, ..]) => format!(
                    "; or does {} have the database? Then its container gets the labels",
                    target.beside.join(" or ")
                ),
                _ => String::new(),
            };
            (JobErrorKind::Tool(diagnosis.failure), format!("{}{meant}", diagnosis.text))
        }
        ExecError::NoUser { message } => {
            (JobErrorKind::Tool(engine::ToolFailure::ToolMissing), no_user(target, &message))
        }
        // So say newer engines.
        ExecError::Docker(DockerError::Refused { message, .. }) if names_no_user(&message) => {
            (JobErrorKind::Tool(engine::ToolFailure::ToolMissing), no_user(target, &message))
        }
        ExecError::Docker(error) => {
            let kind = JobErrorKind::Docker { may_pass: error.is_transient() };
            // Docker's own words have the container's id, which nobody knows it by.
            let is_about_it =
                matches!(error, DockerError::NotFound { .. } | DockerError::Refused { status: 409, .. });
            let seen = if is_about_it { whereabouts(docker, target).await } else { None };
            (kind, seen.unwrap_or_else(|| error.to_string()))
        }
        error @ ExecError::NotStarted { .. } if error.is_missing_shell() => {
            let image = &target.container.image;
            (
                JobErrorKind::Tool(engine::ToolFailure::ToolMissing),
                format!("{error}; Dumpcar needs `sh` in the image {image}"),
            )
        }
        // Mostly the container itself ended, and took the tool with it.
        error @ (ExecError::Cut { .. } | ExecError::NotStarted { .. } | ExecError::Contradicted { .. }) => {
            (JobErrorKind::Broken, whereabouts(docker, target).await.unwrap_or_else(|| error.to_string()))
        }
        // A paused container looks the same.
        error @ ExecError::Stalled(_) => {
            let seen = whereabouts(docker, target).await;
            let said = || format!("{error}; is it waiting for a lock? (DUMPCAR_STALL_TIMEOUT)");
            (JobErrorKind::Broken, seen.unwrap_or_else(said))
        }
        error @ (ExecError::Compressor { .. }
        | ExecError::Trailing(_)
        | ExecError::TooMuch { .. }
        | ExecError::Timeout { .. }
        | ExecError::InputLeft { .. }
        | ExecError::Surplus
        | ExecError::Protocol) => (JobErrorKind::Broken, error.to_string()),
    };
    JobError::new(kind, format!("{what}: {reason}"))
}

/// The user of the operating system comes from a label, or from the image.
fn no_user(target: &Target, message: &str) -> String {
    let container = &target.container.name;
    match &target.labels.exec_user {
        Some(user) => format!(
            "the label dumpcar.exec-user names {user:?}, and the container {container} has no such user: correct the label, or take the number of a user ({message})"
        ),
        None => format!("the container {container} has no such user as its image wants ({message})"),
    }
}

/// What became of the container, when it is no longer running.
async fn whereabouts(docker: &Docker, target: &Target) -> Option<String> {
    let name = &target.container.name;
    match docker.container(target.tools()).await {
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
