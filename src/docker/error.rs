//! Why Docker did not do something.

/// Why Docker did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    #[error("Docker does not answer at {host}: {reason}")]
    Unreachable { host: String, reason: String },
    #[error("Docker at {host} may not be used by this process (uid {uid}): {cure}")]
    Denied { host: String, uid: u32, cure: String },
    #[error("DOCKER_CERT_PATH: cannot use {path}: {reason}")]
    Certificates { path: String, reason: String },
    #[error("{0}")]
    Untrusted(String),
    #[error("no such container or exec: {message}")]
    NotFound { message: String },
    #[error("Docker refused to {what} (status {status}): {message}")]
    Refused { what: &'static str, status: u16, message: String },
    #[error(
        "Docker at {host} may not be asked to {what}: the proxy (or plugin) in front of it has to allow it (status 403: {message})"
    )]
    Forbidden { what: &'static str, host: String, message: String },
    #[error(
        "Docker at {host} did not open a stream to the command: the proxy in between does not pass on `Upgrade: tcp`; use one that does, or the socket itself"
    )]
    NotUpgraded { host: String },
    #[error("Docker did not answer within {seconds} s when asked to {what}")]
    Timeout { what: &'static str, seconds: u64 },
    #[error("the connection to Docker broke: {reason}")]
    Broken { reason: String },
    /// An answer that cannot be right, whoever gave it.
    #[error("Docker's answer makes no sense when asked to {what}: {reason}")]
    Nonsense { what: &'static str, reason: String },
    /// It was not asked: the request is none of Dumpcar's.
    #[error("not asked to {what}: {reason}")]
    Foreign { what: &'static str, reason: String },
}

impl DockerError {
    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Broken { .. } | Self::NotFound { .. } => {
                true
            }
            Self::Refused { status, .. } => *status >= 500 || *status == 409,
            Self::Denied { .. }
            | Self::Certificates { .. }
            | Self::Untrusted(_)
            | Self::Forbidden { .. }
            | Self::NotUpgraded { .. }
            | Self::Nonsense { .. }
            | Self::Foreign { .. } => false,
        }
    }
}
