use proptest::prelude::*;

use super::*;

fn stamp(text: &str) -> Stamp {
    text.parse().unwrap()
}

/// A good backup that the schedule made.
fn good(stamp: Stamp) -> Candidate {
    of(Trigger::Schedule, stamp)
}

fn of(trigger: Trigger, stamp: Stamp) -> Candidate {
    Candidate { stamp, standing: Standing::Counts { trigger, accepted_smaller_than: None }, writer: None }
}

fn aside(stamp: Stamp) -> Candidate {
    Candidate {
        stamp,
        standing: Standing::Aside { reason: "suspicious".into(), stands_in: false },
        writer: None,
    }
}

fn goods(stamps: &[Stamp]) -> Vec<Candidate> {
    stamps.iter().copied().map(good).collect()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// The plan as a table, one line a backup.
fn table(rules: RetentionRules, stamps: &[&str], now: &str, tz: &str) -> String {
    let backups: Vec<Candidate> = stamps.iter().map(|text| good(stamp(text))).collect();
    shown(&RetentionPolicy::new(rules).unwrap().plan(&backups, now.parse().unwrap(), &zone(tz)))
}

fn shown(plan: &RetentionPlan) -> String {
    let lines = plan.decisions.iter().map(|decision| {
        let reasons: Vec<String> = decision.reasons.iter().map(ToString::to_string).collect();
        let reasons = if reasons.is_empty() { "-".to_owned() } else { reasons.join("; ") };
        format!("{} {reasons}\n", decision.stamp)
    });
    lines.collect()
}

#[test]
fn a_policy_that_keeps_nothing_cannot_be_made() {
    let nothing = RetentionRules::default();
    assert_eq!(RetentionPolicy::new(nothing), Err(KeepsNothing));
    assert_eq!(
        RetentionPolicy::new(RetentionRules { within: Some(Duration::ZERO), ..nothing }),
        Err(KeepsNothing)
    );
    assert!(RetentionPolicy::new(RetentionRules { yearly: 1, ..nothing }).is_ok());
    assert!(RetentionPolicy::new(RetentionPolicy::default().rules()).is_ok());
}

#[test]
fn the_last_ones_are_kept_by_count_not_by_age() {
    let rules = RetentionRules { last: 2, ..RetentionRules::default() };
    insta::assert_snapshot!(table(rules, &[
        "2020-01-01T00-00-00Z", "2020-01-02T00-00-00Z", "2020-01-02T00-00-01Z",
    ], "2026-11-23T23:00:00Z", "UTC"), @r"
    2020-01-02T00-00-01Z newest; last 1 of 2
    2020-01-02T00-00-00Z last 2 of 2
    2020-01-01T00-00-00Z -
    ");
}

#[test]
fn days_and_months_keep_their_newest_and_the_oldest_while_there_is_room() {
    let rules = RetentionRules { daily: 2, monthly: 4, ..RetentionRules::default() };
    insta::assert_snapshot!(table(rules, &[
        "2026-09-01T23-00-00Z", "2026-09-02T23-00-00Z", "2026-10-31T23-00-00Z", "2026-11-21T23-00-00Z",
        "2026-11-22T11-00-00Z", "2026-11-22T23-00-00Z", "2026-11-23T23-00-00Z",
    ], "2026-11-23T23:05:00Z", "UTC"), @"
    2026-11-23T23-00-00Z newest; daily 1 of 2 (2026-11-23); monthly 1 of 4 (2026-11)
    2026-11-22T23-00-00Z daily 2 of 2 (2026-11-22)
    2026-11-22T11-00-00Z -
    2026-11-21T23-00-00Z -
    2026-10-31T23-00-00Z monthly 2 of 4 (2026-10)
    2026-09-02T23-00-00Z monthly 3 of 4 (2026-09)
    2026-09-01T23-00-00Z oldest, monthly 4 not full
    ");
}

#[test]
fn a_week_may_span_two_years() {
    let rules = RetentionRules { weekly: 3, yearly: 2, ..RetentionRules::default() };
    insta::assert_snapshot!(table(rules, &[
        "2026-12-27T12-00-00Z", "2026-12-28T12-00-00Z", "2026-12-31T12-00-00Z", "2027-01-01T12-00-00Z",
        "2027-01-03T12-00-00Z", "2027-01-04T12-00-00Z",
    ], "2027-01-04T13:00:00Z", "UTC"), @"
    2027-01-04T12-00-00Z newest; weekly 1 of 3 (2027-W01); yearly 1 of 2 (2027)
    2027-01-03T12-00-00Z weekly 2 of 3 (2026-W53)
    2027-01-01T12-00-00Z -
    2026-12-31T12-00-00Z yearly 2 of 2 (2026)
    2026-12-28T12-00-00Z -
    2026-12-27T12-00-00Z weekly 3 of 3 (2026-W52)
    ");
}

#[test]
fn the_calendar_is_the_one_of_the_time_zone() {
    let rules = RetentionRules { daily: 2, ..RetentionRules::default() };
    let stamps = ["2026-11-22T22-30-00Z", "2026-11-22T23-30-00Z", "2026-11-23T22-30-00Z"];
    insta::assert_snapshot!(table(rules, &stamps, "2026-11-23T23:00:00Z", "Europe/Stockholm"), @"
    2026-11-23T22-30-00Z newest; daily 1 of 2 (2026-11-23)
    2026-11-22T23-30-00Z -
    2026-11-22T22-30-00Z daily 2 of 2 (2026-11-22)
    ");
}

#[test]
fn the_repeated_hour_of_autumn_is_two_hours() {
    let rules = RetentionRules { hourly: 3, ..RetentionRules::default() };
    let stamps =
        ["2026-10-24T23-30-00Z", "2026-10-25T00-30-00Z", "2026-10-25T00-45-00Z", "2026-10-25T01-30-00Z"];
    insta::assert_snapshot!(table(rules, &stamps, "2026-10-25T02:00:00Z", "Europe/Stockholm"), @"
    2026-10-25T01-30-00Z newest; hourly 1 of 3 (2026-10-25T02+01:00)
    2026-10-25T00-45-00Z hourly 2 of 3 (2026-10-25T02+02:00)
    2026-10-25T00-30-00Z -
    2026-10-24T23-30-00Z hourly 3 of 3 (2026-10-25T01+02:00)
    ");
}

#[test]
fn within_is_measured_from_the_newest_backup() {
    let rules =
        RetentionRules { within: Some(Duration::from_secs(30 * 86_400)), ..RetentionRules::default() };
    let stamps = ["2026-05-31T23-00-00Z", "2026-06-01T23-00-00Z", "2026-07-01T23-00-00Z"];
    insta::assert_snapshot!(table(rules, &stamps, "2026-11-23T23:00:00Z", "UTC"), @"
    2026-07-01T23-00-00Z newest; within 30d
    2026-06-01T23-00-00Z within 30d
    2026-05-31T23-00-00Z -
    ");
}

#[test]
fn a_backup_from_the_future_is_kept_and_does_not_count() {
    let rules = RetentionRules { last: 1, yearly: 1, ..RetentionRules::default() };
    insta::assert_snapshot!(table(rules, &[
        "2026-11-21T23-00-00Z", "2026-11-22T23-00-00Z", "2026-11-23T23-10-00Z", "2099-01-01T00-00-00Z",
    ], "2026-11-23T23:00:00Z", "UTC"), @"
    2099-01-01T00-00-00Z dated in the future
    2026-11-23T23-10-00Z newest; last 1 of 1; yearly 1 of 1 (2026)
    2026-11-22T23-00-00Z -
    2026-11-21T23-00-00Z -
    ");
}

#[test]
fn what_does_not_count_keeps_nothing_out_and_has_a_bound_of_its_own() {
    let day = |day: u32| stamp(&format!("2026-11-{day:02}T23-00-00Z"));
    let unknown = |stamp| Candidate { stamp, standing: Standing::Unknown("unsigned".into()), writer: None };
    let mut backups: Vec<Candidate> = (1..=3).map(|n| good(day(n))).collect();
    backups.extend((4..=9).map(|n| aside(day(n))));
    backups.extend((10..=14).map(|n| unknown(day(n))));
    let policy = RetentionSettings { last: Some(2), ..RetentionSettings::default() }.policy().unwrap();
    let plan = policy.plan(&backups, "2026-11-15T00:00:00Z".parse().unwrap(), &TimeZone::UTC);
    insta::assert_snapshot!(shown(&plan), @"
    2026-11-14T23-00-00Z not counted: unsigned
    2026-11-13T23-00-00Z not counted: unsigned
    2026-11-12T23-00-00Z not counted: unsigned
    2026-11-11T23-00-00Z not counted: unsigned
    2026-11-10T23-00-00Z not counted: unsigned
    2026-11-09T23-00-00Z not counted, 1 of 3: suspicious
    2026-11-08T23-00-00Z not counted, 2 of 3: suspicious
    2026-11-07T23-00-00Z not counted, 3 of 3: suspicious
    2026-11-06T23-00-00Z -
    2026-11-05T23-00-00Z -
    2026-11-04T23-00-00Z -
    2026-11-03T23-00-00Z newest; last 1 of 2
    2026-11-02T23-00-00Z last 2 of 2
    2026-11-01T23-00-00Z -
    ");
}

/// Something was broken for weeks, and then the rows were lost: only the incomplete ones have them.
#[test]
fn the_newest_incomplete_one_stays_while_no_good_one_is_newer() {
    let day = |day: u32| stamp(&format!("2026-11-{day:02}T23-00-00Z"));
    let incomplete = |stamp| Candidate {
        stamp,
        standing: Standing::Aside { reason: "incomplete".into(), stands_in: true },
        writer: None,
    };
    let kept = |stored: &[Candidate]| {
        let plan = RetentionPolicy::default().plan(stored, day(20).timestamp(), &TimeZone::UTC);
        plan.kept().collect::<BTreeSet<_>>()
    };
    let mut stored = vec![good(day(1)), incomplete(day(2)), incomplete(day(3))];
    stored.extend((4..=9).map(|n| aside(day(n))));
    assert_eq!(kept(&stored), [1, 3, 7, 8, 9].map(day).into());
    assert_eq!(kept(&stored[1..]), [3, 7, 8, 9].map(day).into());
    stored.push(good(day(10)));
    assert_eq!(kept(&stored), [1, 7, 8, 9, 10].map(day).into());
}

#[test]
fn what_is_made_by_hand_pushes_no_night_out() {
    let mut backups: Vec<Candidate> =
        (20..=23).map(|n| good(stamp(&format!("2026-11-{n}T23-00-00Z")))).collect();
    backups.extend((1..=5).map(|n| of(Trigger::Manual, stamp(&format!("2026-11-24T1{n}-00-00Z")))));
    backups.push(of(Trigger::Start, stamp("2026-11-22T12-00-00Z")));
    let policy = RetentionSettings { last: Some(3), ..RetentionSettings::default() }.policy().unwrap();
    let plan = policy.plan(&backups, "2026-11-24T16:00:00Z".parse().unwrap(), &TimeZone::UTC);
    insta::assert_snapshot!(shown(&plan), @"
    2026-11-24T15-00-00Z newest; last 1 of 3
    2026-11-24T14-00-00Z last 2 of 3
    2026-11-24T13-00-00Z last 3 of 3
    2026-11-24T12-00-00Z -
    2026-11-24T11-00-00Z -
    2026-11-23T23-00-00Z last 1 of 3
    2026-11-22T23-00-00Z last 2 of 3
    2026-11-22T12-00-00Z -
    2026-11-21T23-00-00Z last 3 of 3
    2026-11-20T23-00-00Z -
    ");
}

#[test]
fn the_full_backup_stays_for_a_week_after_a_smaller_one_was_accepted() {
    let day = |day: u32| stamp(&format!("2026-11-{day:02}T23-00-00Z"));
    let accepted = |stamp, than| Candidate {
        stamp,
        standing: Standing::Counts { trigger: Trigger::Manual, accepted_smaller_than: Some(than) },
        writer: None,
    };
    let policy = RetentionSettings { last: Some(1), ..RetentionSettings::default() }.policy().unwrap();
    let mut stored = vec![good(day(1)), good(day(2)), accepted(day(3), day(2))];
    for night in 4..=12 {
        stored.push(good(day(night)));
        let kept: BTreeSet<Stamp> =
            policy.plan(&stored, day(night).timestamp(), &TimeZone::UTC).kept().collect();
        stored.retain(|one| kept.contains(&one.stamp));
        let expected: BTreeSet<Stamp> =
            if night < 10 { [2, 3, night].map(day).into() } else { [day(night)].into() };
        assert_eq!(kept, expected);
    }
}

#[test]
fn nothing_in_nothing_out() {
    assert_eq!(RetentionPolicy::default().plan(&[], Timestamp::MAX, &TimeZone::UTC).decisions, []);
}

#[test]
fn what_no_rule_wants_is_deleted_and_nothing_else() {
    let stamps = ["2026-11-21T23-00-00Z", "2026-11-22T23-00-00Z", "2026-11-23T23-00-00Z"].map(stamp);
    let policy = RetentionPolicy::new(RetentionRules { last: 1, ..RetentionRules::default() }).unwrap();
    let plan = policy.plan(&goods(&stamps), "2026-11-23T23:05:00Z".parse().unwrap(), &TimeZone::UTC);
    assert_eq!(plan.deleted().collect::<Vec<_>>(), [stamps[1], stamps[0]]);
    assert_eq!(plan.kept().collect::<Vec<_>>(), [stamps[2]]);
}

const BASE: i64 = 1_792_000_000;

prop_compose! {
    fn rules()(
        counts in prop::array::uniform6(0u32..6),
        within in prop::option::of((1u64..400 * 86_400).prop_map(Duration::from_secs)),
    ) -> RetentionRules {
        let [last, hourly, daily, weekly, monthly, yearly] = counts;
        RetentionRules { last, hourly, daily, weekly, monthly, yearly, within }
    }
}

fn policy() -> impl Strategy<Value = RetentionPolicy> {
    rules().prop_filter_map("keeps nothing", |rules| RetentionPolicy::new(rules).ok())
}

/// Backups dense enough to share an hour and sparse enough to span years, some after `now`, some twice.
fn stamps() -> impl Strategy<Value = Vec<Stamp>> {
    let second = prop_oneof![-7_200..7_200i64, -10 * 86_400..86_400i64, -900 * 86_400..40 * 86_400i64];
    prop::collection::vec(second.prop_map(|s| Stamp::new(Timestamp::from_second(BASE + s).unwrap())), 0..40)
}

fn zones() -> impl Strategy<Value = TimeZone> {
    prop::sample::select(vec!["UTC", "Europe/Stockholm", "America/New_York", "Pacific/Apia", "Asia/Kolkata"])
        .prop_map(zone)
}

fn now() -> Timestamp {
    Timestamp::from_second(BASE).unwrap()
}

fn is_future(stamp: &Stamp) -> bool {
    stamp.timestamp() > now().checked_add(FUTURE_TOLERANCE).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_newest_is_always_kept(policy in policy(), stamps in stamps(), tz in zones()) {
        let plan = policy.plan(&goods(&stamps), now(), &tz);
        if let Some(newest) = stamps.iter().filter(|stamp| !is_future(stamp)).max() {
            prop_assert!(plan.kept().any(|kept| kept == *newest));
        }
    }

    #[test]
    fn never_fewer_than_the_floor(policy in policy(), stamps in stamps(), tz in zones()) {
        let plan = policy.plan(&goods(&stamps), now(), &tz);
        let real: BTreeSet<Stamp> = stamps.iter().copied().filter(|stamp| !is_future(stamp)).collect();
        let floor = usize::try_from(policy.rules().last.max(1)).unwrap().min(real.len());
        prop_assert!(plan.kept().filter(|stamp| real.contains(stamp)).count() >= floor);
    }

    #[test]
    fn the_future_is_kept_and_changes_nothing(policy in policy(), stamps in stamps(), tz in zones()) {
        let plan = policy.plan(&goods(&stamps), now(), &tz);
        let (future, real): (Vec<Stamp>, Vec<Stamp>) = stamps.iter().partition(|stamp| is_future(stamp));
        prop_assert!(future.iter().all(|stamp| plan.kept().any(|kept| kept == *stamp)));
        let without: Vec<Decision> = policy.plan(&goods(&real), now(), &tz).decisions;
        let with: Vec<Decision> = plan.decisions.into_iter().filter(|d| !is_future(&d.stamp)).collect();
        prop_assert_eq!(with, without);
    }

    #[test]
    fn a_second_plan_deletes_nothing_more(policy in policy(), stamps in stamps(), tz in zones()) {
        let kept: Vec<Stamp> = policy.plan(&goods(&stamps), now(), &tz).kept().collect();
        prop_assert_eq!(policy.plan(&goods(&kept), now(), &tz).deleted().next(), None);
    }

    #[test]
    fn order_and_repetition_do_not_matter(
        policy in policy(), tz in zones(),
        (stamps, shuffled) in stamps().prop_flat_map(|s| {
            let twice = [s.clone(), s.clone()].concat();
            (Just(s), Just(twice).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(policy.plan(&goods(&stamps), now(), &tz), policy.plan(&goods(&shuffled), now(), &tz));
    }

    #[test]
    fn every_backup_is_decided_once_newest_first(policy in policy(), stamps in stamps(), tz in zones()) {
        let decided: Vec<Stamp> = policy.plan(&goods(&stamps), now(), &tz).decisions.iter().map(|d| d.stamp).collect();
        let expected: Vec<Stamp> = stamps.iter().copied().collect::<BTreeSet<_>>().into_iter().rev().collect();
        prop_assert_eq!(decided, expected);
    }

    #[test]
    fn a_bigger_policy_keeps_a_superset(
        policy in policy(), more in rules(), stamps in stamps(), tz in zones(),
    ) {
        let rules = policy.rules();
        let bigger = RetentionPolicy::new(RetentionRules {
            last: rules.last + more.last,
            hourly: rules.hourly + more.hourly,
            daily: rules.daily + more.daily,
            weekly: rules.weekly + more.weekly,
            monthly: rules.monthly + more.monthly,
            yearly: rules.yearly + more.yearly,
            within: rules.within.max(more.within),
        }).unwrap();
        let kept: BTreeSet<Stamp> = bigger.plan(&goods(&stamps), now(), &tz).kept().collect();
        prop_assert!(policy.plan(&goods(&stamps), now(), &tz).kept().all(|stamp| kept.contains(&stamp)));
    }

    /// However many others there are, and whatever they are.
    #[test]
    fn no_other_backup_pushes_a_scheduled_one_out(
        policy in policy(), scheduled in stamps(), others in stamps(), tz in zones(), is_aside in any::<bool>(),
    ) {
        let alone = policy.plan(&goods(&scheduled), now(), &tz);
        let is_new = |stamp: &Stamp| !scheduled.contains(stamp);
        let others = others.into_iter().filter(is_new);
        let others = others.map(|stamp| if is_aside { aside(stamp) } else { of(Trigger::Manual, stamp) });
        let all = goods(&scheduled).into_iter().chain(others).collect::<Vec<_>>();
        let kept: BTreeSet<Stamp> = policy.plan(&all, now(), &tz).kept().collect();
        // The newest of them all is kept for that alone.
        let newest = KeepReason::Newest;
        for decision in alone.decisions.iter().filter(|decision| decision.reasons.iter().any(|reason| *reason != newest)) {
            prop_assert!(kept.contains(&decision.stamp), "{}", decision.stamp);
        }
    }

    /// A rule never keeps more than its count, so what is deleted is really due.
    #[test]
    fn each_rule_keeps_at_most_its_count(policy in policy(), stamps in stamps(), tz in zones()) {
        let rules = policy.rules();
        let plan = policy.plan(&goods(&stamps), now(), &tz);
        let reasons: Vec<&KeepReason> = plan.decisions.iter().flat_map(|decision| &decision.reasons).collect();
        for (period, count) in [
            (Period::Hour, rules.hourly), (Period::Day, rules.daily), (Period::Week, rules.weekly),
            (Period::Month, rules.monthly), (Period::Year, rules.yearly),
        ] {
            let kept = reasons.iter().filter(|reason| matches!(reason,
                KeepReason::Calendar { period: p, .. } | KeepReason::Oldest { period: p, .. } if *p == period));
            prop_assert!(kept.count() <= usize::try_from(count).unwrap());
        }
    }
}

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
    #![proptest_config(ProptestConfig::with_cases(10_000))]

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
