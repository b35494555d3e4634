//! How long a backup stays.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::candidate::{Candidate, Standing};
use super::rules::RetentionPolicy;
use crate::model::key::Stamp;
use crate::model::trigger::Trigger;

/// How long the rules keep a backup, if each scheduled run makes a good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The run at this time deletes it.
    Goes(Timestamp),
    /// It is still there at this time: nobody asks for more.
    Beyond(Timestamp),
    /// Nothing comes that would push it out.
    Stays,
}

/// With a backup each night, three years: rules for years look no further either.
const MOST_RUNS: usize = 1_100;

impl RetentionPolicy {
    /// How long the backup of this stamp stays, if a good backup is made at each of `times`.
    pub fn stays_until(
        &self,
        stamp: Stamp,
        backups: &[Candidate],
        times: impl Iterator<Item = Timestamp>,
        tz: &TimeZone,
    ) -> Until {
        let mut there = backups.to_vec();
        let mut last = None;
        for time in times.take(MOST_RUNS) {
            let standing = Standing::Counts { trigger: Trigger::Schedule, accepted_smaller_than: None };
            there.push(Candidate { stamp: Stamp::new(time), standing, writer: None });
            let plan = self.plan(&there, time, tz);
            let goes = |stamp| plan.deleted().any(|doomed| doomed == stamp);
            if goes(stamp) {
                return Until::Goes(time);
            }
            there.retain(|backup| !goes(backup.stamp));
            last = Some(time);
        }
        last.map_or(Until::Stays, Until::Beyond)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::retention::{RetentionSettings, Standing};

    fn nights(first: &str, count: usize) -> Vec<Timestamp> {
        let first: Timestamp = first.parse().unwrap();
        let day = std::time::Duration::from_secs(86_400);
        (0..count).map(|nth| first + day * u32::try_from(nth).unwrap()).collect()
    }

    fn until(settings: RetentionSettings, standing: &Standing, nth_newest: usize) -> Until {
        let made = nights("2026-11-01T23:00:00Z", 7);
        let backups: Vec<Candidate> = made
            .iter()
            .map(|time| Candidate { stamp: Stamp::new(*time), standing: standing.clone(), writer: None })
            .collect();
        let stamp = backups[6 - nth_newest].stamp;
        let coming = nights("2026-11-08T23:00:00Z", 2_000);
        settings.policy().unwrap().stays_until(stamp, &backups, coming.into_iter(), &TimeZone::UTC)
    }

    #[test]
    fn it_is_said_which_run_deletes_a_backup() {
        let counts = Standing::Counts { trigger: Trigger::Schedule, accepted_smaller_than: None };
        let week = RetentionSettings::default();
        assert_eq!(until(week, &counts, 6), Until::Goes("2026-11-08T23:00:00Z".parse().unwrap()));
        assert_eq!(until(week, &counts, 0), Until::Goes("2026-11-14T23:00:00Z".parse().unwrap()));
        let yearly = RetentionSettings { yearly: Some(9), ..week };
        // The oldest, while the rule is not used up.
        assert!(matches!(until(yearly, &counts, 6), Until::Beyond(_)));
        // What is not known is never deleted.
        let unknown = Standing::Unknown("unsigned".to_owned());
        assert!(matches!(until(week, &unknown, 3), Until::Beyond(_)));
        let policy = week.policy().unwrap();
        let stamp = Stamp::new("2026-11-01T23:00:00Z".parse().unwrap());
        assert_eq!(policy.stays_until(stamp, &[], std::iter::empty(), &TimeZone::UTC), Until::Stays);
    }
}
