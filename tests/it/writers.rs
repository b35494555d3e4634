use std::time::Duration;

use serde_json::Value;

use super::support::docker::{Call, Fault, Script};
use super::support::world::{Ended, World, rows};

const CURE: &str = "give each a prefix (DUMPCAR_STORE) or a target name (label dumpcar.name) of its own";

async fn world() -> World {
    World::new(|_| Script::ends(b"-- a dump\n", 0))
        .await
        .custom("shop")
        .set("DUMPCAR_KEEP_LAST", "1")
        .set("DUMPCAR_SCHEDULE", "off")
}

/// One backup by each of these hosts, in this order; what the last one says.
async fn made_by(world: &World, hosts: &str) -> Ended {
    let mut last = None;
    for host in hosts.chars() {
        match host {
            'a' => world.docker.call_itself("ENGINE-A", "host-a"),
            _ => world.docker.call_itself("ENGINE-B", "host-b"),
        }
        last = Some(world.run(&["backup"]).await);
    }
    last.unwrap()
}

fn instances(world: &World) -> Vec<String> {
    world.manifests().iter().map(|manifest| manifest["instance"].as_str().unwrap().to_owned()).collect()
}

const FIRST: &str = "another instance made the backups before this one, so nothing is pruned this time; if both go on, give each a prefix (DUMPCAR_STORE) or a target name (label dumpcar.name) of its own";

#[tokio::test]
async fn the_instance_is_called_like_the_engines_machine() {
    let world = world().await.set("HOSTNAME", "4be4f12a0c3d");
    world.docker.call_itself("ENGINE-A", "host-a");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    // A proxy may refuse to tell it.
    world.docker.faults(|call, _| (call == Call::Info).then_some(Fault::Refuse(403, "no")));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let world = world.set("DUMPCAR_INSTANCE", "mine").set("DUMPCAR_KEEP_LAST", "9");
    world.docker.faults(|_, _| None);
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert_eq!(instances(&world), ["4be4f12a0c3d", "mine"]);
    let world = world.unset("DUMPCAR_INSTANCE").set("DUMPCAR_PRUNE", "false");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert_eq!(instances(&world).last().unwrap(), "host-a");
}

#[tokio::test]
async fn two_writers_prune_nothing_of_each_other_and_both_say_so() {
    let world = world().await;
    let ended = made_by(&world, "ab").await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let warned = ended.logged(FIRST);
    assert_eq!(warned.len(), 1, "{}", ended.stderr);
    assert_eq!((&warned[0]["instance"], &warned[0]["other"]), (&"host-b".into(), &"host-a".into()));
    assert_eq!(instances(&world), ["host-a", "host-b"]);
    for (host, other) in [('a', "host-b"), ('b', "host-a"), ('a', "host-b")] {
        let before = instances(&world).len();
        let ended = made_by(&world, &host.to_string()).await;
        assert_ne!(ended.status, 0, "{}", ended.stderr);
        let logged = ended.logged("the backup is good, but something else went wrong");
        let problem = logged[0]["problem"].as_str().unwrap();
        let begins = format!(
            "two writers: host-{host} and {other} both make backups of this target (the newest of {other} is 2"
        );
        assert!(
            problem.starts_with(&begins) && problem.ends_with(&format!("so nothing is pruned: {CURE}")),
            "{problem}"
        );
        assert_eq!(instances(&world).len(), before + 1);
        assert_eq!(world.manifests().last().unwrap()["other_writer"], other);
    }
    // By hand neither.
    let pruned = world.run(&["prune", "--json"]).await;
    assert_eq!(pruned.status, 0, "{}", pruned.stderr);
    let message = format!("two writers make these backups, so nothing is pruned: {CURE}");
    assert_eq!(pruned.logged(&message).len(), 1, "{}", pruned.stderr);
    assert_eq!(instances(&world).len(), 5);
    let decided = rows(&pruned.stdout);
    assert_eq!(decided.last().unwrap()["reasons"], serde_json::json!(["two writers: host-a and host-b"]));
    let shown = world.run(&["show", "shop", "--at", decided[4]["backup"].as_str().unwrap()]).await;
    assert!(shown.stdout.contains("two writers: host-a and host-b"), "{}", shown.stdout);
}

#[tokio::test]
async fn list_shows_two_writers() {
    let world = world().await;
    made_by(&world, "aba").await;
    let short = world.run(&["list"]).await.stdout;
    assert!(
        short.lines().next().unwrap().ends_with(" B, two writers") && !short.contains("INSTANCE"),
        "{short}"
    );
    let note = "host-a and host-b both make backups of shop, so nothing of it is pruned: give each a\n  prefix (DUMPCAR_STORE) or a target name (label dumpcar.name) of its own\n";
    assert!(short.ends_with(note), "{short}");
    let long = world.run(&["list", "shop"]).await.stdout;
    let lines: Vec<&str> = long.lines().collect();
    assert!(lines[0].ends_with(", two writers") && lines[1].ends_with("DRILL  INSTANCE  STATE"), "{long}");
    assert!(
        lines[2].contains("host-a") && lines[3].contains("host-b") && lines[4].contains("host-a"),
        "{long}"
    );
    assert!(lines[..4].iter().all(|line| line.len() <= 100) && long.ends_with(note), "{long}");
    for command in [&["list", "--json"][..], &["list", "shop", "--json"]] {
        let answer: Value = serde_json::from_str(&world.run(command).await.stdout).unwrap();
        assert_eq!(answer["targets"][0]["writers"], serde_json::json!(["host-a", "host-b"]), "{answer}");
        assert_eq!(answer["backups"][0]["instance"], "host-a");
    }
}

/// The host has burned down: the new one has its place.
#[tokio::test]
async fn a_new_host_is_no_second_writer() {
    let world = world().await;
    let ended = made_by(&world, "aaab").await;
    assert_eq!((ended.status, ended.logged(FIRST).len()), (0, 1), "{}", ended.stderr);
    let ended = made_by(&world, "b").await;
    assert_eq!((ended.status, ended.logged(FIRST).len()), (0, 0), "{}", ended.stderr);
    assert_eq!(instances(&world), ["host-b"], "the rules are in force again");
    assert!(!world.run(&["list"]).await.stdout.contains("two writers"));
}

#[tokio::test]
async fn two_writers_are_a_matter_of_health_until_it_is_over() {
    let world = world().await;
    world.docker.call_itself("ENGINE-A", "host-a");
    let daemon = world.daemon();
    daemon.logs("target found", 1).await;
    for night in 1..=3 {
        daemon.tell("USR1");
        daemon.logs("backup committed", night).await;
        // It is told behind the log's line.
        let wanted = if night == 2 { "shop: two writers: host-a and host-b" } else { "healthy\n" };
        let said = async || {
            while !world.run(&["healthcheck"]).await.stdout.starts_with(wanted) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let said = tokio::time::timeout(Duration::from_secs(30), said()).await;
        assert!(said.is_ok(), "never in night {night}: {wanted}");
        if night == 1 {
            made_by(&world, "b").await;
        } else if night == 2 {
            // Somebody has put it where it belongs.
            for key in world.keys().into_iter().filter(|key| key.ends_with("manifest.json")) {
                let manifest: Value = serde_json::from_slice(&world.read(&key)).unwrap();
                if manifest["instance"] == "host-b" {
                    std::fs::remove_file(world.s3.path(&format!("{}/{key}", world.prefix()))).unwrap();
                }
            }
        }
    }
    let ended = daemon.stop().await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}
