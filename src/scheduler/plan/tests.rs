use super::*;
use crate::jobs::past::{Drilled, Newest, Past, TargetPast};
use crate::model::trigger::Trigger;
use crate::outcome::{Outcome, Summary, Verdict};
use crate::told::{self, Job, Word};

/// A daemon in a world that is as a test says, and its clock.
struct Daemon {
    state: State,
    now: Timestamp,
    /// What it has asked for and not been answered.
    asked: Vec<Action>,
    seen: Vec<Seen>,
    past: Past,
    /// When `shop` was backed up by this daemon.
    made: Vec<Timestamp>,
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn name(text: &str) -> TargetName {
    text.parse().unwrap()
}

fn stamp(time: &str) -> crate::model::key::Stamp {
    crate::model::key::Stamp::new(at(time))
}

pub(super) fn settings(schedule: &str, zone: &str) -> Settings {
    Settings {
        time_zone: TimeZone::get(zone).unwrap(),
        schedule: schedule.parse().unwrap(),
        drill_schedule: Schedule::Off,
        verify_schedule: Schedule::Off,
        jitter: Duration::ZERO,
        catch_up: true,
        on_start: false,
        prune: true,
        parallel: 1,
        label_prefix: "dumpcar".to_owned(),
        nothing: "nothing to do".to_owned(),
        pauses: Pauses::default(),
    }
}

fn ready(id: &str) -> Condition {
    Condition::Ready { id: id.to_owned(), started: "then".to_owned() }
}

pub(super) fn seen(target: &str, settings: &Settings, condition: Condition) -> Seen {
    Seen {
        name: name(target),
        was: Vec::new(),
        container: target.to_owned(),
        engine: Some("custom"),
        schedule: settings.schedule.clone(),
        drill_schedule: Some(settings.drill_schedule.clone()),
        condition,
    }
}

pub(super) fn done(target: &TargetName, at: Timestamp) -> Outcome {
    let verdict = Verdict::Done(Summary {
        stamp: crate::model::key::Stamp::new(at),
        objects: 1,
        plain_bytes: 1,
        stored_bytes: 1,
        elapsed: Duration::from_secs(1),
        pruned: 0,
        incomplete: None,
        suspicious: None,
        accepted_smaller_than: None,
        problems: Vec::new(),
    });
    Outcome { target: target.clone(), verdict }
}

pub(super) fn failed(target: &TargetName) -> Outcome {
    Outcome { target: target.clone(), verdict: Verdict::Failed { reason: "exit status 1".to_owned() } }
}

fn backed_up(time: &str) -> TargetPast {
    let newest = Some(Newest { stamp: stamp(time), problem: None });
    TargetPast { newest, newest_good: Some(stamp(time)), backups: 1, is_ours: true, drilled: None }
}

fn refusal(may_pass: bool) -> Refusal {
    Refusal { text: "no answer".to_owned(), what: "cannot look", may_pass, is_denied: !may_pass }
}

impl Daemon {
    /// One of one target, `shop`, that is there and was backed up at `last`.
    fn new(settings: Settings, now: &str, last: Option<&str>) -> Self {
        let seen = vec![seen("shop", &settings, ready("one"))];
        let mut past = Past::default();
        past.targets.extend(last.map(|last| (name("shop"), backed_up(last))));
        let (state, now, asked) = (State::new(settings, at(now)), at(now), Vec::new());
        Self { state, now, asked, seen, past, made: Vec::new() }
    }

    fn tell(&mut self, event: Event) {
        self.asked.extend(self.state.turn(event, self.now));
    }

    /// Answers what is asked of Docker and the store, and returns what is to be done besides.
    fn settle(&mut self) -> Vec<Action> {
        let mut rest = Vec::new();
        while !self.asked.is_empty() {
            match self.asked.remove(0) {
                Action::Look => {
                    let look = Look { targets: self.seen.clone(), others: BTreeSet::new() };
                    self.tell(Event::Looked(Ok(look)));
                }
                Action::Sweep => self.tell(Event::Swept(Ok(()))),
                Action::Read { .. } => {
                    let made = self.made.iter().filter(|made| **made <= self.now).max();
                    if let Some(made) = made {
                        let shop = self.past.targets.entry(name("shop")).or_default();
                        *shop = TargetPast { drilled: shop.drilled.clone(), ..backed_up(&made.to_string()) };
                    }
                    self.tell(Event::Read(Ok(self.past.clone())));
                }
                Action::KeepReadme => {}
                other => rest.push(other),
            }
        }
        rest
    }

