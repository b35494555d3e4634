//! A drill restores a backup into a server of its own and finds out whether everything came back.

use serde_json::Value;

use super::support::docker::docker;
use super::support::servers::{
    MARIADB_10_11, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_15, POSTGRESQL_17, Product, Server,
};
use super::support::world::World;

/// The containers of this world's drills.
fn scratch(world: &World) -> String {
    docker(&["ps", "-aq", "--filter", &format!("label={}.scratch", world.prefix)])
}

fn result(world: &World) -> Value {
    let keys = world.keys();
    let key = keys.iter().find(|key| key.ends_with("/drill.json")).expect("the result is in the bucket");
    serde_json::from_slice(&world.read(key)).unwrap()
}

fn everything_comes_back(product: Product) {
    let world = World::new();
    let source = Server::target(&world, product, "secret", &[("name", "source")]);
    source.fill();
    world.back_up();
    let ended = world.run(&["drill", "source", "--json"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(report[0]["result"], "ok", "{report}");
    let result = result(&world);
    assert_eq!(report[0]["drill"], result);
    let manifests = world.manifests();
    let objects = manifests[0]["objects"].as_array().unwrap();
    let sum = |what: &str| objects.iter().filter_map(|object| object["content"][what].as_u64()).sum::<u64>();
    assert_eq!(
        (result["tables"].as_u64(), result["rows"].as_u64()),
        (Some(sum("tables")), Some(sum("rows")))
    );
    assert!(sum("tables") > 5 && sum("rows") > 10, "{manifests:?}");
    assert_eq!(scratch(&world), "");
}

#[test]
#[ignore = "needs Docker"]
fn everything_in_postgresql_15_comes_back() {
    everything_comes_back(POSTGRESQL_15);
}

#[test]
#[ignore = "needs Docker"]
fn everything_in_postgresql_17_comes_back() {
    everything_comes_back(POSTGRESQL_17);
}

#[test]
#[ignore = "needs Docker"]
fn everything_in_mariadb_10_11_comes_back() {
    everything_comes_back(MARIADB_10_11);
}

#[test]
#[ignore = "needs Docker"]
fn everything_in_mariadb_11_8_comes_back() {
    everything_comes_back(MARIADB_11_8);
}

#[test]
#[ignore = "needs Docker"]
fn everything_in_mysql_9_7_comes_back() {
    everything_comes_back(MYSQL_9_7);
}
