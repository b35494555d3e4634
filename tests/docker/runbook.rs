use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use super::support::garage::{ACCESS_KEY, SECRET_KEY};
use super::support::servers::{Kind, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_17, Product, Server};
use super::support::world::{World, program};

const RUNBOOK: &str = include_str!("../../docs/restore.md");

/// The commands of these blocks, in their order.
fn commands(of: &[&str]) -> String {
    let mut blocks = RUNBOOK.split("\n```sh ").skip(1).map(|rest| rest.split_once("\n```").unwrap().0);
    let mut commands = String::new();
    assert!(blocks.clone().all(|block| block.lines().count() > 1));
    for block in blocks.by_ref() {
        let (name, text) = block.split_once('\n').unwrap();
        if of.contains(&name) {
            commands.push_str(text);
            commands.push('\n');
        }
    }
    commands
}

/// With the names of this world in the place of the examples. Each has to occur: the runbook may have changed.
fn run(world: &World, script: &str, examples: &[(&str, &str)]) -> String {
    let mut script = script.to_owned();
    for (example, name) in examples {
        assert!(script.contains(example), "{example} in {script}");
        script = script.replace(example, name);
    }
    let folder = tempfile::tempdir().unwrap();
    // The sidecar's own command line, without the sidecar.
    let sidecar = folder.path().join("dumpcar");
    fs::write(&sidecar, format!("#!/bin/sh\nexec {} \"$@\"\n", program().display())).unwrap();
    fs::set_permissions(&sidecar, fs::Permissions::from_mode(0o755)).unwrap();
    let script = script.replace("docker exec dumpcar dumpcar", "./dumpcar");
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).current_dir(folder.path()).stdin(Stdio::null());
    // Not what is set for the tests: the program knows no such variables.
    bash.env_clear().envs(["PATH", "HOME"].iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    bash.envs(world.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = bash.output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}\n{said}");
    said
}

fn both_ways_bring_it_back(product: Product) {
    let world = World::new();
    let server = Server::target(&world, product, "secret", &[("name", "shop"), ("databases", "shop")]);
    let (account, engine) = match product.kind {
        Kind::Postgresql => ("CREATE ROLE clerk; ALTER TABLE goods OWNER TO clerk;", "postgresql"),
        Kind::Mariadb => {
            ("CREATE USER clerk IDENTIFIED BY 'x'; GRANT SELECT ON shop.goods TO clerk;", "mariadb")
        }
        Kind::Mysql => ("CREATE USER clerk IDENTIFIED BY 'x'; GRANT SELECT ON shop.goods TO clerk;", "mysql"),
    };
    server.sql("CREATE DATABASE shop;");
    let goods = "CREATE TABLE goods (id int PRIMARY KEY, word varchar(40));\nINSERT INTO goods VALUES (1, 'wörd \\\\ one'), (2, NULL);\n";
    server.load("shop", format!("{goods}{account}\n").as_bytes());
    let content = |server: &Server, database: &str| {
        let rights = match server.product.kind {
            Kind::Postgresql => "SELECT tableowner FROM pg_tables WHERE tablename = 'goods';",
            Kind::Mariadb | Kind::Mysql => "SHOW GRANTS FOR clerk;",
        };
        server.load(database, format!("SELECT * FROM goods ORDER BY id;\n{rights}\n").as_bytes())
    };
    let whole = content(&server, "shop");
    world.back_up();
    let stamp = world.manifests()[0]["stamp"].as_str().unwrap().to_owned();
    let stamp = ("2026-11-23T23-00-00Z", stamp.as_str());

    let destroy = |server: &Server| server.load("shop", b"DELETE FROM goods;\n");
    destroy(&server);
    let said = run(&world, &commands(&["dumpcar"]), &[stamp]);
    assert!(said.contains(stamp.1) && said.contains("good"), "{said}");
    assert_eq!([content(&server, "shop"), content(&server, "shop_before")], [whole.clone(), whole.clone()]);

    let stock = commands(&["all", engine]);
    let bucket = format!("{}/{}/backups", world.bucket.garage.endpoint(), world.bucket.name);
    let other = Server::plain(product, "other");
    other.sql("CREATE DATABASE shop;");
    for server in [&server, &other] {
        server.load("shop", b"CREATE TABLE IF NOT EXISTS goods (id int);\n");
        destroy(server);
        let examples = [
            stamp,
            ("https://s3.eu-central-1.amazonaws.com/my-bucket/backups", &bucket),
            ("REGION=eu-central-1", "REGION=garage"),
            ("my-access-key", ACCESS_KEY),
            ("my-secret-key", SECRET_KEY),
            ("shop-db", &server.container.name),
        ];
        let said = run(&world, &stock, &examples);
        assert!(said.contains("shop.sql.xz is whole"), "{said}");
        assert_eq!(content(server, "shop"), whole);
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_runbook_brings_a_postgresql_back_both_ways() {
    both_ways_bring_it_back(POSTGRESQL_17);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_runbook_brings_a_mariadb_back_both_ways() {
    both_ways_bring_it_back(MARIADB_11_8);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_runbook_brings_a_mysql_back_both_ways() {
    both_ways_bring_it_back(MYSQL_9_7);
}
