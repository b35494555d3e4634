//! Why a backup is kept.

use std::fmt;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::model::duration::Short;
use crate::model::key::Stamp;

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
    pub(super) fn name_of(self, stamp: Stamp, tz: &TimeZone) -> String {
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

/// How many of the backups are kept that no rule counts: enough to see what goes wrong, night after night.
pub const ASIDE: u32 = 3;

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
