use proptest::prelude::*;

use super::*;

/// What may happen to a target, with the seconds since the last time something did.
#[derive(Debug, Clone, Copy)]
enum Happens {
    Good(Trigger),
    Suspicious,
    Incomplete,
    /// Nothing is stored and nothing is pruned.
    Failed,
    /// The far smaller database is right.
    Accepted,
    /// The clock is set, by so many seconds.
    ClockSet(i64),
}

fn happens() -> impl Strategy<Value = (i64, Happens)> {
    let pause = prop_oneof![4 => 1i64..3_600, 2 => 3_600..86_400i64, 2 => 80_000..90_000i64, 1 => 86_400..9 * 86_400i64];
    let what = prop_oneof![
        6 => Just(Happens::Good(Trigger::Schedule)),
        1 => Just(Happens::Good(Trigger::CatchUp)),
        3 => Just(Happens::Good(Trigger::Start)),
        4 => Just(Happens::Good(Trigger::Manual)),
        2 => Just(Happens::Suspicious),
        1 => Just(Happens::Incomplete),
        1 => Just(Happens::Failed),
        1 => Just(Happens::Accepted),
        1 => (-3 * 86_400..3 * 86_400i64).prop_map(Happens::ClockSet),
    ];
    (pause, what)
}

/// One target's bucket over weeks, pruned after every run.
struct Weeks {
    tz: TimeZone,
    policy: RetentionPolicy,
    now: i64,
    stored: Vec<Candidate>,
    /// Every good backup there ever was, with its day.
    ever_good: BTreeMap<Stamp, String>,
}

impl Weeks {
    /// The newest good backups of the last seven days that had one, by what the clock says now.
    fn last_of_seven_days(&self, among: &BTreeMap<Stamp, String>) -> BTreeMap<String, Stamp> {
        let now = Timestamp::from_second(self.now).unwrap();
        let mut days: BTreeMap<String, Stamp> = BTreeMap::new();
        for (stamp, day) in among.iter().rev().filter(|(stamp, _)| !is_from_the_future(**stamp, now)) {
            if days.len() == 7 {
                break;
            }
            days.entry(day.clone()).or_insert(*stamp);
        }
        days
    }

    fn good_stored(&self) -> BTreeMap<Stamp, String> {
        let good = self.stored.iter().filter(|one| matches!(one.standing, Standing::Counts { .. }));
        good.map(|one| (one.stamp, self.ever_good[&one.stamp].clone())).collect()
    }

    /// Returns what was deleted.
    fn happens(&mut self, what: Happens) -> Vec<Stamp> {
        let now = Timestamp::from_second(self.now).unwrap();
        let stamp = Stamp::new(now);
        if self.stored.iter().any(|one| one.stamp == stamp) {
            return Vec::new();
        }
        let last_good = self.good_stored().into_keys().rfind(|good| !is_from_the_future(*good, now));
        let new = match what {
            Happens::Good(trigger) => of(trigger, stamp),
            Happens::Suspicious | Happens::Incomplete => aside(stamp),
            Happens::Accepted => Candidate {
                stamp,
                standing: Standing::Counts {
                    trigger: Trigger::Manual,
                    accepted_smaller_than: last_good.filter(|earlier| *earlier < stamp),
                },
                writer: None,
            },
            Happens::Failed => return Vec::new(),
            Happens::ClockSet(by) => {
                self.now += by;
                return Vec::new();
            }
        };
        if matches!(new.standing, Standing::Counts { .. }) {
            self.ever_good.insert(stamp, Period::Day.name_of(stamp, &self.tz));
        }
        self.stored.push(new);
        let deleted: Vec<Stamp> = self.policy.plan(&self.stored, now, &self.tz).deleted().collect();
        self.stored.retain(|one| !deleted.contains(&one.stamp));
        deleted
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Promise P5, by default: whatever happens in weeks, there is a good backup of each of the last seven days that had one.
    #[test]
    fn by_default_a_week_is_kept_whatever_happens(
        tz in zones(), what in prop::collection::vec(happens(), 1..60),
    ) {
        let policy = RetentionPolicy::default();
        let mut weeks = Weeks { tz, policy, now: BASE, stored: Vec::new(), ever_good: BTreeMap::new() };
        let mut is_clock_right = true;
        for (pause, what) in what {
            weeks.now += pause;
            is_clock_right &= !matches!(what, Happens::ClockSet(_));
            let wanted = weeks.last_of_seven_days(&weeks.ever_good);
            let deleted = weeks.happens(what);
            let now = weeks.last_of_seven_days(&weeks.ever_good);
            // A clock that is set may have ended a day too early. What it says now decides about what goes now.
            for (day, stamp) in &wanted {
                let is_still_wanted = now.get(day) == Some(stamp);
                prop_assert!(!is_still_wanted || !deleted.contains(stamp), "{stamp} of {day}");
            }
            let kept = weeks.last_of_seven_days(&weeks.good_stored());
            if is_clock_right {
                prop_assert_eq!(&kept, &now, "each of the last seven days that had one");
            }
            let good_deleted = deleted.iter().filter(|stamp| weeks.ever_good.contains_key(stamp));
            let newest_deleted = good_deleted.max();
            prop_assert!(newest_deleted.is_none() || newest_deleted < kept.values().max(), "the last good one");
            // Nor does it keep without bounds: seven, seven days, as many of all with those by hand, what was replaced, and three.
            let replaced = weeks.stored.iter().filter(|one|
                matches!(one.standing, Standing::Counts { accepted_smaller_than: Some(_), .. })).count();
            let at = Timestamp::from_second(weeks.now).unwrap();
            let real = weeks.stored.iter().filter(|one| !is_from_the_future(one.stamp, at)).count();
            prop_assert!(real <= 2 * 14 + replaced + 3 + 14, "{real}");
        }
    }
}
