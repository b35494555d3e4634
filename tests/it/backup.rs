use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::support::docker::{ExecRequest, Script, Step, frame};
use super::support::s3::{Asked, FakeS3};
use super::support::world::{World, finish, noise, rows, signal, until};

const DUMP: &[u8] = b"-- a dump\nINSERT INTO t VALUES (1);\n";

async fn world(script: Script) -> World {
    World::new(move |_| script.clone()).await.custom("shop")
}

pub(super) fn assert_nothing_left(world: &World) {
    assert_eq!(world.keys(), Vec::<String>::new());
    assert_eq!(world.s3.unfinished_uploads(), 0);
}

#[tokio::test]
async fn a_dump_with_its_trailer_becomes_a_backup() {
    let world = world(Script::ends(DUMP, 0)).await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let keys = world.keys();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys[0].starts_with("shop/") && keys[0].ends_with("Z/dump.dump.xz"), "{keys:?}");
    let manifest = &world.manifests()[0];
    let object = &manifest["objects"][0];
    assert_eq!(manifest["engine"], "custom");
    assert_eq!(object["plain_bytes"], DUMP.len());
    let stored = world.read(&keys[0]);
    assert_eq!(object["stored_bytes"], stored.len());
    let digest = ring::digest::digest(&ring::digest::SHA256, &stored);
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(object["stored_sha256"], digest);
    assert!(world.docker.execs().iter().all(|exec| exec.released), "the wrapper was told that all arrived");
}

#[tokio::test]
async fn stock_xz_reads_what_was_stored() {
    let world = world(Script::ends(&noise(3_000_000), 0)).await;
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let key = world.keys()[0].clone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dump.xz");
    std::fs::write(&path, world.read(&key)).unwrap();
    let plain = std::process::Command::new("xz").arg("-dc").arg(&path).output().unwrap();
    assert!(plain.status.success());
    assert_eq!(plain.stdout, noise(3_000_000));
}

#[tokio::test]
async fn a_tool_that_fails_leaves_nothing_and_its_words_are_quoted() {
    let steps = vec![
        Step::Stdout(noise(20_000_000)),
        Step::Stderr(b"tool: the disk is on fire\n".to_vec()),
        Step::Trailer(3),
        Step::AwaitRelease,
    ];
    let world = world(Script::plays(steps, Some(3))).await.set("DUMPCAR_COMPRESSION", "none");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("the disk is on fire"), "{}", ended.reason());
    assert_nothing_left(&world);
    let operations = world.s3.operations();
    assert!(operations.contains(&"AbortMultipartUpload") && !operations.contains(&"CompleteMultipartUpload"));
}

/// What Docker 20.10 does to an exec that is read slowly: the tail is gone, the exit code is 0.
#[tokio::test]
async fn a_cut_dump_is_a_failure_even_with_exit_code_0() {
    let world = world(Script::plays(vec![Step::Stdout(DUMP.to_vec())], Some(0))).await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("the output was cut before its end"), "{}", ended.reason());
    assert_nothing_left(&world);
}

#[tokio::test]
async fn a_torn_frame_is_a_failure() {
    let mut torn = frame(1, DUMP);
    torn.truncate(torn.len() - 3);
    let world = world(Script::plays(vec![Step::Raw(torn)], Some(0))).await;
    assert_eq!(world.run(&["backup"]).await.status, 1);
    assert_nothing_left(&world);
}

#[tokio::test]
async fn bytes_outside_of_frames_never_reach_a_dump() {
    let steps = vec![Step::Raw(b"hello, I am a terminal\n".to_vec()), Step::Trailer(0), Step::AwaitRelease];
    let world = world(Script::plays(steps, Some(0))).await;
    assert_eq!(world.run(&["backup"]).await.status, 1);
    assert_nothing_left(&world);
}

