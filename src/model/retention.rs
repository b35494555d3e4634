//! Which backups are kept: rules in, a plan with a reason for each decision out (promise P5).

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::duration::Short;
use super::key::Stamp;

mod overrides;

pub use overrides::RetentionOverrides;

/// How far ahead of the clock a backup may be dated and still be an ordinary one: clocks of two hosts differ.
pub const FUTURE_TOLERANCE: Duration = Duration::from_secs(600);

/// A run deletes no more backups than these, the oldest first; what is left goes with the next one. What is on record
/// beforehand has to fit into a record.
pub const MOST_PRUNED: usize = 1000;

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
        Self(RetentionRules { last: 7, ..RetentionRules::default() })
    }
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
    /// The newest is always kept, and never fewer than `last` of those there are. Backups dated after `now`
    /// (beyond [`FUTURE_TOLERANCE`]) are kept but do not count: a clock that once ran ahead must neither lose a
    /// backup nor push out the real ones. A period without a backup uses up nothing. While a rule has not used up
    /// its count, it also keeps the oldest backup, so that the history grows to its full length.
    ///
    /// `last_good` is the newest backup that is not suspicious, where one is known. It is kept as well, besides what
    /// the rules keep: suspicious ones use up the counts like any other, but never push out the last one to go back to.
    pub fn plan(
        &self,
        stamps: &[Stamp],
        last_good: Option<Stamp>,
        now: Timestamp,
        tz: &TimeZone,
    ) -> RetentionPlan {
        let ordered: BTreeSet<Stamp> = stamps.iter().copied().collect();
        let (future, real): (Vec<Stamp>, Vec<Stamp>) =
            ordered.into_iter().rev().partition(|stamp| is_from_the_future(*stamp, now));

        let mut decisions: Vec<Decision> = future
            .into_iter()
            .map(|stamp| Decision { stamp, reasons: vec![KeepReason::DatedInTheFuture] })
            .collect();

        let rules = self.0;
        let newest = real.first().copied();
        let oldest = real.last().copied();
        let since = rules.within.zip(newest).map(|(span, newest)| {
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
        for (stamp, nth) in real.into_iter().zip(1u32..) {
            let mut reasons = Vec::new();
            // Whatever the rules say or will ever say.
            if Some(stamp) == newest {
                reasons.push(KeepReason::Newest);
            }
            if nth <= rules.last {
                reasons.push(KeepReason::Last { nth, of: rules.last });
            }
            reasons.extend(
                calendar.iter_mut().filter_map(|counter| counter.claim(stamp, Some(stamp) == oldest, tz)),
            );
            if let Some((span, since)) = since
                && stamp.timestamp() >= since
            {
                reasons.push(KeepReason::Within(span));
            }
            // As a rule the newest is good, and needs no second reason.
            if Some(stamp) == last_good && Some(stamp) != newest {
                reasons.push(KeepReason::LastGood);
            }
            decisions.push(Decision { stamp, reasons });
        }
        RetentionPlan { decisions }
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
    /// Everything newer is suspicious.
    LastGood,
    /// It is no complete backup, for this reason: it counts for no rule, and is not what a rule does not want.
    NotCounted(String),
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
            Self::LastGood => f.write_str("last good one"),
            Self::NotCounted(reason) => write!(f, "not counted: {reason}"),
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
    /// The same, with backups that did not count when it was made: they are kept.
    #[must_use]
    pub fn with(mut self, not_counted: impl IntoIterator<Item = (Stamp, String)>) -> Self {
        self.decisions.extend(
            not_counted
                .into_iter()
                .map(|(stamp, reason)| Decision { stamp, reasons: vec![KeepReason::NotCounted(reason)] }),
        );
        self.decisions.sort_by_key(|decision| std::cmp::Reverse(decision.stamp));
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
