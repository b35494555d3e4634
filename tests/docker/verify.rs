use super::support::servers::{MARIADB_11_8, MYSQL_9_7, POSTGRESQL_17, Server};
use super::support::world::World;

/// The marks of a whole dump are looked for in what real servers' tools print, and damage in what a real store has.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn dumps_of_real_servers_are_good_until_a_byte_is_changed() {
    let world = World::new();
    let servers = [("shop-db", POSTGRESQL_17), ("shop-wiki", MARIADB_11_8), ("shop-crm", MYSQL_9_7)]
        .map(|(name, product)| Server::target(&world, product, "secret", &[("name", name)]));
    servers.iter().for_each(Server::fill);
    world.back_up();
    let verified = world.run(&["verify"]);
    println!("{}", String::from_utf8_lossy(&verified.stdout));
    assert_eq!(verified.status, 0, "{}", verified.stderr);

    let is_object = |key: &&String| key.starts_with("shop-wiki/") && key.contains("/globals.");
    let keys = world.keys();
    let key = keys.iter().find(is_object).unwrap();
    let mut stored = world.read(key);
    let middle = stored.len() / 2;
    stored[middle] ^= 1;
    world.write(key, &stored);
    let verified = world.run(&["verify"]);
    let table = String::from_utf8_lossy(&verified.stdout).into_owned();
    println!("{table}");
    assert_eq!(verified.status, 3, "{}", verified.stderr);
    let object = key.rsplit('/').next().unwrap();
    assert!(table.contains(&format!("damaged: {object}: ")), "{table}");
    assert_eq!(verified.reasons().len(), 1, "{}", verified.stderr);
}
