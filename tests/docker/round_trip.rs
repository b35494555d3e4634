use ring::digest;
use serde_json::Value;

use super::support::servers::{
    MARIADB_10_11, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_15, POSTGRESQL_17, Product, Server,
};
use super::support::world::World;

fn sha256(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Everything there is on a server, through the bucket and the stock tools, into an empty one.
fn comes_back_equal(product: Product, transport: &str, codec: &str) {
    let world = World::new().set("DUMPCAR_TRANSPORT", transport).set("DUMPCAR_COMPRESSION", codec);
    let world = world.set("DUMPCAR_PARALLEL_DATABASES", if transport == "off" { "3" } else { "1" });
    let source = Server::target(&world, product, "secret", &[("name", "source")]);
    // Another password: that of the server that is restored into has to stay its own.
    let copy = Server::plain(product, "other");
    source.fill();
    let checksums = source.checksums();
    assert!(checksums.lines().count() > 50, "{checksums}");

    world.back_up();
    assert_eq!(source.checksums(), checksums, "a backup changes nothing");

    let manifests = world.manifests();
    let [manifest] = manifests.as_slice() else { panic!("{manifests:?}") };
    assert_eq!(manifest["target"], "source");
    assert!(manifest["server_version"].as_str().unwrap().starts_with(product.version), "{manifest}");
    let stamp = manifest["stamp"].as_str().unwrap();
    let objects = manifest["objects"].as_array().unwrap();
    let mut names: Vec<_> =
        objects.iter().map(|object| object["name"].as_str().unwrap().to_owned()).collect();
    names.push("manifest.json".to_owned());
    let mut keys: Vec<_> = names.iter().map(|name| format!("source/{stamp}/{name}")).collect();
    keys.sort();
    assert_eq!(world.keys(), keys, "the manifest names everything there is");
    assert_eq!(world.bucket.unfinished_uploads(), 0);

    let is_globals = |object: &&Value| object["kind"] == "globals";
    assert_eq!(objects.iter().filter(is_globals).count(), 1);
    let globals_first =
        objects.iter().filter(is_globals).chain(objects.iter().filter(|object| !is_globals(object)));
    for object in globals_first {
        let stored = world.read(&format!("source/{stamp}/{}", object["name"].as_str().unwrap()));
        assert_eq!(object["stored_bytes"], stored.len(), "{object}");
        assert_eq!(object["stored_sha256"], sha256(&stored), "{object}");
        let database = object["database"].as_str().unwrap_or_default();
        let which = if database.is_empty() {
            vec!["--globals".to_owned()]
        } else {
            vec![format!("--database={database}")]
        };
        let cat = |more: &[&str]| {
            let which: Vec<_> = which.iter().map(String::as_str).collect();
            let ended = world.run(&[&["cat", "source"], which.as_slice(), more].concat());
            assert_eq!(ended.status, 0, "{}", ended.stderr);
            ended.stdout
        };
        assert!(cat(&["--stored"]) == stored, "{object}");
        let plain = copy.container.feed(&[codec, "-dc"], &stored).0.unwrap();
        assert_eq!(object["plain_bytes"], plain.len(), "{object}");
        assert_eq!(object["plain_sha256"], sha256(&plain), "{object}");
        assert!(cat(&[]) == plain, "{object}");
        if !database.is_empty() {
            copy.create(database);
        }
        copy.load(database, &plain);
    }
    similar(&checksums, &copy.checksums());
}

/// Like `assert_eq`, but shows only the lines that differ.
fn similar(source: &str, copy: &str) {
    let missing: Vec<_> = source.lines().filter(|line| !copy.lines().any(|other| other == *line)).collect();
    let surplus: Vec<_> = copy.lines().filter(|line| !source.lines().any(|other| other == *line)).collect();
    assert!(source == copy, "only in the source: {missing:#?}\nonly in the copy: {surplus:#?}");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn postgresql_15_comes_back_equal() {
    comes_back_equal(POSTGRESQL_15, "off", "xz");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn postgresql_17_comes_back_equal() {
    comes_back_equal(POSTGRESQL_17, "auto", "zstd");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn mariadb_10_11_comes_back_equal() {
    comes_back_equal(MARIADB_10_11, "off", "zstd");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn mariadb_11_8_comes_back_equal() {
    comes_back_equal(MARIADB_11_8, "auto", "zstd");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn mysql_9_7_comes_back_equal() {
    comes_back_equal(MYSQL_9_7, "auto", "xz");
}
