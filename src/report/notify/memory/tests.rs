use super::*;
use crate::model::trigger::Trigger;
use crate::report::event::Run;
use crate::report::{Board, Change, Sink as _};

/// A memory behind a board, as it is in the daemon.
struct Scene {
    board: Board,
    memory: Memory,
    now: Timestamp,
}

const FAILURE: Occasions = Occasions { failure: true, success: false, digest: false };

fn target(name: &str) -> TargetName {
    name.parse().unwrap()
}

fn run(name: &str) -> Run {
    let id = "0123456789abcdef".parse().unwrap();
    Run::new(id, Job::Backup, Some(target(name)), Trigger::Schedule, Timestamp::UNIX_EPOCH)
}

fn failed() -> End {
    End::Backup(Verdict::Failed { reason: "no disk".to_owned() })
}

fn done(suspicious: Option<&str>) -> End {
    End::Backup(Verdict::Done(backup::Summary {
        stamp: "2026-11-26T23-00-00Z".parse().unwrap(),
        objects: 1,
        plain_bytes: 1,
        stored_bytes: 2048,
        elapsed: Duration::from_secs(3),
        pruned: 0,
        incomplete: None,
        suspicious: suspicious.map(str::to_owned),
        accepted_smaller_than: None,
        problems: Vec::new(),
        made: Box::default(),
    }))
}

impl Scene {
    fn new(on: Occasions) -> Self {
        // A Thursday.
        let now = "2026-11-26T23:00:00Z".parse().unwrap();
        Self { board: Board::default(), memory: Memory::new(on, TimeZone::UTC, now), now }
    }

    fn later(&mut self, span: Duration) -> &mut Self {
        self.now += span;
        self
    }

    fn send(&mut self, event: &Event) -> Vec<Draft> {
        self.board.take(event, self.now);
        let board = self.board.clone();
        self.memory.take(event, self.now, move || board.status())
    }

    /// The kinds and subjects of what is sent when the daemon's loop turns.
    fn turn(&mut self) -> Vec<(Kind, String)> {
        let drafts = self.send(&Event::Alive);
        assert!(drafts.len() <= 1, "{drafts:?}");
        drafts.into_iter().flat_map(|draft| draft.items).map(|item| (item.kind, item.about)).collect()
    }

    fn problem(&mut self, about: &str, problem: Option<&str>) -> &mut Self {
        let event = Event::Problem { about: about.to_owned(), problem: problem.map(str::to_owned) };
        assert!(self.send(&event).is_empty());
        self
    }

    fn backup(&mut self, name: &str, end: End) -> &mut Self {
        self.send(&Event::Started(run(name)));
        self.send(&Event::Ended { run: run(name), end });
        self
    }

    fn all_ended(&mut self, good: usize, bad: &[&str]) -> &mut Self {
        let bad = bad.iter().map(|name| (*name).to_owned()).collect();
        self.send(&Event::AllEnded(Summary { good, bad, stored_bytes: 0, next: None }));
        self
    }
}

fn told(kind: Kind, about: &str) -> Vec<(Kind, String)> {
    vec![(kind, about.to_owned())]
}

#[test]
fn a_problem_is_told_once_and_again_each_day_while_it_lasts() {
    let mut scene = Scene::new(FAILURE);
    scene.backup("shop", failed()).all_ended(0, &["shop"]).problem("shop", Some("no disk"));
    assert_eq!(scene.turn(), told(Kind::BackupFailed, "shop"));
    // In other words, a moment later.
    scene.problem("shop", Some("no disk on /dev/sda"));
    assert!(scene.turn().is_empty());
    assert!(scene.later(Duration::from_secs(23 * 3600)).turn().is_empty());
    assert_eq!(scene.later(Duration::from_secs(3600)).turn(), told(Kind::BackupFailed, "shop"));
    assert!(scene.later(Duration::from_secs(3600)).turn().is_empty());
    // Of another kind.
    scene
        .backup("shop", done(Some("far smaller")))
        .all_ended(0, &["shop"])
        .problem("shop", Some("suspicious"));
    assert_eq!(scene.turn(), told(Kind::BackupNotGood, "shop"));
    // The first kind again is no news.
    scene.backup("shop", failed()).all_ended(0, &["shop"]).problem("shop", Some("no disk"));
    assert!(scene.turn().is_empty());
    scene.problem("shop", None);
    assert_eq!(scene.turn(), told(Kind::Recovered, "shop"));
    assert!(scene.later(Duration::from_secs(48 * 3600)).turn().is_empty());
}

#[test]
fn what_happens_while_targets_run_waits_for_the_last_one() {
    let mut scene = Scene::new(FAILURE);
    scene.backup("shop", failed()).problem("shop", Some("no disk"));
    assert!(scene.turn().is_empty());
    scene.backup("blog", failed()).problem("blog", Some("no disk"));
    // Between two runs nothing runs, and more follow.
    assert!(scene.turn().is_empty());
    scene.all_ended(1, &["blog", "shop"]);
    let drafts = scene.send(&Event::Alive);
    assert_eq!(drafts.len(), 1);
    assert_eq!(drafts[0].items.len(), 2);
    assert_eq!(drafts[0].footer.as_deref(), Some("1 of 3 targets good, not blog, shop, 0 B stored"));
}

