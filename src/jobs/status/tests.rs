use super::*;
use crate::model::retention::Standing;
use crate::model::trigger::Trigger;

use jiff::tz::TimeZone;

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-28T05:13:00Z")
}

fn stamp(time: &str) -> Stamp {
    Stamp::new(at(time))
}

fn good(sizes: &[u64]) -> LastGood {
    let backup = PastBackup {
        stamp: stamp("2026-11-27T22:00:00Z"),
        trigger: Trigger::Schedule,
        elapsed: Duration::from_millis(252_900),
        plain_bytes: 9 << 30,
        stored_bytes: *sizes.last().unwrap(),
        defect: None,
        standing: Standing::Counts { trigger: Trigger::Schedule, accepted_smaller_than: None },
        writer: None,
        facts: None,
    };
    LastGood::of(&backup, sizes)
}

fn row(name: &str, state: TargetState, problems: &[&str]) -> Row {
    let drill = LastDrill {
        backup: stamp("2026-11-21T22:00:00Z"),
        at: at("2026-11-22T04:00:00Z"),
        remarks: 1,
        problem: None,
    };
    Row {
        target: name.parse().unwrap(),
        state,
        problems: problems.iter().map(|&problem| problem.to_owned()).collect(),
        backups: 7,
        newest: Some(stamp("2026-11-27T22:00:00Z")),
        last_good: Some(good(&[400 << 20, 410 << 20, 428 << 20])),
        drill: Some(drill),
        next: Some(at("2026-11-28T22:00:00Z")),
        drill_next: None,
    }
}

fn shown(rows: &[Row], has_colours: bool) -> String {
    text(rows, now(), &TimeZone::get("Europe/Berlin").unwrap(), has_colours)
}

#[test]
fn what_is_wrong_comes_before_the_table() {
    let none = Row { last_good: None, drill: None, next: None, ..row("cache", TargetState::NoBackup, &[]) };
    let rows = [
        row(
            "billing",
            TargetState::Overdue,
            &["no good backup in time: the newest is of 2026-11-25 23:00 +01:00, the schedule is 0 23 * * *"],
        ),
        row("crm", TargetState::NotGood, &["the newest backup is suspicious"]),
        none,
        row("wiki", TargetState::Good, &[]),
    ];
    let wanted = "\
! 2 of 4 targets need attention

✗ billing
  no good backup in time: the newest is of 2026-11-25 23:00 +01:00, the schedule
  is 0 23 * * *

! crm
  the newest backup is suspicious

  TARGET   STATE      LAST GOOD  TOOK    SIZE       TREND  DRILL  NEXT
✗ billing  overdue    7h         4m 12s  428.0 MiB  +4%    ok 6d  23:00
! crm      not good   7h         4m 12s  428.0 MiB  +4%    ok 6d  23:00
- cache    no backup  -          -       -          -      -      -
✓ wiki     good       7h         4m 12s  428.0 MiB  +4%    ok 6d  23:00
";
    assert_eq!(shown(&rows, false), wanted);
    let quiet = shown(&[row("wiki", TargetState::Good, &[])], false);
    assert!(quiet.starts_with("✓ nothing is wrong with the target\n\n  TARGET"), "{quiet}");
}

#[test]
fn long_names_have_lines_for_themselves_and_nothing_is_wider_than_the_screen() {
    let name = "customer-relationship-management-db";
    let rows = [
        row(name, TargetState::Misconfigured, &["a b ".repeat(60).trim()]),
        row("wiki", TargetState::Good, &[]),
    ];
    let text = shown(&rows, false);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains(&format!("\n✗ {name}\n  misconfigured  7h ")), "{text}");
}

#[test]
fn colours_are_for_who_has_them_and_act_on_nothing_else() {
    let rows =
        [row("billing", TargetState::Overdue, &["\u{1b}]0;title\u{7}"]), row("wiki", TargetState::Good, &[])];
    let plain = shown(&rows, false);
    assert!(!plain.contains('\u{1b}') && plain.contains(r"\u{1b}]0;title\u{7}"), "{plain}");
    let painted = shown(&rows, true);
    assert!(painted.contains("\u{1b}[31m✗\u{1b}[0m"), "{painted:?}");
    let mut bare = painted;
    for code in ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[1m", "\u{1b}[0m"] {
        bare = bare.replace(code, "");
    }
    assert_eq!(bare, plain);
}

#[test]
fn the_size_is_compared_with_the_usual_one() {
    assert_eq!(good(&[100, 100, 40]).change().unwrap(), "-60%");
    assert_eq!(good(&[100]).usual_bytes, None);
}

#[test]
fn what_is_due_is_told_from_now() {
    let interval: Schedule = "every 6h".parse().unwrap();
    let tz = TimeZone::UTC;
    let due = |schedule: &Schedule, last: Option<&str>| {
        next(schedule, last.map(at), now(), |after| schedule.next_after(after, &tz))
            .map(|due| due.to_string())
    };
    assert_eq!(due(&interval, Some("2026-11-28T01:00:00Z")).unwrap(), "2026-11-28T07:00:00Z");
    assert_eq!(due(&interval, Some("2026-11-27T01:00:00Z")).unwrap(), now().to_string());
    assert_eq!(due(&"0 23 * * *".parse().unwrap(), None).unwrap(), "2026-11-28T23:00:00Z");
    assert_eq!(due(&Schedule::Off, None), None);
}
