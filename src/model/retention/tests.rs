use proptest::prelude::*;

use super::*;

fn stamp(text: &str) -> Stamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// The plan as a table, one line a backup.
fn table(rules: RetentionRules, stamps: &[&str], now: &str, tz: &str) -> String {
    let stamps: Vec<Stamp> = stamps.iter().map(|text| stamp(text)).collect();
    shown(&RetentionPolicy::new(rules).unwrap().plan(&stamps, None, now.parse().unwrap(), &zone(tz)))
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
fn the_last_good_one_is_kept_besides_what_the_rules_keep() {
    let stamps = [
        "2026-11-19T23-00-00Z",
        "2026-11-20T23-00-00Z",
        "2026-11-21T23-00-00Z",
        "2026-11-22T23-00-00Z",
        "2026-11-23T23-00-00Z",
    ];
    let plan = |last_good: &str| {
        let rules = RetentionRules { last: 2, ..RetentionRules::default() };
        let stamps = stamps.map(stamp);
        let now = "2026-11-23T23:05:00Z".parse().unwrap();
        shown(&RetentionPolicy::new(rules).unwrap().plan(&stamps, Some(stamp(last_good)), now, &zone("UTC")))
    };
    insta::assert_snapshot!(plan("2026-11-20T23-00-00Z"), @"
    2026-11-23T23-00-00Z newest; last 1 of 2
    2026-11-22T23-00-00Z last 2 of 2
    2026-11-21T23-00-00Z -
    2026-11-20T23-00-00Z last good one
    2026-11-19T23-00-00Z -
    ");
    insta::assert_snapshot!(plan("2026-11-23T23-00-00Z"), @"
    2026-11-23T23-00-00Z newest; last 1 of 2
    2026-11-22T23-00-00Z last 2 of 2
    2026-11-21T23-00-00Z -
    2026-11-20T23-00-00Z -
    2026-11-19T23-00-00Z -
    ");
}

#[test]
fn nothing_in_nothing_out() {
    assert_eq!(RetentionPolicy::default().plan(&[], None, Timestamp::MAX, &TimeZone::UTC).decisions, []);
}

#[test]
fn what_no_rule_wants_is_deleted_and_nothing_else() {
    let stamps = ["2026-11-21T23-00-00Z", "2026-11-22T23-00-00Z", "2026-11-23T23-00-00Z"].map(stamp);
    let policy = RetentionPolicy::new(RetentionRules { last: 1, ..RetentionRules::default() }).unwrap();
    let plan = policy.plan(&stamps, None, "2026-11-23T23:05:00Z".parse().unwrap(), &TimeZone::UTC);
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
        let plan = policy.plan(&stamps, None, now(), &tz);
        if let Some(newest) = stamps.iter().filter(|stamp| !is_future(stamp)).max() {
            prop_assert!(plan.kept().any(|kept| kept == *newest));
        }
    }

    #[test]
    fn never_fewer_than_the_floor(policy in policy(), stamps in stamps(), tz in zones()) {
        let plan = policy.plan(&stamps, None, now(), &tz);
        let real: BTreeSet<Stamp> = stamps.iter().copied().filter(|stamp| !is_future(stamp)).collect();
        let floor = usize::try_from(policy.rules().last.max(1)).unwrap().min(real.len());
        prop_assert!(plan.kept().filter(|stamp| real.contains(stamp)).count() >= floor);
    }

    #[test]
    fn the_future_is_kept_and_changes_nothing(policy in policy(), stamps in stamps(), tz in zones()) {
        let plan = policy.plan(&stamps, None, now(), &tz);
        let (future, real): (Vec<Stamp>, Vec<Stamp>) = stamps.iter().partition(|stamp| is_future(stamp));
        prop_assert!(future.iter().all(|stamp| plan.kept().any(|kept| kept == *stamp)));
        let without: Vec<Decision> = policy.plan(&real, None, now(), &tz).decisions;
        let with: Vec<Decision> = plan.decisions.into_iter().filter(|d| !is_future(&d.stamp)).collect();
        prop_assert_eq!(with, without);
    }

    #[test]
    fn a_second_plan_deletes_nothing_more(policy in policy(), stamps in stamps(), tz in zones()) {
        let kept: Vec<Stamp> = policy.plan(&stamps, None, now(), &tz).kept().collect();
        prop_assert_eq!(policy.plan(&kept, None, now(), &tz).deleted().next(), None);
    }

    #[test]
    fn order_and_repetition_do_not_matter(
        policy in policy(), tz in zones(),
        (stamps, shuffled) in stamps().prop_flat_map(|s| {
            let twice = [s.clone(), s.clone()].concat();
            (Just(s), Just(twice).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(policy.plan(&stamps, None, now(), &tz), policy.plan(&shuffled, None, now(), &tz));
    }

    #[test]
    fn every_backup_is_decided_once_newest_first(policy in policy(), stamps in stamps(), tz in zones()) {
        let decided: Vec<Stamp> = policy.plan(&stamps, None, now(), &tz).decisions.iter().map(|d| d.stamp).collect();
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
        let kept: BTreeSet<Stamp> = bigger.plan(&stamps, None, now(), &tz).kept().collect();
        prop_assert!(policy.plan(&stamps, None, now(), &tz).kept().all(|stamp| kept.contains(&stamp)));
    }

    #[test]
    fn the_last_good_one_is_kept_and_nothing_else_changes(
        policy in policy(), stamps in stamps(), tz in zones(), any in any::<prop::sample::Index>(),
    ) {
        let good = (!stamps.is_empty()).then(|| *any.get(&stamps));
        let with = policy.plan(&stamps, good, now(), &tz);
        if let Some(good) = good {
            prop_assert!(with.kept().any(|kept| kept == good));
        }
        let mut rest = with.clone();
        rest.decisions.iter_mut().for_each(|decision| decision.reasons.retain(|r| *r != KeepReason::LastGood));
        prop_assert_eq!(&rest, &policy.plan(&stamps, None, now(), &tz));
        let kept: Vec<Stamp> = with.kept().collect();
        prop_assert_eq!(policy.plan(&kept, good, now(), &tz).deleted().next(), None);
    }

    /// Promise P5, night after night: each run adds a backup, good or suspicious, and prunes.
    #[test]
    fn however_many_suspicious_ones_follow_the_last_good_one_stays(
        policy in policy(), tz in zones(),
        nights in prop::collection::vec((60i64..3 * 86_400, prop::bool::weighted(0.2)), 1..60),
    ) {
        let (mut time, mut stored, mut last_good) = (BASE, Vec::new(), None);
        for (pause, is_good) in nights {
            time += pause;
            let at = Timestamp::from_second(time).unwrap();
            let new = Stamp::new(at);
            stored.push(new);
            if is_good {
                last_good = Some(new);
            }
            stored = policy.plan(&stored, last_good, at, &tz).kept().collect();
            prop_assert!(last_good.is_none_or(|good| stored.contains(&good)));
            prop_assert!(stored.contains(&new));
        }
    }

    /// A rule never keeps more than its count, so what is deleted is really due.
    #[test]
    fn each_rule_keeps_at_most_its_count(policy in policy(), stamps in stamps(), tz in zones()) {
        let rules = policy.rules();
        let plan = policy.plan(&stamps, None, now(), &tz);
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
