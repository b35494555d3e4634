use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::support::docker::until;
use super::support::servers::{POSTGRESQL_15, POSTGRESQL_17, Product, Server};
use super::support::world::World;

/// A PostgreSQL that is process 1 takes every orphan for a child of its own, and restarts all others when one dies of a
/// signal. An aborted dump must never do that to it.
fn survives_aborted_dumps(product: Product) {
    let world = World::new().set("DUMPCAR_COMPRESSION", "zstd");
    let server = Server::target(&world, product, "secret", &[("name", "t")]);
    server.sql(
        "CREATE UNLOGGED TABLE big AS SELECT g AS id, repeat(md5(g::text), 12) AS text FROM generate_series(1, 600000) g;",
    );
    assert!(server.container.processes()[0].starts_with("postgres"), "the server is process 1");
    let incarnation = server.container.incarnation();

    let mut session = Command::new("docker")
        .args(["exec", "-i", &server.container.id, "psql", "-U", "postgres", "-XAtq"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut typed = session.stdin.take().unwrap();
    typed.write_all(b"CREATE TEMPORARY TABLE mine AS SELECT 'still here' AS word;\n").unwrap();
    // What the server said when it was made is not what this is about.
    let log_before = server.container.logs().len();
    let dumps =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump' AND query LIKE 'COPY%';";

    // In the middle of the data.
    for signal in ["KILL", "TERM", "KILL", "INT", "KILL"] {
        let dumpcar = world.start(&["backup"]);
        until("rows are dumped", || server.sql(dumps) == "1\n");
        dumpcar.signal(signal);
        drop(dumpcar);
        until("the dump has gone", || all_gone(&server));
    }
    // Anywhere else: while it asks for the databases, the settings, the roles.
    for tenths in 0..16 {
        let dumpcar = world.start(&["backup"]);
        thread::sleep(Duration::from_millis(50 * tenths));
        dumpcar.signal("KILL");
        drop(dumpcar);
        until("the tools have gone", || all_gone(&server));
    }
    // While a tool has a helper of its own: pg_dumpall asks pg_dump for its version, which is made to take its time.
    let slow = "cd /usr/lib/postgresql/*/bin && mv pg_dump pg_dump.real && printf '#!/bin/sh\\nsleep 3\\nexec %s/pg_dump.real \"$@\"\\n' \
        \"$PWD\" >pg_dump && chmod 755 pg_dump";
    server.container.exec(&["sh", "-c", slow]);
    for _ in 0..3 {
        let dumpcar = world.start(&["backup"]);
        until("a helper runs", || server.container.processes().iter().any(|process| process == "sleep 3"));
        dumpcar.signal("KILL");
        drop(dumpcar);
        until("the helper has gone", || all_gone(&server));
    }
    assert!(world.manifests().is_empty());

    typed.write_all(b"SELECT word FROM mine;\n").unwrap();
    drop(typed);
    let mut said = String::new();
    session.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    session.wait().unwrap();
    assert_eq!(said, "still here\n", "a session from before lives on: {}", server.container.logs());
    assert_eq!(server.container.incarnation(), incarnation);
    let log = server.container.logs()[log_before..].to_owned();
    for bad in [
        "terminating any other active server processes",
        "crash",
        "was terminated by signal",
        "reinitializing",
    ] {
        assert!(!log.contains(bad), "{bad}: {log}");
    }
}

/// Neither a tool nor a shell around one.
fn all_gone(server: &Server) -> bool {
    !server.container.processes().iter().any(|process| {
        let is_ours = process.contains("psql") && process.contains("-XAtq");
        !is_ours && ["psql", "pg_dump", "dumpcar-"].iter().any(|part| process.contains(part))
    })
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn postgresql_15_as_process_one_survives_aborted_dumps() {
    survives_aborted_dumps(POSTGRESQL_15);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn postgresql_17_as_process_one_survives_aborted_dumps() {
    survives_aborted_dumps(POSTGRESQL_17);
}
