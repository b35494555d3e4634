//! An object whose text alone has changed is loaded once more: the drill says whether its server goes on printing it so, and blames
//! no backup for what that second load lacks.

use dumpcar::model::content::{Counter, Dialect};
use serde_json::Value;

use super::drill::{replace_dump, replace_object, result};
use super::support::servers::{
    MARIADB_10_11, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_15, POSTGRESQL_17, Product, Server,
};
use super::support::world::World;

/// Names are found only by the path of the database, as in every restore of it.
const HIDDEN: &str = "
ALTER DATABASE shop SET search_path = app, public;
CREATE SCHEMA app;
SET search_path = app, public;
CREATE FUNCTION clean(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';
CREATE FUNCTION k(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT clean($1)';
CREATE TABLE photos (
    n text, status varchar(20) CHECK (status IN ('new', 'paid')), g text GENERATED ALWAYS AS (k(n)) STORED
);
CREATE INDEX found ON photos (n) WHERE status IN ('new', 'paid');
INSERT INTO photos VALUES ('X', 'new');
";

/// What is found when the database is the only one, and not beside another: so it comes back, and loads no second time.
const ONLY_ALONE: &str = "
CREATE FUNCTION alone(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT count(*) FROM pg_database WHERE datname NOT IN ('template0', 'template1', 'postgres')) > 1 THEN
        RAISE EXCEPTION 'this is not the only database';
    END IF;
    RETURN $1;
END $$;
CREATE TABLE orders (id int, status varchar(20) CHECK (status IN ('new', 'paid')));
CREATE INDEX some_orders ON orders (id) WHERE status IN ('new', 'paid') AND alone(1) = 1;
INSERT INTO orders VALUES (1, 'new');
";

/// Views that nobody may read but the owner of everything, with the database's name in their texts, and a function's.
const NAMED: &str = "
CREATE USER nobody@'%' IDENTIFIED BY 'x';
CREATE TABLE t (id int PRIMARY KEY, a int, b int);
INSERT INTO t VALUES (1, 1, 2);
CREATE FUNCTION f (x int) RETURNS int DETERMINISTIC RETURN x + 1;
CREATE DEFINER = nobody@'%' VIEW few AS SELECT shop.f(a) AS x FROM t WHERE a = 1 AND b = 2;
CREATE VIEW more AS SELECT shop.f(a) AS x FROM shop.t WHERE a = 1 AND b = 2;
";

fn started(world: &World, product: Product, content: &str) -> Server {
    let labels = [("name", "source"), ("compression", "none"), ("databases", "shop")];
    let source = Server::target(world, product, "secret", &labels);
    source.sql("CREATE DATABASE shop;\n");
    source.load("shop", content.as_bytes());
    world.back_up();
    source
}

/// The remarks of a drill that finds nothing else.
fn remarks(world: &World) -> Vec<String> {
    let ended = world.run(&["drill"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.scratch(), "");
    let result = result(world);
    let names = result["remarks"].as_array().into_iter().flatten().map(|remark| {
        let object = &remark["object"];
        format!("{} {}", object["type"].as_str().unwrap(), object["name"].as_str().unwrap_or("all"))
    });
    names.collect()
}

/// As if the server had printed it in another way, as it will not after a restore: the manifest says so, too.
fn reprint(world: &World, change: impl Fn(&str) -> String) {
    let mut printed = String::new();
    let mut counter = Counter::new(Dialect::Mysql);
    let key = world.keys().into_iter().rfind(|key| key.ends_with("/shop.sql")).unwrap();
    printed.push_str(&change(&String::from_utf8(world.read(&key)).unwrap()));
    counter.take(printed.as_bytes());
    replace_dump(world, |_| printed.clone());
    let key = world.keys().into_iter().rfind(|key| key.ends_with("/manifest.json")).unwrap();
    let mut manifest: Value = serde_json::from_slice(&world.read(&key)).unwrap();
    let objects = manifest["objects"].as_array_mut().unwrap();
    let object = objects.iter_mut().find(|object| object["name"] == "shop.sql").unwrap();
    object["content"] = serde_json::to_value(counter.end()).unwrap();
    world.write(&key, &serde_json::to_vec(&manifest).unwrap());
}

fn what_needs_its_path_is_a_remark(product: Product) {
    let world = World::new();
    let _source = started(&world, product, HIDDEN);
    let printed =
        ["check constraint photos_status_check on app.photos", "index app.found"].map(str::to_owned);
    assert_eq!(remarks(&world), printed);
}

fn what_names_its_database_is_a_remark(product: Product) {
    let world = World::new();
    let _source = started(&world, product, NAMED);
    assert_eq!(remarks(&world), [""; 0]);
    let with_brackets = |dump: &str| {
        assert_eq!(dump.matches("`a` = 1").count(), 2, "{dump}");
        dump.replace("`a` = 1", "`a` = (1)")
    };
    reprint(&world, with_brackets);
    assert_eq!(remarks(&world), ["view few", "view more"]);
    // What is another expression is no remark.
    replace_object(&world, "shop.sql", |dump| dump.replace("`b` = 2", "`b` = 3"));
    let ended = world.run(&["drill"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("NOT good"), "{}", ended.stderr);
}

#[test]
#[ignore = "needs Docker"]
fn what_needs_its_path_in_postgresql_15_is_a_remark() {
    what_needs_its_path_is_a_remark(POSTGRESQL_15);
}

#[test]
#[ignore = "needs Docker"]
fn what_needs_its_path_in_postgresql_17_is_a_remark() {
    what_needs_its_path_is_a_remark(POSTGRESQL_17);
}

#[test]
#[ignore = "needs Docker"]
fn what_names_its_database_in_mariadb_10_11_is_a_remark() {
    what_names_its_database_is_a_remark(MARIADB_10_11);
}

#[test]
#[ignore = "needs Docker"]
fn what_names_its_database_in_mariadb_11_8_is_a_remark() {
    what_names_its_database_is_a_remark(MARIADB_11_8);
}

#[test]
#[ignore = "needs Docker"]
fn what_names_its_database_in_mysql_9_7_is_a_remark() {
    what_names_its_database_is_a_remark(MYSQL_9_7);
}

#[test]
#[ignore = "needs Docker"]
fn what_loads_no_second_time_is_not_held_against_the_backup() {
    let world = World::new();
    let _source = started(&world, POSTGRESQL_17, ONLY_ALONE);
    let ended = world.run(&["drill", "--json"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(report["results"][0]["result"], "inconclusive", "{report}");
    let problem = report["results"][0]["problem"].as_str().unwrap();
    for words in [
        "\"shop\"",
        "index public.some_orders",
        "this is not the only database",
        "make it anew in the source",
    ] {
        assert!(problem.contains(words), "{problem}");
    }
    assert!(!problem.contains("orders_status_check"), "{problem}");
    assert!(!world.keys().iter().any(|key| key.ends_with("/drill.json")), "{:?}", world.keys());
    assert_eq!(world.scratch(), "");
}
