use super::*;
use crate::model::retention::Standing;
use crate::model::schedule::Schedule;
use crate::model::trigger::Trigger;
use crate::outcome::Made;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn name() -> TargetName {
    "shop".parse().unwrap()
}

fn stamp(second: i64) -> Stamp {
    Stamp::new(at(second))
}

fn run(digit: char, job: Job) -> Run {
    let id = digit.to_string().repeat(16).parse().unwrap();
    Run::new(id, job, Some(name()), Trigger::Schedule, at(0))
}

fn changed(change: Change) -> Event {
    Event::Target { target: name(), change }
}

fn done(second: i64, suspicious: Option<&str>) -> End {
    done_and_pruned(second, suspicious, &[])
}

fn done_and_pruned(second: i64, suspicious: Option<&str>, pruned: &[i64]) -> End {
    End::Backup(Verdict::Done(Summary {
        stamp: stamp(second),
        objects: 1,
        plain_bytes: 2,
        stored_bytes: 1,
        elapsed: std::time::Duration::from_secs(1),
        pruned: 0,
        incomplete: None,
        suspicious: suspicious.map(str::to_owned),
        accepted_smaller_than: None,
        problems: Vec::new(),
        made: Box::new(Made { pruned: pruned.iter().copied().map(stamp).collect(), ..Made::default() }),
    }))
}

/// The board after these events, a second after each other.
fn after(events: &[Event]) -> Status {
    let board = Board::default();
    (0..).zip(events).for_each(|(second, event)| board.take(event, at(second)));
    board.status()
}

#[test]
fn a_target_is_what_was_last_said_of_it() {
    let found = || {
        changed(Change::Found { engine: Some("custom"), container: "shop-1".into(), schedule: Schedule::Off })
    };
    let next = Some(at(60));
    let changes = [
        (found(), Condition::Ready),
        (changed(Change::Unavailable { reason: "paused".into() }), Condition::Unavailable("paused".into())),
        (changed(Change::Ready), Condition::Ready),
        (changed(Change::Misconfigured { reason: "typo".into() }), Condition::Misconfigured("typo".into())),
        (changed(Change::Disappeared { next }), Condition::Gone),
    ];
    let mut events = Vec::new();
    for (event, condition) in changes {
        events.push(event);
        let target = after(&events).targets.remove(&name()).unwrap();
        assert_eq!((target.condition, target.engine), (condition, Some("custom")));
    }
    assert_eq!(after(&events).targets[&name()].next, next);
    events.push(changed(Change::Renamed { now: "store".parse().unwrap() }));
    assert_eq!(after(&events).targets.len(), 0);
}

#[test]
fn a_run_is_shown_from_its_start_to_its_end() {
    let (backup, drill) = (run('a', Job::Backup), run('b', Job::Drill));
    let board = Board::default();
    board.take(&Event::Started(backup.clone()), at(0));
    board.take(&Event::Started(drill.clone()), at(1));
    // Who works and who looks have the same progress.
    board.progress(&backup.id).set_stage("dumping shop");
    let status = board.status();
    let shown: Vec<_> = status.running.iter().map(|work| (work.run.job, work.progress.stage())).collect();
    assert_eq!(shown, [(Job::Backup, "dumping shop".to_owned()), (Job::Drill, String::new())]);
    board.take(&Event::Ended { run: backup, end: done(0, None) }, at(2));
    assert_eq!(board.status().running.iter().map(|work| work.run.job).collect::<Vec<_>>(), [Job::Drill]);
    board.take(&Event::Ended { run: drill, end: End::Stopped { reason: "stop".into() } }, at(3));
    let status = board.status();
    assert!(status.running.is_empty());
    // A drill that was stopped has found nothing out.
    assert_eq!(status.targets[&name()].drilled, None);
}

#[test]
fn the_newest_backup_and_the_newest_good_one_are_two_things() {
    let ended = |end| Event::Ended { run: run('a', Job::Backup), end };
    let mut events = vec![ended(done(10, None)), ended(done(20, Some("far smaller")))];
    let target = after(&events).targets.remove(&name()).unwrap();
    assert_eq!((target.newest, target.newest_good), (Some(stamp(20)), Some(stamp(10))));
    assert!(target.backed_up.unwrap().problem.unwrap().starts_with("suspicious: far smaller; "));
    events.push(ended(End::Backup(Verdict::Failed { reason: "no disk".into() })));
    let target = after(&events).targets.remove(&name()).unwrap();
    assert_eq!(target.backed_up, Some(Ended { at: at(2), problem: Some("no disk".into()) }));
    assert_eq!((target.newest, target.summary.unwrap().stamp), (Some(stamp(20)), stamp(20)));
}

