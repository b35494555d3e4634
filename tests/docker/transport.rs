//! Compressing inside the target: what the store gets, and what happens when zstd does not do its part.

use super::support::docker::{Container, tools, until};
use super::support::servers::{MARIADB_11_8, MYSQL_9_7, POSTGRESQL_17, Product, Server};
use super::support::world::{Running, World, log_lines};

/// Backs up and says whether the only dump came compressed.
pub(super) fn was_compressed_inside(world: &World) -> bool {
    let mut running = world.command(&["backup"]);
    running.env("DUMPCAR_LOG", "debug");
    let ended = Running::start(running).end();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let stored = log_lines(&ended.stderr).into_iter().filter(|line| line["message"] == "object stored");
    let ways: Vec<bool> = stored.map(|line| line["compressed_inside"].as_bool().unwrap()).collect();
    assert_eq!(ways.len(), 1, "{}", ended.stderr);
    ways[0]
}

/// A target that may compress its custom command's dump.
fn target(world: &World, command: &str, args: &[&str]) -> Container {
    let labels = [("name", "t"), ("command", command), ("transport", "on")];
    world.target(&tools(), &labels, args, &["sleep", "infinity"])
}

fn numbers() -> Vec<u8> {
    (1..=300_000).flat_map(|number| format!("{number}\n").into_bytes()).collect()
}

const NUMBERS: &str = "seq 1 300000";
const AGAIN: &str = "dumping again, without compressing inside the container";

/// What is stored is as the compression says, whichever way the dump came.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_is_stored_does_not_depend_on_the_way_there() {
    for compression in ["zstd", "zstd:1", "zstd:9", "xz", "gzip", "none"] {
        let world = World::new().set("DUMPCAR_COMPRESSION", compression);
        let container = target(&world, NUMBERS, &[]);
        assert!(was_compressed_inside(&world), "{compression}");
        assert!(world.run(&["cat", "t"]).stdout == numbers(), "{compression}");
        let ended = world.run(&["verify", "t"]);
        assert_eq!(ended.status, 0, "{compression}: {}", ended.stderr);
        let key = world.keys().into_iter().find(|key| key.contains("dump.dump")).unwrap();
        let (tool, extension) = match compression.split(':').next().unwrap() {
            "zstd" => ("zstd -dc", ".zst"),
            "xz" => ("xz -dc", ".xz"),
            "gzip" => ("gzip -dc", ".gz"),
            _ => ("cat", ".dump"),
        };
        assert!(key.ends_with(extension), "{key}");
        let (plain, said) = container.feed(&["sh", "-c", tool], &world.read(&key));
        assert!(plain == Ok(numbers()), "{compression}: {said}");
    }
}

/// Whatever becomes of zstd, there is a backup: it is no part of what was asked for.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_zstd_that_fails_costs_no_backup() {
    let broken = [
        ("is missing", "rm /usr/bin/zstd", false),
        ("cannot run", "printf '#!/bin/sh\\nexit 3\\n' >/usr/bin/zstd", false),
        (
            "fails in the middle",
            "mv /usr/bin/zstd /usr/bin/real; printf '#!/bin/sh\\nhead -c 70000 | real \"$@\"; ! head -c 1 | grep -q .\\n' >/usr/bin/zstd",
            true,
        ),
        ("prints something else", "printf '#!/bin/sh\\ntr 0-9 a-j\\n' >/usr/bin/zstd", true),
        (
            "prints only a part",
            "mv /usr/bin/zstd /usr/bin/real; printf '#!/bin/sh\\nreal \"$@\" | head -c 5000\\n' >/usr/bin/zstd",
            true,
        ),
        (
            "says something behind the end",
            "mv /usr/bin/zstd /usr/bin/real; printf '#!/bin/sh\\nreal \"$@\"; echo more\\n' >/usr/bin/zstd",
            true,
        ),
    ];
    for (what, breaks, is_tried) in broken {
        let world = World::new().set("DUMPCAR_COMPRESSION", "zstd");
        let container = target(&world, NUMBERS, &[]);
        container.exec(&["sh", "-c", &format!("{breaks}; chmod -f +x /usr/bin/zstd || true")]);
        let ended = world.back_up();
        assert_eq!(ended.stderr.contains(AGAIN), is_tried, "{what}: {}", ended.stderr);
        assert!(world.run(&["cat", "t"]).stdout == numbers(), "{what}");
        assert_eq!(world.bucket.unfinished_uploads(), 0, "{what}");
        assert_eq!(world.keys().len(), 2, "{what}: {:?}", world.keys());
    }
}

/// What the kernel does where a container has too little memory: it takes the process that offers itself.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_zstd_that_is_killed_is_done_without() {
    let world = World::new().set("DUMPCAR_COMPRESSION", "zstd").set("DUMPCAR_S3_PART_SIZE", "5MiB");
    let command = format!("{NUMBERS}; test -e /tmp/second || {{ touch /tmp/second; cat /dev/urandom; }}");
    let container = target(&world, &command, &[]);
    let dumpcar = world.start(&["backup"]);
    until("an upload has begun", || world.bucket.unfinished_uploads() > 0);
    // As its own words say, it is to go first.
    assert_eq!(container.exec(&["sh", "-c", "cat /proc/$(pidof zstd)/oom_score_adj"]), "1000");
    container.exec(&["sh", "-c", "kill -KILL $(pidof zstd)"]);
    let ended = dumpcar.end();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains(AGAIN) && ended.stderr.contains("exit status 137"), "{}", ended.stderr);
    assert!(world.run(&["cat", "t"]).stdout == numbers());
    assert_eq!(world.bucket.unfinished_uploads(), 0);
    assert_eq!(container.processes(), ["sleep infinity"]);
}

