use std::time::Duration;

use serde_json::json;
use tokio::process::Child;

use super::support::docker::{Script, Step};
use super::support::world::{World, finish, signal, until};

const DUMP: &[u8] = b"-- a dump\n";

async fn world() -> World {
    World::new(|_| Script::ends(DUMP, 0)).await.custom("shop")
}

async fn stop(child: Child) -> super::support::world::Ended {
    signal(&child, "TERM");
    finish(child).await
}

#[tokio::test]
async fn an_interval_makes_backups_by_itself() {
    let world = world().await.set("DUMPCAR_SCHEDULE", "every 1m").set("DUMPCAR_ON_START", "true");
    let daemon = world.start(&[]);
    until("a backup is there", || !world.manifests().is_empty()).await;
    let ended = stop(daemon).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.logged("backup committed").len(), 1);
}

#[tokio::test]
async fn nothing_runs_before_it_is_due() {
    let world = world().await;
    let daemon = world.start(&[]);
    let requests = || world.docker.requests().iter().filter(|request| request.ends_with("/json")).count();
    until("the containers were looked at", || requests() >= 2).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ended = stop(daemon).await;
    assert_eq!(ended.logged("planned").len(), 1, "{}", ended.stderr);
    assert!(world.docker.execs().is_empty());
}

#[tokio::test]
async fn a_missed_backup_is_made_up_for() {
    for (catch_up, runs) in [("true", true), ("false", false)] {
        let world = world().await.set("DUMPCAR_CATCH_UP", catch_up);
        world.write("shop/2026-01-01T23-00-00Z/manifest.json", b"{}");
        let daemon = world.start(&[]);
        if runs {
            until("a backup is there", || {
                world.keys().iter().filter(|key| key.ends_with("manifest.json")).count() == 2
            })
            .await;
        } else {
            until("events are watched", || {
                world.docker.requests().iter().any(|request| request.contains("/events"))
            })
            .await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let ended = stop(daemon).await;
        assert_eq!(
            ended.logged("a scheduled backup was missed: catching up").len(),
            usize::from(runs),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn sigusr1_backs_up_now_and_sighup_looks_again() {
    let world = world().await.set("DUMPCAR_SCHEDULE", "off");
    let daemon = world.start(&[]);
    until("events are watched", || world.docker.requests().iter().any(|request| request.contains("/events")))
        .await;
    world.docker.container("blog", json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" }), &[]);
    signal(&daemon, "HUP");
    until("the new container was looked at", || {
        world.docker.requests().iter().any(|request| request.contains("id-blog"))
    })
    .await;
    assert!(world.docker.execs().is_empty());
    signal(&daemon, "USR1");
    until("both have a backup", || world.manifests().len() == 2).await;
    let ended = stop(daemon).await;
    assert_eq!(ended.logged("target found").len(), 2, "{}", ended.stderr);
}

#[tokio::test]
async fn a_stop_ends_the_running_dump_and_leaves_nothing() {
    let world =
        World::new(|_| Script::plays(vec![Step::Stdout(vec![7; 20_000_000]), Step::AwaitClose], Some(143)));
    let world = world.await.custom("shop").set("DUMPCAR_ON_START", "true").set("DUMPCAR_COMPRESSION", "none");
    let daemon = world.start(&[]);
    until("a part is uploaded", || world.s3.operations().contains(&"UploadPart")).await;
    let ended = stop(daemon).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.logged("backup stopped before it was done").len(), 1);
    assert!(world.keys().is_empty());
    assert_eq!(world.s3.unfinished_uploads(), 0);
    assert!(world.docker.execs().iter().all(|exec| !exec.running));
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    // A tool that does not end keeps the first signal's clean-up waiting.
    let world = World::new(|_| Script::plays(vec![Step::Stdout(DUMP.to_vec()), Step::AwaitClose], None));
    let world = world.await.custom("shop").set("DUMPCAR_ON_START", "true");
    let daemon = world.start(&[]);
    until("the dump runs", || world.docker.execs().iter().any(|exec| exec.running)).await;
    signal(&daemon, "TERM");
    tokio::time::sleep(Duration::from_millis(300)).await;
    signal(&daemon, "TERM");
    let begun = std::time::Instant::now();
    let ended = finish(daemon).await;
    assert_eq!(ended.status, 143);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_target_that_has_gone_is_a_failure_when_it_is_due() {
    let world = world().await.set("DUMPCAR_SCHEDULE", "off").set("DUMPCAR_ON_START", "true");
    world.docker.container("blog", json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" }), &[]);
    let daemon = world.start(&[]);
    until("both have a backup", || world.manifests().len() == 2).await;
    world.docker.remove("blog");
    signal(&daemon, "USR1");
    until("shop has a second backup", || world.manifests().len() == 3).await;
    let ended = stop(daemon).await;
    let missed = ended.logged("not backed up");
    assert!(missed.iter().any(|line| line["target"] == "blog"), "{}", ended.stderr);
}
