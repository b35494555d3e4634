use std::process::{Command, Stdio};
use std::time::Duration;

use super::support::docker::{Container, holds_within, tools, until};
use super::support::world::{World, timed};
use super::transport::was_compressed_inside;

/// What a promise of five seconds may take on a machine that builds something else at the same time.
const SOON: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
enum Shell {
    Dash,
    Bash,
    Busybox,
}

const WRAPPER: &str =
    concat!(include_str!("../../src/docker/end.sh"), include_str!("../../src/docker/wrapper.sh"));

/// Whether the tool's output is compressed in the target.
const TRANSPORTS: [&str; 2] = ["off", "on"];

/// A target whose `/bin/sh` is this shell, and what its process 1 is.
fn target(world: &World, shell: Shell, transport: &str, command: &str) -> (Container, String) {
    let shell = match shell {
        Shell::Dash => "/bin/dash",
        Shell::Bash => "/bin/bash",
        Shell::Busybox => "/bin/busybox",
    };
    let start = format!("ln -sf {shell} /bin/sh && exec sleep infinity");
    let labels = [("name", "t"), ("command", command), ("transport", transport)];
    let target = world.target(&tools(), &labels, &[], &["bash", "-c", &start]);
    until("the shell is in place", || target.processes() == ["sleep infinity"]);
    assert_eq!(target.exec(&["readlink", "/bin/sh"]), shell);
    let incarnation = target.incarnation();
    (target, incarnation)
}

fn runs(target: &Container, what: &str) -> bool {
    target.processes().iter().any(|process| process.starts_with(what))
}

