use serde_json::json;

use super::DUMP;
use crate::support::docker::{Call, Script, Step};
use crate::support::world::{World, noise, until};

/// An engine that is restarted in the middle of a dump, as by an update of Docker.
async fn an_engine_restarts(is_socket_gone: bool) {
    use std::sync::atomic::{AtomicBool, Ordering};
    let is_first = AtomicBool::new(true);
    let world = World::new(move |_| match is_first.swap(false, Ordering::Relaxed) {
        true => Script::plays(vec![Step::Stdout(noise(9 << 20)), Step::AwaitClose], Some(137)),
        false => Script::ends(DUMP, 0),
    });
    let mut world = world.await.custom("shop").set("DUMPCAR_COMPRESSION", "none");
    world = world.set("DUMPCAR_RETRIES", "1").set("DUMPCAR_SCHEDULE", "off").set("DUMPCAR_ON_START", "true");
    let daemon = world.daemon();
    until("a part is uploaded", || world.s3.operations().contains(&"UploadPart")).await;
    let watched = world.docker.calls(Call::Events);
    world.docker.go_away();
    if is_socket_gone {
        std::fs::remove_file(world.docker.socket()).unwrap();
    }
    daemon.logs("trying again", 1).await;
    // Nobody could say what became of the tool.
    let keys = world.keys();
    assert!(matches!(keys.as_slice(), [record] if record.starts_with(".dumpcar/")), "{keys:?}");
    assert_eq!(world.s3.unfinished_uploads(), 0);
    // A container that came while nobody listened.
    world.docker.container("blog", json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" }), &[]);
    world.docker.come_back();
    daemon.logs("backup committed", 1).await;
    assert_eq!(world.read(&world.keys()[0]), DUMP);
    assert!(world.docker.execs()[1].request.looks_for_leftovers(), "before the second try");
    assert_eq!(world.keys().len(), 2, "{:?}", world.keys());
    daemon.logs("target found", 2).await;
    until("events are watched again", || world.docker.calls(Call::Events) > watched).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}

#[tokio::test]
async fn an_engine_that_restarts_in_mid_dump_costs_one_try_and_its_targets_are_found_again() {
    tokio::join!(an_engine_restarts(false), an_engine_restarts(true));
}
