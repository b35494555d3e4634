//! Which backups are kept: rules in, a plan with a reason for each decision out (promise P5).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::key::Stamp;
use super::trigger::Trigger;

mod calendar;
mod candidate;
mod plan;
mod reason;
mod rules;
mod settings;
mod steady;
mod until;

pub use super::future::{FUTURE_TOLERANCE, is_from_the_future};
pub use candidate::{Candidate, Standing, clash_of};
pub use plan::{Decision, MOST_PRUNED, RetentionPlan};
pub use reason::{ASIDE, KeepReason, Period};
pub use rules::{KeepsNothing, RetentionPolicy, RetentionRules};
pub use settings::RetentionSettings;
pub use steady::Steady;
pub use until::Until;

use calendar::Counter;

/// How long a backup is kept besides the rules after a far smaller one was accepted in its place: for as long as the rules keep
/// one of each day by default.
pub const REPLACED_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl RetentionPolicy {
    /// Decides about each of a target's backups, in the calendar of `tz`.
    ///
    /// - Only good backups count. The newest of them is always kept, and never fewer than `last` of those there are. A period
    ///   without a backup uses up nothing. While a rule has not used up its count, it also keeps the oldest backup, so that the
    ///   history grows to its full length.
    /// - Scheduled backups are counted among themselves, the others among all: however many are made by hand or by restarts,
    ///   they push out no scheduled one, and a target that is only backed up by hand is kept by the same rules.
    /// - A backup that was replaced by one that is far smaller, and accepted, is kept until the newest good one is a week
    ///   ([`REPLACED_FOR`]) younger than that.
    /// - Of those that are set aside (suspicious, incomplete), the newest [`ASIDE`] are kept; and the newest incomplete one, if it is
    ///   newer than the newest good one: it has the rows that no good one has.
    /// - Backups dated after `now` (beyond [`FUTURE_TOLERANCE`]) are kept but do not count: a clock that once ran ahead must
    ///   neither lose a backup nor push out the real ones.
    pub fn plan(&self, backups: &[Candidate], now: Timestamp, tz: &TimeZone) -> RetentionPlan {
        let ordered: BTreeMap<Stamp, &Standing> =
            backups.iter().map(|backup| (backup.stamp, &backup.standing)).collect();
        let mut decisions: BTreeMap<Stamp, Vec<KeepReason>> = BTreeMap::new();
        let (mut good, mut aside, mut stand_in) = (Vec::new(), 0, None);
        for (&stamp, standing) in ordered.iter().rev() {
            let reasons = decisions.entry(stamp).or_default();
            match standing {
                // Whoever can write to the bucket could have made them: they are not in the way of anything.
                Standing::Unknown(reason) => reasons.push(KeepReason::NotCounted(reason.clone())),
                Standing::Unsigned(reason) => {
                    reasons.push(KeepReason::NotCounted(format!("unsigned: {reason}")));
                }
                Standing::Aside { .. } | Standing::Counts { .. } if is_from_the_future(stamp, now) => {
                    reasons.push(KeepReason::DatedInTheFuture);
                }
                Standing::Aside { reason, stands_in } => {
                    aside += 1;
                    if aside <= ASIDE {
                        reasons.push(KeepReason::Aside { nth: aside, reason: reason.clone() });
                    }
                    if *stands_in && stand_in.is_none() && good.is_empty() {
                        stand_in = Some(stamp);
                        reasons.push(KeepReason::StandsIn);
                    }
                }
                Standing::Counts { trigger, accepted_smaller_than } => {
                    good.push((stamp, *trigger, *accepted_smaller_than));
                }
            }
        }
        let is_scheduled = |(_, trigger, _): &&(Stamp, Trigger, Option<Stamp>)| trigger.is_scheduled();
        let stamp_of = |(stamp, ..): &(Stamp, Trigger, Option<Stamp>)| *stamp;
        let scheduled: Vec<Stamp> = good.iter().filter(is_scheduled).map(stamp_of).collect();
        let all: Vec<Stamp> = good.iter().map(stamp_of).collect();
        let newest = all.first().copied();
        let mut keep = |stamp: Stamp, reason: KeepReason| {
            if let Some(reasons) = decisions.get_mut(&stamp) {
                reasons.push(reason);
            }
        };
        // Whatever the rules say or will ever say.
        if let Some(newest) = newest {
            keep(newest, KeepReason::Newest);
        }
        for (stamp, reason) in self.wanted(&scheduled, now, tz) {
            keep(stamp, reason);
        }
        let scheduled: BTreeSet<Stamp> = scheduled.into_iter().collect();
        // What the rules want of all, they want of the scheduled ones alone as well.
        for (stamp, reason) in self.wanted(&all, now, tz) {
            if !scheduled.contains(&stamp) {
                keep(stamp, reason);
            }
        }
        for (by, _, replaced) in &good {
            let until = by.timestamp().checked_add(REPLACED_FOR).unwrap_or(Timestamp::MAX);
            let is_recent = newest.is_some_and(|newest| newest.timestamp() < until);
            if let Some(earlier) = replaced.filter(|_| is_recent) {
                keep(earlier, KeepReason::Replaced { by: *by });
                // It is the one that says so.
                keep(*by, KeepReason::Replaces { earlier });
            }
        }
        let decided = decisions.into_iter().rev();
        RetentionPlan { decisions: decided.map(|(stamp, reasons)| Decision { stamp, reasons }).collect() }
    }

    /// The same, but nothing goes while two writers are at work.
    pub fn plan_safely(&self, backups: &[Candidate], now: Timestamp, tz: &TimeZone) -> RetentionPlan {
        self.plan(backups, now, tz).held(clash_of(backups, now).as_ref())
    }

    /// What the rules want of these, which come newest first, and why.
    fn wanted(&self, stamps: &[Stamp], now: Timestamp, tz: &TimeZone) -> Vec<(Stamp, KeepReason)> {
        let rules = self.rules();
        let oldest = stamps.last().copied();
        let since = rules.within.zip(stamps.first()).map(|(span, newest)| {
            let since = newest.timestamp().min(now).checked_sub(span).unwrap_or(Timestamp::MIN);
            (span, since)
        });
        let mut calendar = [
            Counter::new(Period::Hour, rules.hourly),
            Counter::new(Period::Day, rules.daily),
            Counter::new(Period::Week, rules.weekly),
            Counter::new(Period::Month, rules.monthly),
            Counter::new(Period::Year, rules.yearly),
        ];
        let mut wanted = Vec::new();
        for (&stamp, nth) in stamps.iter().zip(1u32..) {
            let last = (nth <= rules.last).then_some(KeepReason::Last { nth, of: rules.last });
            let is_oldest = Some(stamp) == oldest;
            let periods = calendar.iter_mut().filter_map(|counter| counter.claim(stamp, is_oldest, tz));
            let within = since.filter(|(_, since)| stamp.timestamp() >= *since);
            let within = within.map(|(span, _)| KeepReason::Within(span));
            wanted.extend(last.into_iter().chain(periods).chain(within).map(|reason| (stamp, reason)));
        }
        wanted
    }
}

#[cfg(test)]
mod tests;
