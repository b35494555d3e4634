//! A target: a database container that opted in.

use std::time::Duration;

use crate::config::labels::TargetLabels;
use crate::docker::Container;
use crate::engine::{Engine, Facts};
use crate::model::compression::CompressionChoice;
use crate::model::id::ContainerId;
use crate::model::retention::RetentionPolicy;
use crate::model::schedule::Schedule;
use crate::model::suspicion::ShrinkAlert;
use crate::model::target::TargetName;
use crate::model::transport::Transport;

/// A database container that opted in, with everything that is decided about it.
#[derive(Debug, Clone)]
pub struct Target {
    pub name: TargetName,
    pub container: Container,
    pub engine: Engine,
    /// The helper container that its engine's commands run in, once it has one.
    pub helper: Option<ContainerId>,
    /// Containers of the same Compose project that look like databases.
    pub beside: Vec<String>,
    pub labels: TargetLabels,
    pub schedule: Schedule,
    pub retention: RetentionPolicy,
    pub shrink_alert: ShrinkAlert,
    pub compression: CompressionChoice,
    pub transport: Transport,
    /// The longest a run may take.
    pub timeout: Duration,
}

impl Target {
    /// What the engine wants to know.
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            image: &self.container.image,
            arguments: &self.container.arguments,
            shares_network: self.container.shares_network,
            env: &self.container.env,
            user: self.labels.user.as_deref(),
            password_file: self.labels.password_file.as_deref(),
            host: self.labels.host.as_deref(),
            port: self.labels.port,
            socket: self.labels.socket.as_deref(),
            paths: &self.labels.paths,
            exec_user: self.labels.exec_user.as_deref(),
            args: &self.labels.args,
            command: self.labels.custom.as_ref().map(|custom| custom.dump.as_str()),
            restore_command: self.labels.custom.as_ref().and_then(|custom| custom.restore.as_deref()),
            extension: self.labels.custom.as_ref().map(|custom| custom.extension.as_str()),
        }
    }

    /// The container that its engine's commands run in.
    pub fn tools(&self) -> &ContainerId {
        self.helper.as_ref().unwrap_or(&self.container.id)
    }

    /// The names under which its backups are: its own first, then those it had before.
    pub fn names(&self) -> Vec<TargetName> {
        names(&self.name, &self.labels.was)
    }

    /// Whether the labels ask for this database.
    pub fn wants(&self, database: &str) -> bool {
        let listed =
            self.labels.databases.is_empty() || self.labels.databases.iter().any(|name| name == database);
        listed && !self.labels.exclude.iter().any(|pattern| pattern.matches(database))
    }
}

/// A target's name, and those it had before.
pub fn names(name: &TargetName, was: &[TargetName]) -> Vec<TargetName> {
    std::iter::once(name).chain(was).cloned().collect()
}
