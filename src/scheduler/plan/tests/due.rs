//! What is begun when.

use super::*;

#[test]
fn each_night_has_its_backup_and_nothing_else_happens() {
    let mut daemon =
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T12:00:00Z", Some("2026-11-22T23:00:00Z"));
    let begun = daemon.backups("2026-11-26T12:00:00Z");
    let night = |day: &str| (format!("{day} 23:00"), Trigger::Schedule);
    assert_eq!(begun, [night("23"), night("24"), night("25")]);
    assert_eq!(daemon.health(), [""; 0]);
}

#[test]
fn what_was_missed_while_the_daemon_was_away_is_made_up_for() {
    for (last, catch_up, begun, problem) in [
        // Down over the night.
        (
            "2026-11-21T23:00:00Z",
            true,
            vec![("23 12:00", Trigger::CatchUp), ("23 23:00", Trigger::Schedule)],
            false,
        ),
        ("2026-11-22T23:00:00Z", true, vec![("23 23:00", Trigger::Schedule)], false),
        ("2026-11-21T23:00:00Z", false, vec![("23 23:00", Trigger::Schedule)], true),
    ] {
        let settings = Settings { catch_up, ..settings("0 23 * * *", "UTC") };
        let mut daemon = Daemon::new(settings, "2026-11-23T12:00:00Z", Some(last));
        let mut all = daemon.backups("2026-11-23T12:30:00Z");
        assert_eq!(daemon.health().len(), usize::from(problem), "{last}: {:?}", daemon.health());
        all.extend(daemon.backups("2026-11-24T12:00:00Z"));
        let all: Vec<_> = all.iter().map(|(time, trigger)| (time.as_str(), *trigger)).collect();
        assert_eq!(all, begun, "{last}");
        assert_eq!(daemon.health(), [""; 0]);
    }
}

/// A machine that sleeps has no turn in between.
#[test]
fn a_machine_that_was_suspended_makes_up_for_it_at_once() {
    let mut daemon =
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T12:00:00Z", Some("2026-11-22T23:00:00Z"));
    daemon.backups("2026-11-23T22:00:00Z");
    daemon.now = at("2026-11-24T08:00:00Z");
    assert_eq!(daemon.backups("2026-11-24T09:00:00Z"), [("24 08:00".to_owned(), Trigger::CatchUp)]);
}

#[test]
fn a_database_that_is_down_when_it_is_due_is_backed_up_as_soon_as_it_is_back() {
    for down in [Condition::Unavailable("stopped".to_owned()), Condition::Misconfigured("?".to_owned())] {
        let mut daemon =
            Daemon::new(settings("12 13 * * *", "UTC"), "2026-11-23T13:00:00Z", Some("2026-11-22T13:12:00Z"));
        daemon.backups("2026-11-23T13:11:00Z");
        daemon.set(down);
        assert_eq!(times(&daemon.backups("2026-11-23T13:14:00Z")), [""; 0]);
        assert_eq!(daemon.health().len(), 1, "it was due at 13:12");
        daemon.set(ready("one"));
        assert_eq!(times(&daemon.backups("2026-11-23T14:00:00Z")), ["23 13:14"]);
        assert_eq!(daemon.health(), [""; 0]);
        assert_eq!(times(&daemon.backups("2026-11-24T14:00:00Z")), ["24 13:12"]);
    }
}

#[test]
fn one_that_was_removed_is_told_once_a_day_and_backed_up_when_it_is_back() {
    let mut daemon =
        Daemon::new(settings("12 13 * * *", "UTC"), "2026-11-23T13:00:00Z", Some("2026-11-22T13:12:00Z"));
    daemon.backups("2026-11-23T13:11:00Z");
    let shop = daemon.seen.pop().unwrap();
    daemon.tell(Input::Changed);
    assert_eq!(times(&daemon.backups("2026-11-25T13:14:00Z")), [""; 0]);
    let health = daemon.health();
    assert!(
        health.iter().any(|line| line.starts_with("shop: not backed up: its container disappeared")),
        "{health:?}"
    );
    daemon.seen.push(shop);
    daemon.tell(Input::Changed);
    assert_eq!(times(&daemon.backups("2026-11-25T14:00:00Z")), ["25 13:14"]);
    assert_eq!(daemon.health(), [""; 0]);
}

#[test]
fn a_failed_run_is_tried_again_with_growing_pauses_until_the_next_is_due() {
    let mut daemon =
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T22:00:00Z", Some("2026-11-22T23:00:00Z"));
    let begun = daemon.run("2026-11-24T23:30:00Z", |action, _| match action {
        Action::Start(name, _) => Some(Input::Ended(failed(name))),
        _ => None,
    });
    let begun: Vec<_> = begun.iter().map(|(time, _)| time.as_str()).collect();
    assert_eq!(
        begun[..8],
        ["23 23:00", "23 23:01", "23 23:03", "23 23:07", "23 23:15", "23 23:31", "24 00:03", "24 01:03"]
    );
    // From the next one on, from the beginning.
    assert_eq!(begun[28..], ["24 22:03", "24 23:00", "24 23:01", "24 23:03", "24 23:07", "24 23:15"]);
    assert_eq!(daemon.health(), ["shop: exit status 1"]);
    // Replaced by one that works: at once.
    daemon.set(ready("two"));
    assert_eq!(times(&daemon.backups("2026-11-24T23:31:00Z")), ["24 23:30"]);
    assert_eq!(daemon.health(), [""; 0]);
}