/// It is the database's memory, and its processors.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn zstd_takes_little_of_the_target() {
    let world = World::new().set("DUMPCAR_COMPRESSION", "zstd").set("DUMPCAR_S3_PART_SIZE", "5MiB");
    let container = target(&world, "exec cat /dev/urandom", &[]);
    let dumpcar = world.start(&["backup"]);
    until("an upload has begun", || world.bucket.unfinished_uploads() > 0);
    let status = container.exec(&["sh", "-c", "cat /proc/$(pidof zstd)/status /proc/$(pidof zstd)/stat"]);
    let line =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let kib: u64 = line("VmHWM:").trim_end_matches(" kB").parse().unwrap();
    assert!(kib < 16 * 1024, "{kib} KiB");
    let stat = status.lines().last().unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    assert_eq!(fields[16], "5", "its nice value");
    drop(dumpcar);
    until("nothing is left", || container.processes() == ["sleep infinity"]);
}

/// What may be compressed already is left alone unless somebody asks for it.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_custom_command_is_left_alone() {
    let world = World::new();
    let _custom = world.custom("t", NUMBERS);
    assert!(!was_compressed_inside(&world));
}

/// A large table comes back the same, whichever way it goes in; the small one beside it always goes as it is.
fn comes_back(product: Product, fill: &str) {
    let world = World::new().set("DUMPCAR_COMPRESSION", "zstd").set("DUMPCAR_LOG", "debug");
    let server = Server::target(&world, product, "secret", &[("name", "t"), ("databases", "shop,tiny")]);
    server.sql("CREATE DATABASE shop");
    server.sql("CREATE DATABASE tiny");
    server.load("shop", fill.as_bytes());
    server.load("tiny", b"CREATE TABLE t (x int); INSERT INTO t VALUES (1);");
    let rows = || {
        let summary = "SELECT count(*), sum(i), sum(length(word)), min(word), max(word) FROM big;";
        server.load("shop", summary.as_bytes())
    };
    let before = rows();
    assert!(before.contains("400000"), "{before}");
    world.back_up();
    for (transport, compressed) in [("auto", 1), ("off", 0)] {
        server.load("shop", b"DELETE FROM big;");
        let mut command = world.command(&["restore", "t", "--yes"]);
        command.env("DUMPCAR_TRANSPORT", transport);
        let ended = Running::start(command).end();
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let restored: Vec<_> = log_lines(&ended.stderr)
            .into_iter()
            .filter(|line| line["message"] == "object restored")
            .collect();
        assert!(restored.len() >= 2, "{}", ended.stderr);
        let ways = restored.iter().filter(|line| line["compressed_inside"] == true).count();
        assert_eq!(ways, compressed, "{transport}: {restored:?}");
        assert_eq!(rows(), before, "{transport}");
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn postgresql_17_takes_a_large_dump_compressed() {
    comes_back(
        POSTGRESQL_17,
        "CREATE TABLE big AS SELECT i, md5(i::text) || ' and some words' AS word FROM generate_series(1, 400000) AS i;",
    );
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn mariadb_11_8_takes_a_large_dump_compressed() {
    comes_back(
        MARIADB_11_8,
        "CREATE TABLE big AS SELECT seq AS i, CONCAT(MD5(seq), ' and some words') AS word FROM seq_1_to_400000;",
    );
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn mysql_9_7_takes_a_large_dump_compressed() {
    comes_back(
        MYSQL_9_7,
        "SET SESSION cte_max_recursion_depth = 1000000;
         CREATE TABLE big AS WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 400000)
         SELECT i, CONCAT(LEFT(SHA2(i, 256), 32), ' and some words') AS word FROM n;",
    );
}

/// What was put in is gone with it, and what was there before is there.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_restore_whose_zstd_is_killed_changes_nothing() {
    let world = World::new().set("DUMPCAR_COMPRESSION", "zstd");
    let server = Server::target(&world, POSTGRESQL_17, "secret", &[("name", "t"), ("databases", "shop")]);
    server.sql("CREATE DATABASE shop");
    server.load(
        "shop",
        b"CREATE TABLE big AS SELECT i, md5(i::text) AS word FROM generate_series(1, 3000000) AS i;",
    );
    world.back_up();
    server.load("shop", b"DELETE FROM big WHERE i > 7;");
    let restore = world.start(&["restore", "t", "--yes"]);
    // Not the one that is only tried.
    until("zstd reads", || server.container.try_exec(&["sh", "-c", "kill -KILL $(pidof zstd)"]).is_ok());
    let ended = restore.end();
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("was ended (exit status 137): set DUMPCAR_TRANSPORT=off"),
        "{}",
        ended.stderr
    );
    assert!(server.load("shop", b"SELECT count(*) FROM big;").contains('7'));
    assert_eq!(server.sql("SELECT count(*) FROM pg_database WHERE datname LIKE '%dumpcar%'").trim(), "0");
}
