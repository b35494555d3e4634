//! A bucket in which somebody has planted what Dumpcar never writes.

pub(crate) mod lies;
pub(crate) mod manifests;
pub(crate) mod records;
pub(crate) mod verdicts;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::docker::{ExecRequest, Script, Step};
use super::stored::Object;
use super::witness::Witness;
use super::world::World;
use manifests::{Planted, Truth};

/// What nobody may write to a terminal: an escape sequence, a bell, line ends with a forged line behind them, a C1 control,
/// and marks that turn text around.
pub(crate) const NASTY: &str = "x\u{1b}]0;PWN\u{7}\u{1b}[31m\r\n2026-11-26T00:00:00Z INFO backup committed target=pg \
                                \u{9b}2J\u{85}\u{202e}live\u{2066}\u{200f}\u{7f}";

/// The good backups of `pg`, oldest first.
pub(crate) const GOOD: [&str; 5] = [
    "2026-11-01T23-00-00Z",
    "2026-11-02T23-00-00Z",
    "2026-11-03T23-00-00Z",
    "2026-11-04T23-00-00Z",
    "2026-11-05T23-00-00Z",
];

/// The backup that is planted for a target of its own.
pub(crate) const PLANTED: &str = "2026-11-20T23-00-00Z";

/// When the backup of this number was planted between those of `pg`.
fn between(number: usize) -> String {
    format!("2026-11-{:02}T{:02}-30-00Z", 6 + number / 24, number % 24)
}

const DUMP: &[u8] = b"-- a dump\nSELECT 1;\n\n--\n-- PostgreSQL database dump complete\n--\n";

/// What the containers' tools do.
fn play(exec: &ExecRequest) -> Script {
    if let Some(fed) = feed(exec) {
        return fed;
    }
    let script = exec.snippet();
    let output: &[u8] = if exec.looks_for_leftovers() {
        b""
    } else if script.contains("/proc/1/comm") {
        // Process 1 is the server, and answers.
        b"postgres\npostgres\n1\n"
    } else if exec.argv.iter().any(|argument| argument.contains("'login', session_user")) {
        b""
    } else if script.contains("pg_dumpall") {
        b"-- PostgreSQL database cluster dump complete\n"
    } else if script.contains("exec pg_dump") {
        DUMP
    } else {
        b"version 17.6\naccounts 1\ndatabase 617070 1000\n"
    };
    Script::ends(output, 0)
}

/// A command of a restore: it makes a database, or fills one.
pub(crate) fn changes_a_server(exec: &ExecRequest) -> bool {
    is_feed(exec) || exec.argv.iter().any(|argument| argument.contains("CREATE DATABASE"))
}

/// A tool that takes all that it is fed.
pub(crate) fn feed(exec: &ExecRequest) -> Option<Script> {
    let steps = || {
        [
            Step::Read(exec.argv[5].parse().unwrap()),
            Step::Stdout(b"fed\n".to_vec()),
            Step::AwaitRelease,
            Step::Trailer(0),
            Step::AwaitRelease,
        ]
    };
    is_feed(exec).then(|| Script::plays(steps().to_vec(), Some(0)))
}

fn is_feed(exec: &ExecRequest) -> bool {
    exec.argv.get(2).is_some_and(|wrapper| wrapper.contains("Feeds a tool inside a target"))
}

pub(crate) fn good_object() -> Object {
    Object::database("app", "none", DUMP)
}

/// A world that is besieged: its bucket is full of traps, and a witness hears what Docker is asked.
pub(crate) struct Siege {
    pub(crate) world: World,
    pub(crate) witness: Witness,
}