/// The bucket is the memory: after a restart, the board knows what was.
#[test]
fn what_was_before_is_known() {
    let recalled = |drilled: i64, problem: Option<&str>| {
        changed(Change::Recalled(Box::new(Recalled {
            backups: 2,
            newest: Some(stamp(20)),
            newest_good: Some(stamp(10)),
            drilled: Some((at(drilled), problem.map(str::to_owned))),
            drill: None,
            recent: None,
        })))
    };
    let target = after(&[recalled(-5, Some("lost a row"))]).targets.remove(&name()).unwrap();
    assert_eq!((target.newest, target.newest_good), (Some(stamp(20)), Some(stamp(10))));
    assert_eq!(target.drilled, Some(Ended { at: at(-5), problem: Some("lost a row".into()) }));
    // What this process has seen itself is newer.
    let failed = Event::Ended { run: run('b', Job::Drill), end: End::Failed { reason: "no memory".into() } };
    let target = after(&[failed, recalled(-5, None)]).targets.remove(&name()).unwrap();
    assert_eq!(target.drilled, Some(Ended { at: at(0), problem: Some("no memory".into()) }));
}

#[test]
fn what_is_done_by_hand_counts() {
    let told =
        |job, status| Event::ByHand(told::Message { job, target: name(), backup: Some(stamp(30)), status });
    let status = after(&[
        told(Job::Backup, told::Status::Started(String::new())),
        told(Job::Backup, told::Status::Good("1 B stored".into())),
        told(Job::Drill, told::Status::Bad("lost a row".into())),
    ]);
    let target = &status.targets[&name()];
    assert_eq!((target.newest, target.newest_good), (Some(stamp(30)), Some(stamp(30))));
    assert_eq!(target.backed_up, Some(Ended { at: at(1), problem: None }));
    assert_eq!(target.drilled, Some(Ended { at: at(2), problem: Some("lost a row".into()) }));
    assert_eq!(
        after(&[told(Job::Backup, told::Status::Bad("small".into()))]).targets[&name()].newest_good,
        None
    );
}

#[test]
fn problems_come_and_go() {
    let problem = |about: &str, problem: Option<&str>| Event::Problem {
        about: about.to_owned(),
        problem: problem.map(str::to_owned),
    };
    let status = after(&[
        problem("shop", Some("not backed up")),
        problem("(verify)", Some("damaged")),
        problem("shop", None),
        Event::Alive,
    ]);
    assert_eq!(status.problems.keys().collect::<Vec<_>>(), ["(verify)"]);
    assert_eq!(status.alive, Some(at(3)));
}

/// What the bucket has and what this process has made since are one list; what failed is known here only.
#[test]
fn the_recent_past_is_the_buckets_and_this_processs() {
    let past = |second| PastBackup {
        stamp: stamp(second),
        trigger: Trigger::Schedule,
        elapsed: std::time::Duration::from_secs(1),
        plain_bytes: 2,
        stored_bytes: 1,
        defect: None,
        standing: Standing::Counts { trigger: Trigger::Schedule, accepted_smaller_than: None },
        writer: None,
        facts: None,
    };
    let recalled = |listed, recent: &[i64]| {
        let backups = recent.iter().copied().map(past).collect();
        let recent = Some((at(listed), RecentPast { backups, uncounted: Vec::new(), older: 3 }));
        changed(Change::Recalled(Box::new(Recalled { recent, ..Recalled::default() })))
    };
    let ended = |end| Event::Ended { run: run('a', Job::Backup), end };
    let failed = || ended(End::Backup(Verdict::Failed { reason: "no disk".into() }));
    let standing = Standing::Aside { reason: "far smaller".into(), stands_in: false };
    let shrunk = PastBackup { defect: Some("suspicious: far smaller".into()), standing, ..past(30) };
    let target = after(&[
        recalled(25, &[10, 20]),
        failed(),
        ended(done(30, Some("far smaller"))),
        ended(End::Backup(Verdict::Stopped)),
        // 10 is pruned, and 30 was not there yet.
        recalled(31, &[20]),
    ]);
    let target = &target.targets[&name()];
    assert_eq!(target.recent, [past(20), shrunk]);
    assert_eq!(target.failures, [Ended { at: at(1), problem: Some("no disk".into()) }]);
    assert_eq!((target.deleted.as_slices().0, target.older), ([past(10)].as_slice(), 3));
    // What is no longer in the bucket is no longer shown, and neither is what a run has pruned; that it was made stays known.
    let pruned = [recalled(25, &[10, 20]), ended(done_and_pruned(30, None, &[10]))];
    for (events, left) in
        [(vec![recalled(15, &[10]), recalled(25, &[])], vec![]), (pruned.to_vec(), vec![past(20), past(30)])]
    {
        let target = &after(&events).targets[&name()];
        assert_eq!((&target.recent, target.deleted.as_slices().0), (&left, [past(10)].as_slice()));
    }
    // A run may be told of after the bucket has its backup already.
    assert_eq!(after(&[recalled(31, &[30]), ended(done(30, None))]).targets[&name()].recent, [past(30)]);

    let many: Vec<Event> =
        (0..250).map(|second| ended(done(second, None))).chain((0..250).map(|_| failed())).collect();
    let target = &after(&many).targets[&name()];
    assert_eq!((target.recent.len(), target.failures.len()), (MOST_RECENT, MOST_RECENT));
    assert_eq!(target.recent[0], past(50));
}
