use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::model::drill::DrillResult;
use crate::model::key::{BackupKey, Stamp};
use crate::model::past_backup::{PastBackup, RecentPast};
use crate::model::retention::Standing;
use crate::model::schedule::Schedule;
use crate::model::trigger::Trigger;
use crate::outcome::Summary;
use crate::report::{Board, Recalled, Run};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn name() -> TargetName {
    "shop".parse().unwrap()
}

fn run(job: Job) -> Run {
    Run::new("a".repeat(16).parse().unwrap(), job, Some(name()), Trigger::Schedule, at(0))
}

fn ended(job: Job, end: End) -> Event {
    Event::Ended { run: run(job), end }
}

fn done(suspicious: Option<&str>) -> End {
    End::Backup(Verdict::Done(Summary {
        stamp: Stamp::new(at(30)),
        objects: 1,
        plain_bytes: 2000,
        stored_bytes: 500,
        elapsed: Duration::from_millis(1500),
        pruned: 3,
        incomplete: None,
        suspicious: suspicious.map(str::to_owned),
        accepted_smaller_than: None,
        problems: Vec::new(),
        made: Box::default(),
    }))
}

fn found() -> Event {
    let change =
        Change::Found { engine: Some("custom"), container: "shop-1".into(), schedule: Schedule::Off };
    Event::Target { target: name(), change }
}

