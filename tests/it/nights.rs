//! What the daemon makes up for, and what it still knows after a restart.

use dumpcar::clock::now;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::support::docker::Script;
use super::support::s3::{Asked, FakeS3};
use super::support::stored::Object;
use super::support::world::{World, until};

const DUMP: &[u8] = b"-- a dump\n";

async fn world() -> World {
    World::new(|_| Script::ends(DUMP, 0)).await.set("DUMPCAR_SCHEDULE", "0 23 * * *")
}

/// So many hours ago, as a backup is called.
fn hours_ago(hours: i64) -> String {
    let time = now() - SignedDuration::from_hours(hours);
    time.strftime("%Y-%m-%dT%H-%M-%SZ").to_string()
}

fn container(world: &World, status: &str) {
    let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" });
    world.docker.remove("shop");
    world.docker.container_in_state("shop", labels, &[], json!({ "Status": status }));
}

async fn health(world: &World, starts: &str) -> String {
    let wait = async {
        loop {
            let said = world.run(&["healthcheck"]).await.stdout;
            if said.starts_with(starts) {
                return said;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), wait).await.expect("the health says so")
}

/// It was due while the database was down. It is backed up when it is back, and not a night later.
#[tokio::test]
async fn a_database_that_was_down_when_it_was_due_is_backed_up_when_it_is_back() {
    let world = world().await;
    world.store_backup("shop", &hours_ago(50), "custom", &[Object::dump(DUMP)]);
    container(&world, "exited");
    let daemon = world.daemon();
    daemon.logs("not backed up", 1).await;
    health(&world, "shop: not backed up: ").await;
    container(&world, "running");
    daemon.tell("HUP");
    daemon.logs("backup committed", 1).await;
    health(&world, "healthy\n").await;
    let ended = daemon.stop().await;
    assert_eq!(ended.logged("not backed up").len(), 1, "{}", ended.stderr);
    assert_eq!(ended.logged("backup started")[0]["trigger"], "catch-up", "{}", ended.stderr);
}

/// The store is away for a moment in the night.
#[tokio::test]
async fn a_failed_night_is_tried_again_when_its_container_is_started_anew() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};
    let status = Arc::new(AtomicU8::new(1));
    let ends = Arc::clone(&status);
    let world = World::new(move |_| Script::ends(DUMP, ends.load(Ordering::Relaxed))).await;
    let world = world.set("DUMPCAR_SCHEDULE", "0 23 * * *").set("DUMPCAR_RETRIES", "0");
    world.store_backup("shop", &hours_ago(50), "custom", &[Object::dump(DUMP)]);
    container(&world, "running");
    let daemon = world.daemon();
    daemon.logs("backup failed", 1).await;
    status.store(0, Ordering::Relaxed);
    let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" });
    world.docker.remove("shop");
    let state = json!({ "Status": "running", "StartedAt": "2026-11-27T02:00:00Z" });
    world.docker.container_in_state("shop", labels, &[], state);
    daemon.tell("HUP");
    daemon.logs("backup committed", 1).await;
    health(&world, "healthy\n").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_failed_drill_is_still_known_after_a_restart() {
    let world = world().await;
    let stamp = hours_ago(1);
    world.store_backup("shop", &stamp, "custom", &[Object::dump(DUMP)]);
    container(&world, "running");
    let drill = json!({
        "version": 1, "target": "shop", "stamp": stamp, "at": now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "instance": "h", "image_id": format!("sha256:{}", "0".repeat(64)), "seconds": 1.0, "databases": 1, "tables": 1,
        "rows": 1, "problem": { "kind": "query" },
    });
    world.write(&format!("shop/{stamp}/drill.json"), drill.to_string().as_bytes());
    for _ in 0..2 {
        let daemon = world.daemon();
        let said = health(&world, "(drill) shop: ").await;
        assert!(said.contains(&format!("the backup shop/{stamp} is not good")), "{said}");
        assert_eq!(daemon.stop().await.status, 0);
    }
    // Somebody drilled it again elsewhere, and it was good.
    let mut good = drill;
    good.as_object_mut().unwrap().remove("problem");
    world.write(&format!("shop/{stamp}/drill.json"), good.to_string().as_bytes());
    let daemon = world.daemon();
    daemon.logs("planned", 1).await;
    health(&world, "healthy\n").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_backup_that_is_too_old_is_told_though_nothing_is_caught_up_with() {
    let world = world().await.set("DUMPCAR_CATCH_UP", "false");
    container(&world, "running");
    world.store_backup("shop", &hours_ago(50), "custom", &[Object::dump(DUMP)]);
    let daemon = world.daemon();
    let said = health(&world, "shop: no good backup in time").await;
    assert!(said.contains("the schedule is 0 23 * * *"), "{said}");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    health(&world, "healthy\n").await;
    daemon.stop().await;
}

/// `every 7d` and a restart each week is no reason never to verify.
#[tokio::test]
async fn an_interval_of_verification_counts_from_the_last_one_whatever_was_restarted() {
    let world = world().await.set("DUMPCAR_VERIFY_SCHEDULE", "every 7d").set("DUMPCAR_SCHEDULE", "off");
    container(&world, "running");
    world.store_backup("shop", &hours_ago(1), "custom", &[Object::dump(DUMP)]);
    let verified = |days: i64| {
        let at = now() - SignedDuration::from_hours(24 * days);
        let at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        json!({ "version": 1, "at": at, "instance": "h" }).to_string()
    };
    world.write(".dumpcar/verified.json", verified(8).as_bytes());
    let daemon = world.daemon();
    daemon.logs("verification ended", 1).await;
    until("it is written down", || {
        let stored: Value = serde_json::from_slice(&world.read(".dumpcar/verified.json")).unwrap();
        let at: Timestamp = stored["at"].as_str().unwrap().parse().unwrap();
        now().duration_since(at) < SignedDuration::from_hours(1)
    })
    .await;
    daemon.stop().await;
    // Not before a week has gone by; nor is a date in the future believed.
    world.write(".dumpcar/verified.json", verified(6).as_bytes());
    let daemon = world.daemon();
    daemon.logs("verification planned", 1).await;
    let ended = daemon.stop().await;
    assert!(ended.logged("verification started").is_empty(), "{}", ended.stderr);
    let next: Timestamp = ended.logged("verification planned")[0]["next"].as_str().unwrap().parse().unwrap();
    let hours = next.duration_since(now()).as_hours();
    assert!((22..=24).contains(&hours), "{hours}");
}

/// A clock that was wrong once.
#[tokio::test]
async fn a_backup_dated_ahead_is_told_and_hides_no_missed_night() {
    let world = world().await;
    container(&world, "running");
    world.store_backup("shop", &hours_ago(50), "custom", &[Object::dump(DUMP)]);
    world.store_backup("shop", &hours_ago(-24 * 300), "custom", &[Object::dump(DUMP)]);
    let daemon = world.daemon();
    daemon.logs("backup committed", 1).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.stderr.matches("this backup is dated in the future").count(), 1, "{}", ended.stderr);
}

/// Docker answers, the store never does: a stop does not wait for it.
#[tokio::test]
async fn a_stop_is_heard_while_the_store_is_silent() {
    use super::support::fault::Fault;
    let silent = |asked: &Asked| (asked.operation() == "ListObjects").then_some(Fault::Silence);
    let world = World::with_s3(FakeS3::with_faults(silent).await, |_| Script::ends(DUMP, 0)).custom("shop");
    let daemon = world.daemon();
    until("the store is asked", || world.s3.operations().contains(&"ListObjects")).await;
    let told = std::time::Instant::now();
    let ended = daemon.stop().await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(told.elapsed() < std::time::Duration::from_secs(3), "{:?}", told.elapsed());
}