/// Only process 1 is left, the same as before.
fn assert_alone(target: &Container, incarnation: &str, what: &str) {
    let (alone, took) = timed(|| holds_within(SOON, || target.processes() == ["sleep infinity"]));
    assert!(alone, "{what}: left after {SOON:?}: {:?}", target.processes());
    println!("{what}: nothing left after {took:?}");
    assert_eq!(target.incarnation(), incarnation);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_dump_tools_exit_status_decides_under_every_shell() {
    let shells = [Shell::Dash, Shell::Bash, Shell::Busybox];
    for (shell, transport) in shells.into_iter().flat_map(|shell| TRANSPORTS.map(|way| (shell, way))) {
        let world = World::new();
        let what = format!("{shell:?}, {transport}");
        for (status, meaning) in
            [(1, "exit status 1"), (3, "exit status 3"), (127, "(exit status 127)"), (255, "signal 127")]
        {
            let command = format!("seq 1 100000; echo 'the disk is on fire' >&2; exit {status}");
            let (target, incarnation) = target(&world, shell, transport, &command);
            let reason = world.refused(1);
            assert!(
                reason.contains(meaning) && reason.contains("the disk is on fire"),
                "{what}, {status}: {reason}"
            );
            assert_alone(&target, &incarnation, &format!("{what}, {status}"));
        }
        let (target, incarnation) = target(&world, shell, transport, "seq 1 100000; echo 'all is well' >&2");
        assert_eq!(was_compressed_inside(&world), transport == "on", "{what}");
        assert_alone(&target, &incarnation, &format!("{what}, 0"));
        let expected: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
        assert!(world.run(&["cat", "t"]).stdout == expected.as_bytes(), "{what}");
    }
}

/// Commands and the process that shows that they run.
const COMMANDS: [(&str, &str); 6] = [
    ("yes", "yes"),
    ("cat /dev/zero | cat", "cat"),
    ("exec sleep 1000", "sleep 1000"),
    ("sleep 1000; echo not this one", "sleep 1000"),
    ("(sleep 1000; true) | (cat; true)", "sleep 1000"),
    ("exec bash -c 'trap \"\" TERM HUP INT; while :; do sleep 7; done'", "sleep 7"),
];

fn nothing_is_left(shell: Shell) {
    let ways = COMMANDS.into_iter().flat_map(|command| TRANSPORTS.map(|way| (command, way)));
    for ((command, process), transport) in ways {
        let world = World::new().set("DUMPCAR_COMPRESSION", "none");
        let (target, incarnation) = target(&world, shell, transport, command);
        let what = format!("{shell:?}, {transport}, {command}");
        let mut dumpcar = world.start(&["backup"]);
        until("the tool runs", || runs(&target, process));
        dumpcar.kill();
        assert_alone(&target, &incarnation, &format!("{what}, KILL"));
        assert!(world.manifests().is_empty());

        let dumpcar = world.start(&["backup"]);
        until("the tool runs again", || runs(&target, process));
        dumpcar.signal("TERM");
        let ended = dumpcar.end();
        assert_eq!(ended.status, 143, "{what}: {}", ended.stderr);
        assert_alone(&target, &incarnation, &format!("{what}, TERM"));
        assert!(world.manifests().is_empty());
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn nothing_is_left_in_a_target_with_dash() {
    nothing_is_left(Shell::Dash);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn nothing_is_left_in_a_target_with_bash() {
    nothing_is_left(Shell::Bash);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn nothing_is_left_in_a_target_with_busybox() {
    nothing_is_left(Shell::Busybox);
}

/// Where somebody holds the output and reads nothing of it, zstd waits for ever, and no signal of a broken pipe comes.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_zstd_that_nobody_reads_is_ended_with_its_tool() {
    for shell in [Shell::Dash, Shell::Bash, Shell::Busybox] {
        let (target, incarnation) = target(&World::new(), shell, "on", "true");
        let mut held = Command::new("docker")
            .args(["exec", "-i", &target.id, "sh", "-c", &format!("l=1\n{WRAPPER}"), "dumpcar", "MARK"])
            .arg("exec cat /dev/urandom")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut before = String::new();
        until("zstd waits for its reader", || {
            let written = "cat /proc/$(pidof zstd)/io 2>/dev/null | grep ^wchar: || true";
            let now = target.exec(&["sh", "-c", written]);
            !now.is_empty() && std::mem::replace(&mut before, now.clone()) == now && now != "wchar: 0"
        });
        assert!(runs(&target, "cat /dev/urandom"), "{:?}", target.processes());
        drop(held.stdin.take());
        // The wrapper itself has its last word to say, and nothing of the database's.
        let are_ended = || ["cat", "zstd"].iter().all(|process| !runs(&target, process));
        assert!(holds_within(SOON, are_ended), "{shell:?}: {:?}", target.processes());
        held.kill().unwrap();
        held.wait().unwrap();
        assert_alone(&target, &incarnation, &format!("{shell:?}, nobody reads"));
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_stop_leaves_no_object_and_no_unfinished_upload() {
    let world = World::new().set("DUMPCAR_COMPRESSION", "none").set("DUMPCAR_S3_PART_SIZE", "5MiB");
    let (target, incarnation) = target(&world, Shell::Dash, "off", "cat /dev/zero");
    let dumpcar = world.start(&["backup"]);
    until("an upload has begun", || world.bucket.unfinished_uploads() > 0);
    dumpcar.signal("TERM");
    let ended = dumpcar.end();
    assert_eq!(ended.status, 143, "{}", ended.stderr);
    world.assert_nothing_is_stored();
    assert_alone(&target, &incarnation, "a stop in an upload");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_tool_that_leaves_a_writer_behind_makes_no_backup() {
    let world = World::new();
    let command = "echo dump; (sleep 3; echo more) & exit 0";
    let (target, incarnation) = target(&world, Shell::Dash, "off", command);
    let ended = world.run(&["backup"]);
    // Whether it is noticed depends on when the child writes; what is stored is the tool's output in any case.
    if ended.status == 0 {
        assert_eq!(world.run(&["cat", "t"]).stdout, b"dump\n");
    } else {
        world.assert_nothing_is_stored();
    }
    assert_alone(&target, &incarnation, "a writer left behind");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_container_without_a_shell_is_told_so() {
    let world = World::new();
    let image = super::support::docker::pocketbase();
    let _target = world.target(&image, &[("name", "t"), ("command", "cat /pocketbase")], &[], &[]);
    let reason = world.refused(1);
    assert!(reason.contains("the container cannot run a shell: OCI runtime exec failed"), "{reason}");
    assert!(reason.ends_with(&format!("; Dumpcar needs `sh` in the image {image}")), "{reason}");
}
