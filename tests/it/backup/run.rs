use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::{DUMP, assert_nothing_left, world};
use crate::support::docker::{Script, Step};
use crate::support::world::{World, finish, noise, signal, until};

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
    assert_eq!(
        retry[0]["reason"], "dump the target: container old was removed meanwhile",
        "{}",
        ended.stderr
    );
}