    /// Lets time go by until `until`, and returns what was begun and when. All of it is answered at once by `work`.
    fn run(
        &mut self,
        until: &str,
        work: impl Fn(&Action, Timestamp) -> Option<Event>,
    ) -> Vec<(String, Action)> {
        let (until, mut begun) = (at(until), Vec::new());
        loop {
            self.tell(Event::Tick);
            loop {
                let actions = self.settle();
                if actions.is_empty() {
                    break;
                }
                for action in actions {
                    if let Some(event) = work(&action, self.now) {
                        if let Event::Ended(Outcome { target, verdict: Verdict::Done(summary) }) = &event {
                            assert_eq!(*target, name("shop"));
                            self.made.push(summary.stamp.timestamp());
                        }
                        self.tell(event);
                    }
                    begun.push((self.now.strftime("%d %H:%M").to_string(), action));
                }
            }
            match self.state.wake(self.now) {
                Some(next) if next <= until => self.now = next,
                _ => {
                    self.now = until;
                    return begun;
                }
            }
        }
    }

    /// The same, of backups that all go well; only when and why.
    fn backups(&mut self, until: &str) -> Vec<(String, Trigger)> {
        let begun = self.run(until, |action, now| match action {
            Action::Start(name, _) => Some(Event::Ended(done(name, now))),
            Action::Drill(name) => Some(Event::Drilled(name.clone(), DrillEnd::Good(None))),
            _ => None,
        });
        let starts = begun.into_iter().filter_map(|(time, action)| match action {
            Action::Start(_, trigger) => Some((time, trigger)),
            _ => None,
        });
        starts.collect()
    }

    fn health(&self) -> Vec<String> {
        self.state.problems(self.now).into_iter().map(|(key, problem)| format!("{key}: {problem}")).collect()
    }

