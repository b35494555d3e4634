//! How a run ended.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::model::key::Stamp;
use crate::model::past_backup::BackupFacts;
use crate::model::retention::Standing;
use crate::model::target::TargetName;
use crate::model::trigger::Trigger;
use crate::model::writers::Writer;

/// What is said of a run that crashed. That is a bug, but all else goes on.
pub const PANICKED: &str = "Dumpcar itself failed: please report the panic in the log";

/// The end of one target's run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    pub target: TargetName,
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "lowercase")]
pub enum Verdict {
    /// There is a new backup.
    Done(Summary),
    /// There is none, because the target could not be asked: stopped, paused, gone.
    Skipped { reason: String },
    /// There is none, because something went wrong.
    Failed { reason: String },
    /// There is none, because another one is made right now. That one says how the target is.
    #[serde(rename = "failed")]
    Busy { reason: String },
    /// There is none, because Dumpcar was told to stop.
    Stopped,
}

/// A new backup in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    #[serde(rename = "backup")]
    pub stamp: Stamp,
    pub objects: usize,
    pub plain_bytes: u64,
    pub stored_bytes: u64,
    #[serde(rename = "seconds", serialize_with = "as_seconds")]
    pub elapsed: Duration,
    /// Old backups that were deleted.
    pub pruned: usize,
    /// What could not be dumped, and why, as in its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// Why somebody should look before relying on it, as in its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspicious: Option<String>,
    /// The last good backup before, which is far smaller and was accepted, as in its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_smaller_than: Option<Stamp>,
    /// What went wrong besides: the backup is good, but somebody should look.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// For whoever shows backups: no report has it.
    #[serde(skip)]
    pub made: Box<Made>,
}

/// What else is known of a new backup, and of what went for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    pub writer: Option<Writer>,
    pub facts: Option<Arc<BackupFacts>>,
    /// The old backups that were deleted.
    pub pruned: Vec<Stamp>,
}

impl Summary {
    /// Why the new backup is not good, if it is not.
    pub fn defect(&self) -> Option<String> {
        let incomplete = self.incomplete.as_ref().map(|what| format!("incomplete: {what}"));
        incomplete.or_else(|| self.suspicious.as_ref().map(|reason| format!("suspicious: {reason}")))
    }

    /// What the new backup is to retention.
    pub fn standing(&self, trigger: Trigger) -> Standing {
        match (&self.incomplete, &self.suspicious) {
            (None, None) => Standing::Counts { trigger, accepted_smaller_than: self.accepted_smaller_than },
            (Some(reason), suspicious) => {
                Standing::Aside { reason: reason.clone(), stands_in: suspicious.is_none() }
            }
            (None, Some(reason)) => Standing::Aside { reason: reason.clone(), stands_in: false },
        }
    }
}

/// Serializes a time as seconds, to the millisecond.
///
/// # Errors
/// The serializer's.
pub fn as_seconds<S: serde::Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((elapsed.as_secs_f64() * 1000.0).round() / 1000.0)
}

impl Outcome {
    /// Whether there is a new backup and nothing is wrong with it or besides.
    pub fn is_good(&self) -> bool {
        self.problem().is_none()
    }

    /// What is wrong, in one line; `None` when nothing is.
    pub fn problem(&self) -> Option<String> {
        match &self.verdict {
            Verdict::Done(summary) => {
                let incomplete = summary.incomplete.as_ref().map(|what| format!("incomplete: {what}"));
                let cure = |reason| format!("suspicious: {reason}; {}", accept_it(&self.target));
                let suspicion = summary.suspicious.as_ref().map(cure);
                let problems: Vec<String> =
                    incomplete.into_iter().chain(suspicion).chain(summary.problems.iter().cloned()).collect();
                (!problems.is_empty()).then(|| problems.join("; "))
            }
            Verdict::Skipped { reason } => Some(format!("not backed up: {reason}")),
            Verdict::Failed { reason } | Verdict::Busy { reason } => Some(reason.clone()),
            Verdict::Stopped => Some("stopped before it was done".to_owned()),
        }
    }
}

/// What to do about a suspicious backup that is right.
pub fn accept_it(target: &TargetName) -> String {
    format!("if that is right, run `dumpcar backup --accept-smaller {target}`")
}
