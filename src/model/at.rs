//! Which of a target's backups somebody means by `--at`.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::key::Stamp;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The newest one.
    Latest,
    Stamp(Stamp),
    /// A time with its offset from UTC.
    Instant(Timestamp),
    /// A day on the clock of `TZ`.
    Day(Day),
    /// A time on the clock of `TZ`.
    Local(Day, Time),
}

/// A day by its date or by its distance from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    Date(Date),
    Today,
    Yesterday,
}

/// What is meant, on the time line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The newest one.
    Latest,
    /// This one.
    Stamp(Stamp),
    /// The newest one that was started at this time or before.
    NotAfter(Timestamp),
    /// The newest one that was started between these times.
    Within { first: Timestamp, last: Timestamp },
}

/// Why a text or a time means no backup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AtError {
    #[error(
        "must be latest, a stamp (2026-11-23T23-00-00Z), a date (2026-11-23, yesterday), or a time (\"2026-11-23 23:30\", \
         \"yesterday 23:30\", 2026-11-23T23:30:00+01:00)"
    )]
    Malformed,
    #[error("is out of range")]
    OutOfRange,
    #[error("comes twice, because the clock is set back then: pass \"{0}\" or \"{1}\"")]
    Twice(String, String),
}

impl From<jiff::Error> for AtError {
    fn from(_: jiff::Error) -> Self {
        Self::OutOfRange
    }
}

/// A minute lasts as long: what was started at 23:00:03 is the backup of 23:00.
const LAST_SECOND: i8 = 59;

impl FromStr for At {
    type Err = AtError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        if let Ok(stamp) = text.parse() {
            return Ok(Self::Stamp(stamp));
        }
        let (day, time) = match text.split_once([' ', 'T']) {
            Some((day, time)) => (day, Some(time)),
            None => (text, None),
        };
        let Some(time) = time else { return parse_day(day).map(Self::Day) };
        if let Some(time) = parse_time(time) {
            return parse_day(day).map(|day| Self::Local(day, time));
        }
        instant(day, time).map(Self::Instant).ok_or(AtError::Malformed)
    }
}

fn parse_day(text: &str) -> Result<Day, AtError> {
    match text {
        "today" => Ok(Day::Today),
        "yesterday" => Ok(Day::Yesterday),
        _ => {
            let date: Date = text.parse().map_err(|_| AtError::Malformed)?;
            // Only the one spelling: `20261123T2300` is a slip rather than a date.
            if date.to_string() == text { Ok(Day::Date(date)) } else { Err(AtError::Malformed) }
        }
    }
}

/// `23:30` to its last second, or `23:30:05`.
fn parse_time(text: &str) -> Option<Time> {
    let number = |part: &str| {
        let is_number = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i8>().ok().filter(|_| is_number)
    };
    let parts: Vec<i8> = text.split(':').map(number).collect::<Option<_>>()?;
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] => (*hour, *minute, LAST_SECOND),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return None,
    };
    Time::new(hour, minute, second, 0).ok()
}

/// A time with its offset, as RFC 3339 has it or as the tables show it (`23:30 +01:00`).
fn instant(day: &str, time: &str) -> Option<Timestamp> {
    let at: Timestamp = format!("{day}T{}", time.replacen(' ', "", 1)).parse().ok()?;
    let clock = time.split(['+', '-', 'Z', 'z', ' ', '[']).next()?;
    if clock.matches(':').count() == 1 {
        at.checked_add(std::time::Duration::from_secs(LAST_SECOND.unsigned_abs().into())).ok()
    } else {
        Some(at)
    }
}

impl Day {
    fn date(self, now: Timestamp, tz: &TimeZone) -> Result<Date, AtError> {
        let today = now.to_zoned(tz.clone()).date();
        match self {
            Self::Date(date) => Ok(date),
            Self::Today => Ok(today),
            Self::Yesterday => Ok(today.yesterday()?),
        }
    }
}

impl At {
    /// What is meant, on a clock that stands at `now` in `tz`.
    ///
    /// # Errors
    /// The clock shows that time twice, or no time line has it.
    pub fn wanted(self, now: Timestamp, tz: &TimeZone) -> Result<Wanted, AtError> {
        Ok(match self {
            Self::Latest => Wanted::Latest,
            Self::Stamp(stamp) => Wanted::Stamp(stamp),
            Self::Instant(at) => Wanted::NotAfter(at),
            Self::Day(day) => {
                let date = day.date(now, tz)?;
                let first = date.to_zoned(tz.clone())?.timestamp();
                let next = date.tomorrow()?.to_zoned(tz.clone())?.timestamp();
                Wanted::Within { first, last: just_before(next)? }
            }
            Self::Local(day, time) => {
                Wanted::NotAfter(on_the_time_line(day.date(now, tz)?.to_datetime(time), tz)?)
            }
        })
    }
}

fn just_before(time: Timestamp) -> Result<Timestamp, AtError> {
    Ok(time.checked_sub(std::time::Duration::from_nanos(1))?)
}

/// A time that the clock skips is the end of what comes before it. One that it shows twice is not guessed: the later one may
/// lie behind what somebody wants to go back from.
fn on_the_time_line(time: DateTime, tz: &TimeZone) -> Result<Timestamp, AtError> {
    match tz.to_ambiguous_zoned(time).offset() {
        AmbiguousOffset::Unambiguous { offset } => Ok(offset.to_timestamp(time)?),
        AmbiguousOffset::Gap { after, .. } => {
            let early = after.to_timestamp(time)?;
            let skip = tz.following(early).next().ok_or(AtError::OutOfRange)?;
            just_before(skip.timestamp())
        }
        AmbiguousOffset::Fold { before, after } => {
            let shown = |offset: jiff::tz::Offset| {
                let zoned = offset.to_timestamp(time)?.to_zoned(TimeZone::fixed(offset));
                Ok::<_, AtError>(zoned.strftime("%Y-%m-%d %H:%M %:z").to_string())
            };
            Err(AtError::Twice(shown(before)?, shown(after)?))
        }
    }
}

impl Wanted {
    /// Whether the backup of this stamp may be meant; of several, the newest is.
    pub fn may_be(self, stamp: Stamp) -> bool {
        let time = stamp.timestamp();
        match self {
            Self::Latest => true,
            Self::Stamp(wanted) => stamp == wanted,
            Self::NotAfter(last) => time <= last,
            Self::Within { first, last } => first <= time && time <= last,
        }
    }

    /// The nearest of these that were started before what is wanted, and after it.
    pub fn neighbours(self, stamps: impl Iterator<Item = Stamp> + Clone) -> (Option<Stamp>, Option<Stamp>) {
        let (first, last) = match self {
            Self::Latest => return (None, None),
            Self::Stamp(stamp) => (stamp.timestamp(), stamp.timestamp()),
            Self::NotAfter(last) => (last, last),
            Self::Within { first, last } => (first, last),
        };
        let before = stamps.clone().filter(|stamp| stamp.timestamp() < first).max();
        (before, stamps.filter(|stamp| stamp.timestamp() > last).min())
    }
}

#[cfg(test)]
mod tests;
