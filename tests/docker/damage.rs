use super::support::servers::{Kind, MARIADB_11_8, POSTGRESQL_17, Product, Server};
use super::support::world::World;

/// Rows that are as long in every version of them.
fn rows(version: u32) -> Vec<u8> {
    let rows =
        (0..400).map(|row| format!("({row}, 'row {row} of version {version}: {}')", row * 7919 % 1000));
    let values = rows.collect::<Vec<_>>().join(",");
    format!(
        "DROP TABLE IF EXISTS goods;\nCREATE TABLE goods (id int PRIMARY KEY, word varchar(200));\n\
         INSERT INTO goods VALUES {values};\n"
    )
    .into_bytes()
}

fn content(server: &Server) -> String {
    server.load("shop", b"SELECT id, word FROM goods ORDER BY id;\n")
}

/// No database but the server's own and the one.
fn assert_nothing_left(world: &World, server: &Server, what: &str) {
    let sql = match server.product.kind {
        Kind::Postgresql => "SELECT datname FROM pg_database;",
        Kind::Mariadb | Kind::Mysql => "SHOW DATABASES;",
    };
    let databases = server.sql(sql);
    assert!(!databases.contains("dumpcar"), "{what}: {databases}");
    let keys = world.keys();
    assert!(!keys.iter().any(|key| key.starts_with(".dumpcar/")), "{what}: {keys:?}");
}

fn what_is_damaged_is_never_restored(product: Product, compression: &str) {
    let world = World::new().set("DUMPCAR_COMPRESSION", compression);
    let server = Server::target(&world, product, "secret", &[("name", "t"), ("databases", "shop")]);
    server.sql("CREATE DATABASE shop;");
    for version in 1..=2 {
        server.load("shop", &rows(version));
        world.back_up();
    }
    let wanted = content(&server);
    server.load("shop", &rows(3));
    let before = content(&server);

    let mut objects: Vec<_> = world.keys().into_iter().filter(|key| key.contains("/shop.")).collect();
    let key = objects.pop().unwrap();
    let whole = world.read(&key);
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        (format!("byte {at} of {} flipped", whole.len()), bytes)
    };
    let last = whole.len() - 1;
    // Each byte, and each place to cut, is tried where no server has to run: `it/verify/damage.rs`.
    let mut damages: Vec<_> = [0, last / 2, last].map(flipped).into();
    if compression == "none" {
        let row = whole.windows(7).position(|bytes| bytes == b"row 77 ").unwrap();
        damages.push(flipped(row + 4));
    }
    damages.extend([0, last].map(|at| (format!("cut at {at}"), whole[..at].to_vec())));
    damages.push(("another backup's".to_owned(), world.read(&objects.pop().unwrap())));

    // By its name: one whose object has another size is not taken by itself.
    let stamp = key.split('/').nth(1).unwrap();
    for (what, bytes) in damages {
        world.write(&key, &bytes);
        let ended = world.run(&["restore", "t", "--at", stamp, "--yes"]);
        assert_eq!(ended.status, 1, "{what}: {}", ended.stderr);
        let problem = ended.problem();
        assert!(problem.contains("shop.sql") && problem.contains(" is damaged: "), "{what}: {problem}");
        assert!(problem.ends_with("; nothing was changed"), "{what}: {problem}");
        assert!(content(&server) == before, "{what}: {problem}");
        assert_nothing_left(&world, &server, &what);
    }
    // It was the damage, and nothing else.
    world.write(&key, &whole);
    let ended = world.run(&["restore", "t", "--yes"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(content(&server) == wanted);
    assert_nothing_left(&world, &server, "whole");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_damaged_archive_is_never_put_into_postgresql() {
    what_is_damaged_is_never_restored(POSTGRESQL_17, "zstd:3");
}

/// Every byte of it still loads: only the digest tells.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_damaged_row_is_never_put_into_postgresql() {
    what_is_damaged_is_never_restored(POSTGRESQL_17, "none");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_damaged_archive_is_never_put_into_mariadb() {
    what_is_damaged_is_never_restored(MARIADB_11_8, "xz:1");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_damaged_row_is_never_put_into_mariadb() {
    what_is_damaged_is_never_restored(MARIADB_11_8, "none");
}

/// The client fails long before the end of the object, which is what tells of the damage.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn damage_that_a_client_chokes_on_is_named_as_well() {
    let world = World::new().set("DUMPCAR_COMPRESSION", "none");
    let server = Server::target(&world, POSTGRESQL_17, "secret", &[("name", "t"), ("databases", "shop")]);
    server.sql("CREATE DATABASE shop;");
    let rows = b"CREATE TABLE goods AS SELECT g AS id, repeat(md5(g::text), 4) AS word FROM generate_series(1, 150000) g;";
    server.load("shop", rows);
    world.back_up();
    let key = world.keys().into_iter().find(|key| key.contains("/shop.")).unwrap();
    let mut bytes = world.read(&key);
    assert!(bytes.len() > 20_000_000, "more than is read at once: {}", bytes.len());
    let copy = bytes.windows(5).position(|bytes| bytes == b"COPY ").unwrap();
    bytes[copy] ^= 1;
    world.write(&key, &bytes);
    let ended = world.run(&["restore", "t", "--yes"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    let problem = ended.problem();
    let said =
        "check shop.sql: shop.sql is damaged: its SHA-256 is not the manifest's (restore database \"shop\": ";
    assert!(problem.contains(said) && problem.contains("syntax error"), "{problem}");
    assert_nothing_left(&world, &server, "a keyword");
}
