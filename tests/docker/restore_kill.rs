use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::support::docker::docker;
use super::support::random::{Random, instants};
use super::support::s3_server::S3Server;
use super::support::servers::{Kind, MARIADB_10_11, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_17, Product, Server};
use super::support::world::{Ended, Running, World, log_lines, timed};

/// What ends without any warning, or is told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Dumpcar,
    Target,
    Store,
    /// Ctrl-C.
    Interrupted,
}

/// One server and two backups of it, of which the other one is always restored.
struct Scene {
    world: World,
    server: Server,
    /// Stamps, contents, and of these the tables.
    backups: [(String, String, String); 2],
    takes: Duration,
}

impl Scene {
    fn new(product: Product, victim: Victim) -> Self {
        let server = if victim == Victim::Store { S3Server::lasting() } else { S3Server::shared() };
        let world = World::with(server).set("DUMPCAR_COMPRESSION", "none").set("DUMPCAR_KEEP_LAST", "1000");
        let labels = [("name", "t"), ("databases", "shop")];
        let server = if victim == Victim::Target { Server::lasting } else { Server::target };
        let server = server(&world, product, "secret", &labels);
        server.sql("CREATE DATABASE shop;");
        if product.kind == Kind::Postgresql {
            // The file system need not survive; the server is not what is tested.
            server.sql("ALTER SYSTEM SET fsync = off;");
            server.sql("SELECT pg_reload_conf();");
        }
        let backups = ["new", "old"].map(|word| {
            server.load("shop", made_of(product, word).as_bytes());
            world.back_up();
            let stamp = world.manifests().pop().unwrap()["stamp"].as_str().unwrap().to_owned();
            (stamp, content(&server), tables(&server))
        });
        assert_ne!(backups[0].1, backups[1].1);
        let mut scene = Self { world, server, backups, takes: Duration::ZERO };
        for wanted in [0, 1] {
            let (ended, takes) = timed(|| scene.start(wanted).end());
            assert_eq!((ended.status, scene.has()), (0, wanted), "{}", ended.stderr);
            scene.takes = takes;
        }
        assert_eq!(scene.left(), [""; 0]);
        scene
    }

    fn start(&self, wanted: usize) -> Running {
        self.world.start(&["restore", "t", "--at", &self.backups[wanted].0, "--yes"])
    }

    /// Whose content the database has, to the last row. Never anything else.
    fn has(&self) -> usize {
        let content = content(&self.server);
        let found = self.backups.iter().position(|(_, of_backup, _)| *of_backup == content);
        found.unwrap_or_else(|| panic!("neither the old content nor the new one: {content}"))
    }

    /// Whose tables it has, all of them.
    fn has_tables(&self) -> usize {
        if self.server.product.kind == Kind::Postgresql {
            return self.has();
        }
        let tables = tables(&self.server);
        let found = self.backups.iter().position(|(_, _, of_backup)| *of_backup == tables);
        found.unwrap_or_else(|| panic!("neither the old tables nor the new ones: {tables}"))
    }

    fn left(&self) -> Vec<String> {
        let sql = match self.server.product.kind {
            Kind::Postgresql => "SELECT datname FROM pg_database WHERE datname LIKE 'dumpcar%';\n",
            Kind::Mariadb | Kind::Mysql => "SHOW DATABASES LIKE 'dumpcar%';\n",
        };
        let kind = |name: &str| name.split('_').take(2).collect::<Vec<_>>().join("_");
        let mut left: Vec<_> = self.server.sql(sql).lines().map(kind).collect();
        let is_record = |key: &String| key.starts_with(".dumpcar/");
        left.extend(self.world.keys().into_iter().any(|key| is_record(&key)).then(|| "record".to_owned()));
        left
    }
}