#[test]
fn nobody_waits_for_a_night_without_end() {
    let mut scene = Scene::new(FAILURE);
    scene.backup("shop", failed()).problem("shop", Some("no disk"));
    scene.send(&Event::Started(run("huge")));
    assert!(scene.later(Duration::from_secs(29 * 60)).turn().is_empty());
    assert_eq!(scene.later(Duration::from_secs(60)).turn(), told(Kind::BackupFailed, "shop"));
}

#[test]
fn a_problem_that_is_over_before_anybody_was_told_is_none() {
    let mut scene = Scene::new(FAILURE);
    scene.backup("shop", failed()).problem("shop", Some("no disk"));
    scene.backup("shop", done(None)).all_ended(1, &[]).problem("shop", None);
    assert!(scene.turn().is_empty());
}

#[test]
fn each_problem_has_its_kind() {
    let mut scene = Scene::new(FAILURE);
    let mut kind = |events: &[Event], about: &str| {
        for event in events {
            scene.send(event);
        }
        scene.problem(about, Some("x"));
        scene.turn()
    };
    let change = |name: &str, change| Event::Target { target: target(name), change };
    let drill = Event::Skipped {
        job: Job::Drill,
        target: target("d2"),
        end: End::Failed { reason: "no memory".to_owned() },
    };
    let misconfigured = Change::Misconfigured { reason: "x".to_owned() };
    let recalled = |newest: &str, good: &str| {
        Change::Recalled(Box::new(crate::report::Recalled {
            newest: Some(newest.parse().unwrap()),
            newest_good: Some(good.parse().unwrap()),
            ..Default::default()
        }))
    };
    let (new, old) = ("2026-11-26T23-00-00Z", "2026-11-25T23-00-00Z");
    for (events, about, expected) in [
        (vec![], "(dumpcar)", Kind::Daemon),
        (vec![], "(verify)", Kind::VerificationFailed),
        (vec![], "(drill) d1", Kind::DrillFailed),
        (vec![drill], "(drill) d2", Kind::DrillInconclusive),
        (vec![], "absent", Kind::TargetGone),
        (
            vec![change("gone", Change::Ready), change("gone", Change::Disappeared { next: None })],
            "gone",
            Kind::TargetGone,
        ),
        (vec![change("labels", misconfigured)], "labels", Kind::TargetMisconfigured),
        (
            vec![change("late", Change::Ready), change("late", recalled(new, new))],
            "late",
            Kind::BackupOverdue,
        ),
        (
            vec![change("small", Change::Ready), change("small", recalled(new, old))],
            "small",
            Kind::BackupNotGood,
        ),
    ] {
        assert_eq!(kind(&events, about), told(expected, about), "{about}");
    }
}

#[test]
fn a_good_backup_is_told_only_where_it_is_wanted() {
    for (on, expected) in [
        (FAILURE, vec![]),
        (Occasions { failure: false, success: true, digest: false }, told(Kind::BackupGood, "shop")),
    ] {
        let mut scene = Scene::new(on);
        scene.backup("shop", done(None)).all_ended(1, &[]);
        assert_eq!(scene.turn(), expected);
        // A failure that nobody wants to hear of is not told.
        scene.backup("shop", failed()).all_ended(0, &["shop"]).problem("shop", Some("no disk"));
        assert_eq!(scene.turn().is_empty(), !on.failure);
    }
    let mut scene = Scene::new(Occasions { failure: true, success: true, digest: false });
    scene.backup("shop", failed()).all_ended(0, &["shop"]).problem("shop", Some("no disk"));
    assert_eq!(scene.turn(), told(Kind::BackupFailed, "shop"));
    scene.backup("shop", done(None)).all_ended(1, &[]).problem("shop", None);
    // Once, and not twice.
    assert_eq!(scene.turn(), told(Kind::Recovered, "shop"));
}

#[test]
fn the_digest_comes_on_monday_morning_with_what_is_wrong_first() {
    let mut scene = Scene::new(Occasions { failure: false, success: false, digest: true });
    scene.backup("shop", done(None)).backup("blog", failed()).all_ended(1, &["blog"]);
    scene.problem("blog", Some("no disk"));
    assert!(scene.turn().is_empty());
    scene.now = "2026-11-30T07:59:59Z".parse().unwrap();
    assert!(scene.turn().is_empty());
    scene.now = "2026-11-30T08:00:05Z".parse().unwrap();
    let drafts = scene.send(&Event::Alive);
    let texts: Vec<String> =
        drafts[0].items.iter().map(|item| format!("{} {}", item.about, item.text)).collect();
    assert_eq!(texts, ["blog no disk", "shop newest good backup 2026-11-26 23:00 +00:00 (3d ago), 2.0 KiB"]);
    assert_eq!(drafts[0].footer.as_deref(), Some("1 of 2 targets good"));
    assert!(scene.turn().is_empty());
    scene.now = "2026-12-07T08:00:05Z".parse().unwrap();
    assert_eq!(scene.turn().len(), 2);
}