#[tokio::test]
async fn standard_error_never_reaches_a_dump() {
    let steps = vec![
        Step::Stdout(b"one\n".to_vec()),
        Step::Stderr(vec![b'e'; 3_000_000]),
        Step::Stdout(b"two\n".to_vec()),
        Step::Trailer(0),
        Step::AwaitRelease,
    ];
    let world = world(Script::plays(steps, Some(0))).await.set("DUMPCAR_COMPRESSION", "none");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.read(&world.keys()[0]), b"one\ntwo\n");
    assert!(ended.stderr.len() < 10_000, "{} bytes of log", ended.stderr.len());
}

#[tokio::test]
async fn an_empty_dump_is_a_failure() {
    let world = world(Script::ends(b"", 0)).await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("empty"), "{}", ended.reason());
    assert_nothing_left(&world);
}

#[tokio::test]
async fn output_behind_the_trailer_is_a_failure() {
    let steps = vec![
        Step::Stdout(DUMP.to_vec()),
        Step::Trailer(0),
        Step::Stdout(b"a child goes on".to_vec()),
        Step::AwaitClose,
    ];
    let world = world(Script::plays(steps, Some(0))).await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("process behind"), "{}", ended.reason());
    assert_nothing_left(&world);
}

#[tokio::test]
async fn dockers_own_exit_code_is_a_second_witness() {
    let steps = vec![Step::Stdout(DUMP.to_vec()), Step::Trailer(0), Step::AwaitRelease];
    let world = world(Script::plays(steps, Some(137))).await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("exit code 137"), "{}", ended.reason());
    assert_nothing_left(&world);
}

#[tokio::test]
async fn an_image_without_a_shell_is_told_so() {
    let steps = vec![Step::Stdout(
        b"OCI runtime exec failed: exec: \"sh\": executable file not found in $PATH\n".to_vec(),
    )];
    let world = world(Script::plays(steps, Some(127))).await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("needs `sh` in the image"), "{}", ended.reason());
    assert_nothing_left(&world);
}

#[tokio::test]
async fn a_silent_tool_is_ended() {
    let steps = vec![Step::Stdout(DUMP.to_vec()), Step::AwaitClose];
    let world = world(Script::plays(steps, Some(143))).await.set("DUMPCAR_STALL_TIMEOUT", "1s");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("no output for 1s"), "{}", ended.reason());
    assert!(world.docker.execs().iter().all(|exec| !exec.running), "the tool was ended");
    assert_nothing_left(&world);
}

#[tokio::test]
async fn a_run_has_a_time_limit() {
    let world = world(Script::plays(vec![Step::Stdout(noise(9_000_000)), Step::AwaitClose], Some(143))).await;
    let world = world.set("DUMPCAR_TIMEOUT", "2s").set("DUMPCAR_COMPRESSION", "none");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("not done after 2s"), "{}", ended.reason());
    assert_nothing_left(&world);
}

#[tokio::test]
async fn a_signal_in_mid_upload_leaves_nothing() {
    for (name, status) in [("TERM", 143), ("INT", 130)] {
        let steps = vec![Step::Stdout(noise(20_000_000)), Step::AwaitClose];
        let world = world(Script::plays(steps, Some(143))).await.set("DUMPCAR_COMPRESSION", "none");
        let child = world.start(&["backup"]);
        until("a part is uploaded", || world.s3.operations().contains(&"UploadPart")).await;
        signal(&child, name);
        let ended = finish(child).await;
        assert_eq!(ended.status, status, "{}", ended.stderr);
        assert_nothing_left(&world);
        assert!(world.docker.execs().iter().all(|exec| !exec.running), "the tool was ended");
    }
}

#[tokio::test]
async fn a_failed_run_is_tried_again_as_a_whole() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let tries = AtomicU32::new(0);
    let world = World::new(move |_| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => Script::plays(vec![Step::Stdout(b"half".to_vec())], Some(0)),
        _ => Script::ends(DUMP, 0),
    });
    let world = world.await.custom("shop").set("DUMPCAR_RETRIES", "1").set("DUMPCAR_COMPRESSION", "none");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.logged("trying again").len(), 1);
    let keys = world.keys();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert_eq!(world.read(&keys[0]), DUMP);
}

