use std::time::{Duration, SystemTime};

use dumpcar::jobs::record::Entry;
use serde_json::Value;

use super::{DUMP, STAMP, elsewhere, now, put_record, record, record_key, world};
use crate::support::docker::Script;
use crate::support::s3::FakeS3;
use crate::support::world::World;

/// Both would write the same keys, and the manifest of one would name the bytes of the other.
#[tokio::test]
async fn two_runs_that_begin_in_the_same_second_do_not_share_a_folder() {
    let world = world().await;
    let now = now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let mut taken = Vec::new();
    for second in 0..4 {
        let stamp = stamp_of(now + second);
        let mut other = record(&elsewhere(), Some(&stamp), &[]);
        let run = format!("{second:016x}");
        other["run"] = run.as_str().into();
        put_record(&world, &other);
        taken.push(stamp);
    }
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let manifest = &world.manifests()[0];
    assert!(!taken.iter().any(|stamp| manifest["stamp"] == stamp.as_str()), "{manifest} of {taken:?}");
    assert_eq!(world.keys().iter().filter(|key| key.starts_with(".dumpcar/")).count(), 4);
}

fn stamp_of(second: u64) -> String {
    let at = jiff::Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
    dumpcar::model::key::Stamp::new(at).to_string()
}

#[tokio::test]
async fn records_that_cannot_be_listed_are_no_reason_to_make_no_backup() {
    let s3 = FakeS3::with_faults(|asked| {
        (asked.operation() == "ListObjects" && asked.query.contains(".dumpcar"))
            .then_some((403, "AccessDenied"))
    });
    let world = World::with_s3(s3.await, |_| Script::ends(DUMP, 0)).custom("shop");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.logged("cannot look for what killed runs have left").len(), 1, "{}", ended.stderr);
    assert_eq!(world.manifests().len(), 1);
}

/// A command of a retention rule that is cut short is on record as well.
#[tokio::test]
async fn pruning_by_hand_is_on_record_while_it_lasts() {
    let world = world().await;
    for _ in 0..2 {
        assert_eq!(world.run(&["backup"]).await.status, 0);
    }
    let world = world.set("DUMPCAR_KEEP_LAST", "1");
    let before = world.s3.asked().len();
    let ended = world.run(&["prune"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let asked = world.s3.asked().split_off(before);
    let written = asked.iter().position(|a| a.is_of_a_record() && a.operation() == "PutObject").unwrap();
    let first_deleted = asked.iter().position(|a| a.operation() == "DeleteObject").unwrap();
    assert!(written < first_deleted);
    assert!(asked.last().unwrap().is_of_a_record(), "{asked:?}");
    assert_eq!(world.keys().len(), 2, "{:?}", world.keys());
}

/// A machine that slept for longer than a lease was taken for dead: its run must not commit what is no longer there.
#[tokio::test]
async fn a_run_that_was_swept_finds_that_out_before_it_commits() {
    let world = world().await;
    let app = world.app();
    let target = "shop".parse().unwrap();
    let entry = Entry::of_prune(&app, &target, vec![STAMP.parse().unwrap()]).await.unwrap();
    let key = record_key(entry.run().as_str());
    let now = dumpcar::clock::now();
    let later = now + Duration::from_secs(24 * 3600);
    assert!(entry.is_ours(later).await.unwrap());

    let mut taken: Value = serde_json::from_slice(&world.read(&key)).unwrap();
    taken["holder"]["process"] = "0123".repeat(8).into();
    world.write(&key, taken.to_string().as_bytes());
    let before = world.s3.asked().len();
    assert!(entry.is_ours(now).await.unwrap(), "just written: nobody can have taken it");
    assert_eq!(world.s3.asked().len(), before, "and nobody is asked");
    assert!(!entry.is_ours(later).await.unwrap());
    assert!(!entry.is_ours(now - Duration::from_secs(3600)).await.unwrap(), "a clock that was set back");

    std::fs::remove_file(world.s3.path(&format!("{}/{key}", world.prefix()))).unwrap();
    assert!(!entry.is_ours(later).await.unwrap());
    assert!(entry.close(true).await.is_ok(), "what has gone needs no deletion");
}