/// An object of more than one range.
fn made_of(product: Product, word: &str) -> String {
    match product.kind {
        Kind::Postgresql => format!(
            "DROP TABLE IF EXISTS goods, sold;\n\
             CREATE TABLE goods AS SELECT g AS id, repeat(md5('{word}' || g), 4) AS word FROM generate_series(1, 130000) g;\n\
             CREATE INDEX ON goods (word);\nCREATE TABLE sold AS SELECT * FROM goods WHERE id % 100 = 0;\nCHECKPOINT;\n"
        ),
        // Old and new have tables, a view and a routine that the other one has not, or has otherwise.
        Kind::Mariadb | Kind::Mysql => format!(
            "DROP TABLE IF EXISTS sold, goods, log, only_new, only_old;\nDROP VIEW IF EXISTS seen, one_new, one_old;\n\
             DROP FUNCTION IF EXISTS word;\nDROP PROCEDURE IF EXISTS p_new;\nDROP PROCEDURE IF EXISTS p_old;\n\
             CREATE TABLE goods (id int PRIMARY KEY, word varchar(130));\nCREATE TABLE log (id int);\n\
             INSERT INTO goods WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 900), \
             h (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM h WHERE n < 39) \
             SELECT h.n * 900 + g.n, REPEAT(SHA2(CONCAT('{word}', h.n * 900 + g.n), 256), 2) FROM g, h;\n\
             CREATE TABLE sold (id int PRIMARY KEY, FOREIGN KEY (id) REFERENCES goods (id));\n\
             INSERT INTO sold SELECT id FROM goods WHERE id % 100 = 0;\nCREATE TABLE only_{word} (a int);\n\
             CREATE FUNCTION word () RETURNS text DETERMINISTIC RETURN '{word}';\n\
             CREATE VIEW seen AS SELECT COUNT(*) AS n, word() AS word FROM goods;\nCREATE VIEW one_{word} AS SELECT 1;\n\
             CREATE PROCEDURE p_{word} () SELECT '{word}';\n\
             CREATE TRIGGER shop.logged AFTER DELETE ON shop.goods FOR EACH ROW INSERT INTO shop.log VALUES (OLD.id);\n\
             CREATE TRIGGER also BEFORE INSERT ON sold FOR EACH ROW SET @said = '{word}';\n"
        ),
    }
}

/// All rows of all tables, and what is built on them.
fn content(server: &Server) -> String {
    let sql = match server.product.kind {
        Kind::Postgresql => {
            "SELECT count(*), md5(string_agg(id || word, ',' ORDER BY id)) FROM goods;\n\
             SELECT count(*), md5(string_agg(id || word, ',' ORDER BY id)) FROM sold;\n\
             SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1;\n"
        }
        Kind::Mariadb | Kind::Mysql => {
            "CHECKSUM TABLE goods, sold, log;\nSELECT * FROM seen;\nSELECT table_name, table_type FROM information_schema.tables \
             WHERE table_schema = 'shop' ORDER BY 1;\nSELECT routine_name, routine_definition FROM information_schema.routines \
             WHERE routine_schema = 'shop' ORDER BY 1;\nSELECT trigger_name, action_statement FROM information_schema.triggers \
             WHERE trigger_schema = 'shop' ORDER BY 1;\nSELECT table_name, referenced_table_name, unique_constraint_schema \
             FROM information_schema.referential_constraints WHERE constraint_schema = 'shop';\n"
        }
    };
    server.load("shop", sql.as_bytes())
}

/// The tables alone: what is built on them may be missing until the next start.
fn tables(server: &Server) -> String {
    let sql = match server.product.kind {
        Kind::Postgresql => return String::new(),
        Kind::Mariadb | Kind::Mysql => {
            "CHECKSUM TABLE goods, sold, log;\nSELECT table_name FROM information_schema.tables \
             WHERE table_schema = 'shop' AND table_type = 'BASE TABLE' ORDER BY 1;\n"
        }
    };
    server.load("shop", sql.as_bytes())
}

/// What the program says became of the databases is so.
fn assert_true(ended: &Ended, scene: &Scene, old: usize, now: usize) {
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    if ended.status == 0 {
        assert_ne!(now, old, "a success without the new content: {}", ended.stderr);
        return;
    }
    let problem = ended.reasons().pop().unwrap_or_default();
    if problem.ends_with("; nothing was changed") || !problem.contains("either everything is restored") {
        assert_eq!(now, old, "{}: {}", scene.server.container.name, ended.stderr);
    }
}

fn at_every_instant(victim: Victim) {
    at_every_instant_of(POSTGRESQL_17, victim);
}

