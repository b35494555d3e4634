//! Promise P2, counted: by the kernel for each process, by the cgroup for each container, and by Docker for each file.
//!
//! What is counted is checked to count: tools that do write are caught by the same numbers.

use std::collections::BTreeMap;

use super::support::docker::{Container, api, docker, tools, until};
use super::support::servers::{POSTGRESQL_17, Server};
use super::support::sidecar::{Sidecar, logged};
use super::support::world::World;

/// Bytes that a container's processes caused to be written, and what differs from its image.
#[derive(Debug, PartialEq, Eq)]
struct Writes {
    /// By command: what the kernel charged to the processes that live now, when they dirtied a page of a file. Pages
    /// of a file that was removed before they reached the disk are in it; memory and pipes are not.
    processes: BTreeMap<String, u64>,
    /// What the container's cgroup sent to block devices.
    devices: u64,
    /// `docker diff`.
    files: Vec<String>,
}

impl Writes {
    /// Looks from a container beside it, because the sidecar has no shell.
    fn of(container: &Container) -> Self {
        let space = format!("container:{}", container.id);
        let script = r#"cd /proc && for p in [0-9]*; do
            n=$(sed -n "s/^write_bytes: //p" $p/io 2>/dev/null) && printf "%s %s\n" "$n" "$(tr "\0\n" "  " <$p/cmdline)"
        done 2>/dev/null"#;
        let args = ["run", "--rm", "--pid", &space, "--cap-add", "SYS_PTRACE", &tools(), "sh", "-c", script];
        let mut processes = BTreeMap::new();
        for line in docker(&args).lines() {
            let Some((bytes, command)) = line.split_once(' ') else { continue };
            if let Ok(bytes) = bytes.parse::<u64>() {
                // The end of it: the wrapper is a long beginning.
                let command: Vec<char> = command.trim().chars().collect();
                let end = command.iter().skip(command.len().saturating_sub(150)).collect();
                *processes.entry(end).or_default() += bytes;
            }
        }
        let stats = api(&format!("/containers/{}/stats?stream=false&one-shot=true", container.id));
        let devices = stats["blkio_stats"]["io_service_bytes_recursive"].as_array();
        let devices = devices.into_iter().flatten().filter(|one| {
            one["op"].as_str().is_some_and(|operation| operation.eq_ignore_ascii_case("write"))
        });
        let devices = devices.map(|one| one["value"].as_u64().unwrap()).sum();
        // The place of a mount is made by Docker itself.
        let mounts = container.inspect("{{range .Mounts}}{{.Destination}}\n{{end}}");
        let is_mount =
            |file: &str| mounts.lines().any(|mount| format!("{mount}/").starts_with(&format!("{file}/")));
        let files = docker(&["diff", &container.id]);
        let files = files.lines().filter(|line| !is_mount(line.split_at(2).1)).map(str::to_owned).collect();
        Self { processes, devices, files }
    }

    /// What the processes of these words wrote; they have to be there.
    fn by(&self, words: &str) -> u64 {
        let mut found = self.processes.iter().filter(|(command, _)| command.contains(words)).peekable();
        assert!(found.peek().is_some(), "no process {words}: {self:?}");
        found.map(|(_, bytes)| bytes).sum()
    }
}

/// Prints 20 MB, without a helper that would end and take its numbers along; then stops for the test to look.
const PRINTS: &str =
    r#"x=$(seq 1 300000); for i in 1 2 3 4 5 6 7 8 9 10; do printf "%s\n" "$x"; done; kill -STOP $$"#;