/// The lines of the metrics after these events.
fn after(events: &[Event], format: Format) -> Vec<String> {
    let (board, metrics) = (Board::default(), Metrics::default());
    for event in events {
        board.take(event, at(60));
        metrics.take(event, at(60));
    }
    let text = metrics.encode(&board.status(), format).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The value of each series.
fn values(events: &[Event]) -> BTreeMap<String, String> {
    let lines = after(events, Format::Text);
    let series = lines.iter().filter(|line| !line.starts_with('#'));
    series
        .map(|line| line.rsplit_once(' ').map(|(name, value)| (name.into(), value.into())).unwrap())
        .collect()
}

#[test]
fn a_backup_is_counted_and_shown() {
    let tried_again = Event::Ended { run: Run { retries: 2, ..run(Job::Backup) }, end: done(None) };
    let values = values(&[found(), tried_again, ended(Job::Backup, done(Some("small")))]);
    for (series, value) in [
        (r#"dumpcar_runs_total{target="shop",action="backup",outcome="success"}"#, "1"),
        (r#"dumpcar_runs_total{target="shop",action="backup",outcome="suspicious"}"#, "1"),
        // An alert on the increase of these needs them from the beginning.
        (r#"dumpcar_runs_total{target="shop",action="backup",outcome="failed"}"#, "0"),
        (r#"dumpcar_backup_plain_bytes_total{target="shop"}"#, "4000"),
        (r#"dumpcar_backups_pruned_total{target="shop"}"#, "6"),
        (r#"dumpcar_retries_total{target="shop"}"#, "2"),
        (r#"dumpcar_last_success_timestamp_seconds{target="shop"}"#, "1800000030"),
        (r#"dumpcar_last_backup_stored_bytes{target="shop"}"#, "500"),
        (r#"dumpcar_last_backup_duration_seconds{target="shop"}"#, "1.5"),
        (r#"dumpcar_target_info{target="shop",engine="custom"}"#, "1"),
        (r#"dumpcar_target_healthy{target="shop"}"#, "1"),
        ("dumpcar_problems", "0"),
    ] {
        assert_eq!(values.get(series).map(String::as_str), Some(value), "{series} of {values:#?}");
    }
}

/// The bucket is the memory: a restart resets no gauge.
#[test]
fn what_was_before_the_process_is_shown() {
    let recalled = Recalled {
        backups: 7,
        newest: Some(Stamp::new(at(-100))),
        newest_good: Some(Stamp::new(at(-200))),
        drilled: Some((at(-50), Some("lost a row".into()))),
        drill: None,
        recent: None,
    };
    let values = values(&[Event::Target { target: name(), change: Change::Recalled(Box::new(recalled)) }]);
    for (series, value) in [
        (r#"dumpcar_backups{target="shop"}"#, "7"),
        (r#"dumpcar_last_backup_timestamp_seconds{target="shop"}"#, "1799999900"),
        (r#"dumpcar_last_success_timestamp_seconds{target="shop"}"#, "1799999800"),
        (r#"dumpcar_last_drill_success{target="shop"}"#, "0"),
    ] {
        assert_eq!(values.get(series).map(String::as_str), Some(value), "{series} of {values:#?}");
    }
}

#[test]
fn each_end_has_an_outcome() {
    let reason = || "?".to_owned();
    let key = BackupKey { target: name(), stamp: Stamp::new(at(0)) };
    let image = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
    let result = DrillResult::new(&key, at(0), "host", &image);
    let drilled =
        |detail: Option<&str>| End::Drill { result: result.clone(), detail: detail.map(str::to_owned) };
    for (job, end, wanted) in [
        (Job::Backup, End::Backup(Verdict::Skipped { reason: reason() }), "skipped"),
        (Job::Backup, End::Backup(Verdict::Busy { reason: reason() }), "busy"),
        (Job::Backup, End::Backup(Verdict::Stopped), "stopped"),
        (Job::Backup, End::Failed { reason: reason() }, "failed"),
        (Job::Drill, drilled(None), "success"),
        (Job::Drill, drilled(Some("lost a row")), "failed"),
        (Job::Drill, End::Failed { reason: reason() }, "inconclusive"),
        (Job::Verify, End::Verify { verified: 1, failed: 1, problem: Some(reason()) }, "failed"),
        (Job::Restore, End::Restore { left_out: vec![reason()] }, "incomplete"),
        (Job::Prune, End::Prune { deleted: 1 }, "success"),
    ] {
        assert_eq!(outcome(job, &end), wanted, "{end:?}");
    }
}

/// What a stage or a name contains stays one value of one label.
#[test]
fn labels_are_escaped() {
    let board = Board::default();
    board.take(&Event::Started(run(Job::Backup)), at(0));
    let status = board.status();
    status.running[0].progress.set_stage("dumping a\"b\\c\nd");
    for format in [Format::Text, Format::OpenMetrics] {
        let text = Metrics::default().encode(&status, format).unwrap();
        assert!(text.contains(r#"stage="dumping a\"b\\c\nd""#), "{text}");
    }
}

#[test]
fn the_format_is_the_one_asked_for() {
    let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;q=0.2";
    assert_eq!(Format::accepted(prometheus), Format::OpenMetrics);
    for other in ["", "*/*", "text/plain;version=0.0.4"] {
        assert_eq!(Format::accepted(other), Format::Text, "{other}");
    }
    assert_eq!(after(&[found()], Format::OpenMetrics).last().map(String::as_str), Some("# EOF"));
    assert!(!after(&[found()], Format::Text).contains(&"# EOF".to_owned()));
}

/// docs/metrics.md names each metric, with its labels, and no other.
#[test]
fn the_page_has_what_is_served() {
    let (board, metrics) = (Board::default(), Metrics::default());
    let backup = PastBackup {
        stamp: Stamp::new(at(0)),
        trigger: Trigger::Schedule,
        elapsed: Duration::from_secs(1),
        plain_bytes: 1,
        stored_bytes: 1,
        defect: None,
        standing: Standing::Counts { trigger: Trigger::Schedule, accepted_smaller_than: None },
        writer: None,
        facts: None,
    };
    let recalled = Recalled {
        backups: 1,
        newest: Some(backup.stamp),
        newest_good: Some(backup.stamp),
        drilled: Some((at(0), None)),
        drill: None,
        recent: Some((at(0), RecentPast { backups: vec![backup], uncounted: Vec::new(), older: 0 })),
    };
    let planned = |job, target| Event::Planned { job, target, next: Some(at(9)) };
    for event in [
        Event::Alive,
        found(),
        Event::Target { target: name(), change: Change::Recalled(Box::new(recalled)) },
        planned(Job::Backup, Some(name())),
        planned(Job::Verify, None),
        ended(Job::Backup, done(None)),
        ended(Job::Verify, End::Verify { verified: 1, failed: 0, problem: None }),
        Event::Started(run(Job::Backup)),
    ] {
        board.take(&event, at(0));
        metrics.take(&event, at(0));
    }
    let text = metrics.encode(&board.status(), Format::Text).unwrap();
    let mut served: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let names = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        let all = served.entry(name.to_owned()).or_default();
        // The verification has no target: the other series of its metric has the labels.
        *all = names.collect::<Vec<_>>().into_iter().chain(std::mem::take(all)).collect();
        all.sort();
        all.dedup();
    }
    let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md"));
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `dumpcar_"));
    let told: BTreeMap<String, Vec<String>> = rows
        .map(|row| {
            let mut cells = row.split('|').map(str::trim);
            let name = format!("dumpcar_{}", cells.next().unwrap().trim_matches('`'));
            let labels = cells.next().unwrap().split(", ").filter(|label| !label.is_empty());
            let mut labels: Vec<String> = labels.map(|label| label.trim_matches('`').to_owned()).collect();
            labels.sort();
            (name, labels)
        })
        .collect();
    assert_eq!(told, served);
}
