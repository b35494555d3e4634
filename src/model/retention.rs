//! Which backups are kept: rules in, a plan with a reason for each decision out (promise P5).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::duration::Short;
use super::key::Stamp;
use super::trigger::Trigger;
use super::writers::{Clash, Writer, clash};

mod settings;
mod until;

pub use settings::RetentionSettings;
pub use until::Until;

/// How far ahead of the clock a backup may be dated and still be an ordinary one: clocks of two hosts differ.
pub const FUTURE_TOLERANCE: Duration = Duration::from_secs(600);

/// A run deletes no more backups than these, the oldest first; what is left goes with the next one. What is on record
/// beforehand has to fit into a record.
pub const MOST_PRUNED: usize = 1000;

/// How many of the backups are kept that no rule counts: enough to see what goes wrong, night after night.
pub const ASIDE: u32 = 3;

/// How long a backup is kept besides the rules after a far smaller one was accepted in its place: for as long as the rules keep
/// one of each day by default.
pub const REPLACED_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Whether a backup is dated so far ahead of the clock that it says nothing about the others.
pub fn is_from_the_future(stamp: Stamp, now: Timestamp) -> bool {
    stamp.timestamp() > now.checked_add(FUTURE_TOLERANCE).unwrap_or(Timestamp::MAX)
}

/// How many backups each rule keeps. A backup is kept if any rule wants it; 0 and `None` turn a rule off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionRules {
    /// The newest ones, however close together.
    pub last: u32,
    /// The newest of each hour that has a backup, counted from the newest; so do the following rules.
    pub hourly: u32,
    pub daily: u32,
    /// ISO weeks: they start on Monday and belong to the year of their Thursday.
    pub weekly: u32,
    pub monthly: u32,
    pub yearly: u32,
    /// Everything at most this much older than the newest backup. Not than the clock: after a month of failed runs
    /// there must still be something to go back to.
    pub within: Option<Duration>,
}

/// Rules that keep something: there is no way to write a policy that keeps nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPolicy(RetentionRules);

/// All rules are off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at least one keep rule must be above zero")]
pub struct KeepsNothing;

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self(RetentionSettings::default().rules())
    }
}

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

impl RetentionPolicy {
    /// # Errors
    /// Every rule is off.
    pub fn new(rules: RetentionRules) -> Result<Self, KeepsNothing> {
        // Spelled out, so that a new rule cannot be forgotten here.
        let RetentionRules { last, hourly, daily, weekly, monthly, yearly, within } = rules;
        let counts_something = [last, hourly, daily, weekly, monthly, yearly].iter().any(|count| *count > 0);
        let spans_something = within.is_some_and(|span| !span.is_zero());
        if counts_something || spans_something { Ok(Self(rules)) } else { Err(KeepsNothing) }
    }

    pub fn rules(&self) -> RetentionRules {
        self.0
    }

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
        let rules = self.0;
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

/// How far one calendar rule has got, going from the newest backup to the oldest.
struct Counter {
    period: Period,
    of: u32,
    used: u32,
    /// The period of the backup kept last.
    current: Option<String>,
}

impl Counter {
    fn new(period: Period, of: u32) -> Self {
        Self { period, of, used: 0, current: None }
    }

    fn claim(&mut self, stamp: Stamp, is_oldest: bool, tz: &TimeZone) -> Option<KeepReason> {
        if self.used >= self.of {
            return None;
        }
        let name = self.period.name_of(stamp, tz);
        let begins = self.current.as_ref() != Some(&name);
        if !begins && !is_oldest {
            return None;
        }
        self.used += 1;
        self.current = Some(name.clone());
        let (period, nth, of) = (self.period, self.used, self.of);
        Some(if begins {
            KeepReason::Calendar { period, nth, of, name }
        } else {
            KeepReason::Oldest { period, of }
        })
    }
}

/// What the calendar rules count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Period {
    /// The period a backup falls into. Different periods have different names.
    fn name_of(self, stamp: Stamp, tz: &TimeZone) -> String {
        let format = match self {
            // With the offset: the hour that is repeated in autumn is two hours.
            Self::Hour => "%Y-%m-%dT%H%:z",
            Self::Day => "%Y-%m-%d",
            // %G, not %Y: 2027-01-01 is in the last week of 2026.
            Self::Week => "%G-W%V",
            Self::Month => "%Y-%m",
            Self::Year => "%Y",
        };
        stamp.timestamp().to_zoned(tz.clone()).strftime(format).to_string()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hour => "hourly",
            Self::Day => "daily",
            Self::Week => "weekly",
            Self::Month => "monthly",
            Self::Year => "yearly",
        })
    }
}

/// Why a backup is kept; its [`fmt::Display`] is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeepReason {
    Newest,
    DatedInTheFuture,
    Last {
        nth: u32,
        of: u32,
    },
    /// The newest of the period `name`.
    Calendar {
        period: Period,
        nth: u32,
        of: u32,
        name: String,
    },
    /// The oldest of all, kept while the rule's count is not used up.
    Oldest {
        period: Period,
        of: u32,
    },
    Within(Duration),
    /// A far smaller one was accepted in its place.
    Replaced {
        by: Stamp,
    },
    /// It was accepted in the place of a far larger one.
    Replaces {
        earlier: Stamp,
    },
    /// One of the newest that no rule counts, for this reason.
    Aside {
        nth: u32,
        reason: String,
    },
    /// The newest that is incomplete and not suspicious; no good one is newer.
    StandsIn,
    /// It is not known what it is, for this reason: it counts for no rule, and is not deleted.
    NotCounted(String),
    /// No rule wants it, but two writers make the backups: the rules count for one.
    TwoWriters {
        newest: String,
        other: String,
    },
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => f.write_str("newest"),
            Self::DatedInTheFuture => f.write_str("dated in the future"),
            Self::Last { nth, of } => write!(f, "last {nth} of {of}"),
            Self::Calendar { period, nth, of, name } => write!(f, "{period} {nth} of {of} ({name})"),
            Self::Oldest { period, of } => write!(f, "oldest, {period} {of} not full"),
            Self::Within(span) => write!(f, "within {}", Short(*span)),
            Self::Replaced { by } => write!(f, "for a week after the smaller {by} was accepted"),
            Self::Replaces { earlier } => write!(f, "for a week in the place of {earlier}"),
            Self::Aside { nth, reason } => write!(f, "not counted, {nth} of {ASIDE}: {reason}"),
            Self::StandsIn => f.write_str("newest incomplete one, no good one is newer"),
            Self::NotCounted(reason) => write!(f, "not counted: {reason}"),
            Self::TwoWriters { newest, other } => write!(f, "two writers: {newest} and {other}"),
        }
    }
}

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

#[cfg(test)]
mod tests;