#[tokio::test]
async fn a_part_that_is_refused_for_good_aborts_the_upload() {
    let s3 = FakeS3::with_faults(|asked| {
        (asked.operation() == "UploadPart" && asked.query.contains("partNumber=2"))
            .then_some((403, "AccessDenied"))
    });
    let world = World::with_s3(s3.await, |_| Script::ends(&noise(30_000_000), 0)).custom("shop");
    let world = world.set("DUMPCAR_COMPRESSION", "none");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("`dumpcar policy`"), "{}", ended.reason());
    assert_nothing_left(&world);
    assert!(world.docker.execs().iter().all(|exec| !exec.running), "the tool was ended");
}

#[tokio::test]
async fn an_object_the_store_does_not_confirm_is_no_backup() {
    let s3 =
        FakeS3::with_faults(|asked| (asked.operation() == "HeadObject").then_some((404, "NoSuchKey"))).await;
    let world = World::with_s3(s3, |_| Script::ends(DUMP, 0)).custom("shop");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("does not have it"), "{}", ended.reason());
    assert_nothing_left(&world);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_written_takes_its_objects_with_it() {
    let s3 = FakeS3::with_faults(|asked| {
        (asked.operation() == "PutObject" && asked.path.ends_with("manifest.json"))
            .then_some((403, "AccessDenied"))
    });
    let world = World::with_s3(s3.await, |_| Script::ends(DUMP, 0)).custom("shop");
    assert_eq!(world.run(&["backup"]).await.status, 1);
    assert_nothing_left(&world);
}

/// Until the manifest is gone for sure, the objects have to stay.
#[tokio::test]
async fn a_manifest_that_may_be_there_never_points_at_nothing() {
    let s3 = FakeS3::with_faults(|asked| {
        let is_manifest = asked.path.ends_with("manifest.json");
        (is_manifest && ["PutObject", "DeleteObject"].contains(&asked.operation()))
            .then_some((403, "AccessDenied"))
    });
    let world = World::with_s3(s3.await, |_| Script::ends(DUMP, 0)).custom("shop");
    assert_eq!(world.run(&["backup"]).await.status, 1);
    let keys = world.keys();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys[0].starts_with(".dumpcar/runs/shop/"), "the next run looks what became of it: {keys:?}");
    let asked = world.s3.asked();
    assert!(!asked.iter().any(|a| a.operation() == "DeleteObject" && !a.path.ends_with("manifest.json")));
}

