//! How many backups there are once the rules delete as many as are made.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::candidate::{Candidate, Standing};
use super::rules::RetentionPolicy;
use crate::model::key::Stamp;
use crate::model::trigger::Trigger;

/// With a backup each night, more than a year. Rules for years reach further; nobody plans a bucket for longer.
const MOST_RUNS: usize = 400;

/// The most backups that the rules keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steady {
    pub backups: u64,
    /// The run after which there are so many.
    pub from: Timestamp,
}

impl RetentionPolicy {
    /// How many backups the rules keep if a good one is made at each of `times`; `None` without any.
    pub fn steady(&self, times: impl Iterator<Item = Timestamp>, tz: &TimeZone) -> Option<Steady> {
        let mut there: Vec<Candidate> = Vec::new();
        let mut most: Option<Steady> = None;
        for time in times.take(MOST_RUNS) {
            let standing = Standing::Counts { trigger: Trigger::Schedule, accepted_smaller_than: None };
            there.push(Candidate { stamp: Stamp::new(time), standing, writer: None });
            let plan = self.plan(&there, time, tz);
            let doomed: Vec<Stamp> = plan.deleted().collect();
            there.retain(|backup| !doomed.contains(&backup.stamp));
            let backups = there.len() as u64;
            if most.is_none_or(|most| most.backups < backups) {
                most = Some(Steady { backups, from: time });
            }
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::retention::RetentionSettings;

    #[test]
    fn the_rules_say_how_many_backups_there_will_be() {
        let first: Timestamp = "2026-01-01T23:00:00Z".parse().unwrap();
        let nights = || (0..2000).map(|night| first + Duration::from_secs(86_400) * night);
        let of = |settings: RetentionSettings| {
            settings.policy().unwrap().steady(nights(), &TimeZone::UTC).unwrap()
        };
        let week = of(RetentionSettings::default());
        assert_eq!((week.backups, week.from), (7, first + Duration::from_secs(6 * 86_400)));
        let three = of(RetentionSettings { last: Some(3), ..RetentionSettings::default() });
        assert_eq!(three.backups, 3);
        let weeks = of(RetentionSettings { weekly: Some(4), ..RetentionSettings::default() });
        assert!((9..=11).contains(&weeks.backups), "{weeks:?}");
        let none = RetentionSettings::default().policy().unwrap();
        assert_eq!(none.steady(std::iter::empty(), &TimeZone::UTC), None);
    }
}
