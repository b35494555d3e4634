//! What retention does to each of a target's backups, and why.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::about::About;
use super::words::clean;
use crate::model::duration::Short;
use crate::model::key::Stamp;
use crate::model::past_backup::PastBackup;
use crate::model::retention::{ASIDE, Candidate, KeepReason, RetentionRules, Standing};
use crate::model::trigger::Trigger;
use crate::report::{Condition, Target};

/// Whether a backup stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) is_kept: bool,
    pub(super) why: String,
}

/// The decision about each backup of the last days, as `dumpcar prune` would make it now; or why nothing is deleted.
pub(super) fn decisions(
    target: &Target,
    about: &About,
    now: Timestamp,
) -> Result<BTreeMap<Stamp, Kept>, &'static str> {
    if !about.prunes {
        return Err("DUMPCAR_PRUNE is false: nothing is ever deleted");
    }
    let rules = match (&target.condition, &target.rules) {
        (Condition::Gone, _) => return Err("no container here serves the target: nothing is deleted"),
        (_, None) => return Err("the labels cannot be read now: nothing is deleted"),
        (_, Some(rules)) => rules,
    };
    let candidates: Vec<Candidate> = older(target)
        .into_iter()
        .chain(target.recent.iter().map(PastBackup::candidate))
        .chain(target.uncounted.iter().cloned())
        .collect();
    let plan = rules.retention.plan_safely(&candidates, now, &about.time_zone);
    let decided = plan.decisions.into_iter().map(|decision| {
        let reasons: Vec<String> = decision.reasons.iter().map(in_words).collect();
        let why = if reasons.is_empty() { "no rule wants it".to_owned() } else { reasons.join(", ") };
        (decision.stamp, Kept { is_kept: decision.is_kept(), why })
    });
    Ok(decided.collect())
}

/// A reason. What is wrong with a backup stands beside it already.
fn in_words(reason: &KeepReason) -> String {
    match reason {
        KeepReason::Aside { nth, .. } => format!("not counted, {nth} of {ASIDE}"),
        KeepReason::NotCounted(_) => "not counted".to_owned(),
        KeepReason::Newest
        | KeepReason::DatedInTheFuture
        | KeepReason::Last { .. }
        | KeepReason::Calendar { .. }
        | KeepReason::Oldest { .. }
        | KeepReason::Within(_)
        | KeepReason::Replaced { .. }
        | KeepReason::Replaces { .. }
        | KeepReason::StandsIn
        | KeepReason::TwoWriters { .. } => clean(&reason.to_string()),
    }
}

/// What stands for the older backups: rules that keep the oldest of all must not take one of the last days for it.
fn older(target: &Target) -> Option<Candidate> {
    let recent = target.recent.iter().map(|backup| backup.stamp);
    let oldest = recent.chain(target.uncounted.iter().map(|backup| backup.stamp)).min()?;
    let before = oldest.timestamp().checked_sub(jiff::SignedDuration::from_secs(1)).ok()?;
    let standing = Standing::Counts { trigger: Trigger::Schedule, accepted_smaller_than: None };
    (target.older > 0).then(|| Candidate { stamp: Stamp::new(before), standing, writer: None })
}

/// `last 7, daily 7, within 30d`.
pub(super) fn words(rules: RetentionRules) -> String {
    let RetentionRules { last, hourly, daily, weekly, monthly, yearly, within } = rules;
    let counted = [
        ("last", last),
        ("hourly", hourly),
        ("daily", daily),
        ("weekly", weekly),
        ("monthly", monthly),
        ("yearly", yearly),
    ];
    let counted = counted.into_iter().filter(|(_, number)| *number > 0);
    let counted = counted.map(|(name, number)| format!("{name} {number}"));
    let within = within.filter(|span| !span.is_zero()).map(|span| format!("within {}", Short(span)));
    counted.chain(within).collect::<Vec<_>>().join(", ")
}
