use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use dumpcar::jobs::journal::Entry;
use serde_json::{Value, json};

use super::support::docker::{Call, ExecRequest, Fault, Script, Step, id_of};
use super::support::s3::FakeS3;
use super::support::world::{World, finish, signal, until};

const DUMP: &[u8] = b"-- a dump\n";
const STAMP: &str = "2026-01-01T23-00-00Z";
const RUN: &str = "00000000deadbeef";
const NOBODY: &str = "00000000000000000000000000000000";

/// A process that has ended: nobody holds the socket of this name.
fn dead() -> Value {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let network = std::fs::read_link("/proc/self/ns/net").unwrap();
    json!({ "instance": "host-a", "process": NOBODY, "boot": boot.trim(), "network": network })
}

/// A process of which nothing can be known here.
fn elsewhere() -> Value {
    json!({ "instance": "host-b", "process": NOBODY, "boot": "another kernel", "network": "net:[1]" })
}

fn record(holder: &Value, stamp: Option<&str>, prunes: &[&str]) -> Value {
    json!({
        "version": 1, "run": RUN, "target": "shop", "stamp": stamp, "prunes": prunes,
        "started": "2026-01-01T23:00:00Z", "holder": holder,
    })
}

fn record_key(run: &str) -> String {
    format!(".dumpcar/runs/shop/{run}.json")
}

fn put_record(world: &World, record: &Value) {
    let run = record["run"].as_str().unwrap();
    world.write(&record_key(run), record.to_string().as_bytes());
}

async fn world() -> World {
    World::new(|_| Script::ends(DUMP, 0)).await.custom("shop")
}

fn has(world: &World, key: &str) -> bool {
    world.keys().iter().any(|found| found == key)
}

fn now() -> SystemTime {
    dumpcar::clock::now().into()
}

/// A folder with an object and without a manifest.
fn leave_object(world: &World, stamp: &str) -> String {
    let key = format!("shop/{stamp}/dump.dump.xz");
    world.write(&key, b"half");
    key
}

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

#[tokio::test]
async fn the_work_of_a_living_process_is_not_touched() {
    let steps = vec![Step::Stdout(DUMP.to_vec()), Step::AwaitTest, Step::Trailer(0), Step::AwaitRelease];
    let world = World::new(move |_| Script::plays(steps.clone(), Some(0))).await.custom("shop");
    let first = world.start(&["backup"]);
    until("the first run dumps", || !world.docker.execs().is_empty()).await;
    let keys = world.keys();
    // A second process looks at the same records, and finds the first one alive.
    let daemon = world.daemon();
    daemon.logs("planned", 1).await;
    assert_eq!(world.keys(), keys);
    assert_eq!(daemon.stop().await.status, 0);
    world.docker.let_go();
    assert_eq!(finish(first).await.status, 0);
    assert_eq!(world.manifests().len(), 1);
    assert_eq!(world.keys().len(), 2, "the record has gone with the run: {:?}", world.keys());
}

#[tokio::test]
async fn only_an_old_record_tells_that_a_process_elsewhere_has_ended() {
    let world = world().await;
    let object = leave_object(&world, STAMP);
    put_record(&world, &record(&elsewhere(), Some(STAMP), &[]));
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(has(&world, &object) && has(&world, &record_key(RUN)), "{:?}", world.keys());
    let warned = ended.logged(
        "another Dumpcar is at work on a target of this name, or was killed: two of them want two names (label dumpcar.name) or two prefixes (DUMPCAR_STORE)",
    );
    assert_eq!(warned[0]["instance"], "host-b", "{}", ended.stderr);

    world.set_written(&record_key(RUN), now() - Duration::from_secs(23 * 3600));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(has(&world, &object), "23 hours are not enough");

    world.set_written(&record_key(RUN), now() + Duration::from_secs(48 * 3600));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(has(&world, &object), "a clock that is wrong proves nothing");

    world.set_written(&record_key(RUN), now() - Duration::from_secs(25 * 3600));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(!has(&world, &object) && !has(&world, &record_key(RUN)), "{:?}", world.keys());
}

