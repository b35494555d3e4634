use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::TcpListener;

use super::{DUMP, breakable, items, read};
use crate::support::docker::{Script, Step};
use crate::support::receiver::{FakeReceiver, Got, Reply};
use crate::support::world::{World, until};

/// The whole log, and nothing in it of what lets somebody in.
fn assert_clean(log: &str) {
    assert!(!log.contains("c4n4ry"), "{log}");
}

#[tokio::test]
async fn a_receiver_that_is_away_for_a_moment_gets_the_message_later() {
    let (world, is_broken) = breakable().await;
    is_broken.store(true, Ordering::Relaxed);
    let busy = FakeReceiver::answering(|_, number| match number {
        1 => Reply::Says(429, vec![("retry-after", "1".to_owned())], String::new()),
        2 => Reply::status(503, "c4n4ry-path"),
        _ => Reply::ok(),
    })
    .await;
    let world = world.custom("shop").set("DUMPCAR_NOTIFY_URLS", &busy.url("/c4n4ry-path"));
    let daemon = world.daemon();
    let got = busy.gets(3).await;
    // The same message, which the receiver can tell by its id.
    let ids: Vec<_> = got.iter().map(|one| one.json()["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let ended = daemon.stop().await;
    assert_eq!(busy.got().len(), 3);
    assert!(
        ended
            .logged("a message was not delivered; further ones are tried, and not logged until one is")
            .is_empty()
    );
    assert_clean(&ended.stderr);
}

#[tokio::test]
async fn one_that_refuses_is_told_once_without_its_token_and_costs_the_others_nothing() {
    let (world, is_broken) = breakable().await;
    is_broken.store(true, Ordering::Relaxed);
    // It repeats all that it was sent.
    let echo = |got: &Got, _: usize| {
        let answer = format!("{} {:?} {}", got.target, got.headers, got.target.replace('/', "\\/"));
        Reply::status(403, &answer)
    };
    let (refuses, works) = (FakeReceiver::answering(echo).await, FakeReceiver::start().await);
    let urls = [
        refuses
            .url("/hooks/c4n4ry-path?token=c4n4ry-query")
            .replace("http://", "http://c4n4ry-user:c4n4ry-password@"),
        format!("ntfy://:c4n4ry-token@{}/c4n4ry-topic", refuses.place()),
        format!("gotify://{}/c4n4ry-key", refuses.place()),
        format!("matrix://:c4n4ry-matrix@{}/!room:example.com", refuses.place()),
        format!("apprise://{}/c4n4ry-apprise", refuses.place()),
        works.url("/works"),
    ];
    let world = world.custom("shop").set("DUMPCAR_NOTIFY_URLS", &urls.join("\n"));
    let daemon = world.daemon();
    assert_eq!(read(&works.gets(1).await[0]).1, items(&[("backup.failed", "shop")]));
    let message = "a message was not delivered; further ones are tried, and not logged until one is";
    daemon.logs(message, 5).await;
    is_broken.store(false, Ordering::Relaxed);
    daemon.tell("USR1");
    works.gets(2).await;
    until("each was tried twice", || refuses.got().len() >= 10).await;
    let ended = daemon.stop().await;
    let told = ended.logged(message);
    // Once for each, though each has refused twice; and a refusal is not tried again.
    assert_eq!((told.len(), refuses.got().len()), (5, 10), "{}", ended.stderr);
    assert!(
        told.iter().all(|line| line["reason"].as_str().unwrap().starts_with("403 Forbidden")),
        "{told:?}"
    );
    assert!(told.iter().any(|line| line["receiver"] == format!("gotify {}", refuses.place())), "{told:?}");
    assert_clean(&ended.stderr);
    for command in [&["config"][..], &["config", "--json"], &["notify", "--test"]] {
        let ended = world.run(command).await;
        assert_clean(&ended.stdout);
        assert_clean(&ended.stderr);
    }
}

/// One takes connections and never answers, one does not exist, one is refused.
#[tokio::test]
async fn dead_receivers_neither_delay_nor_fail_a_backup_nor_the_stop() {
    let silent = FakeReceiver::answering(|_, _| Reply::Hangs).await;
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let urls = [
        silent.url("/x"),
        format!("http://{}/x", deaf.local_addr().unwrap()),
        format!("http://{nobody}/x"),
        "http://no-such-host.invalid/x".to_owned(),
    ];
    let world = World::new(|_| Script::ends(DUMP, 0)).await.custom("shop").custom("blog");
    let world = world.set("DUMPCAR_SCHEDULE", "off").set("DUMPCAR_ON_START", "true");
    let world = world
        .set("DUMPCAR_NOTIFY_URLS", &urls.join(" "))
        .set("DUMPCAR_NOTIFY_ON", "failure,success")
        .set("DUMPCAR_PING_URL", &silent.url("/ping/x"));
    let daemon = world.daemon();
    daemon.logs("backup committed", 2).await;
    // The first message hangs; the next run is not held up by it.
    silent.gets(2).await;
    daemon.tell("USR1");
    daemon.logs("backup committed", 4).await;
    assert_eq!(world.run(&["healthcheck"]).await.stdout, "healthy\n");
    let told = Instant::now();
    let ended = daemon.stop().await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
    assert_eq!(world.manifests().len(), 4);
    assert_eq!(ended.logged("stopped before all messages were delivered").len(), 1, "{}", ended.stderr);
    drop(deaf);
}

/// What is told in the last moment still goes out.
#[tokio::test]
async fn a_message_that_waits_for_others_goes_out_at_the_end() {
    let receiver = FakeReceiver::start().await;
    // One target fails, and the other one's tool never ends: the night has no end before the stop.
    let world = World::new(|exec| match exec.snippet().contains("dump-huge") {
        true => Script::plays(vec![Step::Stdout(DUMP.to_vec()), Step::AwaitClose], Some(143)),
        false => Script::ends(DUMP, 1),
    })
    .await
    .custom("shop");
    let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-huge" });
    world.docker.container("huge", labels, &[]);
    let world = world
        .set("DUMPCAR_PARALLEL", "2")
        .set("DUMPCAR_SCHEDULE", "off")
        .set("DUMPCAR_ON_START", "true")
        .set("DUMPCAR_NOTIFY_URLS", &receiver.url("/"));
    let daemon = world.daemon();
    daemon.logs("backup failed", 1).await;
    until("the other dump runs", || world.docker.execs().iter().any(|exec| exec.running)).await;
    assert!(receiver.got().is_empty());
    let ended = daemon.stop().await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let got = receiver.got();
    assert_eq!(got.len(), 1, "{}", ended.stderr);
    assert_eq!(read(&got[0]).1, items(&[("backup.failed", "shop")]));
}

/// A redirection would take the token to somebody else.
#[tokio::test]
async fn a_redirection_is_not_followed() {
    let elsewhere = FakeReceiver::start().await;
    let to = elsewhere.url("/stolen");
    let moved =
        FakeReceiver::answering(move |_, _| Reply::Says(307, vec![("location", to.clone())], String::new()))
            .await;
    let world = World::new(|_| Script::ends(DUMP, 0)).await;
    let world = world.set("DUMPCAR_NOTIFY_URLS", &moved.url("/c4n4ry"));
    let ended = world.run(&["notify", "--test"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stdout);
    assert!(
        ended.stdout.contains("307 Temporary Redirect (the address leads to another one"),
        "{}",
        ended.stdout
    );
    assert!(elsewhere.got().is_empty());
}
