//! What is done by hand in the daemon's container is in its log and in its health at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::support::docker::{ExecRequest, Script};
use super::support::world::{Daemon, Ended, World, noise, until};

const DUMP: &[u8] = b"-- a dump\n";

/// A world whose dump tool fails while this is set.
async fn breakable() -> (World, Arc<AtomicBool>) {
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&is_broken);
    let world = World::new(move |_| Script::ends(DUMP, u8::from(broken.load(Ordering::Relaxed)))).await;
    (world.custom("shop").set("DUMPCAR_SCHEDULE", "off"), is_broken)
}

/// What the daemon's health is right now.
async fn health(world: &World) -> String {
    world.run(&["healthcheck"]).await.stdout
}

async fn listening(world: &World) -> Daemon {
    let daemon = world.daemon();
    daemon.logs("target found", 1).await;
    daemon
}

#[tokio::test]
async fn a_good_backup_by_hand_makes_the_daemon_healthy_at_once() {
    let (world, is_broken) = breakable().await;
    is_broken.store(true, Ordering::Relaxed);
    let world = world.set("DUMPCAR_ON_START", "true");
    let daemon = world.daemon();
    daemon.logs("backup failed", 1).await;
    assert!(health(&world).await.starts_with("shop: dump the target: exit status 1"));
    is_broken.store(false, Ordering::Relaxed);
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert_eq!(health(&world).await, "healthy\n");
    // One that fails counts as well.
    is_broken.store(true, Ordering::Relaxed);
    assert_eq!(world.run(&["backup", "shop"]).await.status, 1);
    assert!(health(&world).await.starts_with("shop: dump the target: exit status 1"));
    let ended = daemon.stop().await;
    for (message, times) in
        [("backup by hand started", 2), ("backup by hand done", 1), ("backup by hand failed", 1)]
    {
        assert_eq!(ended.logged(message).len(), times, "{message}: {}", ended.stderr);
    }
    let done = &ended.logged("backup by hand done")[0];
    let stamp = &world.manifests()[0]["stamp"];
    assert_eq!((&done["target"], &done["backup"]), (&json!("shop"), stamp));
}

/// There is a backup, and something about it is to be known: that is no failure.
#[tokio::test]
async fn a_suspicious_backup_by_hand_is_not_called_a_failed_one() {
    let is_small = Arc::new(AtomicBool::new(false));
    let small = Arc::clone(&is_small);
    let play = move |_: &ExecRequest| {
        let dump = if small.load(Ordering::Relaxed) { b"-- nothing\n".to_vec() } else { noise(300_000) };
        Script::ends(&dump, 0)
    };
    let world = World::new(play).await.custom("shop").set("DUMPCAR_SCHEDULE", "off");
    let daemon = listening(&world).await;
    assert_eq!(world.run(&["backup"]).await.status, 0);
    is_small.store(true, Ordering::Relaxed);
    assert_eq!(world.run(&["backup"]).await.status, 3);
    assert!(health(&world).await.starts_with("shop: suspicious"));
    let ended = daemon.stop().await;
    assert_eq!(ended.logged("backup by hand done, with a problem").len(), 1, "{}", ended.stderr);
    assert_eq!(ended.logged("backup by hand failed").len(), 0, "{}", ended.stderr);
}

#[tokio::test]
async fn what_is_done_by_hand_is_in_the_daemons_log() {
    let (world, _) = breakable().await;
    let daemon = listening(&world).await;
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let restored = world.run(&["restore", "shop", "--yes"]).await;
    assert_eq!(restored.status, 1, "a custom target without a restore command: {}", restored.stderr);
    assert_eq!(world.run(&["delete", "shop", "--all", "--yes"]).await.status, 0);
    let ended: Ended = daemon.stop().await;
    let deleted = &ended.logged("delete by hand done")[0];
    assert_eq!(deleted["detail"], "1 backup deleted", "{}", ended.stderr);
}

#[tokio::test]
async fn a_backup_by_hand_begins_an_interval() {
    let (world, _) = breakable().await;
    let world = world.set("DUMPCAR_SCHEDULE", "every 1h");
    let daemon = world.daemon();
    daemon.logs("planned", 1).await;
    // Later than the first plan by at least a second: stamps have no parts of one.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(world.run(&["backup"]).await.status, 0);
    daemon.logs("planned", 2).await;
    let ended = daemon.stop().await;
    let planned = ended.logged("planned");
    assert!(planned[0]["next"].as_str() < planned[1]["next"].as_str(), "{planned:?}");
    let stamp =
        world.manifests()[0]["stamp"].as_str().unwrap().parse::<dumpcar::model::key::Stamp>().unwrap();
    let next: jiff::Timestamp = planned[1]["next"].as_str().unwrap().parse().unwrap();
    assert_eq!(next, stamp.timestamp() + std::time::Duration::from_secs(3600));
}

#[tokio::test]
async fn a_target_that_is_forgotten_by_hand_is_silent_at_once() {
    let (world, _) = breakable().await;
    let daemon = listening(&world).await;
    assert_eq!(world.run(&["backup"]).await.status, 0);
    world.docker.remove("shop");
    daemon.tell("USR1");
    daemon.logs("not backed up", 1).await;
    assert!(health(&world).await.contains("shop: not backed up"));
    let forgotten = world.run(&["forget", "shop"]).await;
    assert_eq!(forgotten.status, 0, "{}", forgotten.stderr);
    let report = health(&world).await;
    assert!(!report.contains("shop"), "{report}");
    until("the daemon has looked", || daemon.count("target is forgotten: its alarms end") > 0).await;
    daemon.stop().await;
}
