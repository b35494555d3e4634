/// What holds for every policy and all backups.
mod properties;
/// Weeks of one target, in which anything may happen.
mod weeks;

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

fn zones() -> impl Strategy<Value = TimeZone> {
    prop::sample::select(vec!["UTC", "Europe/Stockholm", "America/New_York", "Pacific/Apia", "Asia/Kolkata"])
        .prop_map(zone)
}