#[test]
fn a_run_that_takes_long_pauses_as_long() {
    let mut daemon =
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T22:59:00Z", Some("2026-11-22T23:00:00Z"));
    assert_eq!(daemon.run("2026-11-23T23:00:00Z", |_, _| None).len(), 1);
    daemon.now = at("2026-11-24T05:00:00Z");
    daemon.tell(Input::Ended(failed(&name("shop"))));
    assert_eq!(times(&daemon.backups("2026-11-24T12:00:00Z")), ["24 11:00"]);
}

#[test]
fn a_container_that_only_restarts_is_not_tried_each_time() {
    let mut daemon =
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T22:59:00Z", Some("2026-11-22T23:00:00Z"));
    let mut starts = 0;
    for minute in 0..30 {
        let until = format!("2026-11-23T23:{minute:02}:30Z");
        let begun = daemon.run(&until, |action, _| match action {
            Action::Start(name, _) => Some(Input::Ended(failed(name))),
            _ => None,
        });
        starts += begun.len();
        daemon.set(Condition::Ready { id: "one".to_owned(), started: minute.to_string() });
    }
    assert!((3..9).contains(&starts), "{starts}");
}

#[test]
fn a_target_has_one_run_at_a_time_and_what_comes_due_meanwhile_is_left_out() {
    let mut daemon =
        Daemon::new(settings("0 * * * *", "UTC"), "2026-11-23T22:30:00Z", Some("2026-11-23T22:00:00Z"));
    assert_eq!(daemon.run("2026-11-24T01:30:00Z", |_, _| None).len(), 1);
    assert_eq!(daemon.health(), [""; 0], "it has its time");
    daemon.tell(Input::Ended(done(&name("shop"), at("2026-11-23T23:00:00Z"))));
    assert_eq!(times(&daemon.backups("2026-11-24T02:30:00Z")), ["24 02:00"]);
}

#[test]
fn a_container_that_was_replaced_while_it_ran_is_tried_again_at_once() {
    let mut daemon =
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T22:30:00Z", Some("2026-11-22T23:00:00Z"));
    assert_eq!(daemon.run("2026-11-23T23:00:30Z", |_, _| None).len(), 1);
    daemon.seen.clear();
    daemon.tell(Input::Changed);
    daemon.settle();
    daemon.tell(Input::Ended(failed(&name("shop"))));
    daemon.seen.push(seen("shop", &settings("0 23 * * *", "UTC"), ready("two")));
    daemon.tell(Input::Changed);
    assert_eq!(times(&daemon.backups("2026-11-23T23:00:40Z")), ["23 23:00"]);
}

#[test]
fn a_clock_that_is_set_changes_nothing_for_long() {
    let mut daemon =
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T12:00:00Z", Some("2026-11-22T23:00:00Z"));
    daemon.backups("2026-11-23T12:30:00Z");
    // A year ahead: that looks like a missed night.
    daemon.now = at("2027-11-23T12:30:00Z");
    assert_eq!(times(&daemon.backups("2027-11-23T12:40:00Z")), ["23 12:30"]);
    // Back again; the backup of that moment is left out by whoever reads the bucket.
    daemon.now = at("2026-11-23T12:40:00Z");
    assert_eq!(times(&daemon.backups("2026-11-25T12:00:00Z")), ["23 23:00", "24 23:00"]);
    assert_eq!(daemon.health(), [""; 0]);
    // Some hours back: the same hour does not count twice.
    daemon.now = at("2026-11-25T09:00:00Z");
    assert_eq!(times(&daemon.backups("2026-11-26T12:00:00Z")), ["25 23:00"]);
}

#[test]
fn summer_time_neither_adds_nor_leaves_out_a_night() {
    for (schedule, from, last, until, begun) in [
        // 02:30 does not exist on 29 March; on 25 October it comes twice.
        (
            "30 2 * * *",
            "2026-03-28T12:00:00Z",
            "2026-03-28T01:30:00Z",
            "2026-03-30T12:00:00Z",
            ["29 01:00", "30 00:30"],
        ),
        (
            "30 2 * * *",
            "2026-10-24T12:00:00Z",
            "2026-10-24T00:30:00Z",
            "2026-10-26T12:00:00Z",
            ["25 00:30", "26 01:30"],
        ),
    ] {
        let mut daemon = Daemon::new(settings(schedule, "Europe/Berlin"), from, Some(last));
        assert_eq!(times(&daemon.backups(until)), begun, "{schedule} {from}");
        assert_eq!(daemon.health(), [""; 0]);
    }
}

