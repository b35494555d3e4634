use std::time::Duration;

use super::*;
use crate::model::key::Stamp;
use crate::model::past_backup::PastBackup;
use crate::model::retention::{Candidate, Standing};
use crate::model::trigger::Trigger;
use crate::report::Ended;

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn backup(time: &str, defect: Option<&str>) -> PastBackup {
    PastBackup {
        stamp: Stamp::new(at(time)),
        trigger: Trigger::Schedule,
        elapsed: Duration::from_secs(1),
        plain_bytes: 2,
        stored_bytes: 1,
        defect: defect.map(str::to_owned),
        standing: Standing::Counts { trigger: Trigger::Schedule, accepted_smaller_than: None },
        writer: None,
        facts: None,
    }
}

fn failure(time: &str) -> Ended {
    Ended { at: at(time), problem: Some("no disk".to_owned()) }
}

fn of(target: &Target, now: &str, zone: &str) -> Strip {
    Strip::of(target, at(now), &TimeZone::get(zone).unwrap())
}

fn told(strip: &Strip, date: &str) -> (Day, String) {
    let cell = strip.cells.iter().find(|cell| cell.date.to_string() == date).unwrap();
    (cell.day, cell.words.clone())
}

#[test]
fn a_day_is_what_its_runs_were() {
    let target = Target {
        recent: vec![
            backup("2026-11-20T22:00:00Z", None),
            backup("2026-11-21T22:00:00Z", Some("suspicious: small")),
            backup("2026-11-22T22:00:00Z", None),
        ],
        deleted: [backup("2026-11-19T22:00:00Z", None), backup("2026-11-19T10:00:00Z", None)].into(),
        uncounted: vec![Candidate {
            stamp: Stamp::new(at("2026-11-24T22:00:00Z")),
            standing: Standing::Unknown("unreadable".to_owned()),
            writer: None,
        }],
        failures: [failure("2026-11-22T23:30:00Z"), failure("2026-11-25T22:00:00Z")].into(),
        ..Target::default()
    };
    let strip = of(&target, "2026-11-28T05:00:00Z", "UTC");
    for (date, day, words) in [
        ("2026-11-18", Day::Nothing, "no run"),
        ("2026-11-19", Day::Good, "2 good"),
        ("2026-11-20", Day::Good, "1 good"),
        ("2026-11-21", Day::Partly, "1 not good"),
        ("2026-11-22", Day::Partly, "1 good, 1 failed"),
        ("2026-11-24", Day::Partly, "1 not good"),
        ("2026-11-25", Day::Failed, "1 failed"),
    ] {
        assert_eq!(told(&strip, date), (day, format!("{date}: {words}")));
    }
    let words =
        "Last 30 days: 2 good, 3 partly good (the last 2026-11-24), 1 failed (2026-11-25), 24 without a run";
    assert_eq!(strip.words, words);
    assert_eq!(
        strip.paths().iter().map(|(class, _)| *class).collect::<Vec<_>>(),
        ["good", "partly", "failed", "nothing"]
    );
}

/// Days are those of people, also where the clock is set twice a year.
#[test]
fn today_is_the_last_of_thirty_days_in_the_zone() {
    // 23:30 and 00:30 in Berlin, around the hour that is repeated.
    let target = Target {
        recent: vec![backup("2026-10-24T21:30:00Z", None), backup("2026-10-24T22:30:00Z", None)],
        ..Target::default()
    };
    let strip = of(&target, "2026-10-25T00:30:00Z", "Europe/Berlin");
    assert_eq!(strip.cells.len(), 30);
    let dates: Vec<String> = strip.cells.iter().map(|cell| cell.date.to_string()).collect();
    assert_eq!((dates[0].as_str(), dates[29].as_str()), ("2026-09-26", "2026-10-25"));
    assert_eq!(told(&strip, "2026-10-24").1, "2026-10-24: 1 good");
    assert_eq!(told(&strip, "2026-10-25").1, "2026-10-25: 1 good");
    // In Tokyo both are of the same day.
    assert_eq!(
        told(&of(&target, "2026-10-25T00:30:00Z", "Asia/Tokyo"), "2026-10-25").1,
        "2026-10-25: 2 good"
    );
    // What is older is not shown.
    assert_eq!(of(&target, "2026-12-01T00:30:00Z", "UTC").words, "Last 30 days: 30 without a run");
}

#[test]
fn each_kind_of_day_has_a_shape_of_its_own() {
    let shapes: std::collections::BTreeSet<String> =
        [Day::Good, Day::Partly, Day::Failed, Day::Nothing].into_iter().map(|day| day.draw(8)).collect();
    assert_eq!(shapes.len(), 4);
}
