use serde_json::{Value, json};

use super::support::servers::{MARIADB_11_8, MYSQL_9_7, POSTGRESQL_17, Product, Server};
use super::support::world::World;

/// A backup that lacks something. Its manifest, and what is said.
fn incomplete(world: &World) -> (Value, String) {
    let ended = world.run(&["backup"]);
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let reasons = ended.reasons();
    assert_eq!(reasons.len(), 1, "{}", ended.stderr);
    assert!(reasons[0].starts_with("the backup is incomplete: "), "{reasons:?}");
    (world.manifests().pop().unwrap(), reasons[0].clone())
}

fn databases(manifest: &Value) -> Vec<&str> {
    let objects = manifest["objects"].as_array().unwrap();
    objects.iter().filter_map(|object| object["database"].as_str()).collect()
}

fn missing(manifest: &Value) -> Vec<(Value, Value)> {
    let missing = manifest["missing"].as_array().unwrap();
    missing.iter().map(|one| (one["database"].clone(), one["object"].clone())).collect()
}

/// The good backup from before stays, whatever retention says of those that came after it.
fn the_good_one_stays(world: &World, good: &Value) {
    incomplete(world);
    let stamps: Vec<_> = world.manifests().iter().map(|manifest| manifest["stamp"].clone()).collect();
    assert_eq!(stamps.len(), 3, "{stamps:?}");
    assert!(stamps.contains(&good["stamp"]), "{stamps:?}");
    let ended = world.run(&["list", "t", "--json"]);
    let answer: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let states: Vec<_> =
        answer["backups"].as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["incomplete", "incomplete", "good"]);
}

