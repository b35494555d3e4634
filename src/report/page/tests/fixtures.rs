//! States of a daemon, made up: for tests, and for pictures.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::super::About;
use crate::model::engine::EngineName;
use crate::model::job::Job;
use crate::model::key::Stamp;
use crate::model::line::Line;
use crate::model::past_backup::{BackupFacts, PastBackup};
use crate::model::past_drill::PastDrill;
use crate::model::retention::{Candidate, RetentionPolicy, RetentionSettings, Standing};
use crate::model::target::TargetName;
use crate::model::trigger::Trigger;
use crate::pipeline::Progress;
use crate::report::board::Rules;
use crate::report::{Condition, Ended, Run, Status, Target, Work};

const MIB: u64 = 1 << 20;

/// In the morning, in Berlin.
pub(super) fn now() -> Timestamp {
    "2026-11-28T05:13:00Z".parse().unwrap()
}

pub(super) fn name(text: &str) -> TargetName {
    text.parse().unwrap()
}

pub(super) fn about() -> About {
    About {
        version: "0.1.0".to_owned(),
        instance: "docker-host".to_owned(),
        store: "s3://backups/docker-host".to_owned(),
        time_zone: TimeZone::get("Europe/Berlin").unwrap(),
        schedule: "0 23 * * *".to_owned(),
        label_prefix: "dumpcar".to_owned(),
        group: None,
        prunes: true,
    }
}

/// At 23 o'clock in Berlin, so many nights ago. 0 is the last one.
pub(super) fn night(ago: i64) -> Timestamp {
    let last: Timestamp = "2026-11-27T22:00:00Z".parse().unwrap();
    last - SignedDuration::from_hours(24 * ago)
}

pub(super) fn backup(ago: i64, stored_bytes: u64) -> PastBackup {
    PastBackup {
        stamp: Stamp::new(night(ago)),
        trigger: Trigger::Schedule,
        elapsed: Duration::from_millis(4_200 + stored_bytes / 9_000),
        plain_bytes: stored_bytes * 6,
        stored_bytes,
        defect: None,
        standing: Standing::Counts { trigger: Trigger::Schedule, accepted_smaller_than: None },
        writer: None,
        facts: Some(Arc::new(BackupFacts {
            engine: EngineName::known("custom"),
            server_version: Line::clean("17.6"),
            image: Line::clean("postgres:17"),
            instance: Line::clean("docker-host"),
            databases: 3,
            rows: Some(1_000),
        })),
    }
}

/// One that is not good.
pub(super) fn bad(ago: i64, stored_bytes: u64, defect: &str) -> PastBackup {
    let standing = Standing::Aside { reason: defect.to_owned(), stands_in: false };
    PastBackup { defect: Some(defect.to_owned()), standing, ..backup(ago, stored_bytes) }
}

/// Backups of so many nights, growing.
pub(super) fn nights(count: i64, size: u64) -> Vec<PastBackup> {
    let size_of =
        |ago: i64| size - size / 400 * ago.unsigned_abs() + size / 90 * (ago.unsigned_abs() * 7 % 5);
    (0..count).rev().map(|ago| backup(ago, size_of(ago))).collect()
}

/// One that is well.
pub(super) fn good(engine: &'static str, version: &str, size: u64) -> Target {
    let facts = |backup: &PastBackup| BackupFacts {
        engine: EngineName::known(engine),
        server_version: Line::clean(version),
        image: Line::clean(&format!("{engine}:{version}")),
        ..BackupFacts::clone(backup.facts.as_ref().unwrap())
    };
    let all: Vec<PastBackup> = nights(31, size)
        .into_iter()
        .map(|backup| PastBackup { facts: Some(Arc::new(facts(&backup))), ..backup })
        .collect();
    let (deleted, recent) = all.split_at(24);
    Target {
        condition: Condition::Ready,
        engine: Some(engine),
        rules: Some(Rules { schedule: "0 23 * * *".parse().unwrap(), retention: RetentionPolicy::default() }),
        next: Some("2026-11-28T22:00:00Z".parse().unwrap()),
        drill_next: Some("2026-11-29T04:00:00Z".parse().unwrap()),
        newest: Some(recent[6].stamp),
        newest_good: Some(recent[6].stamp),
        recent: recent.to_vec(),
        deleted: deleted.iter().cloned().collect(),
        backed_up: Some(Ended { at: night(0), problem: None }),
        drilled: Some(Ended { at: drilled_at(), problem: None }),
        drill: Some(drill()),
        ..Target::default()
    }
}

