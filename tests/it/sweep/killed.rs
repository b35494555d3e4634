use std::time::Duration;

use serde_json::json;

use super::{
    DUMP, RUN, STAMP, dead, elsewhere, has, leave_object, now, put_record, record, record_key, world,
};
use crate::support::docker::{ExecRequest, Script, Step, id_of};
use crate::support::s3::FakeS3;
use crate::support::world::{World, until};

#[tokio::test]
async fn what_a_killed_run_has_left_goes_before_the_next_run() {
    let world = world().await;
    let object = leave_object(&world, STAMP);
    put_record(&world, &record(&dead(), Some(STAMP), &[]));
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(!has(&world, &object) && !has(&world, &record_key(RUN)), "{:?}", world.keys());
    assert_eq!(world.keys().len(), 2, "the new backup: {:?}", world.keys());
    assert_eq!(ended.logged("cleaned up after a run that was killed").len(), 1);
}

/// The databases of a killed restore are in a server that only another machine can ask.
#[tokio::test]
async fn what_a_restore_left_on_another_engine_is_for_that_one_to_finish() {
    let world = world().await;
    let of = |engine: &str| {
        let mut record = record(&dead(), None, &[]);
        record["restores"] = true.into();
        record["container"] = id_of("gone").into();
        record["engine"] = engine.into();
        record
    };
    put_record(&world, &of("ANOTHER"));
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let said = "a restore on another Docker engine is on record, and only Dumpcar there can clean up after it; delete the record if that machine is gone";
    assert_eq!(ended.logged(said).len(), 1, "{}", ended.stderr);
    assert!(has(&world, &record_key(RUN)), "it stays on record");
    // Here it is known that the container has gone.
    put_record(&world, &of("ENGI:NEOF:TEST"));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(!has(&world, &record_key(RUN)));
}

/// The daemon cleans up after every target, also after those that are no longer there.
#[tokio::test]
async fn what_a_killed_run_has_left_goes_when_the_daemon_starts() {
    let world = World::new(|_| Script::ends(DUMP, 0)).await.custom("other");
    let object = leave_object(&world, STAMP);
    put_record(&world, &record(&dead(), Some(STAMP), &[]));
    let daemon = world.daemon();
    daemon.logs("cleaned up after a run that was killed", 1).await;
    assert!(!has(&world, &object) && !has(&world, &record_key(RUN)), "{:?}", world.keys());
    assert_eq!(daemon.stop().await.status, 0);
}

/// The process is really killed, between two objects.
#[tokio::test]
async fn a_run_that_is_killed_between_two_objects_leaves_nothing_for_long() {
    let play = |exec: &ExecRequest| {
        if exec.snippet().contains("pg_dumpall") {
            Script::ends(b"-- PostgreSQL database cluster dump complete\n", 0)
        } else if exec.snippet().contains("exec pg_dump") {
            Script::plays(vec![Step::Stdout(b"half".to_vec()), Step::AwaitClose], Some(143))
        } else {
            Script::ends(b"version 17.6\naccounts 1\ndatabase 617070 1000\n", 0)
        }
    };
    let world = World::new(play).await;
    world.docker.container("shop", json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" }), &[]);
    let mut child = world.start(&["backup"]);
    until("the second dump has begun", || world.docker.execs().len() == 3).await;
    child.kill().await.unwrap();
    let keys = world.keys();
    assert_eq!(keys.len(), 2, "the globals and the record: {keys:?}");
    assert!(keys[0].starts_with(".dumpcar/runs/shop/") && keys[1].ends_with("/globals.sql.xz"), "{keys:?}");
    let daemon = world.set("DUMPCAR_SCHEDULE", "off");
    let started = daemon.daemon();
    started.logs("cleaned up after a run that was killed", 1).await;
    assert_eq!(daemon.keys(), Vec::<String>::new());
    assert_eq!(started.stop().await.status, 0);
}

#[tokio::test]
async fn an_upload_of_a_killed_run_is_aborted_by_the_next_one() {
    let plays = |steps| Script::plays(steps, Some(143));
    let world = World::new(move |exec| match exec.snippet().contains("dump-more") {
        true => plays(vec![Step::Stdout(vec![7; 20_000_000]), Step::AwaitClose]),
        false => Script::ends(DUMP, 0),
    });
    let world = world.await.set("DUMPCAR_COMPRESSION", "none").set("DUMPCAR_S3_PART_SIZE", "5MiB");
    let labels = |command: &str| json!({ "dumpcar.enable": "true", "dumpcar.command": command });
    world.docker.container("shop", labels("dump-more"), &[]);
    let mut child = world.start(&["backup"]);
    until("a part is there", || world.s3.operations().contains(&"UploadPart")).await;
    child.kill().await.unwrap();
    assert_ne!(world.s3.unfinished_uploads(), 0);
    world.docker.container("shop", labels("dump-it"), &[]);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.s3.unfinished_uploads(), 0);
    assert_eq!(world.keys().len(), 2, "{:?}", world.keys());
}

