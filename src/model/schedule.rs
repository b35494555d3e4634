//! When a backup is due: a pure function of time. The scheduler is the loop that asks it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use xxhash_rust::xxh3::xxh3_64;

use super::duration::{self, DurationError, Short};

/// The least interval; a typing error like `every 6s` must not turn into a flood of dumps.
const MIN_INTERVAL: Duration = Duration::from_secs(60);

/// How long after it was due a backup may be missing before that alone is a problem. Of short intervals, half of one is enough.
const GRACE: Duration = Duration::from_secs(60 * 60);

/// When backups are due, as written in `DUMPCAR_SCHEDULE` and `dumpcar.schedule`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    Cron(Box<CronTimes>),
    /// This long after the start of the backup before.
    Every(Duration),
    Off,
}

/// Wall-clock times in cron's notation.
///
/// Summer time is handled as in Vixie's cron: with a `*` in the minutes or hours the times go on evenly; fixed times
/// that the clock skips in spring run right after the gap, and those it repeats in autumn run once.
#[derive(Clone)]
pub struct CronTimes {
    text: String,
    /// One for each fixed time of day: croner knows the rule for fixed times for a single minute and hour only, and
    /// would skip the 2 of `0 2,14 * * *` in spring.
    patterns: Vec<Cron>,
}

impl PartialEq for CronTimes {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CronTimes {}

impl fmt::Debug for CronTimes {
    /// The text says it all; the patterns are tables of thousands of bits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CronTimes").field(&self.text).finish()
    }
}

/// Why a text is not a schedule. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error(
        "must be five cron fields like `0 23 * * *`, one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, \
         @annually, an interval like `every 6h`, or off"
    )]
    Malformed,
    #[error(
        "has {0} cron fields; it takes five (minute, hour, day, month, weekday), without seconds and years"
    )]
    FieldCount(usize),
    #[error("names a date that never comes, like 30 February")]
    Never,
    #[error("the interval {0}")]
    Interval(DurationError),
    #[error("the interval must be at least 1m")]
    TooShort,
}

impl Schedule {
    /// The first time that is strictly later than `after`; `None` when there is none.
    pub fn next_after(&self, after: Timestamp, tz: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Cron(times) => times.next_after(after, tz),
            Self::Every(interval) => after.checked_add(*interval).ok(),
            Self::Off => None,
        }
    }

    /// The same for somebody whose times of day are all later by `shift`: the jitter of a target.
    ///
    /// An interval is not shifted. It counts from the last time it was done, so that a shift would be added again each time.
    pub fn next_after_shifted(&self, after: Timestamp, tz: &TimeZone, shift: Duration) -> Option<Timestamp> {
        match self {
            Self::Cron(times) => {
                let unshifted = after.checked_sub(shift).ok()?;
                times.next_after(unshifted, tz)?.checked_add(shift).ok()
            }
            Self::Every(_) | Self::Off => self.next_after(after, tz),
        }
    }

    /// From when on a backup is missing that was made at `last`, or one of a target that was first seen then: the next one was due,
    /// and has not come within [`GRACE`], or half an interval if that is shorter.
    pub fn overdue_at(&self, last: Timestamp, tz: &TimeZone, shift: Duration) -> Option<Timestamp> {
        let due = self.next_after_shifted(last, tz, shift)?;
        let half = self
            .next_after_shifted(due, tz, shift)
            .map_or(GRACE, |next| Duration::try_from(next.duration_since(due)).unwrap_or_default() / 2);
        Some(due.checked_add(GRACE.min(half)).unwrap_or(Timestamp::MAX))
    }
}

impl CronTimes {
    fn next_after(&self, after: Timestamp, tz: &TimeZone) -> Option<Timestamp> {
        let after = after.to_zoned(tz.clone());
        let next = |cron: &Cron| cron.find_next_occurrence(&after, false).ok().map(|zoned| zoned.timestamp());
        self.patterns.iter().filter_map(next).min()
    }
}

impl FromStr for CronTimes {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let expanded = match text.as_str() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let fields: Vec<&str> = expanded.split(' ').collect();
        let [minutes, hours, dates @ ..] = fields.as_slice() else { return Err(ScheduleError::Malformed) };
        if dates.len() != 3 {
            let looks_like_cron = expanded.starts_with(|c: char| c.is_ascii_digit() || c == '*');
            let error = ScheduleError::FieldCount(fields.len());
            return Err(if looks_like_cron { error } else { ScheduleError::Malformed });
        }
        // croner takes `,` for a list, and no time ever fits an empty one.
        if fields.iter().any(|field| field.split(',').any(str::is_empty)) {
            return Err(ScheduleError::Malformed);
        }
        let dates = dates.join(" ");
        let patterns = match (fixed_values(minutes), fixed_values(hours)) {
            (Some(minutes), Some(hours)) => hours
                .iter()
                .flat_map(|hour| minutes.iter().map(move |minute| (minute, hour)))
                .map(|(minute, hour)| parse_pattern(&format!("{minute} {hour} {dates}")))
                .collect::<Result<Vec<_>, _>>()?,
            _ => vec![parse_pattern(expanded)?],
        };
        // In UTC every day has every time, so one of them speaks for the dates of all: croner looks for a date that never
        // comes up to the year 5000, and there may be 1,440 patterns.
        let one = Self { text, patterns: patterns.iter().take(1).cloned().collect() };
        let has_a_time = one.next_after(Timestamp::UNIX_EPOCH, &TimeZone::UTC).is_some();
        if has_a_time { Ok(Self { patterns, ..one }) } else { Err(ScheduleError::Never) }
    }
}

fn parse_pattern(pattern: &str) -> Result<Cron, ScheduleError> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(pattern).map_err(|_| ScheduleError::Malformed)
}

/// The values of a field without a `*`: a list of numbers and ranges. Others, steps included, are croner's business.
fn fixed_values(field: &str) -> Option<Vec<u8>> {
    let mut values = Vec::new();
    for item in field.split(',') {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (first, last) = (first.parse::<u8>().ok()?, last.parse::<u8>().ok()?);
        // Out of order or out of range: left to croner, which refuses it.
        if first > last || last > 59 {
            return None;
        }
        values.extend(first..=last);
    }
    values.sort_unstable();
    values.dedup();
    Some(values)
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text == "off" {
            return Ok(Self::Off);
        }
        if let Some(interval) = text.strip_prefix("every ") {
            let interval = duration::parse(interval).map_err(ScheduleError::Interval)?;
            return if interval < MIN_INTERVAL {
                Err(ScheduleError::TooShort)
            } else {
                Ok(Self::Every(interval))
            };
        }
        Ok(Self::Cron(Box::new(text.parse()?)))
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cron(times) => f.write_str(&times.text),
            Self::Every(interval) => write!(f, "every {}", Short(*interval)),
            Self::Off => f.write_str("off"),
        }
    }
}

/// How long after its due time a target starts: the same for the same name, evenly spread from zero to `max`.
///
/// Not random: a start that wanders from day to day would make a late backup look like a missing one.
pub fn jitter(name: &str, max: Duration) -> Duration {
    // Not the standard library's hasher: that one may change with the compiler.
    let hash = xxh3_64(name.as_bytes());
    let millis = u64::try_from(max.as_millis()).unwrap_or(u64::MAX);
    let share = (u128::from(hash) * u128::from(millis)) >> 64;
    Duration::from_millis(u64::try_from(share).unwrap_or(millis))
}

#[cfg(test)]
mod tests;
