//! The Docker engine: containers, events, and commands run inside a container.
//!
//! Only this module names bollard. There is no trait in front of it: tests speak the Docker API to the real code from a
//! scripted server on a Unix socket, which also covers the client library.

mod client;
mod exec;
mod feed;
mod guard;
mod inspect;
mod leftover;
mod redact;
mod scratch;
mod tls;
mod trailer;
mod transport;

pub use client::{Bystander, Docker, EngineNames, EngineVersion, Looked, Unreadable};
pub use exec::{Captured, Exec, ExecError, names_no_user};
pub use feed::{Appetite, Feed};
#[cfg(any(test, fuzzing, feature = "bench"))]
pub(crate) use inspect::container as read_container;
pub use scratch::{Death, HelperContainer, Image, ScratchContainer};
#[cfg(any(test, fuzzing, feature = "bench"))]
pub(crate) use trailer::TrailerStripper;
pub use trailer::TrailingOutput;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::model::id::{ContainerId, ImageId};

/// What is known of a container.
#[derive(Clone, PartialEq, Eq)]
pub struct Container {
    pub id: ContainerId,
    /// Without the leading slash.
    pub name: String,
    /// As the container was started with: `postgres:17`.
    pub image: String,
    pub image_id: ImageId,
    pub labels: HashMap<String, String>,
    /// What the entry point was given.
    pub command: Vec<String>,
    /// Behind its program: of the entry point, and then the command.
    pub arguments: Vec<String>,
    /// Whether it has its network from another container, or from the host.
    pub shares_network: bool,
    /// What of others is mounted into it.
    pub mounts: Vec<Mount>,
    /// The configured environment, which every exec inherits. Values may be secrets.
    pub env: BTreeMap<String, String>,
    /// `running`, `exited`, `paused`, `restarting`, …, in Docker's words.
    pub state: String,
    /// When it was last started, in Docker's words.
    pub started: String,
    /// `healthy`, `unhealthy` or `starting`; absent when the container has no health check.
    pub health: Option<String>,
}

/// A volume or folder that a container has at some path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// In Docker's words: `volume`, `bind`, `tmpfs`, ….
    pub kind: String,
    /// The volume's name, or the folder on the host.
    pub source: String,
    /// An absolute path without `..`.
    pub path: String,
}

impl Container {
    /// `text` without the secrets of the container's environment and without the logins of addresses: a tool may quote
    /// one when it fails.
    ///
    /// A variable is taken for a secret by its name; see [`redact::variables`].
    pub fn redact(&self, text: &str) -> String {
        let text = redact::arguments(&redact::variables(text, &self.env), &self.arguments);
        redact::logins(&text)
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.keys().collect();
        f.debug_struct("Container")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("image", &self.image)
            .field("state", &self.state)
            .field("health", &self.health)
            .field("env", &names)
            .finish_non_exhaustive()
    }
}

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
