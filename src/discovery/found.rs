//! A labelled container, and whether it can be backed up.

use super::target::Target;
use crate::config::PingUrl;
use crate::model::schedule::Schedule;
use crate::model::target::TargetName;

/// A labelled container, and whether it can be backed up.
#[derive(Debug, Clone)]
pub struct Found {
    /// The target's name; the container's when the labels give none that is valid.
    pub name: TargetName,
    /// The names it had before, as far as its labels could be read.
    pub was: Vec<TargetName>,
    /// The container's name.
    pub container: String,
    pub schedule: Schedule,
    /// What is pinged for it alone.
    pub ping: Option<PingUrl>,
    pub state: Readiness,
}

impl Found {
    /// Whether the backups of this name are its own.
    pub fn serves(&self, name: &TargetName) -> bool {
        self.name == *name || self.was.contains(name)
    }
}

#[derive(Debug, Clone)]
pub enum Readiness {
    Ready(Box<Target>),
    /// It is a target, and now is not the time: stopped, restarting, paused.
    Unavailable {
        reason: String,
        /// It does not run at all.
        is_stopped: bool,
    },
    /// Its labels are wrong, or it is not known how to back it up.
    Misconfigured {
        reason: String,
    },
}
