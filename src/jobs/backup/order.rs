//! What a run is asked for.

use crate::model::trigger::Trigger;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// What asked for it.
    pub trigger: Trigger,
    /// The backup may be far smaller than the last good one.
    pub accepts_smaller: bool,
    /// Nothing is pruned after it.
    pub keeps_all: bool,
}

impl Order {
    pub fn of(trigger: Trigger) -> Self {
        Self { trigger, accepts_smaller: false, keeps_all: false }
    }
}
