use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::support::docker::{Container, docker, tools, until};
use super::support::sidecar::{Sidecar, logged};
use super::support::world::World;

const SWEPT: &str = "cleaned up after a run that was killed";
const RUN: &str = "00000000deadbeef";

/// A tool whose sidecar is dead, and whose connection never says so: Docker still holds its standard input open.
struct Orphan {
    client: Child,
}

impl Orphan {
    /// As a sidecar starts it, for the run [`RUN`].
    fn start(target: &Container, command: &str, level: &str) -> Self {
        let marker = format!("dumpcar-{RUN}-00000000000000000000000000000000");
        let shared = include_str!("../../src/docker/end.sh");
        let wrapper =
            format!("#{marker}\nl={level}\n{shared}{}", include_str!("../../src/docker/wrapper.sh"));
        let mut exec = Command::new("docker");
        exec.args(["exec", "-i", &target.id, "sh", "-c", &wrapper, "dumpcar", &marker, command, "sh"]);
        let client = exec.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { client }
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        drop(self.client.kill());
        drop(self.client.wait());
    }
}

/// The record of a process of this machine that has ended.
fn put_record_of_the_dead(world: &World, target: &Container) {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let network = std::fs::read_link("/proc/self/ns/net").unwrap();
    let record = json!({
        "version": 1, "run": RUN, "target": "t", "container": target.id, "started": "2026-01-01T23:00:00Z",
        "holder": { "instance": "gone", "process": "0".repeat(32), "boot": boot.trim(), "network": network },
    });
    world.write(&format!(".dumpcar/runs/t/{RUN}.json"), record.to_string().as_bytes());
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_tool_that_never_heard_of_its_sidecars_end_is_ended_under_every_shell() {
    for shell in ["/bin/dash", "/bin/bash", "/bin/busybox"] {
        for (command, level) in [
            ("exec sleep 4321", ""),
            ("sleep 4321; echo", "3"),
            ("trap '' TERM; while :; do sleep 4321; done", "3"),
            ("cat /dev/zero", ""),
            ("cat /dev/zero", "3"),
        ] {
            let world = World::new();
            let start = format!("ln -sf {shell} /bin/sh && exec sleep infinity");
            let labels = [("name", "t"), ("command", "echo dump")];
            let target = world.target(&tools(), &labels, &[], &["bash", "-c", &start]);
            until("the shell is in place", || target.processes() == ["sleep infinity"]);
            let incarnation = target.incarnation();
            let orphan = Orphan::start(&target, command, level);
            let tool = if command.contains("4321") { "sleep 4321" } else { "cat /dev/zero" };
            until("the tool runs", || target.processes().iter().any(|process| process == tool));

            put_record_of_the_dead(&world, &target);
            let ended = world.back_up();
            assert!(ended.stderr.contains(SWEPT), "{shell}, {command}: {}", ended.stderr);
            assert_eq!(target.processes(), ["sleep infinity"], "{shell}, {command}");
            assert_eq!(target.incarnation(), incarnation);
            assert_eq!(world.keys().len(), 2, "{:?}", world.keys());
            drop(orphan);
        }
    }
}

/// A world in which a dump goes on until its target is told to let it end.
fn endless() -> (World, Container) {
    let world = World::new().set("DUMPCAR_COMPRESSION", "none").set("DUMPCAR_S3_PART_SIZE", "5MiB");
    let target = world.custom("t", "test -e /tmp/end && exec echo dump; exec cat /dev/zero");
    (world, target)
}

fn let_end(target: &Container) {
    target.exec(&["touch", "/tmp/end"]);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_sidecar_that_was_killed_cleans_up_when_its_container_starts_again() {
    let (world, target) = endless();
    let sidecar = Sidecar::new(&world);
    let daemon = sidecar.daemon(&["-e", "DUMPCAR_ON_START=true"]);
    until("an upload has begun", || world.bucket.unfinished_uploads() > 0);
    docker(&["kill", &daemon.id]);
    until("the dump has gone", || target.processes() == ["sleep infinity"]);
    assert!(world.bucket.unfinished_uploads() > 0, "nobody is left to abort it");
    let_end(&target);
    docker(&["start", &daemon.id]);
    until("it makes a backup", || logged(&daemon, "backup committed", "t") == 1);
    assert_eq!(logged(&daemon, SWEPT, "t"), 1, "{}", daemon.logs());
    assert_eq!(world.bucket.unfinished_uploads(), 0);
    until("the record has gone", || world.keys().len() == 2);
}

/// As Compose does it after an upgrade of the image: another container, another host name, another namespace.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_sidecar_that_replaces_a_killed_one_cleans_up_after_it() {
    let (world, target) = endless();
    let sidecar = Sidecar::new(&world);
    let first = sidecar.daemon(&["-e", "DUMPCAR_ON_START=true"]);
    until("an upload has begun", || world.bucket.unfinished_uploads() > 0);
    docker(&["kill", &first.id]);
    drop(first);
    let_end(&target);
    let second = sidecar.daemon(&["-e", "DUMPCAR_ON_START=true"]);
    until("it makes a backup", || logged(&second, "backup committed", "t") == 1);
    assert_eq!(logged(&second, SWEPT, "t"), 1, "{}", second.logs());
    assert_eq!(world.bucket.unfinished_uploads(), 0);
    until("the record has gone", || world.keys().len() == 2);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_sidecar_leaves_the_work_of_another_living_one_alone() {
    let (world, target) = endless();
    let sidecar = Sidecar::new(&world);
    let first = sidecar.daemon(&["-e", "DUMPCAR_ON_START=true"]);
    until("an upload has begun", || world.bucket.unfinished_uploads() > 0);
    let keys = world.keys();
    let second = sidecar.daemon(&[]);
    until("it has looked around", || logged(&second, "planned", "t") == 1);
    assert_eq!(logged(&second, SWEPT, "t"), 0, "{}", second.logs());
    assert_eq!(world.bucket.unfinished_uploads(), 1);
    assert_eq!(world.keys(), keys);
    assert!(target.processes().iter().any(|process| process == "cat /dev/zero"));
    // Process 1 of the first one is stopped in order, and cleans up itself.
    docker(&["stop", "-t", "10", &first.id]);
    world.assert_nothing_is_stored();
}