#[tokio::test]
async fn every_codec_stores_what_its_stock_tool_reads() {
    for (setting, tool, extension) in
        [("zstd", "zstd", ".zst"), ("gzip:9", "gzip", ".gz"), ("xz:0", "xz", ".xz")]
    {
        let world = world(Script::ends(&noise(2_000_000), 0)).await.set("DUMPCAR_COMPRESSION", setting);
        assert_eq!(world.run(&["backup"]).await.status, 0);
        let key = world.keys()[0].clone();
        assert!(key.ends_with(extension), "{key}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("dump{extension}"));
        std::fs::write(&path, world.read(&key)).unwrap();
        let plain = std::process::Command::new(tool).arg("-dc").arg(&path).output().unwrap();
        assert!(plain.status.success() && plain.stdout == noise(2_000_000), "{tool}");
        let shown = world.run(&["cat", "shop"]).await;
        assert_eq!(shown.status, 0, "{}", shown.stderr);
    }
}

#[tokio::test]
async fn the_storage_class_goes_with_both_kinds_of_upload() {
    for bytes in [1000, 20_000_000] {
        let world = world(Script::ends(&noise(bytes), 0)).await;
        let world = world.set("DUMPCAR_COMPRESSION", "none").set("DUMPCAR_S3_STORAGE_CLASS", "STANDARD_IA");
        // The server knows no such class; what counts is what it was asked.
        world.run(&["backup"]).await;
        let begin = if bytes < 8 << 20 { "PutObject" } else { "CreateMultipartUpload" };
        let asked = world.s3.asked();
        let first = asked.iter().find(|asked| asked.operation() == begin && !asked.is_of_a_record()).unwrap();
        assert_eq!(first.storage_class.as_deref(), Some("STANDARD_IA"));
    }
}

/// A target with two hooks.
async fn with_hooks(play: impl Fn(&ExecRequest) -> Script + Send + Sync + 'static, user: &str) -> World {
    let world = World::new(play).await;
    let labels = json!({
        "dumpcar.enable": "true", "dumpcar.command": "dump-it", "dumpcar.before": "freeze", "dumpcar.after": "thaw",
        "dumpcar.exec-user": user,
    });
    world.docker.container("shop", labels, &[]);
    world
}

#[tokio::test]
async fn hooks_run_around_the_dump_and_the_second_one_always() {
    let play = |exec: &ExecRequest| match exec.snippet() {
        snippet if snippet.contains("freeze") || snippet.contains("thaw") => Script::ends(b"", 0),
        _ => Script::ends(b"half", 1),
    };
    let world = with_hooks(play, "").await;
    assert_eq!(world.run(&["backup"]).await.status, 1);
    let ran: Vec<String> =
        world.docker.execs().iter().map(|exec| exec.request.snippet().to_owned()).collect();
    assert!(ran[0].contains("freeze") && ran[1].contains("dump-it") && ran[2].contains("thaw"), "{ran:?}");
    assert_nothing_left(&world);
}

#[tokio::test]
async fn the_second_hook_runs_after_a_first_one_that_failed() {
    let play = |exec: &ExecRequest| match exec.snippet() {
        snippet if snippet.contains("freeze") => Script::ends(b"", 1),
        _ => Script::ends(b"", 0),
    };
    let world = with_hooks(play, "").await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert_eq!(ended.reason(), "the before command (label dumpcar.before): exit status 1");
    let ran: Vec<String> =
        world.docker.execs().iter().map(|exec| exec.request.snippet().to_owned()).collect();
    assert!(ran.len() == 2 && ran[1].contains("thaw"), "{ran:?}");
}

#[tokio::test]
async fn every_command_runs_as_the_user_the_label_names() {
    let world = with_hooks(|_| Script::ends(DUMP, 0), "70:70").await;
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let users: Vec<_> = world.docker.execs().into_iter().map(|exec| exec.request.user).collect();
    assert_eq!(users, vec![Some("70:70".to_owned()); 3]);
}

/// What nobody reads is kept in memory all the same.
#[tokio::test]
async fn a_hook_may_print_a_mebibyte() {
    for (bytes, status) in [(1 << 20, 0), ((1 << 20) + 1, 1), (3 << 20, 1)] {
        let world = with_hooks(move |_| Script::ends(&noise(bytes), 0), "").await;
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, status, "{bytes}: {}", ended.stderr);
        if status == 1 {
            let reason = "the before command (label dumpcar.before): more than 1048576 bytes of output";
            assert_eq!(ended.reason(), reason);
            assert_nothing_left(&world);
        }
    }
}

#[tokio::test]
async fn one_target_never_runs_twice_at_once() {
    let steps = vec![Step::Stdout(DUMP.to_vec()), Step::AwaitTest, Step::Trailer(0), Step::AwaitRelease];
    let world = world(Script::plays(steps, Some(0))).await;
    let first = world.start(&["backup"]);
    until("the first run dumps", || !world.docker.execs().is_empty()).await;
    let second = world.run(&["backup"]).await;
    assert_eq!(second.status, 1);
    assert!(second.reason().contains("another backup of it is running"), "{}", second.reason());
    world.docker.let_go();
    assert_eq!(finish(first).await.status, 0);
}

#[tokio::test]
async fn keys_that_may_only_write_are_enough_when_nothing_is_pruned() {
    let s3 = FakeS3::with_faults(|asked| {
        matches!(asked.operation(), "ListObjects" | "GetObject" | "DeleteObject" | "HeadObject")
            .then_some((403, "AccessDenied"))
    });
    let world =
        World::with_s3(s3.await, |_| Script::ends(DUMP, 0)).custom("shop").set("DUMPCAR_PRUNE", "false");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.manifests().len(), 1);
}

