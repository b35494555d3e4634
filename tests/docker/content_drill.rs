//! What applications have made by themselves and changed for years comes back, and a drill says so.

use serde_json::Value;

use super::drill::{result, scratch};
use super::support::servers::{
    MARIADB_10_11, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_15, POSTGRESQL_17, Product, Server,
};
use super::support::world::World;

/// The remarks of the newest drill, without the words that are the same in each.
fn remarks(world: &World) -> Vec<String> {
    let result = result(world);
    let remarks = result["remarks"].as_array().cloned().unwrap_or_default();
    let told = |remark: &Value| {
        let object = &remark["object"];
        format!(
            "{} {}",
            object["type"].as_str().unwrap_or("more"),
            object["name"].as_str().unwrap_or_default()
        )
    };
    remarks.iter().map(told).collect()
}

fn a_grown_database_comes_back(product: Product) {
    let world = World::new();
    let source = Server::target(&world, product, "secret", &[("name", "source")]);
    source.fill_grown();
    world.back_up();
    let ended = world.run(&["drill", "source"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let remarks = remarks(&world);
    eprintln!("{remarks:#?}");
    let shown = String::from_utf8(world.run(&["list"]).stdout).unwrap();
    eprintln!("{shown}");
    assert_eq!(scratch(&world), "");
}

#[test]
#[ignore = "needs Docker"]
fn a_grown_database_of_postgresql_15_comes_back() {
    a_grown_database_comes_back(POSTGRESQL_15);
}

#[test]
#[ignore = "needs Docker"]
fn a_grown_database_of_postgresql_17_comes_back() {
    a_grown_database_comes_back(POSTGRESQL_17);
}

#[test]
#[ignore = "needs Docker"]
fn a_grown_database_of_mariadb_10_11_comes_back() {
    a_grown_database_comes_back(MARIADB_10_11);
}

#[test]
#[ignore = "needs Docker"]
fn a_grown_database_of_mariadb_11_8_comes_back() {
    a_grown_database_comes_back(MARIADB_11_8);
}

#[test]
#[ignore = "needs Docker"]
fn a_grown_database_of_mysql_9_7_comes_back() {
    a_grown_database_comes_back(MYSQL_9_7);
}
