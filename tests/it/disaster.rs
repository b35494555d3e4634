use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::support::docker::Script;
use super::support::stored::{Object, manifest};
use super::support::world::World;
use serde_json::json;

const OLD: [&str; 3] = ["2026-01-01T23-00-00Z", "2026-01-02T23-00-00Z", "2026-01-03T23-00-00Z"];

/// A new host, on which the dump of `target` has so many bytes; and the bucket of the old one, whose `shop-db` had 1000 bytes.
async fn world(target: &str, bytes: &Arc<AtomicUsize>) -> World {
    let bytes = Arc::clone(bytes);
    let world = World::new(move |_| Script::ends(&vec![b'x'; bytes.load(Ordering::Relaxed)], 0)).await;
    // The fewest that rules can keep.
    let world = world.custom(target).set("DUMPCAR_KEEP_LAST", "1").set("DUMPCAR_KEEP_DAILY", "3");
    for stamp in OLD {
        let objects = [Object::dump(&[b'x'; 1000])];
        world.store_backup("shop-db", stamp, "custom", &objects);
        let mut manifest = manifest("shop-db", stamp, "custom", &objects);
        manifest["docker_engine"] = "BURN:EDDO:WN".into();
        manifest["trigger"] = "schedule".into();
        world.write(&format!("shop-db/{stamp}/manifest.json"), manifest.to_string().as_bytes());
    }
    world
}

fn stamps(world: &World, target: &str) -> Vec<String> {
    let all = world.manifests().into_iter().filter(|manifest| manifest["target"] == target);
    all.map(|manifest| manifest["stamp"].as_str().unwrap().to_owned()).collect()
}

/// A night that comes before the restore: whatever is there is far less than what there was, and counts nowhere, however small
/// that was.
#[tokio::test]
async fn a_run_before_the_restore_neither_prunes_nor_takes_the_place_of_the_last_good_one() {
    let bytes = Arc::new(AtomicUsize::new(100));
    let world = world("shop-db", &bytes).await;
    world.docker.container(
        "shop-db",
        json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it", "dumpcar.name": "shop-db" }),
        &[],
    );
    let all = stamps(&world, "shop-db");
    for _ in 0..5 {
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 3, "{}", ended.stderr);
        let reason = "the dump: 100 B instead of 1000 B (compared with 2026-01-03T23-00-00Z of another Docker engine: has it still to be restored?)";
        assert_eq!(world.manifests().last().unwrap()["suspicious"], reason);
        assert_eq!(world.run(&["prune"]).await.status, 0);
        assert_eq!(stamps(&world, "shop-db")[..3], all, "all of the old host's are there");
    }
    // What is suspicious is bounded by itself.
    assert!(stamps(&world, "shop-db").len() <= 3 + 4, "{:?}", stamps(&world, "shop-db"));
    // Restored: the history goes on.
    bytes.store(990, Ordering::Relaxed);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(stamps(&world, "shop-db")[..3], all);
    // From now on it is compared with what this host has made: a few bytes may come and go.
    bytes.store(100, Ordering::Relaxed);
    assert_eq!(world.run(&["backup"]).await.status, 0);
}

/// The daemon catches up at once on a new host.
#[tokio::test]
async fn a_daemon_that_catches_up_before_the_restore_is_unhealthy_and_prunes_nothing() {
    let world = world("shop-db", &Arc::new(AtomicUsize::new(100))).await;
    let daemon = world.daemon();
    daemon.logs("a scheduled backup was missed: catching up", 1).await;
    daemon
        .logs("the backup is suspicious; if that is right, run `dumpcar backup --accept-smaller shop-db`", 1)
        .await;
    let health = world.run(&["healthcheck"]).await;
    assert_eq!(health.status, 1, "{}", health.stdout);
    assert_eq!(daemon.stop().await.status, 0);
    assert_eq!(stamps(&world, "shop-db")[..3], OLD);
}

/// Another project's name makes another target.
#[tokio::test]
async fn a_target_of_another_name_leaves_the_old_one_alone() {
    let world = world("shop2-db", &Arc::new(AtomicUsize::new(100))).await;
    for _ in 0..3 {
        assert_eq!(world.run(&["backup"]).await.status, 0);
    }
    assert_eq!(world.run(&["prune"]).await.status, 0);
    assert_eq!(stamps(&world, "shop-db"), OLD);
    assert!(OLD.iter().all(|stamp| world.keys().contains(&format!("shop-db/{stamp}/dump.dump"))));
    // It is nobody's now, so nothing goes by itself, and nobody may prune it by its name.
    assert_eq!(world.run(&["prune", "shop-db"]).await.status, 4);
}
