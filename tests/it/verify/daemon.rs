use std::time::{Duration, Instant};

use super::{DUMP, NEW, OLD, world, world_with};
use crate::support::fault::Fault;
use crate::support::s3::Asked;
use crate::support::stored::Object;

/// Cron's smallest unit is a minute, so this takes one or two.
#[tokio::test]
async fn the_daemon_verifies_by_itself_and_is_unhealthy_until_all_is_good() {
    let world = world().await.set("DUMPCAR_VERIFY_SCHEDULE", "* * * * *").set("DUMPCAR_SCHEDULE", "off");
    let world = world.custom("shop");
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
    let world = world_with(move |asked| is_dump(asked).then_some(Fault::Silence));
    let world = world.await.set("DUMPCAR_VERIFY_SCHEDULE", "* * * * *").set("DUMPCAR_SCHEDULE", "off");
    let world = world.custom("shop");
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
