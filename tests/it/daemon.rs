/// What takes minutes of a clock stands here, where it begins early: tests run in the order of their names.
mod verify;

use std::time::Duration;

use serde_json::json;

use super::support::docker::{Script, Step, id_of};
use super::support::s3::{Asked, FakeS3};
use super::support::world::{World, until};

const DUMP: &[u8] = b"-- a dump\n";

async fn world() -> World {
    World::new(|_| Script::ends(DUMP, 0)).await.custom("shop")
}

#[tokio::test]
async fn an_interval_makes_backups_by_itself() {
    let world = world().await.set("DUMPCAR_SCHEDULE", "every 1m").set("DUMPCAR_ON_START", "true");
    let daemon = world.daemon();
    daemon.logs("backup committed", 1).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.logged("backup committed").len(), 1);
}

#[tokio::test]
async fn nothing_runs_before_it_is_due() {
    let world = world().await;
    let daemon = world.daemon();
    daemon.logs("planned", 1).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.logged("planned").len(), 1, "{}", ended.stderr);
    assert!(world.docker.execs().is_empty());
}

#[tokio::test]
async fn a_missed_backup_is_made_up_for() {
    for (catch_up, runs) in [("true", true), ("false", false)] {
        let world = world().await.set("DUMPCAR_CATCH_UP", catch_up);
        world.write("shop/2026-01-01T23-00-00Z/manifest.json", b"{}");
        let daemon = world.daemon();
        if runs {
            daemon.logs("backup committed", 1).await;
        } else {
            daemon.logs("planned", 1).await;
        }
        let ended = daemon.stop().await;
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
    let daemon = world.daemon();
    until("events are watched", || world.docker.requests().iter().any(|request| request.contains("/events")))
        .await;
    world.docker.container("blog", json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" }), &[]);
    daemon.tell("HUP");
    until("the new container was looked at", || {
        world.docker.requests().iter().any(|request| request.contains(&id_of("blog")))
    })
    .await;
    assert!(world.docker.execs().is_empty());
    daemon.tell("USR1");
    daemon.logs("backup committed", 2).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.logged("target found").len(), 2, "{}", ended.stderr);
}

#[tokio::test]
async fn a_stop_ends_the_running_dump_and_leaves_nothing() {
    let world =
        World::new(|_| Script::plays(vec![Step::Stdout(vec![7; 20_000_000]), Step::AwaitClose], Some(143)));
    let world = world.await.custom("shop").set("DUMPCAR_ON_START", "true").set("DUMPCAR_COMPRESSION", "none");
    let daemon = world.daemon();
    until("a part is uploaded", || world.s3.operations().contains(&"UploadPart")).await;
    let ended = daemon.stop().await;
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
    let daemon = world.daemon();
    until("the dump runs", || world.docker.execs().iter().any(|exec| exec.running)).await;
    daemon.tell("TERM");
    daemon.logs("stopping", 1).await;
    daemon.tell("TERM");
    let begun = std::time::Instant::now();
    let ended = daemon.ended().await;
    assert_eq!(ended.status, 143);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_target_that_has_gone_is_a_failure_when_it_is_due() {
    let world = world().await.set("DUMPCAR_SCHEDULE", "off").set("DUMPCAR_ON_START", "true");
    world.docker.container("blog", json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" }), &[]);
    let daemon = world.daemon();
    daemon.logs("backup committed", 2).await;
    world.docker.remove("blog");
    daemon.tell("USR1");
    daemon.logs("backup committed", 3).await;
    daemon.logs("not backed up", 1).await;
    let ended = daemon.stop().await;
    let missed = ended.logged("not backed up");
    assert!(missed.iter().any(|line| line["target"] == "blog"), "{}", ended.stderr);
}

#[tokio::test]
async fn healthcheck_tells_what_is_wrong_and_when_it_is_well_again() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let is_broken = Arc::new(AtomicBool::new(true));
    let broken = Arc::clone(&is_broken);
    let world = World::new(move |_| Script::ends(DUMP, u8::from(broken.load(Ordering::Relaxed))));
    let world = world.await.custom("shop").set("DUMPCAR_ON_START", "true").set("DUMPCAR_SCHEDULE", "off");
    let daemon = world.daemon();
    let health = async |wanted: i32| loop {
        let asked = world.run(&["healthcheck"]).await;
        if asked.status == wanted && !asked.stdout.contains("no dumpcar daemon") {
            return asked.stdout;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let report = tokio::time::timeout(Duration::from_secs(30), health(1)).await.expect("it gets unhealthy");
    assert!(report.starts_with("shop: dump the target: exit status 1"), "{report}");
    is_broken.store(false, Ordering::Relaxed);
    daemon.tell("USR1");
    let report = tokio::time::timeout(Duration::from_secs(30), health(0)).await.expect("it gets healthy");
    assert_eq!(report, "healthy\n");
    assert_eq!(daemon.stop().await.status, 0);
}

#[tokio::test]
async fn a_daemon_without_docker_waits_for_it() {
    let world = world().await;
    let socket = world.docker.socket();
    let away = socket.with_extension("away");
    std::fs::rename(&socket, &away).unwrap();
    // The socket is there when the daemon starts, but nobody listens.
    let dead = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    drop(dead);
    let world = world.set("DUMPCAR_ON_START", "true");
    let daemon = world.daemon();
    daemon.logs("cannot look at the containers", 1).await;
    std::fs::rename(&away, &socket).unwrap();
    daemon.logs("backup committed", 1).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.logged("cannot look at the containers").len(), 1, "{}", ended.stderr);
    assert_eq!(ended.logged("Docker answers again").len(), 1, "{}", ended.stderr);
    assert_eq!(ended.status, 0);
}

/// The store refuses three things at once; asked again, it refuses them again.
#[tokio::test]
async fn a_store_that_refuses_is_said_once_and_when_it_answers_again() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let is_away = Arc::new(AtomicBool::new(true));
    let away = Arc::clone(&is_away);
    let refuse = move |asked: &Asked| {
        (away.load(Ordering::Relaxed) && asked.operation() == "ListObjects").then_some((403, "AccessDenied"))
    };
    let world = World::with_s3(FakeS3::with_faults(refuse).await, |_| Script::ends(DUMP, 0)).custom("shop");
    let daemon = world.daemon();
    let lists = || world.s3.operations().iter().filter(|operation| **operation == "ListObjects").count();
    until("the store was asked for all", || lists() >= 3).await;
    let first = lists();
    daemon.tell("HUP");
    until("the store was asked again", || lists() >= 2 * first).await;
    is_away.store(false, Ordering::Relaxed);
    daemon.tell("HUP");
    daemon.logs("the store answers again", 1).await;
    let ended = daemon.stop().await;
    let said = ended.stderr.lines().filter(|line| line.contains("the keys may not list"));
    assert_eq!(said.count(), 1, "{}", ended.stderr);
}

#[tokio::test]
async fn several_targets_end_with_one_line_that_people_can_read() {
    let world = world().await.custom("blog").custom("wiki").set("DUMPCAR_ON_START", "true");
    let world = world.set("TZ", "Europe/Berlin").unset("DUMPCAR_LOG_FORMAT");
    let daemon = world.daemon();
    daemon.contains("3 of 3 targets good", 1).await;
    let ended = daemon.stop().await;
    let line = ended.stderr.lines().find(|line| line.contains("3 of 3 targets good")).unwrap();
    // Text, though nobody has a terminal, and without colours.
    assert!(line.contains("  INFO 3 of 3 targets good, ") && line.contains(" stored, next 20"), "{line}");
    assert!(line.ends_with("+01:00") || line.ends_with("+02:00"), "{line}");
    assert!(!ended.stderr.contains('\u{1b}') && !ended.stderr.contains("object stored"), "{}", ended.stderr);
    let by_hand = world.run(&["backup"]).await;
    assert!(
        by_hand.stdout.lines().last().unwrap().starts_with("3 of 3 targets good, "),
        "{}",
        by_hand.stdout
    );
}

/// The end of the process would close the connection by itself; the daemon lives on.
#[tokio::test]
async fn a_tool_whose_dump_cannot_be_stored_is_ended_while_the_daemon_goes_on() {
    let s3 =
        FakeS3::with_faults(|asked| (asked.operation() == "UploadPart").then_some((403, "AccessDenied")))
            .await;
    let world = World::with_s3(s3, |_| {
        Script::plays(vec![Step::Stdout(vec![7; 40_000_000]), Step::AwaitClose], Some(143))
    });
    let world = world.custom("shop").set("DUMPCAR_ON_START", "true").set("DUMPCAR_COMPRESSION", "none");
    let daemon = world.daemon();
    daemon.logs("backup failed", 1).await;
    assert!(world.docker.execs().iter().all(|exec| !exec.running), "the tool was ended");
    assert_eq!(world.s3.unfinished_uploads(), 0);
    assert_eq!(daemon.stop().await.status, 0);
}