impl Siege {
    /// The host, and a bucket with good backups only: `pg` and `shop` are targets, `my` is a server without labels, and
    /// `victim` is nobody's business.
    pub(crate) async fn quiet() -> Self {
        let world = World::new(play).await.custom("shop");
        let labels = json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" });
        world.docker.container("pg", labels, &[]);
        world.docker.container("my", json!({}), &["MARIADB_VERSION=11.8"]);
        world.docker.container("victim", json!({ "com.example": "x" }), &[]);
        let witness = Witness::before(world.docker.socket());
        let world = world
            .set("DOCKER_HOST", &witness.host())
            .set("DUMPCAR_COMPRESSION", "none")
            .set("DUMPCAR_KEEP_LAST", "3")
            .set("DUMPCAR_TIMEOUT", "20s")
            .set("DUMPCAR_STALL_TIMEOUT", "5s");
        for stamp in GOOD {
            world.store_backup("pg", stamp, "postgresql", &[good_object()]);
        }
        Self { world, witness }
    }

    /// The same, and every trap there is. `planted` are the manifests: each for a target of its own, and the plainly
    /// bad ones between the backups of `pg` as well.
    pub(crate) async fn laid(planted: &[Planted]) -> Self {
        let siege = Self::quiet().await;
        for (number, one) in planted.iter().enumerate() {
            siege.plant(one, &one.target(), PLANTED);
            if one.is_plainly_bad() {
                siege.plant(one, "pg", &between(number));
            }
        }
        records::plant(&siege.world);
        siege.litter();
        siege
    }

    /// The keys of the planted backups of `pg` that are incomplete, and otherwise like any other.
    pub(crate) fn incomplete(planted: &[Planted]) -> BTreeSet<String> {
        let stamps = planted.iter().enumerate().filter(|(_, one)| one.truth == Truth::Incomplete);
        let files = |stamp| ["app.sql", "manifest.json"].map(|file| format!("pg/{stamp}/{file}"));
        stamps.flat_map(|(number, _)| files(between(number))).collect()
    }

    fn plant(&self, planted: &Planted, target: &str, stamp: &str) {
        let object = good_object();
        // Each of them there, and of the size that the manifest says, so that nothing but the manifest is wrong.
        for file in [object.name(), "app.sql.gz", "globals.sql.gz", "globals.sql.zst"] {
            if planted.has(file) {
                self.world.write(&format!("{target}/{stamp}/{file}"), &object.stored);
            }
        }
        self.world.write(&format!("{target}/{stamp}/manifest.json"), &planted.manifest(target, stamp));
    }

    /// Other people's files, with names that somebody might take for something else.
    fn litter(&self) {
        for stamp in [GOOD[0], GOOD[4]] {
            for file in
                ["note.txt", "sub/app.sql", "x\u{202e}lqs.sql", "%2e%2e", "%1b[31m.sql", "a b.sql", "..sql"]
            {
                self.world.write(&format!("pg/{stamp}/{file}"), b"somebody's");
            }
        }
        for key in [
            "pg/note.txt".to_owned(),
            "pg/2026-11-31T23-00-00Z/manifest.json".to_owned(),
            "pg/2026-11-05T23-00-00z/manifest.json".to_owned(),
            "-x/2026-11-05T23-00-00Z/manifest.json".to_owned(),
            "a b?c#d&e=f/2026-11-05T23-00-00Z/manifest.json".to_owned(),
            ".dumpcar/else/x.json".to_owned(),
            ".dumpcar/runs/x.json".to_owned(),
            ".dumpcar/runs/pg/x.json".to_owned(),
            ".dumpcar/runs/pg/00000000DEADBEEF.json".to_owned(),
            ".dumpcar/runs/-x/00000000deadbeef.json".to_owned(),
        ] {
            self.world.write(&key, b"somebody's");
        }
    }

    /// Every key below the prefix with its size and a sum of its content.
    pub(crate) fn contents(&self) -> BTreeMap<String, (usize, u32)> {
        let of = |key: String| {
            let content = self.world.read(&key);
            let mut sum = flate2::Crc::new();
            sum.update(&content);
            (key, (content.len(), sum.sum()))
        };
        self.world.keys().into_iter().map(of).collect()
    }
}
