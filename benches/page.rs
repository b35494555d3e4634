//! What a look at the status page and a scrape cost: `cargo bench --features bench --bench page`. There are 200 targets, and each
//! has a backup of each of the last 30 nights.
#![allow(clippy::unwrap_used, reason = "a benchmark that panics has failed, as it should")]

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use dumpcar::model::engine::EngineName;
use dumpcar::model::key::Stamp;
use dumpcar::model::line::Line;
use dumpcar::model::past_backup::{BackupFacts, PastBackup, RecentPast};
use dumpcar::model::retention::{RetentionPolicy, Standing};
use dumpcar::model::schedule::Schedule;
use dumpcar::model::target::TargetName;
use dumpcar::model::trigger::Trigger;
use dumpcar::report::page::{self, About};
use dumpcar::report::{Board, Change, Event, Format, Metrics, Recalled, Sink};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const TARGETS: usize = 200;
const NIGHTS: i64 = 30;

fn now() -> Timestamp {
    "2026-11-28T05:13:00Z".parse().unwrap()
}

fn backup(night: i64) -> PastBackup {
    let stored_bytes = 400_000_000 + 1_000_000 * night.unsigned_abs();
    PastBackup {
        stamp: Stamp::new(now() - SignedDuration::from_hours(6 + 24 * (NIGHTS - 1 - night))),
        trigger: Trigger::Schedule,
        elapsed: Duration::from_secs(42),
        plain_bytes: 6 * stored_bytes,
        stored_bytes,
        defect: None,
        standing: Standing::Counts { trigger: Trigger::Schedule, accepted_smaller_than: None },
        writer: None,
        facts: Some(Arc::new(BackupFacts {
            engine: EngineName::known("postgresql"),
            server_version: Line::clean("17.6"),
            image: Line::clean("postgres:17"),
            instance: Line::clean("docker-host"),
            databases: 3,
            rows: Some(1_000_000),
        })),
    }
}

/// The daemon's memory of all targets, and its counters.
fn daemon() -> (Board, Metrics) {
    let (board, metrics) = (Board::default(), Metrics::default());
    let schedule: Schedule = "0 23 * * *".parse().unwrap();
    for number in 0..TARGETS {
        let target: TargetName = format!("shop-{number}").parse().unwrap();
        let backups: Vec<_> = (0..NIGHTS).map(backup).collect();
        let newest = backups.last().map(|backup| backup.stamp);
        let found = Change::Found {
            engine: Some("postgresql"),
            container: format!("shop-{number}-1"),
            schedule: schedule.clone(),
        };
        let recalled = Recalled {
            backups: backups.len(),
            newest,
            newest_good: newest,
            recent: Some((now(), RecentPast { backups, ..RecentPast::default() })),
            ..Recalled::default()
        };
        let rules = Change::Rules { schedule: schedule.clone(), retention: RetentionPolicy::default() };
        for change in [found, rules, Change::Recalled(Box::new(recalled))] {
            let event = Event::Target { target: target.clone(), change };
            board.take(&event, now());
            metrics.take(&event, now());
        }
    }
    (board, metrics)
}

fn pages(criterion: &mut Criterion) {
    let (board, metrics) = daemon();
    let about = About {
        version: "0.1.0".to_owned(),
        instance: "docker-host".to_owned(),
        store: "s3://backups/docker-host".to_owned(),
        time_zone: TimeZone::get("Europe/Berlin").unwrap(),
        schedule: "0 23 * * *".to_owned(),
        label_prefix: "dumpcar".to_owned(),
        group: None,
        prunes: true,
    };
    let target: TargetName = "shop-7".parse().unwrap();
    let mut group = criterion.benchmark_group("page");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    group.bench_function("all targets", |bencher| {
        bencher.iter(|| page::overview(&board.status(), &about, now()));
    });
    group.bench_function("one target", |bencher| {
        bencher.iter(|| page::target(&target, &board.status(), &about, now()).unwrap());
    });
    group.bench_function("metrics", |bencher| {
        bencher.iter(|| metrics.encode(&board.status(), Format::Text).unwrap());
    });
    group.finish();
}

criterion_group!(benches, pages);
criterion_main!(benches);
