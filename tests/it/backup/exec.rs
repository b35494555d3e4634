use serde_json::json;

use super::{DUMP, assert_nothing_left, world};
use crate::support::docker::{Script, Step, frame};
use crate::support::world::{World, noise};

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
    assert!(
        ended.reason().ends_with("is it waiting for a lock? (DUMPCAR_STALL_TIMEOUT)"),
        "{}",
        ended.reason()
    );
    assert!(world.docker.execs().iter().all(|exec| !exec.running), "the tool was ended");
    assert_nothing_left(&world);
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
    assert_eq!(ended.reason(), "dump the target: exit status 1: login as app with *** failed; *** too");
    for text in [&ended.stderr, &ended.stdout] {
        assert!(!text.contains("canary") && !text.contains(crate::support::s3::SECRET_KEY), "{text}");
    }
}