/// A store for keys that may only write, until the flag is set.
async fn write_only() -> (FakeS3, Arc<AtomicBool>) {
    let may_all = Arc::new(AtomicBool::new(false));
    let may = Arc::clone(&may_all);
    let refuse = move |asked: &Asked| {
        (asked.operation() != "PutObject" && !may.load(Ordering::SeqCst)).then_some((403, "AccessDenied"))
    };
    (FakeS3::with_faults(refuse).await, may_all)
}

/// Without a look into the bucket nobody knows which seconds are taken. The dumps would write over one another, and the first
/// manifest would name bytes that are gone.
#[tokio::test]
async fn backups_within_one_second_by_keys_that_may_only_write_are_backups_of_their_own() {
    const BACKUPS: usize = 6;
    let (s3, may_all) = write_only().await;
    let made = AtomicUsize::new(0);
    let play = move |_: &ExecRequest| {
        Script::ends(format!("-- dump {}\n", made.fetch_add(1, Ordering::SeqCst)).as_bytes(), 0)
    };
    let world = World::with_s3(s3, play).custom("shop").set("DUMPCAR_PRUNE", "false");
    for _ in 0..BACKUPS {
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
    }
    may_all.store(true, Ordering::SeqCst);
    assert_eq!(world.manifests().len(), BACKUPS, "{:?}", world.keys());
    let verified = world.run(&["verify", "--all", "--json"]).await;
    assert_eq!(verified.status, 0, "{} {}", verified.stdout, verified.stderr);
    // Whoever may delete leaves nothing of them.
    let world = world.set("DUMPCAR_PRUNE", "true");
    let deleted = world.run(&["delete", "shop", "--all", "--yes"]).await;
    assert_eq!(deleted.status, 0, "{}", deleted.stderr);
    assert_eq!(world.keys(), [""; 0]);
}

/// As the sidecar of another machine would, at the same minute of the night.
#[tokio::test]
async fn a_run_without_a_record_leaves_a_folder_that_is_claimed_alone() {
    let (s3, may_all) = write_only().await;
    let world = World::with_s3(s3, |_| Script::ends(DUMP, 0)).custom("shop").set("DUMPCAR_PRUNE", "false");
    let now = dumpcar::clock::now();
    let taken: Vec<String> = (0..4)
        .map(|second| dumpcar::model::key::Stamp::new(now + Duration::from_secs(second)).to_string())
        .collect();
    for stamp in &taken {
        world.write(&format!("shop/{stamp}/claim.txt"), b"another run's");
    }
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let waited = ended.logged("another run has claimed this second: the backup waits for another one");
    assert!(!waited.is_empty() && waited.iter().all(|line| line["target"] == "shop"), "{}", ended.stderr);
    let manifest = &world.manifests()[0];
    assert!(!taken.iter().any(|stamp| manifest["stamp"] == stamp.as_str()), "{manifest} of {taken:?}");
    for stamp in &taken {
        assert_eq!(world.read(&format!("shop/{stamp}/claim.txt")), b"another run's");
    }
    may_all.store(true, Ordering::SeqCst);
    // A claim alone is nothing that somebody would have to clean up.
    let verified = world.run(&["verify", "--json"]).await;
    assert_eq!((verified.status, rows(&verified.stdout).len()), (0, 1), "{}", verified.stdout);
}

