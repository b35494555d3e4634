//! What retention has decided.

use super::reason::KeepReason;
use crate::model::key::Stamp;
use crate::model::writers::Clash;

/// A run deletes no more backups than these, the oldest first; what is left goes with the next one. What is on record
/// beforehand has to fit into a record.
pub const MOST_PRUNED: usize = 1000;

/// The decision about one backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub stamp: Stamp,
    /// Empty means: delete.
    pub reasons: Vec<KeepReason>,
}

impl Decision {
    pub fn is_kept(&self) -> bool {
        !self.reasons.is_empty()
    }
}

/// What would happen to each backup of one target; executing it is pruning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPlan {
    /// Newest first, each stamp once.
    pub decisions: Vec<Decision>,
}

impl RetentionPlan {
    /// The same where two writers are at work: nothing goes, because each would prune what the other has made.
    #[must_use]
    pub fn held(mut self, clash: Option<&Clash>) -> Self {
        if let Some((newest, other)) = clash.map(Clash::names) {
            for decision in self.decisions.iter_mut().filter(|decision| !decision.is_kept()) {
                let (newest, other) = (newest.clone(), other.clone());
                decision.reasons.push(KeepReason::TwoWriters { newest, other });
            }
        }
        self
    }

    /// What goes now, newest first: at most [`MOST_PRUNED`], the oldest.
    pub fn deleted(&self) -> impl Iterator<Item = Stamp> + '_ {
        let all = || self.decisions.iter().filter(|decision| !decision.is_kept());
        let later = all().count().saturating_sub(MOST_PRUNED);
        all().skip(later).map(|decision| decision.stamp)
    }

    /// What stays, newest first.
    pub fn kept(&self) -> impl Iterator<Item = Stamp> + '_ {
        self.decisions.iter().filter(|decision| decision.is_kept()).map(|decision| decision.stamp)
    }
}