/// C7, and tables that cannot be read.
fn a_broken_object_costs_only_itself(product: Product) {
    let world = World::new().set("DUMPCAR_KEEP_LAST", "1").set("DUMPCAR_SHRINK_ALERT", "off");
    let server = Server::target(&world, product, "secret", &[("name", "t"), ("databases", "aaa,shop")]);
    server.sql(
        "CREATE DATABASE shop; CREATE TABLE shop.item (id int PRIMARY KEY); INSERT INTO shop.item VALUES (1), (2);
         CREATE DATABASE aaa; CREATE TABLE aaa.t (x int, y int); INSERT INTO aaa.t VALUES (1, 2);
         CREATE VIEW aaa.v AS SELECT x FROM aaa.t; CREATE VIEW aaa.sound AS SELECT y FROM aaa.t;
         CREATE VIEW aaa.`w``'\"$x` AS SELECT x FROM aaa.v;
         CREATE TABLE aaa.part (i int) ENGINE=MyISAM; CREATE TABLE aaa.merged (i int) ENGINE=MERGE UNION=(aaa.part);",
    );
    world.back_up();
    let good = world.manifests().pop().unwrap();
    server.sql("ALTER TABLE aaa.t DROP COLUMN x; DROP TABLE aaa.part;");
    let (manifest, said) = incomplete(&world);
    assert_eq!(databases(&manifest), ["aaa", "shop"]);
    let mut names: Vec<_> = missing(&manifest)
        .into_iter()
        .map(|(database, object)| {
            assert_eq!(database, "aaa");
            object.as_str().unwrap().to_owned()
        })
        .collect();
    names.sort();
    assert_eq!(names, ["merged", "v", "w`'\"$x"], "{manifest:#}");
    assert!(said.contains("\"v\" of database \"aaa\": ") && said.contains("mend or drop it"), "{said}");
    let stamp = manifest["stamp"].as_str().unwrap();
    let dumped = String::from_utf8(world.run(&["cat", "t", "--database=aaa", "--at", stamp]).stdout).unwrap();
    assert!(dumped.contains("`sound`") && dumped.contains("INSERT INTO `t`"), "{dumped}");
    the_good_one_stays(&world, &good);
    server.sql("DROP VIEW aaa.v, aaa.`w``'\"$x`; DROP TABLE aaa.merged;");
    world.back_up();
    assert!(!world.manifests().iter().any(|one| one["stamp"] == good["stamp"]), "a good one takes its place");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_broken_view_of_mariadb_11_8_costs_only_itself() {
    a_broken_object_costs_only_itself(MARIADB_11_8);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_broken_view_of_mysql_9_7_costs_only_itself() {
    a_broken_object_costs_only_itself(MYSQL_9_7);
}

fn a_broken_database_costs_only_itself(product: Product) {
    let world = World::new().set("DUMPCAR_KEEP_LAST", "1");
    let server = Server::target(&world, product, "secret", &[("name", "t")]);
    server.sql("CREATE DATABASE aaa");
    server.sql("CREATE DATABASE shop");
    server.load("aaa", b"CREATE TABLE t AS SELECT * FROM generate_series(1, 100000) AS i;");
    server.load("shop", b"CREATE TABLE item (id int PRIMARY KEY); INSERT INTO item VALUES (1), (2);");
    world.back_up();
    let good = world.manifests().pop().unwrap();
    server.load("aaa", b"UPDATE pg_catalog.pg_class SET relfilenode = 999999 WHERE relname = 't';");
    let (manifest, said) = incomplete(&world);
    assert_eq!(databases(&manifest), ["postgres", "shop"]);
    assert_eq!(missing(&manifest), [(json!("aaa"), Value::Null)]);
    assert!(said.contains("could not open file"), "{said}");
    assert_eq!(manifest["suspicious"], Value::Null, "what is missing has not shrunk");
    the_good_one_stays(&world, &good);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_broken_database_of_postgresql_17_costs_only_itself() {
    a_broken_database_costs_only_itself(POSTGRESQL_17);
}

/// A row that no session survives, and with it no other one: the server ends them all, and starts anew.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_database_that_crashes_its_server_costs_only_itself() {
    let mut world = World::new();
    let server = Server::target(&world, POSTGRESQL_17, "secret", &[("name", "t")]);
    server.sql("CREATE DATABASE aaa; ");
    server.sql("CREATE DATABASE shop");
    server.load("shop", b"CREATE TABLE item AS SELECT i, md5(i::text) FROM generate_series(1, 400000) AS i;");
    server.load(
        "aaa",
        b"CREATE TYPE bad; CREATE FUNCTION bad_in(cstring) RETURNS bad LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
          CREATE FUNCTION bad_out(bad) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
          CREATE TYPE bad (INPUT = bad_in, OUTPUT = bad_out, INTERNALLENGTH = 4, PASSEDBYVALUE);
          CREATE TABLE t (b bad); INSERT INTO t VALUES ('5');",
    );
    // Also if the others are being dumped when it happens.
    for at_once in ["1", "3"] {
        world = world.set("DUMPCAR_PARALLEL_DATABASES", at_once);
        let (manifest, said) = incomplete(&world);
        assert_eq!(databases(&manifest), ["postgres", "shop"]);
        assert_eq!(missing(&manifest), [(json!("aaa"), Value::Null)]);
        assert!(said.contains("server closed the connection"), "{said}");
    }
}

/// A view that was always broken, so that there never was a good backup, and a database that is emptied one day.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_was_never_complete_is_not_pushed_out_by_what_is_empty() {
    let world = World::new().set("DUMPCAR_KEEP_LAST", "1");
    let server = Server::target(&world, MARIADB_11_8, "secret", &[("name", "t")]);
    server.sql(
        "CREATE DATABASE shop; CREATE TABLE shop.item AS SELECT seq, REPEAT('x', 200) FROM mysql.seq_1_to_2000;
         CREATE DATABASE old; CREATE TABLE old.t (x int, y int); CREATE VIEW old.v AS SELECT x FROM old.t; ALTER TABLE old.t DROP COLUMN x;",
    );
    incomplete(&world);
    let (full, _) = incomplete(&world);
    server.sql("DELETE FROM shop.item; DROP VIEW old.v;");
    for _ in 1..=2 {
        let ended = world.run(&["backup"]);
        assert_eq!(ended.status, 3, "{}", ended.stderr);
        assert!(ended.problem().contains("database \"shop\": "), "{}", ended.stderr);
        let stamps: Vec<_> = world.manifests().iter().map(|manifest| manifest["stamp"].clone()).collect();
        assert!(stamps.contains(&full["stamp"]), "{stamps:?}");
    }
}
