//! Why a backup was made.

use serde::{Deserialize, Serialize};

/// What started the run that made a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// The schedule.
    Schedule,
    /// The daemon made up for a scheduled run that was missed.
    CatchUp,
    /// The daemon started, with `DUMPCAR_ON_START`.
    Start,
    /// Somebody asked for it: `dumpcar backup`, or SIGUSR1.
    Manual,
}

impl Trigger {
    /// Whether the backup is one of those that the schedule asks for. The others come in any number, and push none of these out.
    pub fn is_scheduled(self) -> bool {
        match self {
            Self::Schedule | Self::CatchUp => true,
            Self::Start | Self::Manual => false,
        }
    }

    /// As in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::CatchUp => "catch-up",
            Self::Start => "start",
            Self::Manual => "manual",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_called_the_same_everywhere() {
        for trigger in [Trigger::Schedule, Trigger::CatchUp, Trigger::Start, Trigger::Manual] {
            assert_eq!(serde_json::to_value(trigger).unwrap(), trigger.name());
        }
    }
}
