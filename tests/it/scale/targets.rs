use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Spent, TRIES};
use crate::support::docker::{Call, Fault, Script};
use crate::support::world::{World, noise, until};

/// Labelled containers, and as many that are nobody's.
async fn crew(targets: usize) -> World {
    let mut world = World::new(|_| Script::ends(&noise(100_000), 0)).await;
    for number in 0..targets {
        world = world.custom(&format!("t{number:03}"));
        world.docker.container(&format!("other-{number}"), json!({ "com.example": "x" }), &[]);
    }
    world
}

#[tokio::test]
async fn two_hundred_targets_are_found_with_one_list_and_one_inspect_each() {
    const TARGETS: usize = 200;
    let limit = Duration::from_secs(2);
    let mut best = Duration::MAX;
    for _ in 0..TRIES {
        let world = crew(TARGETS).await;
        // As long as a busy engine takes.
        world
            .docker
            .faults(|call, _| (call == Call::Inspect).then_some(Fault::Slow(Duration::from_millis(20))));
        let start = Instant::now();
        let daemon = world.daemon();
        daemon.logs("planned", TARGETS).await;
        best = best.min(start.elapsed());
        // The other list looks for containers of drills that were killed.
        assert_eq!((world.docker.calls(Call::List), world.docker.calls(Call::Inspect)), (2, TARGETS));
        assert_eq!(world.docker.most_at_once(Call::Inspect), 8);
        assert_eq!(daemon.stop().await.status, 0);
        let found: BTreeSet<String> = world
            .docker
            .requests()
            .into_iter()
            .filter(|request| request.contains("/containers/") && !request.contains("/containers/json"))
            .collect();
        assert_eq!(found.len(), TARGETS, "each one once, and no other");
        if best < limit {
            return;
        }
    }
    panic!("{best:?}");
}

#[tokio::test]
async fn between_runs_the_daemon_asks_nothing_and_does_nothing() {
    const TARGETS: usize = 50;
    let world = crew(TARGETS).await.set("DUMPCAR_SCHEDULE", "0 0 1 1 *").set("DUMPCAR_PARALLEL", "4");
    let daemon = world.daemon();
    daemon.logs("planned", TARGETS).await;
    until("events are watched", || world.docker.calls(Call::Events) == 1).await;
    let idle = Spent::by(daemon.pid());
    assert!(idle.own_kib < if cfg!(debug_assertions) { 8 } else { 3 } * 1024, "{idle:?}");
    daemon.tell("USR1");
    daemon.logs("backup committed", TARGETS).await;
    let asked = (world.docker.requests().len(), world.s3.asked().len());
    let before = Spent::by(daemon.pid());
    // A turn of the loops is 20 s.
    tokio::time::sleep(Duration::from_secs(25)).await;
    let after = Spent::by(daemon.pid());
    assert_eq!((world.docker.requests().len(), world.s3.asked().len()), asked);
    assert!(after.ticks - before.ticks <= 2, "{before:?} {after:?}");
    eprintln!("{idle:?} {before:?} {after:?}");
    assert_eq!(daemon.stop().await.status, 0);
}
