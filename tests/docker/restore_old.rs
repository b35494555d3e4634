//! What a restore replaces may stay beside it; and what is asked before.

use super::support::servers::{Kind, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_17, Product, Server};
use super::support::world::World;

const POSTGRESQL: &str = "
CREATE TABLE goods (id int PRIMARY KEY, word varchar(20));
INSERT INTO goods VALUES (1, 'as it was');
CREATE VIEW words AS SELECT word FROM goods;
CREATE FUNCTION the_word() RETURNS text LANGUAGE sql AS 'SELECT word FROM goods WHERE id = 1';
";
const MYSQL: &str = "
CREATE TABLE goods (id int PRIMARY KEY, word varchar(20));
INSERT INTO goods VALUES (1, 'as it was');
CREATE VIEW words AS SELECT word FROM goods;
CREATE FUNCTION the_word() RETURNS varchar(20) READS SQL DATA RETURN (SELECT word FROM goods WHERE id = 1);
CREATE TRIGGER t BEFORE INSERT ON goods FOR EACH ROW SET NEW.word = LOWER(NEW.word);
CREATE EVENT e ON SCHEDULE EVERY 1 YEAR STARTS '2040-01-01' DO DELETE FROM goods;
CREATE TABLE crm.customers (id int PRIMARY KEY);
INSERT INTO crm.customers VALUES (7);
CREATE TABLE orders (customer int, CONSTRAINT belongs FOREIGN KEY (customer) REFERENCES crm.customers (id));
CREATE TABLE crm.visits (goods int, CONSTRAINT seen FOREIGN KEY (goods) REFERENCES shop.goods (id));
INSERT INTO orders VALUES (7);
";
const CHANGED: &str = "UPDATE goods SET word = 'changed';";

struct Shop {
    world: World,
    server: Server,
}

impl Shop {
    /// With a backup of it, and changed since.
    fn new(product: Product) -> Self {
        let world = World::new();
        let server = Server::target(&world, product, "secret", &[("name", "t"), ("exclude", "crm")]);
        server.sql("CREATE DATABASE shop;");
        if product.kind != Kind::Postgresql {
            server.sql("CREATE DATABASE crm;");
        }
        let content = if product.kind == Kind::Postgresql { POSTGRESQL } else { MYSQL };
        server.load("shop", content.as_bytes());
        // So large that its end would be suspicious.
        let rows = (2..4000).map(|id| format!("INSERT INTO goods VALUES ({id}, 'word number {id}');\n"));
        server.load("shop", format!("BEGIN; {} COMMIT;", rows.collect::<String>()).as_bytes());
        world.back_up();
        server.load("shop", CHANGED.as_bytes());
        Self { world, server }
    }

    fn word(&self, database: &str) -> String {
        self.server
            .load(database, b"SELECT word FROM words WHERE word NOT LIKE 'word number%' LIMIT 1;")
            .trim()
            .to_owned()
    }

    fn databases(&self) -> Vec<String> {
        let all = match self.server.product.kind {
            Kind::Postgresql => "SELECT datname FROM pg_database;",
            Kind::Mariadb | Kind::Mysql => "SELECT schema_name FROM information_schema.schemata;",
        };
        self.server
            .sql(all)
            .lines()
            .filter(|name| name.starts_with("shop") || name.starts_with("dumpcar"))
            .map(str::to_owned)
            .collect()
    }

    /// The one that stays beside the restored one.
    fn old(&self) -> String {
        let all = self.databases();
        let [old] = all.iter().filter(|name| *name != "shop").collect::<Vec<_>>()[..] else {
            panic!("{all:?}")
        };
        assert!(old.starts_with("shop_before_2"), "{old}");
        old.clone()
    }
}

/// The command that is printed for a person, without the terminal that a test has not.
fn typed(text: &str, password: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| line.starts_with("docker exec -it ")).unwrap();
    line.replace("docker exec -it", &format!("docker exec -e MYSQL_PWD={password}")).replace(" -p ", " ")
}

