use std::time::{Duration, Instant};

use super::DUMP;
use crate::support::docker::Script;
use crate::support::fault::Fault;
use crate::support::s3::{Asked, FakeS3};
use crate::support::stored::Object;
use crate::support::world::World;

const OLD: &str = "2026-01-01T23-00-00Z";
const NEW: &str = "2026-01-02T23-00-00Z";

/// A daemon that does nothing but verify, each minute.
fn verifying(world: World) -> World {
    world.set("DUMPCAR_VERIFY_SCHEDULE", "* * * * *").set("DUMPCAR_SCHEDULE", "off").custom("shop")
}

/// Cron's smallest unit is a minute, so this takes one or two.
#[tokio::test]
async fn the_daemon_verifies_by_itself_and_is_unhealthy_until_all_is_good() {
    let world = verifying(World::new(|_| Script::ends(DUMP, 0)).await);
    world.store_backup("shop", NEW, "custom", &[Object::dump(DUMP)]);
    world.store_backup("shop", OLD, "custom", &[Object::dump(DUMP).says("plain_bytes", 1)]);
    world.write(&format!("shop/{NEW}/dump.dump"), b"-- A DUMP\n");
    let daemon = world.daemon();
    daemon.logs("verification planned", 1).await;
    assert_eq!(world.run(&["healthcheck"]).await.status, 0);
    let health = async |wanted: i32| {
        let since = Instant::now();
        loop {
            let asked = world.run(&["healthcheck"]).await;
            if asked.status == wanted {
                return asked.stdout;
            }
            assert!(since.elapsed() < Duration::from_secs(90), "{asked:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    assert_eq!(
        health(1).await,
        format!("(verify): shop/{NEW}: damaged: dump.dump: its SHA-256 is not the manifest's\n")
    );
    world.write(&format!("shop/{NEW}/dump.dump"), DUMP);
    assert_eq!(health(0).await, "healthy\n");
    let ended = daemon.stop().await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.logged("the backup is not good").len(), 1, "{}", ended.stderr);
    assert_eq!(ended.logged("verification ended").len(), 2);
}

#[tokio::test]
async fn a_daemon_that_verifies_stops_at_once() {
    let is_dump = |asked: &Asked| asked.operation() == "GetObject" && asked.key().ends_with("/dump.dump");
    let s3 = FakeS3::with_faults(move |asked| is_dump(asked).then_some(Fault::Silence)).await;
    let world = verifying(World::with_s3(s3, |_| Script::ends(DUMP, 0)));
    world.store_backup("shop", NEW, "custom", &[Object::dump(DUMP)]);
    let daemon = world.daemon();
    let since = Instant::now();
    while !world.s3.asked().iter().any(is_dump) {
        assert!(since.elapsed() < Duration::from_secs(90), "it never began");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let told = Instant::now();
    assert_eq!(daemon.stop().await.status, 0);
    assert!(told.elapsed() < Duration::from_secs(3), "{:?}", told.elapsed());
}
