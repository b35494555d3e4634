use std::sync::Mutex;

use jiff::Timestamp;

use super::*;
use crate::model::job::Job;
use crate::model::schedule::Schedule;
use crate::model::target::TargetName;
use crate::model::trigger::Trigger;
use crate::outcome::{PANICKED, Verdict};
use crate::report::{Change, Condition, End, Notice, Run, Summary};
use crate::told::{Message, Status as Told};

/// A sink that keeps all it gets.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Event>>>);

impl Sink for Kept {
    fn take(&self, event: &Event, _: Timestamp) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Kept {
    fn all(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }
}

/// A sink with a bug.
struct Broken;

impl Sink for Broken {
    fn take(&self, _: &Event, _: Timestamp) {
        panic!("a bug");
    }
}

fn reporter(sinks: Vec<Box<dyn Sink>>) -> Reporter {
    Reporter { sinks: sinks.into(), ..Reporter::new(TimeZone::UTC) }
}

fn name() -> TargetName {
    "shop".parse().unwrap()
}

fn run() -> Run {
    let id = "0123456789abcdef".parse().unwrap();
    Run::new(id, Job::Backup, Some(name()), Trigger::Schedule, Timestamp::UNIX_EPOCH)
}

/// One of each kind.
fn events() -> Vec<Event> {
    let failed = || End::Backup(Verdict::Failed { reason: "no disk".to_owned() });
    vec![
        Event::Alive,
        Event::Target { target: name(), change: Change::Ready },
        Event::Planned { job: Job::Backup, target: Some(name()), next: None },
        Event::Started(run()),
        Event::Ended { run: run(), end: failed() },
        Event::Skipped { job: Job::Backup, target: name(), end: failed() },
        Event::ByHand(Message {
            job: Job::Backup,
            target: name(),
            backup: None,
            status: Told::Bad("no disk".to_owned()),
        }),
        Event::AllEnded(Summary { good: 2, bad: Vec::new(), stored_bytes: 1, next: None }),
        Event::Problem { about: "shop".to_owned(), problem: Some("no disk".to_owned()) },
        Event::Daemon(Notice::AskedToLook),
    ]
}

#[test]
fn each_event_reaches_each_sink_once_and_in_order() {
    let (one, other) = (Kept::default(), Kept::default());
    let reporter = reporter(vec![Box::new(one.clone()), Box::new(other.clone())]);
    for event in events() {
        reporter.send(&event);
    }
    assert_eq!(one.all(), events());
    assert_eq!(other.all(), events());
}

#[test]
fn the_sinks_there_are_take_what_is_theirs() {
    let reporter = Reporter::new(TimeZone::UTC);
    for event in events() {
        reporter.send(&event);
    }
    assert_eq!(reporter.health().report(), "shop: no disk\n");
    let status = reporter.board().status();
    assert_eq!(status.problems["shop"], "no disk");
    assert_eq!(status.targets[&name()].condition, Condition::Ready);
    let change = Change::Found { engine: None, container: "shop".to_owned(), schedule: Schedule::Off };
    reporter.send(&Event::Target { target: "blog".parse().unwrap(), change });
    assert_eq!(reporter.board().status().targets.len(), 2);
}

#[test]
fn a_sink_that_crashes_fails_nothing_and_keeps_no_other_from_an_event() {
    let kept = Kept::default();
    let reporter = reporter(vec![Box::new(Broken), Box::new(kept.clone()), Box::new(Broken)]);
    reporter.send(&Event::Alive);
    assert_eq!(kept.all(), [Event::Alive]);
}

#[test]
fn a_run_ends_once_whatever_happens_to_it() {
    let kept = Kept::default();
    let reporter = reporter(vec![Box::new(kept.clone())]);
    let done = || End::Prune { deleted: 1 };
    reporter.begin(run()).end(done());
    drop(reporter.begin(run()));
    let crash = AssertUnwindSafe(|| {
        let _running = reporter.begin(run());
        panic!("a bug");
    });
    catch_unwind(crash).unwrap_err();
    let ends = [
        done(),
        End::Stopped { reason: "stopped before it was done".to_owned() },
        End::Failed { reason: PANICKED.to_owned() },
    ];
    let expected: Vec<Event> =
        ends.into_iter().flat_map(|end| [Event::Started(run()), Event::Ended { run: run(), end }]).collect();
    assert_eq!(kept.all(), expected);
}
