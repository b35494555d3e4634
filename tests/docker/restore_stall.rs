use std::process::{Child, Command, Stdio};

use super::support::docker::until;
use super::support::servers::{Kind, MARIADB_11_8, POSTGRESQL_17, Server};
use super::support::world::World;

/// A client of the server that stays until this goes.
struct Session(Child);

impl Session {
    fn new(server: &Server, script: &str, args: &[&str]) -> Self {
        let mut exec = Command::new("docker");
        exec.args(["exec", "-i", &server.container.id, "sh", "-c", script, "sh"]).args(args);
        Self(exec.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }

    fn say(&mut self, sql: &str) {
        use std::io::Write;
        self.0.stdin.as_mut().unwrap().write_all(sql.as_bytes()).unwrap();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn is_true(server: &Server, sql: &str) -> bool {
    matches!(server.sql(&format!("SELECT {sql}")).trim(), "1" | "t")
}

/// An index that takes longer than the limit is work; a lock that somebody holds is none.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_server_that_works_is_left_alone_and_one_that_waits_for_a_lock_is_not() {
    let world = World::new().set("DUMPCAR_STALL_TIMEOUT", "3s");
    let server = Server::target(&world, POSTGRESQL_17, "secret", &[("name", "t"), ("databases", "shop")]);
    server.sql("CREATE DATABASE shop");
    server.load(
        "shop",
        b"CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
          AS 'BEGIN PERFORM pg_catalog.pg_sleep(6); RETURN 1; END';
          CREATE TABLE a (i int); CREATE INDEX a_slow ON a (slow(i)); INSERT INTO a VALUES (1);
          CREATE TABLE b (i int); CREATE INDEX b_fast ON b (i);",
    );
    world.back_up();
    let restored = world.run(&["restore", "t", "--yes"]);
    assert_eq!(restored.status, 0, "{}", restored.stderr);

    server.load("shop", b"INSERT INTO b VALUES (7);");
    let restore = world.start(&["restore", "t", "--yes"]);
    let slow =
        "count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX a_slow%' AND state = 'active'";
    until("the index is being made", || is_true(&server, slow));
    let staged = server.sql("SELECT datname FROM pg_database WHERE datname LIKE 'dumpcar_restore_%'");
    let client = "PGPASSWORD=secret exec psql -XAtq -U postgres -d \"$1\"";
    let mut session = Session::new(&server, client, &[staged.trim()]);
    session.say("BEGIN; LOCK TABLE b;\n");
    let ended = restore.end();
    drop(session);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    let problem = ended.problem();
    assert!(
        problem.contains("has taken nothing for 3s") && problem.contains("waits for a lock of session "),
        "{problem}"
    );
    assert!(problem.ends_with("; nothing was changed"), "{problem}");
    assert_eq!(server.load("shop", b"SELECT i FROM b;").trim(), "7");
    let left = "count(*) = 0 FROM pg_database WHERE datname LIKE 'dumpcar_%'";
    until("nothing is left", || is_true(&server, left));
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_load_that_waits_for_a_lock_of_mariadb_says_so() {
    let world = World::new().set("DUMPCAR_STALL_TIMEOUT", "3s").set("DUMPCAR_COMPRESSION", "none");
    let server = Server::target(&world, MARIADB_11_8, "secret", &[("name", "t")]);
    assert_eq!(server.product.kind, Kind::Mariadb);
    server.sql(
        "CREATE DATABASE shop; USE shop; CREATE TABLE a (i int PRIMARY KEY, d text);
         INSERT INTO a SELECT seq, REPEAT('x', 50) FROM seq_1_to_300000;",
    );
    world.back_up();
    let restore = world.start(&["restore", "t", "--yes"]);
    until("it loads", || is_true(&server, "IS_USED_LOCK('dumpcar-load') IS NOT NULL"));
    let client = "MYSQL_PWD=secret exec mariadb -uroot -N --unbuffered";
    let mut session = Session::new(&server, client, &[]);
    session.say("FLUSH TABLES WITH READ LOCK;\n");
    // The staged database is dropped after that, which takes the same lock.
    let loads = || server.container.processes().iter().any(|process| process.contains("--binary-mode"));
    until("the load is given up", || !loads());
    drop(session);
    let ended = restore.end();
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    let problem = ended.problem();
    assert!(problem.contains("has taken nothing for 3s") && problem.contains("it waits for "), "{problem}");
}
