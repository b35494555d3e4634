//! What the daemon of the image takes and keeps. Allocators are part of that, so nothing less than the image tells.

use std::fs;

use super::support::docker::{Container, LIMIT, docker, holds_within, until};
use super::support::sidecar::{Sidecar, logged};
use super::support::world::World;

const MIB: u64 = 1 << 20;

/// What the kernel says of the daemon's memory, in bytes: `VmRSS`, or `VmHWM` for the most it ever was.
fn memory(daemon: &Container, which: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.inspect("{{.State.Pid}}"))).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(which)).expect(&status);
    let kib: u64 = line.trim_matches(|sign: char| !sign.is_ascii_digit()).parse().unwrap();
    kib * 1024
}

/// Dumps of 80 MB that nothing makes smaller fill every queue and every part. The limits are those of
/// `docs/performance.md`.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_daemon_stays_within_its_memory_and_gives_it_back_after_a_dump() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(8) as u64;
    let limits =
        [("none", 48), ("zstd:3", 64), ("auto", 60 + 18 * cores), ("zstd:9", 72 + 20 * cores.min(4))];
    for (compression, limit) in limits {
        let world = World::new().set("DUMPCAR_COMPRESSION", compression).set("DUMPCAR_LISTEN", "8080");
        let sidecar = Sidecar::new(&world);
        let _target = world.custom("t", "head -c 80000000 /dev/urandom");
        // Buffers of the kernel count there as well.
        let daemon = sidecar.daemon(&["--memory", &format!("{}m", limit.max(64))]);
        until("the target is planned", || logged(&daemon, "planned", "t") == 1);
        let idle = memory(&daemon, "VmRSS:");
        assert!(idle < 13 * MIB, "{compression}: {idle} bytes before the first dump");

        for done in 1..=2 {
            docker(&["kill", "-s", "USR1", &daemon.id]);
            // How long it compresses is not what is measured here.
            assert!(
                holds_within(4 * LIMIT, || logged(&daemon, "backup committed", "t") == done),
                "{compression}, {done}: not backed up: {}, {}",
                daemon.inspect("{{json .State}}"),
                daemon.logs()
            );
            // What the first dump leaves for the next ones: connections, threads, code that was never run before.
            until("the memory has gone back", || memory(&daemon, "VmRSS:") < idle + 4 * MIB);
        }
        let peak = memory(&daemon, "VmHWM:");
        println!(
            "{compression}: {idle} bytes idle, {peak} at most, {} afterwards",
            memory(&daemon, "VmRSS:")
        );
        assert!(peak < limit * MIB, "{compression}: {peak} bytes at most");
    }
}
