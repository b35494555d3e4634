use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use super::support::bucket::{ACCESS_KEY, REGION, SECRET_KEY};
use super::support::docker::{Container, until};
use super::support::servers::{Kind, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_17, Product};
use super::support::world::{World, program};

pub(super) const RUNBOOK: &str = include_str!("../../docs/restore.md");

const NO_PROXY: &str = "grep -v '^GRANT PROXY' |";

/// The commands of these blocks of a page, in their order.
pub(super) fn commands(page: &str, of: &[&str]) -> String {
    let mut blocks = page.split("\n```sh ").skip(1).map(|rest| rest.split_once("\n```").unwrap().0);
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

/// With the names of this world in the place of the examples. Each has to occur: the page may have changed.
pub(super) fn run(world: &World, script: &str, examples: &[(&str, &str)]) -> String {
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

/// A server as the quick start has it: the user `shop`, a password in a file, root's own password random where there is one.
struct Shop {
    kind: Kind,
    container: Container,
    /// With the files that the container has.
    _files: tempfile::TempDir,
}

impl Shop {
    fn start(product: Product, labels: &[String]) -> Self {
        let files = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str, at: &str| {
            let path = files.path().join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            format!("{}:{at}:ro", path.display())
        };
        let secret = file("secret", "secret\n", "/run/secrets/db");
        let keeper = file(
            "keeper.sql",
            "CREATE USER keeper IDENTIFIED BY 'secret'; GRANT ALL ON *.* TO keeper WITH GRANT OPTION;\n",
            "/docker-entrypoint-initdb.d/keeper.sql",
        );
        let own: &[&str] = match product.kind {
            Kind::Postgresql => &["-e", "POSTGRES_USER=shop", "-e", "POSTGRES_PASSWORD_FILE=/run/secrets/db"],
            Kind::Mariadb => &["-e", "MARIADB_ROOT_PASSWORD_FILE=/run/secrets/db"],
            Kind::Mysql => &["-e", "MYSQL_RANDOM_ROOT_PASSWORD=yes", "-v", &keeper],
        };
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        let image = product.image();
        let args = [&["--tmpfs", product.data(), "-v", &secret], own, &labels, &[&image]];
        let shop = Self { kind: product.kind, container: Container::run(&args.concat()), _files: files };
        until("the server answers", || shop.try_sql("", "-h127.0.0.1", "SELECT 1;\n").is_ok());
        shop
    }

    fn try_sql(&self, database: &str, host: &str, sql: &str) -> Result<String, String> {
        let client = match self.kind {
            Kind::Postgresql => {
                r#"PGPASSWORD=secret exec psql -U shop -d "${1:-postgres}" -X -A -t -q -v ON_ERROR_STOP=1 $2"#
            }
            Kind::Mariadb => {
                r#"MYSQL_PWD=secret exec mariadb -u root -N -B --default-character-set=utf8mb4 $2 -- "$1""#
            }
            Kind::Mysql => {
                r#"MYSQL_PWD=secret exec mysql -u keeper -N -B --default-character-set=utf8mb4 $2 -- "$1""#
            }
        };
        let fed = self.container.feed(&["sh", "-c", client, "sh", database, host], sql.as_bytes());
        fed.0.map(|printed| String::from_utf8(printed).unwrap())
    }

    fn sql(&self, database: &str, sql: &str) -> String {
        self.try_sql(database, "", &format!("{sql}\n")).unwrap()
    }

    /// An empty database `shop`, which PostgreSQL makes of the user's name.
    fn make_database(&self) {
        if self.kind != Kind::Postgresql {
            self.sql("", "CREATE DATABASE shop;");
        }
    }

    fn content(&self, database: &str) -> String {
        let rights = match self.kind {
            Kind::Postgresql => "SELECT tableowner FROM pg_tables WHERE tablename = 'goods';",
            Kind::Mariadb | Kind::Mysql => "SHOW GRANTS FOR clerk;",
        };
        self.sql(database, &format!("SELECT * FROM goods ORDER BY id;\n{rights}"))
    }
}

fn both_ways_bring_it_back(product: Product) {
    let world = World::new();
    let mut labels = vec![("name", "shop-db")];
    if product.kind == Kind::Mysql {
        labels.extend([("user", "keeper"), ("password-file", "/run/secrets/db")]);
    }
    let server = Shop::start(product, &world.labels(&labels));
    let (account, engine) = match product.kind {
        Kind::Postgresql => ("CREATE ROLE clerk; ALTER TABLE goods OWNER TO clerk;", "postgresql"),
        Kind::Mariadb => {
            ("CREATE USER clerk IDENTIFIED BY 'x'; GRANT SELECT ON shop.goods TO clerk;", "mariadb")
        }
        Kind::Mysql => ("CREATE USER clerk IDENTIFIED BY 'x'; GRANT SELECT ON shop.goods TO clerk;", "mysql"),
    };
    server.make_database();
    let goods = "CREATE TABLE goods (id int PRIMARY KEY, word varchar(40));\nINSERT INTO goods VALUES (1, 'wörd \\\\ one'), (2, NULL);\n";
    server.sql("shop", &format!("{goods}{account}"));
    let whole = server.content("shop");
    world.back_up();
    let stamp = world.manifests()[0]["stamp"].as_str().unwrap().to_owned();
    let stamp = ("2026-11-23T23-00-00Z", stamp.as_str());

    server.sql("shop", "DELETE FROM goods;");
    let sidecar = ("docker exec shop-dumpcar-1 dumpcar", "./dumpcar");
    let said = run(&world, &commands(RUNBOOK, &["dumpcar"]), &[stamp, sidecar]);
    assert!(said.contains(stamp.1) && said.contains("good"), "{said}");
    assert_eq!([server.content("shop"), server.content("shop_before")], [whole.clone(), whole.clone()]);

    let stock = commands(RUNBOOK, &["all", engine]);
    let inside = commands(RUNBOOK, &["all", "network", engine]);
    let bucket = format!("{}/{}", world.bucket.server.endpoint(), world.bucket.name);
    let region = format!("REGION={REGION}");
    let without_proxy = format!("-dc globals.sql.xz | {NO_PROXY}");
    let own_bucket = format!(":{}/{}", world.bucket.server.kind.port(), world.bucket.name);
    let other = Shop::start(product, &[]);
    other.make_database();
    for server in [&server, &other] {
        server.sql("shop", "CREATE TABLE IF NOT EXISTS goods (id int); DELETE FROM goods;");
        let mut examples = vec![
            stamp,
            ("https://s3.eu-central-1.amazonaws.com/my-bucket", bucket.as_str()),
            ("REGION=eu-central-1", region.as_str()),
            ("my-access-key", ACCESS_KEY),
            ("my-secret-key", SECRET_KEY),
            ("shop-db-1", &server.container.name),
        ];
        if product.kind == Kind::Mysql {
            examples.push(("LOGIN=root PASSWORD_FILE=", "LOGIN=keeper PASSWORD_FILE=/run/secrets/db"));
            // As the page says for an administrator who is not root.
            assert!(RUNBOOK.contains(NO_PROXY));
            examples.push(("-dc globals.sql.xz |", without_proxy.as_str()));
        }
        // Once by the store's address in its own network.
        let script = if server.container.name == other.container.name { &inside } else { &stock };
        if *script == inside {
            examples.extend([
                ("shop-garage-1", world.bucket.server.name()),
                (":3900/my-bucket", own_bucket.as_str()),
            ]);
        }
        let said = run(&world, script, &examples);
        for part in [
            "shop.sql.xz is whole",
            "nothing is wrong with it",
            &format!("backups/shop-db/{}/manifest.json", stamp.1),
        ] {
            assert!(said.contains(part), "{said}");
        }
        assert_eq!(server.content("shop"), whole);
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
