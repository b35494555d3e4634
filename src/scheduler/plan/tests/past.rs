//! What the bucket remembers, what others do, and what the daemon says of it.

use super::*;

#[test]
fn a_failed_drill_is_remembered_by_the_bucket() {
    let mut daemon =
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T12:00:00Z", Some("2026-11-22T23:00:00Z"));
    let shop = daemon.past.targets.get_mut(&name("shop")).unwrap();
    let problem = Some("the backup is not good".to_owned());
    shop.drilled =
        Some(Drilled { backup: stamp("2026-11-22T23:00:00Z"), at: at("2026-11-23T04:00:00Z"), problem });
    daemon.backups("2026-11-23T12:01:00Z");
    assert_eq!(daemon.health(), ["(drill) shop: the backup is not good"]);
    // Somebody drills it in another container: found within ten minutes, or on SIGHUP.
    let shop = daemon.past.targets.get_mut(&name("shop")).unwrap();
    shop.drilled = Some(Drilled {
        backup: stamp("2026-11-22T23:00:00Z"),
        at: at("2026-11-23T12:02:00Z"),
        problem: None,
    });
    daemon.backups("2026-11-23T12:15:00Z");
    assert_eq!(daemon.health(), [""; 0]);
}

#[test]
fn a_backup_that_another_process_makes_ends_the_alarm_and_the_tries() {
    for is_told in [true, false] {
        let mut daemon =
            Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T22:59:00Z", Some("2026-11-22T23:00:00Z"));
        daemon.run("2026-11-24T00:10:00Z", |action, _| match action {
            Action::Start(name, _) => Some(Input::Ended(failed(name))),
            _ => None,
        });
        assert_eq!(daemon.health(), ["shop: exit status 1"]);
        daemon.past.targets.insert(name("shop"), backed_up("2026-11-24T00:09:00Z"));
        if is_told {
            daemon.tell(Input::ByHand(Message {
                job: Job::Backup,
                target: name("shop"),
                backup: Some(stamp("2026-11-24T00:09:00Z")),
                status: told::Status::Good(String::new()),
            }));
            assert_eq!(daemon.health(), [""; 0]);
        }
        let until = "2026-11-24T00:25:00Z";
        assert_eq!(times(&daemon.backups(until)), [""; 0], "told: {is_told}");
        assert_eq!(daemon.health(), [""; 0]);
    }
}

#[test]
fn a_newest_backup_that_is_not_good_is_remembered_by_the_bucket() {
    let mut daemon =
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T12:00:00Z", Some("2026-11-22T23:00:00Z"));
    let shop = daemon.past.targets.get_mut(&name("shop")).unwrap();
    shop.newest =
        Some(Newest { stamp: stamp("2026-11-22T23:00:00Z"), problem: Some("suspicious: small".to_owned()) });
    shop.newest_good = Some(stamp("2026-11-21T23:00:00Z"));
    assert_eq!(times(&daemon.backups("2026-11-23T22:00:00Z")), [""; 0], "it was made");
    assert_eq!(daemon.health(), ["shop: its newest backup 2026-11-22T23-00-00Z is suspicious: small"]);
}

