//! How many backups there are once the rules delete as many as are made.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::candidate::{Candidate, Standing};
use super::rules::RetentionPolicy;
use crate::model::key::Stamp;
use crate::model::trigger::Trigger;

/// With a backup each night, more than a year. Rules for years reach further; nobody plans a bucket for longer.
const MOST_RUNS: usize = 400;

/// The most backups that are billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steady {
    /// Those that the rules keep.
    pub backups: u64,
    /// Those that they have deleted, and a lock of the bucket still keeps.
    pub locked: u64,
    /// The run after which there are so many.
    pub from: Timestamp,
}

impl Steady {
    pub fn all(self) -> u64 {
        self.backups + self.locked
    }
}

impl RetentionPolicy {
    /// How many backups there are if a good one is made at each of `times`, and the bucket keeps what is deleted until it
    /// is `locked` old; `None` without any.
    pub fn steady(
        &self,
        times: impl Iterator<Item = Timestamp>,
        tz: &TimeZone,
        locked: Duration,
    ) -> Option<Steady> {
        let mut there: Vec<Candidate> = Vec::new();
        let mut deleted: Vec<Stamp> = Vec::new();
        let mut most: Option<Steady> = None;
        for time in times.take(MOST_RUNS) {
            let standing = Standing::Counts { trigger: Trigger::Schedule, accepted_smaller_than: None };
            there.push(Candidate { stamp: Stamp::new(time), standing, writer: None });
            let plan = self.plan(&there, time, tz);
            let doomed: Vec<Stamp> = plan.deleted().collect();
            there.retain(|backup| !doomed.contains(&backup.stamp));
            deleted.extend(doomed);
            deleted.retain(|stamp| time.duration_since(stamp.timestamp()).unsigned_abs() < locked);
            let now = Steady { backups: there.len() as u64, locked: deleted.len() as u64, from: time };
            if most.is_none_or(|most| most.all() < now.all()) {
                most = Some(now);
            }
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::retention::RetentionSettings;

    #[test]
    fn the_rules_say_how_many_backups_there_will_be() {
        let first: Timestamp = "2026-01-01T23:00:00Z".parse().unwrap();
        let nights = || (0..2000).map(|night| first + Duration::from_secs(86_400) * night);
        let of = |settings: RetentionSettings| {
            settings.policy().unwrap().steady(nights(), &TimeZone::UTC, Duration::ZERO).unwrap()
        };
        let week = of(RetentionSettings::default());
        assert_eq!((week.backups, week.from), (7, first + Duration::from_secs(6 * 86_400)));
        let three = of(RetentionSettings { last: Some(3), ..RetentionSettings::default() });
        assert_eq!(three.backups, 3);
        let weeks = of(RetentionSettings { weekly: Some(4), ..RetentionSettings::default() });
        assert!((9..=11).contains(&weeks.backups), "{weeks:?}");
        let none = RetentionSettings::default().policy().unwrap();
        assert_eq!(none.steady(std::iter::empty(), &TimeZone::UTC, Duration::ZERO), None);
    }

    #[test]
    fn what_a_lock_keeps_is_there_as_well() {
        const DAY: Duration = Duration::from_secs(86_400);
        let first: Timestamp = "2026-01-01T23:00:00Z".parse().unwrap();
        let of = |days: u32| {
            let nights = (0..2000).map(|night| first + DAY * night);
            let week = RetentionSettings::default().policy().unwrap();
            week.steady(nights, &TimeZone::UTC, DAY * days).unwrap()
        };
        // The rules keep the last seven: what is seven days old is deleted, and until then the lock changes nothing.
        for days in [0, 1, 7] {
            assert_eq!(of(days), Steady { backups: 7, locked: 0, from: first + DAY * 6 }, "{days}");
        }
        for days in [8, 30] {
            let locked = u64::from(days) - 7;
            assert_eq!(of(days), Steady { backups: 7, locked, from: first + DAY * (days - 1) }, "{days}");
        }
        // Nobody plans for longer than the runs that are looked at.
        assert_eq!(of(36_500).all(), MOST_RUNS as u64);
    }
}
