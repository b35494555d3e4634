use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::support::docker::docker;
use super::support::garage::Garage;
use super::support::random::{Random, instants};
use super::support::servers::{MARIADB_11_8, POSTGRESQL_17, Server};
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
    /// Stamps and contents.
    backups: [(String, String); 2],
    takes: Duration,
}

impl Scene {
    fn new(victim: Victim) -> Self {
        let garage = if victim == Victim::Store { Garage::lasting() } else { Garage::shared() };
        let world = World::with(garage).set("DUMPCAR_COMPRESSION", "none").set("DUMPCAR_KEEP_LAST", "1000");
        let labels = [("name", "t"), ("databases", "shop")];
        let server = if victim == Victim::Target { Server::lasting } else { Server::target };
        let server = server(&world, POSTGRESQL_17, "secret", &labels);
        server.sql("CREATE DATABASE shop;");
        // The file system need not survive; the server is not what is tested.
        server.sql("ALTER SYSTEM SET fsync = off;");
        server.sql("SELECT pg_reload_conf();");
        let backups = ["new", "old"].map(|word| {
            // An object of more than one range.
            let sql = format!(
                "DROP TABLE IF EXISTS goods, sold;\n\
                 CREATE TABLE goods AS SELECT g AS id, repeat(md5('{word}' || g), 4) AS word FROM generate_series(1, 130000) g;\n\
                 CREATE INDEX ON goods (word);\nCREATE TABLE sold AS SELECT * FROM goods WHERE id % 100 = 0;\nCHECKPOINT;\n"
            );
            server.load("shop", sql.as_bytes());
            world.back_up();
            let stamp = world.manifests().pop().unwrap()["stamp"].as_str().unwrap().to_owned();
            (stamp, content(&server))
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
        let found = self.backups.iter().position(|(_, of_backup)| *of_backup == content);
        found.unwrap_or_else(|| panic!("neither the old content nor the new one: {content}"))
    }

    fn left(&self) -> Vec<String> {
        let sql = "SELECT regexp_replace(datname, '_[0-9a-f]{16}_.*', '') FROM pg_database WHERE datname LIKE 'dumpcar%';\n";
        let mut left: Vec<_> = self.server.sql(sql).lines().map(str::to_owned).collect();
        let is_record = |key: &String| key.starts_with(".dumpcar/");
        left.extend(self.world.keys().into_iter().any(|key| is_record(&key)).then(|| "record".to_owned()));
        left
    }
}

/// All rows of all tables, and what is built on them.
fn content(server: &Server) -> String {
    let sql = "SELECT count(*), md5(string_agg(id || word, ',' ORDER BY id)) FROM goods;\n\
               SELECT count(*), md5(string_agg(id || word, ',' ORDER BY id)) FROM sold;\n\
               SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1;\n";
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
    let begun = Instant::now();
    let scene = Scene::new(victim);
    let mut table = BTreeMap::<String, u32>::new();
    let mut reasons = BTreeMap::<String, u32>::new();
    let (mut old, mut takes) = (scene.has(), scene.takes);
    for at in Random::announced(&format!("restore: {victim:?}")).spread(instants()) {
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
                docker(&["kill", scene.world.bucket.garage.id()]);
                docker(&["start", scene.world.bucket.garage.id()]);
                let ended = dumpcar.end();
                scene.world.bucket.garage.wait();
                Some(ended)
            }
        };
        let now = scene.has();
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
            assert_eq!(scene.has(), now, "the next start changes nothing");
        }
        left.sort();
        let content = if now == old { "old content" } else { "new content" };
        *table.entry(format!("{stage:22} | {content} | left: {}", left.join(", "))).or_default() += 1;
        old = now;
    }
    println!("\nrestore, {victim:?}: undisturbed {:?}, all {:?}", scene.takes, begun.elapsed());
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

/// There is no way back in it, so at least it says where it stands.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_an_interrupted_restore_says_of_a_mariadb_is_so() {
    let world = World::new().set("DUMPCAR_COMPRESSION", "none");
    let labels = [("name", "t"), ("databases", "shop")];
    let server = Server::target(&world, MARIADB_11_8, "secret", &labels);
    server.sql("CREATE DATABASE shop;");
    let make = "CREATE OR REPLACE TABLE goods AS SELECT seq AS id, REPEAT(MD5(CONCAT(seq, 'new')), 4) AS word FROM seq_1_to_150000;";
    server.load("shop", make.as_bytes());
    let content = || {
        let sql = "SET group_concat_max_len = 1 << 30;\nSELECT COUNT(*), MD5(GROUP_CONCAT(id, word ORDER BY id)) FROM goods;\n";
        server.load("shop", sql.as_bytes())
    };
    let new = content();
    world.back_up();
    let mut takes = timed(|| world.run(&["restore", "t", "--yes"])).1;
    let mut table = BTreeMap::<String, u32>::new();
    for at in Random::announced("restore: MariaDB, interrupted").spread(instants().min(20)) {
        server.load("shop", make.replace("'new'", "'old'").as_bytes());
        let old = content();
        let dumpcar = world.start(&["restore", "t", "--yes"]);
        thread::sleep(takes.mul_f64(at));
        dumpcar.signal("INT");
        let ended = dumpcar.end();
        let problem = ended.reasons().pop().unwrap_or_default();
        let what = match ended.status {
            0 => {
                assert!(content() == new, "{}", ended.stderr);
                "restored"
            }
            130 if problem.ends_with("database \"shop\" is INCOMPLETE now: restore it again") => "incomplete",
            130 => {
                assert!(problem.is_empty() || problem.ends_with("; nothing was changed"), "{problem}");
                assert!(content() == old, "{}", ended.stderr);
                "unchanged"
            }
            status => panic!("{status}: {}", ended.stderr),
        };
        *table.entry(what.to_owned()).or_default() += 1;
        let (again, took) = timed(|| world.run(&["restore", "t", "--yes"]));
        assert!(again.status == 0 && content() == new, "{}", again.stderr);
        takes = took;
    }
    println!("restore, MariaDB interrupted: {table:?}");
}
