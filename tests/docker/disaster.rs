use super::runbook::{commands, run};
use super::support::servers::{Kind, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_17, Product, Server};
use super::support::world::World;

const PAGE: &str = include_str!("../../docs/disaster.md");

/// A database of a few rows, a second one, and somebody who may read them.
fn fill(server: &Server) {
    let account = match server.product.kind {
        Kind::Postgresql => "CREATE ROLE clerk LOGIN PASSWORD 'x'; ALTER TABLE goods OWNER TO clerk;",
        Kind::Mariadb | Kind::Mysql => {
            "CREATE USER clerk IDENTIFIED BY 'x'; GRANT SELECT ON shop.goods TO clerk;"
        }
    };
    for database in ["shop", "crm"] {
        server.sql(&format!("CREATE DATABASE {database};"));
        server
            .load(database, format!("{SCHEMA}INSERT INTO goods VALUES (1, 'one'), (2, NULL);\n").as_bytes());
    }
    server.load("shop", account.as_bytes());
}

const SCHEMA: &str = "CREATE TABLE goods (id int PRIMARY KEY, word varchar(40));\n";

fn content(server: &Server) -> String {
    let rights = match server.product.kind {
        Kind::Postgresql => {
            "SELECT tableowner, rolpassword FROM pg_tables, pg_authid WHERE tablename = 'goods' AND rolname = tableowner;"
        }
        Kind::Mariadb => "SHOW GRANTS FOR clerk;",
        Kind::Mysql => {
            "SHOW GRANTS FOR clerk; SELECT authentication_string FROM mysql.user WHERE user = 'clerk';"
        }
    };
    let rows = "SELECT * FROM goods ORDER BY id;\n";
    server.load("shop", format!("{rows}{rights}").as_bytes()) + &server.load("crm", rows.as_bytes())
}

/// The stamps of all backups, and why each is suspicious.
fn backups(world: &World) -> Vec<(String, Option<String>)> {
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let all = world.manifests();
    all.iter().map(|manifest| (text(&manifest["stamp"]).unwrap(), text(&manifest["suspicious"]))).collect()
}

/// A run before the restore: kept, marked, and of no consequence.
fn comes_too_early(world: &World, old: &str, reason: &str) {
    let ended = world.run(&["backup"]);
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let backups = backups(world);
    assert_eq!(backups[0], (old.to_owned(), None), "the old host's is there");
    let suspicious = backups.last().unwrap().1.clone().unwrap_or_default();
    assert!(suspicious.contains(reason), "{reason}: {suspicious}");
}

fn everything_comes_back(product: Product) {
    // The fewest that rules can keep: one more good backup would push the old one out.
    let world = World::new().set("DUMPCAR_KEEP_LAST", "1").set("DUMPCAR_KEEP_DAILY", "0");
    let host = Server::target(&world, product, "old", &[("name", "shop-db")]);
    fill(&host);
    let whole = content(&host);
    world.back_up();
    let old = backups(&world)[0].0.clone();
    drop(host);

    let new = Server::target(&world, product, "new", &[("name", "shop-db")]);
    new.sql("CREATE DATABASE shop;");
    // The same engine, and volumes that are empty.
    comes_too_early(&world, &old, &format!("database \"shop\": 0 tables instead of 1 (compared with {old})"));
    // Another engine, and an application that was started too early.
    let key = format!("shop-db/{old}/manifest.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&world.read(&key)).unwrap();
    manifest["docker_engine"] = "BURN:EDDO:WN".into();
    world.write(&key, manifest.to_string().as_bytes());
    comes_too_early(&world, &old, "database \"crm\": gone, was ");
    new.sql("CREATE DATABASE crm;");
    new.load("shop", SCHEMA.as_bytes());
    new.load("crm", SCHEMA.as_bytes());
    comes_too_early(&world, &old, "database \"shop\": 0 rows instead of 2");
    comes_too_early(&world, &old, "of another Docker engine: has it still to be restored?)");
    assert_eq!(backups(&world).len(), 4, "the old one and three that are suspicious");

    let examples = [
        ("2026-11-23T23-00-00Z", old.as_str()),
        ("docker run --rm --env-file dumpcar.env dumpcar", "./dumpcar"),
        ("docker exec shop2-dumpcar-1 dumpcar", "./dumpcar"),
    ];
    let said = run(&world, &commands(PAGE, &["dumpcar"]), &examples);
    assert_eq!(content(&new), whole, "{said}");
    let (stamp, mark) = backups(&world).pop().unwrap();
    assert!(
        mark.is_none() && said.lines().any(|line| line.contains(&stamp) && line.ends_with("good")),
        "{said}"
    );

    // A third one, that is no target.
    let plain = Server::plain(product, "other");
    let examples = [
        ("2026-11-23T23-00-00Z", stamp.as_str()),
        ("docker exec shop2-dumpcar-1 dumpcar", "./dumpcar"),
        ("shop2-db-1", &plain.container.name),
    ];
    run(&world, &commands(PAGE, &["container"]), &examples);
    assert_eq!(content(&plain), whole);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_new_host_gets_a_postgresql_back() {
    everything_comes_back(POSTGRESQL_17);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_new_host_gets_a_mariadb_back() {
    everything_comes_back(MARIADB_11_8);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_new_host_gets_a_mysql_back() {
    everything_comes_back(MYSQL_9_7);
}