/// Seen when a target was killed in the moment in which a dump started: the run gave up, and asked for a shell.
#[tokio::test]
async fn a_container_that_ends_while_a_tool_starts_is_tried_again_and_is_not_said_to_lack_a_shell() {
    const ENDING: &[u8] =
        b"OCI runtime exec failed: exec failed: unable to start container process: error executing setns \
        process: exit status 1: unknown\n";
    let failed = AtomicBool::new(false);
    let world = World::new(move |_| {
        if failed.swap(true, Ordering::SeqCst) {
            return Script::ends(DUMP, 0);
        }
        Script::plays(vec![Step::Stdout(ENDING.to_vec())], Some(126))
    });
    let world = world.await.custom("shop").set("DUMPCAR_RETRIES", "1");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("error executing setns process"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("Dumpcar needs `sh`"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_retry_uses_the_container_that_replaced_the_old_one() {
    let world = World::new(|exec| match exec.snippet().contains("new-dump") {
        false => Script::plays(vec![Step::Stdout(b"half".to_vec()), Step::AwaitTest], Some(137)),
        true => Script::ends(DUMP, 0),
    });
    let world = world.await.custom("old").set("DUMPCAR_RETRIES", "1");
    let labels = |command: &str| json!({ "dumpcar.enable": "true", "dumpcar.command": command, "dumpcar.name": "shop" });
    world.docker.container("old", labels("dump-it"), &[]);
    let child = world.start(&["backup"]);
    until("the first try", || !world.docker.execs().is_empty()).await;
    world.docker.remove("old");
    world.docker.container("new", labels("new-dump"), &[]);
    world.docker.let_go();
    let ended = finish(child).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let retry = ended.logged("trying again");
    assert_eq!(retry[0]["reason"], "dump the dump: container old was removed meanwhile", "{}", ended.stderr);
}

#[tokio::test]
async fn a_secret_that_a_tool_prints_is_not_repeated() {
    let steps = vec![
        Step::Stderr(b"login as app with canary-password failed; canary-pass too\n".to_vec()),
        Step::Trailer(1),
        Step::AwaitRelease,
    ];
    let world = World::new(move |_| Script::plays(steps.clone(), Some(1))).await.set("DUMPCAR_LOG", "trace");
    let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" });
    world.docker.container("shop", labels, &["APP_PASSWORD=canary-password", "OLD_SECRET=canary-pass"]);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.reason(), "dump the dump: exit status 1: login as app with *** failed; *** too");
    for text in [&ended.stderr, &ended.stdout] {
        assert!(!text.contains("canary") && !text.contains(super::support::s3::SECRET_KEY), "{text}");
    }
}

/// A PostgreSQL with two databases.
fn postgresql(exec: &ExecRequest) -> Script {
    let whole = |what: &str| {
        Script::ends(format!("-- SQL\n\n--\n-- PostgreSQL {what} dump complete\n--\n\n").as_bytes(), 0)
    };
    let script = exec.snippet();
    if script.contains("pg_dumpall") {
        whole("database cluster")
    } else if script.contains("exec pg_dump") {
        whole("database")
    } else {
        // Names are in hexadecimal digits: app, crm.
        Script::ends(b"version 17.6\naccounts 1\ndatabase 617070 1000\ndatabase 63726d 2000\n", 0)
    }
}

#[tokio::test]
async fn every_database_is_an_object_of_its_own_and_the_globals_come_first() {
    let world = World::new(postgresql).await;
    world.docker.container("shop", json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" }), &[]);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let manifest = &world.manifests()[0];
    let names: Vec<_> =
        manifest["objects"].as_array().unwrap().iter().map(|object| object["name"].clone()).collect();
    assert_eq!(names, ["globals.sql.xz", "app.sql.xz", "crm.sql.xz"]);
    assert_eq!(manifest["server_version"], "17.6");
}

#[tokio::test]
async fn labels_choose_the_databases() {
    let objects = async |label: &str, value: &str| {
        let world = World::new(postgresql).await;
        let mut labels = json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" });
        labels[label] = value.into();
        world.docker.container("shop", labels, &[]);
        let ended = world.run(&["backup"]).await;
        let manifests = world.manifests();
        let databases = manifests.iter().flat_map(|manifest| manifest["objects"].as_array().unwrap());
        let databases: Vec<_> = databases.filter_map(|object| object["database"].as_str()).collect();
        (
            ended.status,
            databases.join(" "),
            ended.logged("backup failed").pop().map(|line| line["reason"].to_string()),
        )
    };
    assert_eq!(objects("dumpcar.databases", "crm").await, (0, "crm".into(), None));
    assert_eq!(objects("dumpcar.exclude", "a*").await, (0, "crm".into(), None));
    let (status, _, reason) = objects("dumpcar.databases", "nope").await;
    assert_eq!(status, 1);
    assert!(reason.unwrap().contains("there is no database"));
    let (status, _, reason) = objects("dumpcar.exclude", "*").await;
    assert_eq!(status, 1);
    assert!(reason.unwrap().contains("do the labels exclude them all?"));
}
