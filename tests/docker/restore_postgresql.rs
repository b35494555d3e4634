//! Databases as people have them: what `pg_dump` prints of them does not load by itself.

/// Servers that lack something, or are older.
mod other_servers;
/// Names that only a `search_path` finds, and what means something else without it.
mod paths;
/// What is tied to the server it is on.
mod tied;

use super::support::docker::until;
use super::support::servers::{POSTGRESQL_17, Server};
use super::support::world::{Ended, World};

fn restore(world: &World, args: &[&str]) -> Ended {
    world.run(&[&["restore", "t", "--yes"], args].concat())
}

/// What it said.
fn restored(world: &World, args: &[&str]) -> String {
    let ended = restore(world, args);
    assert_eq!(ended.status, 0, "{args:?}: {}", ended.stderr);
    ended.stderr
}

/// Why not. Nothing has changed, and nothing is left.
fn refused(world: &World, server: &Server, args: &[&str]) -> String {
    let ended = restore(world, args);
    assert_eq!(ended.status, 1, "{args:?}: {}", ended.stderr);
    let problem = ended.problem();
    println!("{args:?}: {problem}");
    assert!(problem.ends_with("; nothing was changed"), "{problem}");
    assert_eq!(server.sql("SELECT datname FROM pg_database WHERE datname LIKE 'dumpcar%';"), "");
    problem
}

fn holds(text: &str, words: &[&str]) {
    assert!(words.iter().all(|words| text.contains(words)), "{words:?} are not all in: {text}");
}

/// Whoever owns a database may put it back, also while the server cleans up in it.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn an_owner_restores_while_autovacuum_is_at_work() {
    let world = World::new();
    let labels = [("name", "t"), ("databases", "own"), ("user", "app")];
    let slow =
        ["autovacuum_naptime=1s", "autovacuum_vacuum_cost_delay=100ms", "autovacuum_vacuum_cost_limit=1"];
    let slow: Vec<_> = slow.iter().flat_map(|setting| ["-c", setting]).collect();
    let server = Server::set_up(&world, POSTGRESQL_17, "secret", &labels, &slow);
    server.sql("CREATE ROLE app LOGIN CREATEDB;");
    server.sql("CREATE DATABASE own OWNER app;");
    server.load("own", b"SET ROLE app; CREATE EXTENSION citext; CREATE TABLE t AS SELECT i FROM generate_series(1, 200000) AS i;");
    world.back_up();
    server.load("own", b"DELETE FROM t WHERE i > 1;");
    let is_cleaning =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'own' AND backend_type = 'autovacuum worker';";
    until("it cleans up", || server.sql(is_cleaning) == "1\n");
    restored(&world, &[]);
    assert_eq!(server.load("own", b"SELECT count(*) FROM t;"), "200000\n");
    assert_eq!(server.sql("SELECT datname FROM pg_database WHERE datname LIKE 'dumpcar%';"), "");
}
