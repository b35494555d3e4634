use super::{REDIS_7_0, REDIS_8_0, Server, VALKEY_8_1, VALKEY_9_1, content};
use crate::support::docker::until;
use crate::support::world::World;

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_cannot_be_restored_into_says_so_and_stays_as_it_is() {
    let world = World::new();
    let server = Server::start(&world, REDIS_7_0, &[("name", "t")], &[], &["--databases", "3"]);
    server.feed(b"SET a 1\nSELECT 1\nSET b 1\n");
    world.back_up();
    let refused = |why: &str| {
        let ended = world.run(&["restore", "t", "--yes"]);
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        assert!(ended.problem().contains(why), "{}", ended.problem());
        assert_eq!(
            (server.ask(&["GET", "a"]), server.ask(&["-n", "1", "GET", "b"])),
            ("1".into(), "1".into())
        );
        assert_eq!(server.ask(&["-n", "2", "DBSIZE"]), "0", "nothing is left");
    };
    // Two databases, and one that is empty.
    refused("the server has fewer that are empty");
    server.ask(&["CONFIG", "SET", "maxmemory", "100mb"]);
    server.ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    refused("the server throws keys away when its memory is full (maxmemory-policy allkeys-lru)");
    server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    refused("this is a replica");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_restore_without_memory_changes_nothing() {
    let world = World::new();
    let server = Server::target(&world, VALKEY_8_1);
    server.feed(b"EVAL \"for i=1,2000 do redis.call('SET','k'..i,string.rep('x',10000)) end\" 0\n");
    world.back_up();
    server.ask(&["SET", "k1", "changed"]);
    server.ask(&["CONFIG", "SET", "maxmemory", "30mb"]);
    let ended = world.run(&["restore", "t", "--yes"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.problem().contains("too little memory"), "{}", ended.problem());
    assert_eq!(server.ask(&["GET", "k1"]), "changed");
    assert_eq!(server.ask(&["INFO", "keyspace"]).matches("keys=").count(), 1, "nothing is left");
}

/// Killed at any time, it leaves the old content, and the next run clears up.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_restore_that_is_killed_leaves_the_old_content() {
    let world = World::new();
    let server = Server::target(&world, REDIS_8_0);
    server.feed(b"EVAL \"for i=1,200000 do redis.call('SET','k'..i,string.rep('x',200)) end\" 0\n");
    world.back_up();
    server.ask(&["SET", "k1", "changed"]);
    let mut restore = world.start(&["restore", "t", "--yes"]);
    until("it loads", || server.ask(&["INFO", "keyspace"]).contains("db15:keys="));
    restore.kill();
    assert_eq!(server.ask(&["GET", "k1"]), "changed");
    world.back_up();
    until("the next run has cleared up", || server.ask(&["INFO", "keyspace"]).matches("keys=").count() == 1);
    assert_eq!(server.ask(&["GET", "k1"]), "changed");
}

/// From one server into the other, as far as they understand each other.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_backup_of_redis_comes_back_into_valkey_and_a_newer_one_is_refused_by_an_older_server() {
    let world = World::new();
    let old = Server::start(&world, REDIS_7_0, &[("name", "old")], &[], &[]);
    let new = Server::start(&world, REDIS_8_0, &[("name", "new")], &[], &[]);
    let other = Server::start(&world, VALKEY_9_1, &[("name", "other")], &[], &[]);
    old.feed(b"SET a 1\nRPUSH l 1 2 3\nZADD z 1 a\nXADD s 1-1 a b\n");
    new.feed(b"HSET h a 1 b 2\nHPEXPIREAT h 4102444800000 FIELDS 1 a\n");
    world.back_up();
    let of_old = content(&world, "old");
    let restored = world.run(&["restore", "old", "--to", &other.container.id, "--yes"]);
    assert_eq!(restored.status, 0, "{}", restored.stderr);
    assert!(restored.stderr.contains("neither promises to take the other's dumps"), "{}", restored.stderr);
    let refused = world.run(&["restore", "new", "--to", &old.container.id, "--yes"]);
    assert_eq!(refused.status, 1, "{}", refused.stderr);
    assert!(
        refused.problem().contains("the server cannot take a value of the backup"),
        "{}",
        refused.problem()
    );
    assert_eq!(old.ask(&["LRANGE", "l", "0", "-1"]), "1\n2\n3");
    world.back_up();
    assert_eq!(content(&world, "other"), of_old);
    assert_eq!(content(&world, "old"), of_old, "the refused restore changed nothing");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_sentinel_and_a_node_of_a_cluster_are_told() {
    let world = World::new();
    let node = Server::start(&world, REDIS_7_0, &[("name", "node")], &[], &["--cluster-enabled", "yes"]);
    node.ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    until("it serves", || node.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
    node.ask(&["SET", "a", "1"]);
    let ended = world.back_up();
    assert!(ended.stderr.contains("one node of a cluster"), "{}", ended.stderr);
    let ended = world.run(&["restore", "node", "--yes"]);
    assert!(ended.problem().contains("start a server with the file instead"), "{}", ended.problem());
    let sentinel = World::new();
    let script = "echo 'sentinel myid 0123456789012345678901234567890123456789' >/tmp/s.conf; exec redis-server /tmp/s.conf --sentinel --port 6379";
    let _sentinel =
        Server::start(&sentinel, REDIS_7_0, &[("name", "t")], &["--entrypoint", "sh"], &["-c", script]);
    let refused = sentinel.refused(1);
    assert!(refused.contains("this is a sentinel, which has no data"), "{refused}");
}

/// A database without a name cannot stay beside another one: whoever wants that is told before anything is done.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_is_replaced_is_not_kept_and_nobody_is_told_so() {
    let world = World::new();
    let server = Server::target(&world, VALKEY_8_1);
    server.feed(b"SET a 1\n");
    world.back_up();
    let refused = world.run(&["restore", "t", "--yes", "--keep-old"]);
    assert_eq!(refused.status, 2, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("what valkey replaces cannot be kept (--keep-old)"),
        "{}",
        refused.stderr
    );
    let asked = world.asked(&["restore", "t"], "no");
    let shown = String::from_utf8_lossy(&asked.stdout).into_owned();
    assert!(shown.contains("EVERYTHING IN IT NOW WILL BE GONE") && !shown.contains("_before_"), "{shown}");
    assert_eq!(server.ask(&["GET", "a"]), "1");
}