fn stays(product: Product) {
    let shop = Shop::new(product);
    let ended = shop.world.run(&["restore", "t", "--database", "shop", "--keep-old", "--yes"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(!ended.stderr.contains("WARN"), "{}", ended.stderr);
    let old = shop.old();
    assert_eq!([shop.word("shop"), shop.word(&old)], ["as it was", "changed"]);
    assert_eq!(shop.server.load(&old, b"SELECT the_word();").trim(), "changed");
    if product.kind != Kind::Postgresql {
        let events = format!(
            "SELECT CONCAT(event_schema, ' ', status) FROM information_schema.events WHERE event_schema IN ('shop', '{old}') ORDER BY 1;"
        );
        let events = shop.server.sql(&events).to_uppercase();
        let [live, kept] = events.lines().collect::<Vec<_>>()[..] else { panic!("{events}") };
        assert!(live.starts_with("SHOP ENABLED") && kept.ends_with("DISABLED"), "{events}");
        // It holds no row of others, and others hold none of it.
        shop.server.sql("DELETE FROM shop.orders; DELETE FROM crm.customers;");
        let keys = shop.server.sql("SELECT unique_constraint_schema FROM information_schema.referential_constraints WHERE constraint_name = 'seen';");
        assert_eq!(keys.trim(), "shop");
        shop.server.load(&old, b"INSERT INTO goods VALUES (0, 'BIG');");
        assert_eq!(shop.server.load(&old, b"SELECT word FROM goods WHERE id = 0;").trim(), "big");
    }
    // It is a database as any other, until it is dropped; and then nothing was lost.
    shop.world.back_up();
    let printed = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(
        printed
            .contains(&format!("the old content is in database {old:?}, which is backed up with the others")),
        "{printed}"
    );
    let drop = typed(&printed, "secret");
    let dropped = std::process::Command::new("sh").args(["-c", &drop]).output().unwrap();
    assert!(dropped.status.success(), "{drop}: {dropped:?}");
    assert_eq!(shop.databases(), ["shop"]);
    shop.world.back_up();
    // By default of whoever is not asked, it is dropped.
    let ended = shop.world.run(&["restore", "t", "--yes"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(shop.databases(), ["shop"]);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn postgresql_keeps_what_is_replaced() {
    stays(POSTGRESQL_17);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn mariadb_keeps_what_is_replaced() {
    stays(MARIADB_11_8);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn mysql_keeps_what_is_replaced() {
    stays(MYSQL_9_7);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn who_is_asked_sees_what_there_is_and_loses_nothing() {
    let shop = Shop::new(POSTGRESQL_17);
    let no = shop.world.asked(&["restore", "t"], "n");
    let said = shop.world.plain(&String::from_utf8_lossy(&no.stdout));
    assert_eq!(no.status, 1, "{said}");
    for words in [
        " ago, by ",
        "(manual), not drilled",
        "what is in it now (",
        " on disk) stays as \"shop_before_2",
        "Go on? [y/N, b: back up what is there now, then go on]",
        "nothing was changed",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!((shop.databases(), shop.word("shop")), (vec!["shop".to_owned()], "changed".to_owned()));
    let gone = shop.world.asked(&["restore", "t", "--drop-old"], "no");
    let said = String::from_utf8_lossy(&gone.stdout).into_owned();
    assert!(said.contains("EVERYTHING IN IT NOW (") && said.contains(" on disk) WILL BE GONE"), "{said}");

    // The one it restores from is not pruned for the one that is made first.
    let first = shop.world.manifests()[0]["stamp"].as_str().unwrap().to_owned();
    let Shop { world, server } = shop;
    let shop = Shop { world: world.set("DUMPCAR_KEEP_LAST", "1"), server };
    let yes = shop.world.asked(&["restore", "t", "--database", "shop"], "b");
    let said = String::from_utf8_lossy(&yes.stdout).into_owned();
    println!("{said}");
    assert_eq!(yes.status, 0, "{said}");
    let old = shop.old();
    assert_eq!([shop.word("shop"), shop.word(&old)], ["as it was", "changed"]);
    let manifests = shop.world.manifests();
    assert_eq!(manifests.len(), 2);
    assert_eq!(manifests[0]["stamp"], first.as_str());
    let drop = typed(&said, "secret");
    assert!(std::process::Command::new("sh").args(["-c", &drop]).status().unwrap().success());
    // What was backed up is what was there.
    let back = shop.world.run(&["restore", "t", "--database", "shop", "--yes"]);
    assert_eq!(back.status, 0, "{}", back.stderr);
    assert_eq!(shop.word("shop"), "changed");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_a_command_replaces_cannot_be_kept() {
    let world = World::new();
    let target = world.custom("t", "echo content");
    world.back_up();
    let ended = world.run(&["restore", "t", "--keep-old", "--yes"]);
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    assert!(ended.problem().contains("cannot be kept (--keep-old)"), "{}", ended.stderr);
    drop(target);
}

/// Into a container whose server is still set up by its image.
fn waits(product: Product) {
    let shop = Shop::new(product);
    let new = Server::started(product, "secret", &[]);
    let args = ["restore", "t", "--to", &new.container.name, "--database", "shop", "--yes"];
    let ended = shop.world.run(&args);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("waiting for the server to start"), "{}", ended.stderr);
    new.wait_until_it_answers();
    let word = new.load("shop", b"SELECT word FROM goods WHERE id = 1;");
    assert_eq!(word.trim(), "as it was");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_postgresql_that_is_still_set_up_is_waited_for() {
    waits(POSTGRESQL_17);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_mysql_that_is_still_set_up_is_waited_for() {
    waits(MYSQL_9_7);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_mariadb_that_is_still_set_up_is_waited_for() {
    waits(MARIADB_11_8);
}