    fn set(&mut self, condition: Condition) {
        self.seen[0].condition = condition;
        self.tell(Event::Changed);
    }
}

fn times(begun: &[(String, Trigger)]) -> Vec<&str> {
    begun.iter().map(|(time, _)| time.as_str()).collect()
}

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
    for down in [Condition::Unavailable("stopped".to_owned()), Condition::Invalid("?".to_owned())] {
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
    daemon.tell(Event::Changed);
    assert_eq!(times(&daemon.backups("2026-11-25T13:14:00Z")), [""; 0]);
    let health = daemon.health();
    assert!(
        health.iter().any(|line| line.starts_with("shop: not backed up: its container disappeared")),
        "{health:?}"
    );
    daemon.seen.push(shop);
    daemon.tell(Event::Changed);
    assert_eq!(times(&daemon.backups("2026-11-25T14:00:00Z")), ["25 13:14"]);
    assert_eq!(daemon.health(), [""; 0]);
}

#[test]
fn a_failed_run_is_tried_again_with_growing_pauses_until_the_next_is_due() {
    let mut daemon =
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T22:00:00Z", Some("2026-11-22T23:00:00Z"));
    let begun = daemon.run("2026-11-24T23:30:00Z", |action, _| match action {
        Action::Start(name, _) => Some(Event::Ended(failed(name))),
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
    daemon.tell(Event::Ended(failed(&name("shop"))));
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
            Action::Start(name, _) => Some(Event::Ended(failed(name))),
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
    daemon.tell(Event::Ended(done(&name("shop"), at("2026-11-23T23:00:00Z"))));
    assert_eq!(times(&daemon.backups("2026-11-24T02:30:00Z")), ["24 02:00"]);
}

#[test]
fn a_container_that_was_replaced_while_it_ran_is_tried_again_at_once() {
    let mut daemon =
        Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T22:30:00Z", Some("2026-11-22T23:00:00Z"));
    assert_eq!(daemon.run("2026-11-23T23:00:30Z", |_, _| None).len(), 1);
    daemon.seen.clear();
    daemon.tell(Event::Changed);
    daemon.settle();
    daemon.tell(Event::Ended(failed(&name("shop"))));
    daemon.seen.push(seen("shop", &settings("0 23 * * *", "UTC"), ready("two")));
    daemon.tell(Event::Changed);
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
            Action::Drill(name) => Some(Event::Drilled(name.clone(), DrillEnd::Good(None))),
            _ => None,
        });
        all.sort_by_key(|(time, action)| (time.clone(), *action == Action::Verify));
        let all: Vec<_> = all.iter().map(|(time, action)| (time.as_str(), action.clone())).collect();
        assert_eq!(all, begun, "{drilled:?}");
    }
}

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
            Action::Start(name, _) => Some(Event::Ended(failed(name))),
            _ => None,
        });
        assert_eq!(daemon.health(), ["shop: exit status 1"]);
        daemon.past.targets.insert(name("shop"), backed_up("2026-11-24T00:09:00Z"));
        if is_told {
            daemon.tell(Event::ByHand(Word {
                job: Job::Backup,
                target: name("shop"),
                backup: Some(stamp("2026-11-24T00:09:00Z")),
                event: told::Event::Good(String::new()),
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
    daemon.tell(Event::Tick);
    while daemon.now < minutes(7) {
        assert_eq!(std::mem::take(&mut daemon.asked), [Action::Look]);
        daemon.tell(Event::Looked(Err(refusal(true))));
        assert_eq!(daemon.health().len(), usize::from(daemon.now >= minutes(5)), "{}", daemon.now);
        daemon.now = daemon.state.wake(daemon.now).unwrap();
        daemon.tell(Event::Tick);
    }
    // Docker is there, the store is not.
    while daemon.now < minutes(14) {
        let Some(action) = daemon.asked.pop() else {
            daemon.now = daemon.state.wake(daemon.now).unwrap();
            daemon.tell(Event::Tick);
            continue;
        };
        match action {
            Action::Look => {
                let look = Look { targets: daemon.seen.clone(), others: BTreeSet::new() };
                daemon.tell(Event::Looked(Ok(look)));
            }
            Action::Sweep => daemon.tell(Event::Swept(Err(refusal(true)))),
            Action::Read { .. } => daemon.tell(Event::Read(Err(refusal(true)))),
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
    daemon.tell(Event::Tick);
    let mut starts = Vec::new();
    while daemon.now < at("2026-11-25T12:00:00Z") {
        match daemon.asked.pop() {
            Some(Action::Read { .. }) => daemon.tell(Event::Read(Err(refusal(false)))),
            Some(Action::Start(name, _)) => {
                starts.push(daemon.now.to_string());
                daemon.tell(Event::Ended(done(&name, daemon.now)));
            }
            Some(action) => {
                daemon.asked.push(action);
                let rest = daemon.asked.len();
                let action = daemon.asked.remove(rest - 1);
                match action {
                    Action::Look => {
                        let look = Look { targets: daemon.seen.clone(), others: BTreeSet::new() };
                        daemon.tell(Event::Looked(Ok(look)));
                    }
                    Action::Sweep => daemon.tell(Event::Swept(Ok(()))),
                    _ => {}
                }
            }
            None => {
                daemon.now = daemon.state.wake(daemon.now).unwrap();
                daemon.tell(Event::Tick);
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
    daemon.tell(Event::BackUpNow);
    assert_eq!(daemon.backups("2026-11-23T13:00:00Z"), [("23 12:30".to_owned(), Trigger::Manual)]);
    assert_eq!(daemon.health(), ["blog: not backed up: stopped"]);
    // Nobody has asked for that one later.
    daemon.seen[1].condition = ready("two");
    daemon.tell(Event::Changed);
    assert_eq!(times(&daemon.backups("2026-11-23T14:00:00Z")), [""; 0]);
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
    daemon.tell(Event::Ended(done(&name("blog"), at("2026-11-23T23:00:00Z"))));
    assert_eq!(begun(&mut daemon, "2026-11-24T02:30:00Z"), 1);
    daemon.tell(Event::Ended(done(&name("crm"), at("2026-11-23T23:00:00Z"))));
    assert_eq!(begun(&mut daemon, "2026-11-24T03:00:00Z"), 1);
}

#[test]
fn after_a_stop_nothing_is_begun() {
    for until in ["2026-11-23T22:00:00Z", "2026-11-23T23:00:00Z"] {
        let mut daemon =
            Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T12:00:00Z", Some("2026-11-22T23:00:00Z"));
        daemon.run(until, |_, _| None);
        daemon.tell(Event::Stop);
        daemon.tell(Event::Ended(Outcome { target: name("shop"), verdict: Verdict::Stopped }));
        daemon.now = at("2026-11-25T23:00:00Z");
        daemon.tell(Event::Tick);
        daemon.tell(Event::Changed);
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
    daemon.tell(Event::LookAgain);
    let before = daemon.past.clone();
    let reads = |action: &Action| matches!(action, Action::Read { .. });
    assert!(daemon.asked.iter().any(reads), "{:?}", daemon.asked);
    daemon.tell(Event::Ended(done(&name("shop"), at("2026-11-23T23:00:00Z"))));
    daemon.tell(Event::Read(Ok(before)));
    daemon.now = at("2026-11-24T12:00:00Z");
    assert_eq!(daemon.health(), [""; 0]);
}

/// It looks, sweeps, looks again because something is due, and must not go round in circles.
#[test]
fn a_store_that_refuses_everything_does_not_keep_a_backup_from_being_tried() {
    let mut daemon = Daemon::new(settings("0 23 * * *", "UTC"), "2026-11-23T23:00:00Z", None);
    daemon.tell(Event::Tick);
    daemon.tell(Event::BackUpNow);
    for _ in 0..10 {
        let action = daemon.asked.remove(0);
        match action {
            Action::Look => {
                let look = Look { targets: daemon.seen.clone(), others: BTreeSet::new() };
                daemon.tell(Event::Looked(Ok(look)));
            }
            Action::Sweep => daemon.tell(Event::Swept(Err(refusal(true)))),
            Action::Read { .. } => daemon.tell(Event::Read(Err(refusal(true)))),
            Action::Start(..) => return,
            other => panic!("{other:?}"),
        }
    }
    panic!("nothing was tried");
}