fn drilled_at() -> Timestamp {
    "2026-11-22T04:04:00Z".parse().unwrap()
}

pub(super) fn drill() -> PastDrill {
    PastDrill {
        backup: Stamp::new(night(6)),
        at: drilled_at(),
        elapsed: Duration::from_secs(74),
        databases: 3,
        tables: 41,
        rows: 1_284_113,
        remarks: Vec::new(),
        problem: None,
    }
}

/// One whose last two runs have failed.
pub(super) fn failing(problem: &str) -> Target {
    let mut target = good("postgresql", "17.6", 412 * MIB);
    target.recent.truncate(5);
    let newest = target.recent.last().unwrap().stamp;
    let failed =
        |ago: i64| Ended { at: night(ago) + SignedDuration::from_mins(3), problem: Some(problem.to_owned()) };
    target.failures.extend([failed(9), failed(1), failed(0)]);
    (target.newest, target.newest_good, target.backed_up) = (Some(newest), Some(newest), Some(failed(0)));
    target
}

/// One whose newest backup has something wrong.
pub(super) fn doubtful(defect: &str) -> Target {
    let mut target = good("mysql", "8.4.3", 96 * MIB);
    let newest = target.recent.last_mut().unwrap();
    *newest = PastBackup { facts: newest.facts.clone(), ..bad(0, 2 * MIB, defect) };
    target.newest_good = Some(target.recent[5].stamp);
    target.backed_up = Some(Ended { at: night(0), problem: Some(defect.to_owned()) });
    target
}

/// One whose manifest says nothing.
pub(super) fn unreadable(ago: i64) -> Candidate {
    let standing = Standing::Unknown("unreadable: not a manifest".to_owned());
    Candidate { stamp: Stamp::new(night(ago) + SignedDuration::from_hours(5)), standing, writer: None }
}

/// One that has never been backed up.
pub(super) fn fresh() -> Target {
    Target {
        condition: Condition::Ready,
        engine: Some("valkey"),
        next: good("", "", MIB).next,
        ..Target::default()
    }
}

fn status(targets: Vec<(&str, Target)>) -> Status {
    let targets = targets.into_iter().map(|(text, target)| (name(text), target)).collect();
    let verified = Some(Ended { at: "2026-11-26T03:00:00Z".parse().unwrap(), problem: None });
    let verified_next = Some("2026-12-03T03:00:00Z".parse().unwrap());
    Status { targets, verified, verified_next, alive: Some(now()), ..Status::default() }
}

pub(super) fn problem(mut status: Status, about: &str, problem: &str) -> Status {
    status.problems.insert(about.to_owned(), problem.to_owned());
    status
}

pub(super) fn running(mut status: Status, target: &str, stage: &str) -> Status {
    let id = "0123456789abcdef".parse().unwrap();
    let run = Run::new(id, Job::Backup, Some(name(target)), Trigger::Manual, now());
    let progress = Arc::new(Progress::default());
    progress.set_stage(stage);
    progress.add_plain(734_003_200);
    status.running.push(Work { run, progress, since: Instant::now() });
    status
}

pub(super) fn healthy() -> Status {
    let mut remarked = good("mariadb", "11.4.4", 58 * MIB);
    let remark = "database \"wiki\": view `page_stats` is printed differently and means the same";
    remarked.drill = Some(PastDrill { remarks: vec![remark.to_owned()], ..drill() });
    let monthly = RetentionSettings { monthly: Some(12), ..RetentionSettings::default() };
    let rules = Rules { schedule: "every 6h".parse().unwrap(), retention: monthly.policy().unwrap() };
    let shop = Target { rules: Some(rules), older: 14, ..good("postgresql", "17.6", 1_240 * MIB) };
    status(vec![
        ("cache", Target { drilled: None, drill: None, ..good("valkey", "8.1.4", 9 * MIB) }),
        ("shop-db", shop),
        ("vaultwarden", good("sqlite", "3.46.1", 2 * MIB)),
        ("wiki", remarked),
    ])
}

const REFUSED: &str = "cannot log in as postgres: password authentication failed; set the label dumpcar.password-file, or POSTGRES_PASSWORD in the container";