/// Runs a backup by the image, without a writable place, of a target with this command. What the tool, the target and
/// the sidecar had written when the tool had printed everything, and the sidecar when all was done.
fn writes_of_a_backup(command: &str) -> (Writes, Writes) {
    let world = World::new().set("DUMPCAR_SCHEDULE", "off").set("DUMPCAR_ON_START", "true");
    let sidecar = Sidecar::new(&world);
    // A volume is a file system of the host.
    let labels = [("name", "t"), ("command", command)];
    let target = world.target(&tools(), &labels, &["-v", "/data"], &["sleep", "infinity"]);
    let before = Writes::of(&target);
    let daemon = sidecar.daemon(&[]);
    assert_eq!(daemon.inspect("{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}"), "true [ALL]");
    assert_eq!(daemon.inspect("{{len .HostConfig.Tmpfs}}"), "0");
    let stopped = r#"for p in /proc/[0-9]*; do grep -q "^State:.T" $p/status && echo "${p##*/}"; done; true"#;
    let stopped = || target.try_exec(&["sh", "-c", stopped]).unwrap_or_default();
    until("the tool has printed everything", || !stopped().is_empty());
    let at_the_end = Writes::of(&target);
    target.exec(&["sh", "-c", &format!("kill -CONT {}", stopped())]);
    until("the backup is committed", || logged(&daemon, "backup committed", "t") == 1);
    let own = Writes::of(&daemon);
    assert_eq!(world.manifests().len(), 1);
    assert_eq!((before.devices, before.files), (0, vec![]));
    (at_the_end, own)
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_backup_writes_nothing_to_any_disk() {
    let (target, sidecar) = writes_of_a_backup(PRINTS);
    println!("target: {target:?}\nsidecar: {sidecar:?}");
    assert_eq!(target.by("seq 1 300000"), 0, "the tool: {target:?}");
    assert_eq!(target.processes.values().sum::<u64>(), 0, "{target:?}");
    assert_eq!((target.devices, &target.files), (0, &vec![]));
    assert_eq!(sidecar.by("/dumpcar"), 0, "{sidecar:?}");
    assert_eq!((sidecar.devices, &sidecar.files), (0, &vec![]));
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_tool_that_writes_is_caught_by_the_same_numbers() {
    // In the container's own file system, and in a volume without a trace.
    let (target, sidecar) = writes_of_a_backup(&format!("echo x >/tmp/x; {PRINTS}"));
    assert!(target.by("seq 1 300000") > 0, "{target:?}");
    assert_eq!(target.files, ["C /tmp", "A /tmp/x"]);
    assert_eq!(sidecar.by("/dumpcar"), 0, "{sidecar:?}");
    let (target, _) = writes_of_a_backup(&format!("echo x >/data/x; rm /data/x; {PRINTS}"));
    assert!(target.by("seq 1 300000") > 0, "{target:?}");
    assert!(target.files.is_empty(), "{target:?}");
}

/// The server may write for reasons of its own; the dump's tools may not. Here they could not if they would: the only
/// places that can be written to are the server's, and those are in memory.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_postgresql_dump_needs_no_place_to_write() {
    let world = World::new().set("DUMPCAR_SCHEDULE", "off").set("DUMPCAR_ON_START", "true");
    let sidecar = Sidecar::new(&world);
    let labels = world.labels(&[("name", "t")]);
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    // Where an entry point may put something while it sets the server up.
    let places = ["--read-only", "--tmpfs", "/var/run/postgresql", "-e", "TMPDIR=/var/run/postgresql"];
    let password = ["-e", "POSTGRES_PASSWORD=secret"];
    let server = Server::with(POSTGRESQL_17, "secret", &[&labels[..], &places, &password].concat()).wait();
    // It takes a while, for nothing makes it small.
    server.sql(
        "CREATE TABLE t AS SELECT (SELECT string_agg(md5(g::text || i), '') FROM generate_series(1, 50) i) FROM generate_series(1, 20000) g;",
    );
    assert!(server.container.try_exec(&["touch", "/tmp/x"]).unwrap_err().contains("Read-only"));
    let before = Writes::of(&server.container);

    let daemon = sidecar.daemon(&[]);
    let copies =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump' AND query LIKE 'COPY%';";
    until("rows are dumped", || server.sql(copies) == "1\n");
    // Held in the middle of it, to be looked at.
    let hold = "for p in /proc/[0-9]*; do case $(tr '\\0' ' ' <$p/cmdline 2>/dev/null) in */pg_dump\\ *) kill -STOP ${p##*/};; esac; done; \
        grep -l '^State:.T' /proc/[0-9]*/status";
    server.container.exec(&["sh", "-c", hold]);
    let during = Writes::of(&server.container);
    let go_on = "for p in /proc/[0-9]*; do grep -q '^State:.T' $p/status && kill -CONT ${p##*/}; done; true";
    server.container.exec(&["sh", "-c", go_on]);
    until("the backup is committed", || logged(&daemon, "backup committed", "t") == 1);
    let after = Writes::of(&server.container);
    let own = Writes::of(&daemon);
    println!("before: {before:?}\nduring: {during:?}\nafter: {after:?}\nsidecar: {own:?}");
    assert_eq!(during.by("pg_dump"), 0, "{during:?}");
    assert_eq!((&after.files, after.devices), (&before.files, before.devices));
    assert_eq!(own.by("/dumpcar"), 0, "{own:?}");
    assert_eq!((own.devices, own.files), (0, vec![]));
    assert_eq!(world.manifests().len(), 1);
}
