//! Why a command did not end well.

use std::time::Duration;

use crate::docker::error::DockerError;
use crate::docker::trailer::TrailingOutput;

/// Why a command did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The command itself says so. `stderr` is its end, bounded.
    #[error("exit status {status}{}", quoted(stderr))]
    Failed { status: u8, stderr: String },
    /// What compresses the command's output in the container says so.
    #[error("zstd in the container failed (exit status {status}){}", quoted(stderr))]
    Compressor { status: u8, stderr: String },
    /// The shell that runs the command could not be started.
    #[error("the container cannot run a shell: {message}")]
    NotStarted { message: String },
    /// The container has no such user, or group, as the command was to run as.
    #[error("{message}")]
    NoUser { message: String },
    /// The output ended without a trailer.
    #[error(
        "the output was cut before its end (did the container stop, or the connection to Docker break?){}",
        quoted(stderr)
    )]
    Cut { stderr: String },
    #[error(transparent)]
    Trailing(#[from] TrailingOutput),
    /// Docker's own witness contradicts the trailer.
    #[error("the output ended well, but Docker reports exit code {code}")]
    Contradicted { code: i64 },
    /// Silent on both its outputs for so long.
    #[error("no output for {}", humantime::format_duration(*.0))]
    Stalled(Duration),
    /// More output than a short command may print.
    #[error("more than {limit} bytes of output")]
    TooMuch { limit: usize },
    #[error("no answer within {} s{}", limit.as_secs(), quoted(stderr))]
    Timeout { limit: Duration, stderr: String },
    #[error("the stream is not the two separate outputs Docker promises")]
    Protocol,
    /// A command that was to read a dump ended well before the dump did.
    #[error("it ended before it had read the whole dump{}", quoted(stderr))]
    InputLeft { stderr: String },
    /// More input than was announced.
    #[error("the dump is longer than it should be")]
    Surplus,
    #[error(transparent)]
    Docker(#[from] DockerError),
}

impl ExecError {
    /// The same without what `hide` leaves out of the tool's words.
    #[must_use]
    pub fn hidden(self, hide: &dyn Fn(&str) -> String) -> Self {
        match self {
            Self::NotStarted { message } => Self::NotStarted { message: hide(&message) },
            Self::NoUser { message } => Self::NoUser { message: hide(&message) },
            Self::Cut { stderr } => Self::Cut { stderr: hide(&stderr) },
            Self::Timeout { limit, stderr } => Self::Timeout { limit, stderr: hide(&stderr) },
            Self::InputLeft { stderr } => Self::InputLeft { stderr: hide(&stderr) },
            Self::Failed { status, stderr } => Self::Failed { status, stderr: hide(&stderr) },
            Self::Compressor { status, stderr } => Self::Compressor { status, stderr: hide(&stderr) },
            other @ (Self::Trailing(_)
            | Self::Contradicted { .. }
            | Self::Stalled(_)
            | Self::TooMuch { .. }
            | Self::Protocol
            | Self::Surplus
            | Self::Docker(_)) => other,
        }
    }

    /// Whether the image lacks a shell. A container that ends while a command starts in it fails in much the same way,
    /// but the runtime then does not speak of the shell.
    pub fn is_missing_shell(&self) -> bool {
        let names_it = |message: &str| ["\"sh\"", "`sh`", "sh:"].iter().any(|name| message.contains(name));
        matches!(self, Self::NotStarted { message } if names_it(message))
    }
}

/// Whether the runtime says that it does not find the user of an exec.
pub fn names_no_user(message: &str) -> bool {
    ["unable to find user ", "unable to find group ", "no matching entries in "]
        .iter()
        .any(|sign| message.contains(sign))
}

fn quoted(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!(": {stderr}") }
}