#[test]
fn docker_or_a_store_that_is_away_at_the_start_is_waited_for() {
    let mut daemon =
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T12:00:00Z", Some("2026-11-21T23:00:00Z"));
    let minutes = |minutes: i64| at("2026-11-23T12:00:00Z") + jiff::SignedDuration::from_mins(minutes);
    daemon.tell(Input::Tick);
    while daemon.now < minutes(7) {
        assert_eq!(std::mem::take(&mut daemon.asked), [Action::Look]);
        daemon.tell(Input::Looked(Err(refusal(true))));
        assert_eq!(daemon.health().len(), usize::from(daemon.now >= minutes(5)), "{}", daemon.now);
        daemon.now = daemon.state.wake(daemon.now).unwrap();
        daemon.tell(Input::Tick);
    }
    // Docker is there, the store is not.
    while daemon.now < minutes(14) {
        let Some(action) = daemon.asked.pop() else {
            daemon.now = daemon.state.wake(daemon.now).unwrap();
            daemon.tell(Input::Tick);
            continue;
        };
        match action {
            Action::Look => {
                let look = Look { targets: daemon.seen.clone(), others: BTreeSet::new() };
                daemon.tell(Input::Looked(Ok(look)));
            }
            Action::Sweep => daemon.tell(Input::Swept(Err(refusal(true)))),
            Action::Read { .. } => daemon.tell(Input::Read(Err(refusal(true)))),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(daemon.health(), ["(dumpcar): no answer"]);
    assert_eq!(times(&daemon.backups("2026-11-23T13:00:00Z")).len(), 1, "what was missed is made up for");
    assert_eq!(daemon.health(), [""; 0]);
}

#[test]
fn keys_that_may_only_write_do_without_the_past() {
    let settings = Settings { prune: false, ..settings("0 23 * * *", "UTC") };
    let mut daemon = Daemon::new(settings, "2026-11-23T12:00:00Z", Some("2026-11-21T23:00:00Z"));
    daemon.tell(Input::Tick);
    let mut starts = Vec::new();
    while daemon.now < at("2026-11-25T12:00:00Z") {
        match daemon.asked.pop() {
            Some(Action::Read { .. }) => daemon.tell(Input::Read(Err(refusal(false)))),
            Some(Action::Start(name, _)) => {
                starts.push(daemon.now.to_string());
                daemon.tell(Input::Ended(done(&name, daemon.now)));
            }
            Some(action) => {
                daemon.asked.push(action);
                let rest = daemon.asked.len();
                let action = daemon.asked.remove(rest - 1);
                match action {
                    Action::Look => {
                        let look = Look { targets: daemon.seen.clone(), others: BTreeSet::new() };
                        daemon.tell(Input::Looked(Ok(look)));
                    }
                    Action::Sweep => daemon.tell(Input::Swept(Ok(()))),
                    _ => {}
                }
            }
            None => {
                daemon.now = daemon.state.wake(daemon.now).unwrap();
                daemon.tell(Input::Tick);
            }
        }
        assert_eq!(daemon.health(), [""; 0], "{}", daemon.now);
    }
    assert_eq!(starts, ["2026-11-23T23:00:00Z", "2026-11-24T23:00:00Z"]);
}

#[test]
fn somebody_who_asks_gets_an_answer_for_each_target_once() {
    let mut daemon = Daemon::new(settings("off", "UTC"), "2026-11-23T12:00:00Z", None);
    daemon.seen.push(seen("blog", &settings("off", "UTC"), Condition::Unavailable("stopped".to_owned())));
    assert_eq!(times(&daemon.backups("2026-11-23T12:30:00Z")), [""; 0]);
    daemon.tell(Input::BackUpNow);
    assert_eq!(daemon.backups("2026-11-23T13:00:00Z"), [("23 12:30".to_owned(), Trigger::Manual)]);
    assert_eq!(daemon.health(), ["blog: not backed up: stopped"]);
    // Nobody has asked for that one later.
    daemon.seen[1].condition = ready("two");
    daemon.tell(Input::Changed);
    assert_eq!(times(&daemon.backups("2026-11-23T14:00:00Z")), [""; 0]);
}

#[test]
fn after_a_stop_nothing_is_begun() {
    for until in ["2026-11-23T22:00:00Z", "2026-11-23T23:00:00Z"] {
        let mut daemon =
            Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T12:00:00Z", Some("2026-11-22T23:00:00Z"));
        daemon.run(until, |_, _| None);
        daemon.tell(Input::Stop);
        daemon.tell(Input::Ended(Outcome { target: name("shop"), verdict: Verdict::Stopped }));
        daemon.now = at("2026-11-25T23:00:00Z");
        daemon.tell(Input::Tick);
        daemon.tell(Input::Changed);
        assert_eq!(daemon.asked, []);
        // It is the next process that makes up for it.
        assert!(daemon.health().len() <= 1);
    }
}

#[test]
fn what_nobody_serves_is_told_from_the_bucket_until_it_is_forgotten() {
    let mut daemon =
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T12:00:00Z", Some("2026-11-22T23:00:00Z"));
    daemon.past.targets.insert(name("old"), backed_up("2026-11-20T23:00:00Z"));
    daemon.past.targets.insert(name("young"), backed_up("2026-11-22T23:00:00Z"));
    daemon
        .past
        .targets
        .insert(name("theirs"), TargetPast { is_ours: false, ..backed_up("2026-11-20T23:00:00Z") });
    daemon.backups("2026-11-23T12:01:00Z");
    assert_eq!(daemon.health().len(), 1, "{:?}", daemon.health());
    assert!(daemon.health()[0].starts_with("old: no container serves it any more"), "{:?}", daemon.health());
    daemon.backups("2026-11-23T23:01:00Z");
    assert_eq!(daemon.health().len(), 2, "the other is overdue now: {:?}", daemon.health());
    for forgotten in ["old", "young"] {
        daemon.past.forgotten.insert(name(forgotten), "h".to_owned());
    }
    daemon.backups("2026-11-23T23:15:00Z");
    assert_eq!(daemon.health(), [""; 0]);
}

#[test]
fn what_was_made_while_the_bucket_was_read_is_not_forgotten() {
    let mut daemon =
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T22:59:00Z", Some("2026-11-22T23:00:00Z"));
    daemon.run("2026-11-23T23:00:00Z", |_, _| None);
    daemon.tell(Input::LookAgain);
    let before = daemon.past.clone();
    let reads = |action: &Action| matches!(action, Action::Read { .. });
    assert!(daemon.asked.iter().any(reads), "{:?}", daemon.asked);
    daemon.tell(Input::Ended(done(&name("shop"), at("2026-11-23T23:00:00Z"))));
    daemon.tell(Input::Read(Ok(before)));
    daemon.now = at("2026-11-24T12:00:00Z");
    assert_eq!(daemon.health(), [""; 0]);
}

/// It looks, sweeps, looks again because something is due, and must not go round in circles.
#[test]
fn a_store_that_refuses_everything_does_not_keep_a_backup_from_being_tried() {
    let mut daemon = Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T23:00:00Z", None);
    daemon.tell(Input::Tick);
    daemon.tell(Input::BackUpNow);
    for _ in 0..10 {
        let action = daemon.asked.remove(0);
        match action {
            Action::Look => {
                let look = Look { targets: daemon.seen.clone(), others: BTreeSet::new() };
                daemon.tell(Input::Looked(Ok(look)));
            }
            Action::Sweep => daemon.tell(Input::Swept(Err(refusal(true)))),
            Action::Read { .. } => daemon.tell(Input::Read(Err(refusal(true)))),
            Action::Start(..) => return,
            other => panic!("{other:?}"),
        }
    }
    panic!("nothing was tried");
}

#[test]
fn a_drill_dated_ahead_puts_no_drill_off() {
    let settings =
        Settings { drill_schedule: "0 13 * * *".parse().unwrap(), ..settings("0 23 * * *", "UTC") };
    let mut daemon = Daemon::new(settings, "2026-11-23T12:00:00Z", Some("2026-11-22T23:00:00Z"));
    let problem = Some("bad".to_owned());
    let drilled = Drilled { backup: stamp("2026-11-22T23:00:00Z"), at: at("2036-01-01T00:00:00Z"), problem };
    daemon.past.targets.get_mut(&name("shop")).unwrap().drilled = Some(drilled);
    let begun = daemon.run("2026-11-23T13:30:00Z", |_, _| None);
    assert_eq!(begun, [("23 13:00".to_owned(), Action::Drill(name("shop")))]);
    assert_eq!(daemon.health(), ["(drill) shop: bad"]);
}

/// All that is reported until then, but for what the bucket says again.
fn events(daemon: &mut Daemon, until: &str, is_good: bool) -> Vec<Event> {
    let until = at(until);
    let mut events = Vec::new();
    loop {
        daemon.tell(Input::Tick);
        events.extend(daemon.state.events());
        while !daemon.asked.is_empty() {
            let input = match daemon.asked.remove(0) {
                Action::Look => {
                    Input::Looked(Ok(Look { targets: daemon.seen.clone(), others: BTreeSet::new() }))
                }
                Action::Sweep => Input::Swept(Ok(())),
                Action::Read { .. } => Input::Read(Ok(daemon.past.clone())),
                Action::Start(name, _) if is_good => Input::Ended(done(&name, daemon.now)),
                Action::Start(name, _) => Input::Ended(failed(&name)),
                _ => continue,
            };
            daemon.tell(input);
            events.extend(daemon.state.events());
        }
        match daemon.state.wake(daemon.now) {
            Some(next) if next <= until => daemon.now = next,
            _ => break,
        }
    }
    // These keep the board as it is, and tell of nothing new.
    let is_state = |event: &Event| {
        matches!(event, Event::Next { .. })
            || matches!(event, Event::AllEnded(summary) if !summary.is_of_several())
            || matches!(event, Event::Target { change: Change::Recalled(_) | Change::Rules { .. }, .. })
    };
    events.retain(|event| !is_state(event));
    events
}

#[test]
fn what_is_new_is_reported_once() {
    let last = Some("2026-11-22T23:00:00Z");
    let mut daemon = Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T22:00:00Z", last);
    let (shop, next) = (name("shop"), at("2026-11-23T23:00:00Z"));
    let target = |change| Event::Target { target: name("shop"), change };
    let found = Change::Found {
        engine: Some("custom"),
        container: "shop".to_owned(),
        schedule: "0 23 * * *".parse().unwrap(),
    };
    assert_eq!(
        events(&mut daemon, "2026-11-23T22:30:00Z", true),
        [target(found), planned(Job::Backup, Some(&shop), Some(next))]
    );
    let problem = |problem: Option<&str>| Event::Problem {
        about: "shop".to_owned(),
        problem: problem.map(str::to_owned),
    };
    // It fails again and again, and is wrong once.
    assert_eq!(events(&mut daemon, "2026-11-23T23:10:00Z", false), [problem(Some("exit status 1"))]);
    assert_eq!(events(&mut daemon, "2026-11-23T23:20:00Z", true), [problem(None)]);
    daemon.seen[0].condition = Condition::Unavailable("paused".to_owned());
    daemon.tell(Input::Changed);
    let paused = target(Change::Unavailable { reason: "paused".to_owned() });
    assert_eq!(events(&mut daemon, "2026-11-24T22:00:00Z", true), [paused]);
    // One that is due and cannot be begun is skipped once.
    let verdict = Verdict::Skipped { reason: "paused".to_owned() };
    let skipped = Event::Skipped { job: Job::Backup, target: shop, end: End::Backup(verdict) };
    assert_eq!(
        events(&mut daemon, "2026-11-24T23:30:00Z", true),
        [skipped, problem(Some("not backed up: paused"))]
    );
}

/// The bucket is the memory.
#[test]
fn what_was_before_is_reported_when_it_was_read() {
    let (mut daemon, last) = (
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T22:00:00Z", Some("2026-11-22T23:00:00Z")),
        Some(stamp("2026-11-22T23:00:00Z")),
    );
    daemon.tell(Input::Tick);
    daemon.settle();
    daemon.tell(Input::Read(Ok(daemon.past.clone())));
    let recalled =
        Recalled { backups: 1, newest: last, newest_good: last, drilled: None, drill: None, recent: None };
    let change = Change::Recalled(Box::new(recalled));
    assert_eq!(daemon.state.events(), [Event::Target { target: name("shop"), change }]);
}