#[test]
fn jitter_spreads_and_does_not_add() {
    let jittered = |schedule, last| {
        let settings = Settings { jitter: Duration::from_secs(60 * 60), ..settings(schedule, "UTC") };
        let mut daemon = Daemon::new(settings, "2026-11-23T00:00:00Z", last);
        let begun = daemon.backups("2026-11-24T12:00:00Z");
        begun.into_iter().map(|(time, _)| time).collect::<Vec<_>>()
    };
    let shift = jitter_of("shop");
    let hours = |hours: [u64; 5]| {
        let first: Timestamp = at("2026-11-23T00:00:00Z");
        hours.map(|hour| (first + Duration::from_secs(hour * 3600) + shift).strftime("%d %H:%M").to_string())
    };
    // Without a backup before, the first one is later, and those after it follow it.
    assert_eq!(jittered("every 6h", None), hours([6, 12, 18, 24, 30]));
    // It counts from the last one.
    assert_eq!(
        jittered("every 6h", Some("2026-11-22T22:00:00Z")),
        ["23 04:00", "23 10:00", "23 16:00", "23 22:00", "24 04:00", "24 10:00"]
    );
    assert_eq!(jittered("0 */6 * * *", Some("2026-11-22T23:00:00Z"))[..5], hours([0, 6, 12, 18, 24]));
}

fn jitter_of(target: &str) -> Duration {
    crate::model::schedule::jitter(target, Duration::from_secs(60 * 60))
}

#[test]
fn drills_and_verification_count_from_the_last_one_that_was_done() {
    let settings = Settings {
        drill_schedule: "every 7d".parse().unwrap(),
        verify_schedule: "every 7d".parse().unwrap(),
        ..settings("0 23 * * *", "UTC")
    };
    // Restarted each week, an hour before the next one.
    for (drilled, verified, begun) in [
        (None, None, vec![]),
        (Some("2026-11-20T12:00:00Z"), Some("2026-11-20T12:30:00Z"), vec![]),
        (
            Some("2026-11-16T13:00:00Z"),
            Some("2026-11-16T12:30:00Z"),
            vec![("23 12:30", Action::Verify), ("23 13:00", Action::Drill(name("shop")))],
        ),
        // A clock that was wrong once puts nothing off.
        (Some("2036-01-01T00:00:00Z"), Some("2026-11-20T12:30:00Z"), vec![]),
        // Missed.
        (
            Some("2026-11-10T13:00:00Z"),
            Some("2026-11-10T12:30:00Z"),
            vec![("23 12:00", Action::Drill(name("shop"))), ("23 12:00", Action::Verify)],
        ),
    ] {
        let mut daemon = Daemon::new(settings.clone(), "2026-11-23T12:00:00Z", Some("2026-11-22T23:00:00Z"));
        let shop = daemon.past.targets.get_mut(&name("shop")).unwrap();
        let backup = stamp("2026-11-01T23:00:00Z");
        shop.drilled = drilled.map(|drilled| Drilled { backup, at: at(drilled), problem: None });
        let of = |time| crate::model::verified::Verified::new(at(time), "h", std::iter::empty());
        daemon.past.verified = verified.map(of);
        let mut all = daemon.run("2026-11-23T14:00:00Z", |action, _| match action {
            Action::Drill(name) => Some(Input::Drilled(name.clone(), DrillEnd::Good(None))),
            _ => None,
        });
        all.sort_by_key(|(time, action)| (time.clone(), *action == Action::Verify));
        let all: Vec<_> = all.iter().map(|(time, action)| (time.as_str(), action.clone())).collect();
        assert_eq!(all, begun, "{drilled:?}");
    }
}

#[test]
fn no_more_run_at_once_than_may_and_those_that_wait_have_their_time() {
    let settings = Settings { parallel: 2, ..settings("0 23 * * *", "UTC") };
    let mut daemon = Daemon::new(settings.clone(), "2026-11-23T22:00:00Z", Some("2026-11-22T23:00:00Z"));
    for other in ["blog", "crm", "wiki"] {
        daemon.seen.push(seen(other, &settings, ready(other)));
        daemon.past.targets.insert(name(other), backed_up("2026-11-22T23:00:00Z"));
    }
    let begun = |daemon: &mut Daemon, until| daemon.run(until, |_, _| None).len();
    assert_eq!(begun(&mut daemon, "2026-11-24T02:00:00Z"), 2);
    assert_eq!(daemon.health(), [""; 0], "their turn is coming");
    daemon.tell(Input::Ended(done(&name("blog"), at("2026-11-23T23:00:00Z"))));
    assert_eq!(begun(&mut daemon, "2026-11-24T02:30:00Z"), 1);
    daemon.tell(Input::Ended(done(&name("crm"), at("2026-11-23T23:00:00Z"))));
    assert_eq!(begun(&mut daemon, "2026-11-24T03:00:00Z"), 1);
}
