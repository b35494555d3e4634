//! The kinds of work that Dumpcar does on a target.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Job {
    Backup,
    Restore,
    Drill,
    Verify,
    Prune,
    Delete,
    Forget,
}

impl Job {
    pub fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Drill => "drill",
            Self::Verify => "verification",
            Self::Prune => "prune",
            Self::Delete => "delete",
            Self::Forget => "forget",
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