/// Rights from before there was a sweep: what can be done is done, and the rest is named.
#[tokio::test]
async fn uploads_that_may_not_be_listed_are_not_in_the_way_of_the_rest() {
    for (status, code, is_settled) in [(403, "AccessDenied", false), (501, "NotImplemented", true)] {
        let s3 = FakeS3::with_faults(move |asked| {
            (asked.operation() == "ListMultipartUploads").then_some((status, code))
        });
        let world = World::with_s3(s3.await, |_| Script::ends(DUMP, 0)).custom("shop");
        let object = leave_object(&world, STAMP);
        put_record(&world, &record(&dead(), Some(STAMP), &[]));
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(!has(&world, &object));
        assert_eq!(!has(&world, &record_key(RUN)), is_settled, "{}", ended.stderr);
        let cure = if is_settled { "lifecycle rule" } else { "`dumpcar policy`" };
        assert!(ended.stderr.contains(cure), "{}", ended.stderr);
    }
}

/// The manifest goes first: a process that is killed then leaves objects that no listing counts.
#[tokio::test]
async fn objects_of_a_deletion_that_was_cut_short_go_and_files_of_others_stay() {
    let world = world().await;
    let object = leave_object(&world, STAMP);
    let other = format!("shop/{STAMP}/note.txt");
    world.write(&other, b"somebody's");
    let whole = leave_object(&world, "2026-01-02T23-00-00Z");
    world.write("shop/2026-01-02T23-00-00Z/manifest.json", b"{}");
    put_record(&world, &record(&dead(), None, &[STAMP, "2026-01-02T23-00-00Z"]));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(!has(&world, &object) && !has(&world, &record_key(RUN)), "{:?}", world.keys());
    assert!(has(&world, &other) && has(&world, &whole), "{:?}", world.keys());
}

/// Nothing tells whose they are: only their age.
#[tokio::test]
async fn objects_without_manifest_and_record_go_once_they_are_surely_old() {
    let world = world().await;
    let (young, old) = (leave_object(&world, STAMP), leave_object(&world, "2026-01-02T23-00-00Z"));
    let other = "shop/2026-01-02T23-00-00Z/note.txt".to_owned();
    world.write(&other, b"somebody's");
    let days = |days: u64| now() - Duration::from_secs(days * 24 * 3600);
    world.set_written(&young, days(6));
    world.set_written(&old, days(8));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(has(&world, &young) && !has(&world, &old) && has(&world, &other), "{:?}", world.keys());

    // Another process is at work on it, slow as it may be.
    world.set_written(&young, days(8));
    put_record(&world, &record(&elsewhere(), Some(STAMP), &[]));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(has(&world, &young), "{:?}", world.keys());

    std::fs::remove_file(world.s3.path(&format!("{}/{}", world.prefix(), record_key(RUN)))).unwrap();
    let world = world.set("DUMPCAR_PRUNE", "false");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(has(&world, &young), "nothing is deleted: {:?}", world.keys());
    let world = world.set("DUMPCAR_PRUNE", "true");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(!has(&world, &young), "{:?}", world.keys());
}

/// What cannot be removed stays on record, until it can be.
#[tokio::test]
async fn what_cannot_be_removed_is_tried_again() {
    let world = World::with_s3(
        FakeS3::with_faults(|asked| {
            (asked.operation() == "DeleteObject" && asked.path.ends_with(&format!("{STAMP}/dump.dump.xz")))
                .then_some((403, "AccessDenied"))
        })
        .await,
        |_| Script::ends(DUMP, 0),
    )
    .custom("shop");
    let object = leave_object(&world, STAMP);
    put_record(&world, &record(&dead(), Some(STAMP), &[]));
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(has(&world, &object) && has(&world, &record_key(RUN)), "{:?}", world.keys());
    let warned = ended.logged("cannot clean up after a run that was killed; the next run tries again");
    assert!(warned[0]["left"].as_str().unwrap().contains("`dumpcar policy`"), "{}", ended.stderr);
}