#[tokio::test]
async fn a_backup_is_kept_though_its_process_was_killed_right_after_it() {
    let world = world().await;
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let keys = world.keys();
    let stamp = keys[0].split('/').nth(1).unwrap();
    put_record(&world, &record(&dead(), Some(stamp), &[]));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(keys.iter().all(|key| has(&world, key)), "{keys:?} of {:?}", world.keys());
    assert!(!has(&world, &record_key(RUN)));
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

#[tokio::test]
async fn a_record_of_a_newer_dumpcar_is_left_alone() {
    let world = world().await;
    let object = leave_object(&world, STAMP);
    let mut newer = record(&dead(), Some(STAMP), &[]);
    newer["version"] = 2.into();
    put_record(&world, &newer);
    world.write(".dumpcar/runs/shop/0123456789abcdef.json", b"not a record");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(has(&world, &object) && has(&world, &record_key(RUN)), "{:?}", world.keys());
}

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

#[tokio::test]
async fn where_nothing_may_be_deleted_nothing_is_written_that_would_have_to_be() {
    let world = world().await.set("DUMPCAR_PRUNE", "false");
    let object = leave_object(&world, STAMP);
    put_record(&world, &record(&dead(), Some(STAMP), &[]));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(has(&world, &object) && has(&world, &record_key(RUN)));
    let touched = world.s3.asked().into_iter().filter(|asked| asked.is_of_a_record()).count();
    assert_eq!(touched, 0);
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

/// Found in review: the record went although the tool was still there, and nobody would have looked again.
#[tokio::test]
async fn a_tool_that_cannot_be_ended_keeps_its_record_and_the_bucket_is_cleaned_all_the_same() {
    let world = World::new(|exec| match exec.looks_for_leftovers() {
        true => Script::ends(b"", 1),
        false => Script::ends(DUMP, 0),
    });
    let world = world.await.custom("shop");
    let object = leave_object(&world, STAMP);
    let mut left = record(&dead(), Some(STAMP), &[]);
    left["container"] = id_of("shop").into();
    put_record(&world, &left);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(!has(&world, &object) && has(&world, &record_key(RUN)), "{:?}", world.keys());
    let warned = ended.logged("cannot clean up after a run that was killed; the next run tries again");
    assert!(warned[0]["left"].as_str().unwrap().starts_with("end its dump tool in the target"), "{warned:?}");
}

/// Found in review: a run that failed forgot the tool it could not end, and nobody would have looked again.
#[tokio::test]
async fn a_failed_run_whose_tool_goes_on_keeps_its_record_until_the_tool_has_ended() {
    let is_stuck = Arc::new(AtomicBool::new(true));
    let stuck = Arc::clone(&is_stuck);
    let world = World::new(move |exec| match (exec.looks_for_leftovers(), stuck.load(Ordering::SeqCst)) {
        (true, is_stuck) => Script::ends(b"", u8::from(is_stuck)),
        // Without a trailer, and Docker says for ever that it runs.
        (false, true) => Script::plays(vec![Step::Stdout(b"half".to_vec())], None),
        (false, false) => Script::ends(DUMP, 0),
    });
    let world = world.await.custom("shop");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.reason().contains("the output was cut"), "{}", ended.stderr);
    let warned = ended.logged("cannot clean up after a failed run");
    assert!(warned[0]["left"].as_str().unwrap().starts_with("end its dump tool in the target"), "{warned:?}");
    let keys = world.keys();
    let [record] = keys.as_slice() else { panic!("the record and nothing else: {keys:?}") };
    let asked: Vec<_> = world.docker.execs().into_iter().map(|exec| exec.request).collect();
    let looked = asked.iter().find(|exec| exec.looks_for_leftovers()).unwrap();
    assert_eq!(*record, record_key(looked.argv.last().unwrap()), "the run it looked for");

    is_stuck.store(false, Ordering::SeqCst);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(!has(&world, record) && world.keys().len() == 2, "{:?}", world.keys());
}

/// Whoever stops does not wait for the command it drops; whether that ended is found out before the record goes.
#[tokio::test]
async fn a_command_that_is_dropped_by_a_stop_is_looked_for() {
    let world = World::new(|exec| match exec.looks_for_leftovers() {
        true => Script::ends(b"", 0),
        false => Script::plays(vec![Step::AwaitClose], Some(143)),
    });
    let world = world.await;
    world.docker.container("shop", json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" }), &[]);
    let child = world.start(&["backup"]);
    until("the server is asked", || world.docker.execs().len() == 1).await;
    signal(&child, "TERM");
    let ended = finish(child).await;
    assert_eq!(ended.status, 143, "{}", ended.stderr);
    assert!(world.docker.execs()[1].request.looks_for_leftovers());
    assert_eq!(world.keys(), Vec::<String>::new());
}

/// Docker refuses a command in both; the processes of a paused container are still there.
#[tokio::test]
async fn a_paused_container_may_have_a_tool_and_a_stopped_one_has_none() {
    for (refusal, may_have) in [
        ("Container 1234 is paused, unpause the container before exec", true),
        ("Container 1234 is not running", false),
    ] {
        let world = world().await;
        world.docker.faults(move |call, nth| {
            (call == Call::CreateExec && nth == 1).then_some(Fault::Refuse(409, refusal))
        });
        let mut left = record(&dead(), Some(STAMP), &[]);
        left["container"] = id_of("shop").into();
        put_record(&world, &left);
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_eq!(has(&world, &record_key(RUN)), may_have, "{refusal}: {}", ended.stderr);
    }
}