pub(super) fn failed() -> Status {
    let drilled = Target {
        drilled: Some(Ended { at: drilled_at(), problem: Some("content differs".to_owned()) }),
        drill: Some(PastDrill { problem: Some("content differs".to_owned()), ..drill() }),
        ..good("mariadb", "11.4.4", 58 * MIB)
    };
    let gone = Target { condition: Condition::Gone, next: None, ..good("redis", "7.2.6", 3 * MIB) };
    let misconfigured =
        Target { condition: Condition::Misconfigured("dumpcar.keep-dayly".to_owned()), ..fresh() };
    let stopped = Target {
        condition: Condition::Unavailable("it is not running (exited)".to_owned()),
        ..good("mysql", "8.4.3", 21 * MIB)
    };
    let status = status(vec![
        ("billing", failing(REFUSED)),
        ("cache", fresh()),
        ("intranet", stopped),
        ("old-shop", gone),
        ("shop-db", good("postgresql", "17.6", 1_240 * MIB)),
        ("vaultwarden", misconfigured),
        ("wiki", drilled),
    ]);
    let status = problem(status, "billing", REFUSED);
    let status = problem(
        status,
        "old-shop",
        "no container serves it any more, its newest backup is of 2026-11-27T23:00:00+01:00; if that is meant, run `dumpcar forget old-shop`",
    );
    let status = problem(
        status,
        "vaultwarden",
        "label dumpcar.keep-dayly is unknown; did you mean dumpcar.keep-daily?",
    );
    let status = problem(
        status,
        "(drill) wiki",
        "the backup wiki/2026-11-21T22-00-00Z is not good: content differs; `dumpcar drill` says more",
    );
    running(status, "shop-db", "dumping shop")
}

pub(super) const SHRUNK: &str = "suspicious: database \"crm\": 2.0 MiB instead of 96.0 MiB; if that is right, run `dumpcar backup --accept-smaller crm`";

pub(super) fn suspicious() -> Status {
    let missing = "incomplete: database \"reports\": view `sales`: invalid reference";
    let mut crm = doubtful(SHRUNK);
    crm.uncounted.push(unreadable(3));
    let status = status(vec![
        ("crm", crm),
        ("reports", doubtful(missing)),
        ("shop-db", good("postgresql", "17.6", 1_240 * MIB)),
    ]);
    let status = problem(status, "crm", SHRUNK);
    problem(status, "reports", missing)
}

const NOTHING: &str = "no container has the label dumpcar.enable=true: there is nothing to back up";

pub(super) fn empty() -> Status {
    problem(Status { nothing: Some(NOTHING.to_owned()), ..Status::default() }, "(dumpcar)", NOTHING)
}

pub(super) fn many(number: usize) -> Status {
    let engines = [("postgresql", "17.6"), ("mariadb", "11.4.4"), ("mysql", "8.4.3"), ("redis", "7.2.6")];
    let names: Vec<String> = (0..number).map(|nth| format!("tenant-{nth:03}-db")).collect();
    let targets = names.iter().enumerate().map(|(nth, name)| {
        let (engine, version) = engines[nth % engines.len()];
        let size = (3 + nth as u64 * 7 % 90) * MIB;
        let target = match nth % 67 {
            41 => failing(REFUSED),
            13 => doubtful(SHRUNK),
            _ => good(engine, version, size),
        };
        (name.as_str(), target)
    });
    let mut all = status(targets.collect());
    for (nth, name) in names.iter().enumerate() {
        match nth % 67 {
            41 => all = problem(all, name, REFUSED),
            13 => all = problem(all, name, SHRUNK),
            _ => {}
        }
    }
    all
}

/// Names as long as they may be, and messages longer.
pub(super) fn long() -> Status {
    let longest = format!("{}.db", "customer-relationship-management-".repeat(3).get(..97).unwrap());
    let unbroken = "x".repeat(100);
    let words = format!("the server says: {} ({})", "relation does not exist ".repeat(12), "y".repeat(300));
    let status = status(vec![
        (&longest, failing(&words)),
        (&unbroken, good("postgresql", "17.6 (Debian 17.6-1.pgdg120+1)", 3 * MIB)),
    ]);
    running(problem(status, &longest, &words), &unbroken, &format!("dumping {}", "z".repeat(200)))
}
