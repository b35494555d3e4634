use std::time::Duration;

use super::{GOOD, KIB, MIB, Size, earlier, five_bad_nights, mark, stamps, world};
use crate::support::docker::{Script, Step};
use crate::support::world::World;

#[tokio::test]
async fn a_smaller_backup_is_accepted_by_name() {
    let world = world(&Size::new(100 * KIB)).await.set("DUMPCAR_KEEP_LAST", "1");
    five_bad_nights(&world);
    let unnamed = world.run(&["backup", "--accept-smaller"]).await;
    assert_eq!(unnamed.status, 2, "{}", unnamed.stderr);
    let accepted = world.run(&["backup", "--accept-smaller", "shop"]).await;
    assert_eq!((accepted.status, mark(&world)), (0, None), "{}", accepted.stderr);
    // It is the last good one now, and the one that was stays for a week, whatever the rules say.
    assert!(
        accepted
            .stderr
            .contains(&format!("shop: the last good backup is {GOOD} (2026-01-02 23:00 +00:00), ")),
        "{}",
        accepted.stderr
    );
    assert!(stamps(&world).contains(&GOOD.to_owned()), "{:?}\n{}", stamps(&world), accepted.stderr);
    for _ in 0..2 {
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(stamps(&world).contains(&GOOD.to_owned()), "{:?}\n{}", stamps(&world), ended.stderr);
    }
    assert_eq!(world.manifests().iter().filter(|one| one["accepted_smaller_than"] == GOOD).count(), 1);
}

#[tokio::test]
async fn what_was_accepted_stays_accepted_in_a_second_try() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let tries = AtomicU32::new(0);
    let world = World::new(move |_| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => Script::plays(vec![Step::Stdout(b"half".to_vec())], Some(0)),
        _ => Script::ends(b"all there is", 0),
    });
    let world = world.await.custom("shop").set("DUMPCAR_RETRIES", "1");
    earlier(&world, "shop", GOOD, 4 * MIB, None);
    let ended = world.run(&["backup", "--accept-smaller", "shop"]).await;
    assert_eq!(ended.logged("trying again").len(), 1, "{}", ended.stderr);
    assert_eq!((ended.status, mark(&world)), (0, None), "{}", ended.stderr);
}

#[tokio::test]
async fn a_daemon_is_unhealthy_until_the_dump_grows_again_or_is_accepted() {
    let size = Size::new(100 * KIB);
    let world = world(&size).await.set("DUMPCAR_ON_START", "true").set("DUMPCAR_SCHEDULE", "off");
    earlier(&world, "shop", GOOD, 4 * MIB, None);
    let daemon = world.daemon();
    daemon.logs("backup committed", 1).await;
    let health = async |wanted: i32| loop {
        let asked = world.run(&["healthcheck"]).await;
        if asked.status == wanted {
            return asked.stdout;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let health = async |wanted| tokio::time::timeout(Duration::from_secs(30), health(wanted)).await.unwrap();
    assert_eq!(
        health(1).await,
        "shop: suspicious: the dump: 100.0 KiB instead of 4.0 MiB (compared with 2026-01-02T23-00-00Z); \
         if that is right, run `dumpcar backup --accept-smaller shop`\n"
    );
    size.set(4 * MIB);
    daemon.tell("USR1");
    assert_eq!(health(0).await, "healthy\n");
    size.set(100 * KIB);
    daemon.tell("USR1");
    assert!(health(1).await.starts_with("shop: suspicious"));
    assert_eq!(world.run(&["backup", "--accept-smaller", "shop"]).await.status, 0);
    daemon.tell("USR1");
    assert_eq!(health(0).await, "healthy\n");
    assert_eq!(daemon.stop().await.status, 0);
}