fn at_every_instant_of(product: Product, victim: Victim) {
    let begun = Instant::now();
    let scene = Scene::new(product, victim);
    let mut table = BTreeMap::<String, u32>::new();
    let mut reasons = BTreeMap::<String, u32>::new();
    let (mut old, mut takes) = (scene.has(), scene.takes);
    // An exchange asks the server many times, and there are two more servers to see.
    let count = match (product.kind, victim) {
        (Kind::Postgresql, _) => instants(),
        (Kind::Mariadb | Kind::Mysql, Victim::Dumpcar) => instants().div_ceil(4),
        (Kind::Mariadb | Kind::Mysql, _) => instants().div_ceil(8),
    };
    for at in Random::announced(&format!("restore: {:?} {victim:?}", product.kind)).spread(count) {
        let mut dumpcar = scene.start(1 - old);
        let start = Instant::now();
        let instant = takes.mul_f64(at * 1.05);
        while start.elapsed() < instant && !dumpcar.has_ended() {
            thread::sleep(Duration::from_millis(2));
        }
        // The machine has more or less to do than it had; and a server that comes back from a crash is slower.
        if dumpcar.has_ended() {
            takes = (takes + start.elapsed()) / 2;
        } else if at > 0.8 {
            takes = takes.mul_f64(1.3);
        }
        let log = dumpcar.log();
        let said = |message: &str| log_lines(&log).iter().any(|line| line["message"] == message);
        let stage = match (dumpcar.has_ended(), said("object restored")) {
            (true, _) => "after the end",
            (false, true) => "behind the load",
            (false, false) => "before the load's end",
        };
        let ended = match victim {
            Victim::Dumpcar => {
                dumpcar.kill();
                None
            }
            Victim::Interrupted => {
                if !dumpcar.has_ended() {
                    dumpcar.signal("INT");
                }
                Some(dumpcar.end())
            }
            Victim::Target => {
                docker(&["kill", &scene.server.container.id]);
                let ended = dumpcar.end();
                docker(&["start", &scene.server.container.id]);
                scene.server.wait_until_it_answers();
                Some(ended)
            }
            Victim::Store => {
                scene.world.bucket.server.kill_and_start();
                let ended = dumpcar.end();
                scene.world.bucket.server.wait();
                Some(ended)
            }
        };
        // The server may still be at it when nobody waits for it any more.
        let mut now = if ended.is_some() && product.kind == Kind::Postgresql {
            scene.has()
        } else {
            scene.has_tables()
        };
        let mut left = scene.left();
        if let Some(ended) = &ended {
            assert_true(ended, &scene, old, now);
            let status = if victim == Victim::Interrupted { 130 } else { 1 };
            assert!([0, status].contains(&ended.status), "{}: {}", ended.status, ended.stderr);
            if victim == Victim::Interrupted {
                assert_eq!(left, [""; 0], "{}", ended.stderr);
            }
            for reason in ended.reasons() {
                let reason = scene.world.plain(&reason).replace(&scene.server.container.name, "TARGET");
                let masked = reason.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
                *reasons.entry(masked).or_default() += 1;
            }
        }
        if victim != Victim::Interrupted {
            let next = scene.world.back_up();
            assert_eq!(scene.left(), [""; 0], "after the next start: {}", next.stderr);
            let settled = scene.has();
            // A renaming that the server had begun was done meanwhile.
            assert!(
                settled == now || (product.kind != Kind::Postgresql && now == old),
                "the next start changes nothing"
            );
            now = settled;
        } else {
            assert_eq!(scene.has(), now);
        }
        left.sort();
        let content = if now == old { "old content" } else { "new content" };
        *table.entry(format!("{stage:22} | {content} | left: {}", left.join(", "))).or_default() += 1;
        old = now;
    }
    println!(
        "\nrestore, {:?} {victim:?}: undisturbed {:?}, all {:?}",
        product.kind,
        scene.takes,
        begun.elapsed()
    );
    table.iter().for_each(|(row, count)| println!("{count:4} × {row}"));
    reasons.iter().for_each(|(reason, count)| println!("{count:4} × said: {reason}"));
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_restore_that_is_killed_at_any_instant_leaves_the_old_content_or_the_new() {
    at_every_instant(Victim::Dumpcar);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_server_that_is_killed_in_a_restore_has_the_old_content_or_the_new() {
    at_every_instant(Victim::Target);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_store_that_is_killed_in_a_restore_costs_nothing_but_the_restore() {
    at_every_instant(Victim::Store);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_restore_that_is_interrupted_leaves_nothing_and_the_old_content() {
    at_every_instant(Victim::Interrupted);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_restore_of_a_mariadb_that_is_killed_at_any_instant_leaves_the_old_content_or_the_new() {
    at_every_instant_of(MARIADB_11_8, Victim::Dumpcar);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_restore_of_a_mysql_that_is_killed_at_any_instant_leaves_the_old_content_or_the_new() {
    at_every_instant_of(MYSQL_9_7, Victim::Dumpcar);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_mariadb_that_is_killed_in_a_restore_has_the_old_content_or_the_new() {
    at_every_instant_of(MARIADB_10_11, Victim::Target);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_mysql_that_is_killed_in_a_restore_has_the_old_content_or_the_new() {
    at_every_instant_of(MYSQL_9_7, Victim::Target);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_restore_of_a_mariadb_that_is_interrupted_leaves_nothing_and_the_old_content() {
    at_every_instant_of(MARIADB_11_8, Victim::Interrupted);
}
