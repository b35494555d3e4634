//! A container as Docker describes it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::redact;
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
    /// What it may take of the processors, in billionths of one; `None` for all there are.
    pub processors: Option<u64>,
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
