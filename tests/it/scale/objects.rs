use std::time::Duration;

use dumpcar::jobs::prune::FORESEEN;
use dumpcar::model::retention::MOST_PRUNED;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::Spent;
use crate::support::crowd::Crowd;
use crate::support::docker::Script;
use crate::support::stored::{Object, manifest};
use crate::support::world::{World, finish};

/// Three objects and a manifest each.
const BACKUPS: usize = 25_000;
const TARGETS: usize = 5;
const OBJECTS: usize = 100_000;

/// As many are kept of each target, so that `prune` looks at each of them.
const KEPT: usize = 7;

/// A bucket with 100,000 objects. Of each target, only the newest manifests can be read, and those that may go next.
fn crowded(world: &World) {
    let first: jiff::Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    let mut objects = Vec::with_capacity(OBJECTS);
    for number in 0..BACKUPS {
        let target = format!("target-{}", number % TARGETS);
        let at = first - Duration::from_secs(3600) * u32::try_from(number / TARGETS).unwrap();
        let folder = format!("{target}/{}", at.strftime("%Y-%m-%dT%H-%M-%SZ"));
        for file in ["globals.sql.xz", "app.sql.xz", "customer_data.sql.xz", "manifest.json"] {
            objects.push((format!("{}/{folder}/{file}", world.prefix()), 4321));
        }
        let nth = number / TARGETS;
        let next = BACKUPS / TARGETS - MOST_PRUNED;
        if nth < KEPT || (next..next + FORESEEN).contains(&nth) {
            let stamp = folder.split_once('/').unwrap().1;
            let object = Object::database("app", "xz", b"rows").says("stored_bytes", 4321);
            let mut manifest = manifest(&target, stamp, "postgresql", &[object]);
            manifest["trigger"] = "schedule".into();
            world.write(&format!("{folder}/manifest.json"), manifest.to_string().as_bytes());
        }
    }
    let crowd = Crowd::new(objects);
    assert_eq!(crowd.len(), OBJECTS);
    world.s3.shows(crowd);
}

/// About as many lines as fit into a pipe.
const LINES: usize = 1000;

/// What a command had spent when its result was nearly written: it waits with what a full pipe does not take.
async fn spent(world: &World, args: &[&str]) -> Spent {
    let mut child = world.start(args);
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    let pid = child.id().unwrap();
    // What it logs is read meanwhile: a full pipe would stop it before it has a result.
    let ended = tokio::spawn(finish(child));
    let (mut lines, mut spent, mut seen) = (0, None, 0);
    while stdout.next_line().await.unwrap().is_some() {
        lines += 1;
        if lines % LINES == 0
            && let Some(now) = Spent::while_it_runs(pid)
        {
            (spent, seen) = (Some(now), lines);
        }
    }
    let ended = ended.await.unwrap();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(lines > BACKUPS, "{args:?}: {lines} lines");
    assert!(seen > lines - lines / 4, "{args:?}: looked at after {seen} of {lines} lines");
    spent.unwrap()
}

#[tokio::test]
async fn a_hundred_thousand_objects_are_listed_and_planned_with_few_requests_and_little_memory() {
    for args in
        [&["list"][..], &["list", "--json"], &["prune", "--dry-run"], &["prune", "--dry-run", "--json"]]
    {
        let mut world =
            World::new(|_| Script::ends(b"", 0)).await.set("DUMPCAR_KEEP_LAST", &KEPT.to_string());
        for number in 0..TARGETS {
            world = world.custom(&format!("target-{number}"));
        }
        crowded(&world);
        let spent = spent(&world, args).await;
        eprintln!("{args:?} {spent:?}");
        let (lists, gets) = (world.s3.count("ListObjects"), world.s3.count("GetObject"));
        let looked_at = if args.contains(&"prune") { TARGETS * (KEPT + FORESEEN) } else { TARGETS };
        assert_eq!((lists, gets), (OBJECTS / 1000, looked_at), "{args:?}");
        assert!(world.s3.asked().len() < 110 + looked_at);
        assert!(spent.most_kib < 64 * 1024, "{args:?}: {spent:?}");
        assert!(spent.ticks < if cfg!(debug_assertions) { 1000 } else { 200 }, "{args:?}: {spent:?}");
    }
}
