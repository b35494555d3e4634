//! Messages and pings, with real receivers on this machine.

/// E-mail.
mod mail;
/// Pings.
mod ping;
/// What each service gets.
mod services;
/// Receivers that are slow, dead, or refuse.
mod trouble;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::support::docker::Script;
use super::support::receiver::{FakeReceiver, Got};
use super::support::world::{World, until};

const DUMP: &[u8] = b"-- a dump\n";

/// A world whose dump tools fail while this is set, and that backs up when it starts.
async fn breakable() -> (World, Arc<AtomicBool>) {
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&is_broken);
    let world = World::new(move |_| Script::ends(DUMP, u8::from(broken.load(Ordering::Relaxed)))).await;
    let world = world.set("DUMPCAR_SCHEDULE", "off").set("DUMPCAR_ON_START", "true");
    (world.set("DUMPCAR_INSTANCE", "nas").set("DUMPCAR_LOG", "trace"), is_broken)
}

/// The title of a CloudEvent, and the kinds of its items with what they are about.
fn read(got: &Got) -> (String, Vec<(String, String)>) {
    let event = got.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = event["data"]["items"].as_array().unwrap().clone();
    let items = items.iter().map(|item| (text(&item["kind"]), text(&item["about"]))).collect();
    (text(&event["data"]["title"]), items)
}

fn items(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(kind, about)| ((*kind).to_owned(), (*about).to_owned())).collect()
}

#[tokio::test]
async fn a_failure_and_the_recovery_are_told_once_each() {
    let (world, is_broken) = breakable().await;
    is_broken.store(true, Ordering::Relaxed);
    let receiver = FakeReceiver::start().await;
    let world = world.custom("shop").set("DUMPCAR_NOTIFY_URLS", &receiver.url("/hooks/c4n4ry"));
    let daemon = world.daemon();
    let first = receiver.gets(1).await;
    assert_eq!(read(&first[0]).0, "[dumpcar nas] shop: backup failed");
    assert_eq!(read(&first[0]).1, items(&[("backup.failed", "shop")]));
    let event = first[0].json();
    assert_eq!(first[0].header("content-type").unwrap(), "application/cloudevents+json; charset=utf-8");
    assert_eq!((&event["specversion"], &event["type"]), (&json!("1.0"), &json!("io.dumpcar.backup.failed")));
    assert_eq!((&event["source"], &event["subject"]), (&json!("dumpcar/nas"), &json!("shop")));
    let text = event["data"]["items"][0]["text"].as_str().unwrap();
    assert!(text.contains("exit status 1"), "{text}");
    // It fails again, for the same reason: that is no news.
    daemon.tell("USR1");
    daemon.logs("backup failed", 2).await;
    is_broken.store(false, Ordering::Relaxed);
    daemon.tell("USR1");
    let both = receiver.gets(2).await;
    assert_eq!(read(&both[1]).1, items(&[("recovered", "shop")]));
    assert_ne!(both[0].json()["id"], both[1].json()["id"]);
    // A good one after a good one is no news either: what comes next is the next failure.
    daemon.tell("USR1");
    daemon.logs("backup committed", 2).await;
    is_broken.store(true, Ordering::Relaxed);
    daemon.tell("USR1");
    assert_eq!(read(&receiver.gets(3).await[2]).1, items(&[("backup.failed", "shop")]));
    let ended = daemon.stop().await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(!ended.stderr.contains("c4n4ry"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_night_with_many_targets_is_one_message() {
    let (world, is_broken) = breakable().await;
    is_broken.store(true, Ordering::Relaxed);
    let receiver = FakeReceiver::start().await;
    let mut world = world.set("DUMPCAR_NOTIFY_URLS", &receiver.url("/"));
    for number in 0..12 {
        world = world.custom(&format!("t{number:02}"));
    }
    let daemon = world.daemon();
    daemon.logs("backup failed", 12).await;
    let first = receiver.gets(1).await;
    let (title, told) = read(&first[0]);
    assert_eq!((title.as_str(), told.len()), ("[dumpcar nas] 12 problems", 12));
    assert!(
        first[0].json()["data"]["summary"].as_str().unwrap().starts_with("0 of 12 targets good, not t00")
    );
    is_broken.store(false, Ordering::Relaxed);
    daemon.tell("USR1");
    daemon.logs("backup committed", 12).await;
    let recovered = |received: &[Got]| {
        let items = received.iter().skip(1).flat_map(|message| read(message).1);
        items.map(|(kind, about)| format!("{kind} {about}")).collect::<Vec<_>>()
    };
    until("each is told to be good again", || recovered(&receiver.got()).len() >= 12).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    // The daemon may have tried some of them again by itself before it was asked to: those come in a message of their own.
    let got = receiver.got();
    let mut told = recovered(&got);
    told.sort();
    assert_eq!(told, (0..12).map(|number| format!("recovered t{number:02}")).collect::<Vec<_>>());
    assert!(got.len() < 5, "{} messages: {}", got.len(), ended.stderr);
}

#[tokio::test]
async fn good_backups_are_told_if_somebody_asks_for_it() {
    let (world, _) = breakable().await;
    let receiver = FakeReceiver::start().await;
    let world = world.custom("shop").custom("blog").set("DUMPCAR_NOTIFY_URLS", &receiver.url("/"));
    let daemon = world.daemon_with(&[("DUMPCAR_NOTIFY_ON", "success")]);
    let (title, told) = read(&receiver.gets(1).await[0]);
    assert_eq!(title, "[dumpcar nas] 2 backups good");
    assert_eq!(told, items(&[("backup.good", "blog"), ("backup.good", "shop")]));
    assert_eq!(daemon.stop().await.status, 0);
}

/// A command in the daemon's container sends nothing itself: the daemon does.
#[tokio::test]
async fn what_is_done_by_hand_is_told_by_the_daemon_alone() {
    let (world, is_broken) = breakable().await;
    let receiver = FakeReceiver::start().await;
    let world = world.custom("shop").set("DUMPCAR_NOTIFY_URLS", &receiver.url("/"));
    is_broken.store(true, Ordering::Relaxed);
    assert_eq!(world.run(&["backup"]).await.status, 1);
    assert!(receiver.got().is_empty());
    is_broken.store(false, Ordering::Relaxed);
    let daemon = world.daemon();
    daemon.logs("backup committed", 1).await;
    is_broken.store(true, Ordering::Relaxed);
    assert_eq!(world.run(&["backup"]).await.status, 1);
    assert_eq!(read(&receiver.gets(1).await[0]).1, items(&[("backup.failed", "shop")]));
    is_broken.store(false, Ordering::Relaxed);
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert_eq!(read(&receiver.gets(2).await[1]).1, items(&[("recovered", "shop")]));
    let ended = daemon.stop().await;
    assert_eq!((ended.status, receiver.got().len()), (0, 2), "{}", ended.stderr);
}
