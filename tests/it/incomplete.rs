use serde_json::Value;

use super::operator::earlier;
use super::support::docker::Script;
use super::support::s3::FakeS3;
use super::support::world::World;

const DUMP: &[u8] = b"-- a dump\n";
const NOT_COUNTED: &str = "this backup does not count: no other one goes because of it";

async fn world() -> World {
    World::new(|_| Script::ends(DUMP, 0)).await.custom("shop").set("DUMPCAR_KEEP_LAST", "2")
}

fn has(world: &World, stamp: &str) -> bool {
    world.keys().contains(&format!("shop/{stamp}/manifest.json"))
}

/// Removes the object of a backup, and not its manifest.
fn remove(world: &World, stamp: &str) {
    let key = format!("{}/shop/{stamp}/dump.dump", world.prefix());
    std::fs::remove_file(world.s3.path(&key)).unwrap();
}

/// STATE of each backup of `shop`, newest first.
async fn states(world: &World) -> Vec<String> {
    let ended = world.run(&["list", "shop", "--json"]).await;
    let rows = super::support::world::rows(&ended.stdout);
    let state = |row: &Value| match row["reason"].as_str() {
        Some(reason) => format!("{}: {reason}", row["state"].as_str().unwrap()),
        None => row["state"].as_str().unwrap().to_owned(),
    };
    rows.iter().map(state).collect()
}

fn manifests_read(world: &World) -> usize {
    world.s3.asked().iter().filter(|asked| asked.operation() == "GetObject" && asked.is_manifest()).count()
}

/// By themselves, lifecycle rules and half-finished copies do the same as an attacker who may only write.
#[tokio::test]
async fn a_backup_whose_objects_are_gone_pushes_no_other_out() {
    let world = world().await;
    let [real, gone, short] = ["2026-01-01T23-00-00Z", "2026-01-02T23-00-00Z", "2026-01-03T23-00-00Z"];
    for stamp in [real, gone, short] {
        earlier(&world, stamp);
    }
    remove(&world, gone);
    world.write(&format!("shop/{short}/dump.dump"), b"ol");
    assert_eq!(
        states(&world).await,
        [
            "incomplete: dump.dump has 2 bytes in the bucket instead of 3",
            "incomplete: dump.dump is not in the bucket",
            "good"
        ]
    );
    for command in ["prune", "backup"] {
        let ended = world.run(&[command]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(has(&world, real), "{command}: {}", ended.stderr);
        let warned = ended.logged(NOT_COUNTED).len() + ended.logged("this backup is incomplete").len();
        assert_eq!(warned, 2, "once each, {command}: {}", ended.stderr);
    }
    // With two newer good ones, the rules do not want the third; those that do not count have a bound of their own.
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.logged("backup pruned").len(), 1, "{}", ended.stderr);
    assert!(!has(&world, real) && has(&world, gone) && has(&world, short), "{:?}", world.keys());
    let more = ["2026-01-04T23-00-00Z", "2026-01-05T23-00-00Z"];
    for stamp in more {
        earlier(&world, stamp);
        remove(&world, stamp);
    }
    let ended = world.run(&["prune"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(!has(&world, gone) && has(&world, short), "{:?}", world.keys());
    assert!(more.iter().all(|stamp| has(&world, stamp)), "{:?}", world.keys());
}

/// One that was all there yesterday need not be so today.
#[tokio::test]
async fn the_daemon_notices_what_went_since_it_looked() {
    let world = world()
        .await
        .set("DUMPCAR_SCHEDULE", "0 0 1 1 *")
        .set("DUMPCAR_SHRINK_ALERT", "off")
        .set("DUMPCAR_KEEP_LAST", "3");
    let days = ["2026-01-01T23-00-00Z", "2026-01-02T23-00-00Z", "2026-01-03T23-00-00Z"];
    for stamp in days {
        earlier(&world, stamp);
    }
    let daemon = world.daemon();
    daemon.logs("planned", 1).await;
    let run = async |nth: usize| {
        daemon.tell("USR1");
        daemon.logs("backup committed", nth).await;
        daemon.logs("backup pruned", 1).await;
    };
    run(1).await;
    assert!(!has(&world, days[0]));
    remove(&world, days[2]);
    run(2).await;
    daemon.logs(NOT_COUNTED, 1).await;
    assert!(has(&world, days[1]) && has(&world, days[2]), "{:?}", world.keys());
    assert_eq!(daemon.stop().await.status, 0);
}

/// What a manifest that cannot be read keeps is itself, and nothing else.
#[tokio::test]
async fn an_unreadable_manifest_does_not_stop_the_others_from_going() {
    let world = world().await;
    let days: Vec<String> = (1..=5).map(|day| format!("2026-01-{day:02}T23-00-00Z")).collect();
    for stamp in &days {
        earlier(&world, stamp);
    }
    world.write(&format!("shop/{}/manifest.json", days[0]), b"b");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let left: Vec<&String> = days.iter().filter(|stamp| has(&world, stamp)).collect();
    assert_eq!(left, [&days[0], &days[4]], "{}", ended.stderr);
    let warned = ended.logged(NOT_COUNTED);
    assert_eq!(warned.len(), 1, "{}", ended.stderr);
    assert!(warned[0]["reason"].as_str().unwrap().contains(&days[0]), "{}", ended.stderr);
}

/// A manifest that is kept is read once, and not each night.
#[tokio::test]
async fn what_counts_is_looked_at_once() {
    let world = World::with_s3(FakeS3::start().await, |_| Script::ends(DUMP, 0))
        .custom("shop")
        .set("DUMPCAR_KEEP_LAST", "4")
        .set("DUMPCAR_SCHEDULE", "0 0 1 1 *");
    for day in 1..=4 {
        earlier(&world, &format!("2026-01-{day:02}T23-00-00Z"));
    }
    let daemon = world.daemon();
    daemon.logs("planned", 1).await;
    let mut read = Vec::new();
    for nth in 1..=2 {
        let before = manifests_read(&world);
        daemon.tell("USR1");
        daemon.logs("backup committed", nth).await;
        daemon.logs("backup pruned", nth).await;
        read.push(manifests_read(&world) - before);
    }
    // Each once, the newest of them when the daemon started, and the one that goes once more for the names of its objects; then
    // only the one that goes.
    assert_eq!(read, [4, 1]);
    assert_eq!(daemon.stop().await.status, 0);
}
