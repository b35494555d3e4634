//! What retention has to know of a backup.

use jiff::Timestamp;

use crate::model::key::Stamp;
use crate::model::trigger::Trigger;
use crate::model::writers::{Clash, Writer, clash};

/// What retention has to know of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub stamp: Stamp,
    pub standing: Standing,
    /// Who made it, if that is known.
    pub writer: Option<Writer>,
}

/// Whether two writers go on making these backups.
pub fn clash_of(backups: &[Candidate], now: Timestamp) -> Option<Clash> {
    clash(backups.iter().map(|backup| (backup.stamp, backup.writer.as_ref())), now)
}

/// Whether the rules count a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is whole, and good.
    Counts {
        trigger: Trigger,
        /// The last good backup before it, whose loss would be that of all it has no longer.
        accepted_smaller_than: Option<Stamp>,
    },
    /// It is Dumpcar's and no rule counts it, for this reason: suspicious, incomplete.
    Aside {
        reason: String,
        /// It has all that could be dumped, and shrank in no way: the newest of these stands in for a good one that is not there.
        stands_in: bool,
    },
    /// It is not known what it is, for this reason: unreadable. It is never deleted.
    Unknown(String),
    /// Nobody trusted has signed it, for this reason. Anybody who may write to the bucket can put one there. It is never deleted.
    Unsigned(String),
}

impl Standing {
    /// Why the backup is not good, if it is not.
    pub fn defect(&self) -> Option<&str> {
        match self {
            Self::Counts { .. } => None,
            Self::Aside { reason, .. } | Self::Unknown(reason) | Self::Unsigned(reason) => Some(reason),
        }
    }
}
