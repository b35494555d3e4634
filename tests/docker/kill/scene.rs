//! A server with a bucket, and what may and may not be found in both.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::events::Events;
use super::table::Stage;
use super::verify;
use crate::support::docker::{Container, holds_within};
use crate::support::proxy::Proxy;
use crate::support::s3_server::S3Server;
use crate::support::servers::{POSTGRESQL_17, Server};
use crate::support::world::{Ended, Running, World, log_lines, timed};

/// What a promise of seconds may take on a machine that does something else at the same time.
const SOON: Duration = Duration::from_secs(30);

/// Old backups that a run finds and prunes.
const OLD: [&str; 3] = ["2020-01-01T00-00-00Z", "2020-01-02T00-00-00Z", "2020-01-03T00-00-00Z"];

pub(super) struct Settings {
    pub(super) compression: &'static str,
    pub(super) transport: &'static str,
    /// Rows of the large database, so that its object has three parts.
    pub(super) rows: u32,
    pub(super) retries: u32,
    /// The server keeps its data when it is killed.
    pub(super) lasting_target: bool,
    pub(super) docker_by_proxy: bool,
    pub(super) s3_server: Option<Arc<S3Server>>,
}

impl Settings {
    pub(super) fn of_lane(lane: usize) -> Self {
        let (compression, transport, rows) =
            [("none", "off", 120_000), ("zstd:1", "auto", 155_000)][lane % 2];
        Self {
            compression,
            transport,
            rows,
            retries: 0,
            lasting_target: false,
            docker_by_proxy: false,
            s3_server: None,
        }
    }
}

/// How Dumpcar is started after a run of its that was killed.
#[derive(Debug, Clone, Copy)]
pub(super) enum NextStart {
    Run,
    Daemon,
}

pub(super) struct Scene {
    pub(super) world: World,
    pub(super) server: Server,
    /// What Dumpcar reaches Docker by, if not directly.
    pub(super) docker: Option<Proxy>,
    events: Events,
    seen_events: usize,
    /// Manifests from before the run.
    known: BTreeSet<String>,
    /// How long a run takes.
    takes: Duration,
    /// A real backup's small objects and its manifest.
    old: Vec<(String, Vec<u8>)>,
    old_manifest: Value,
}

impl Scene {
    pub(super) fn new(settings: Settings) -> Self {
        let world = World::with(settings.s3_server.unwrap_or_else(S3Server::shared))
            .set("DUMPCAR_COMPRESSION", settings.compression)
            .set("DUMPCAR_TRANSPORT", settings.transport)
            .set("DUMPCAR_S3_PART_SIZE", "5MiB")
            .set("DUMPCAR_KEEP_LAST", "1")
            .set("DUMPCAR_LOG", "debug")
            .set("DUMPCAR_RETRIES", &settings.retries.to_string());
        let docker = settings.docker_by_proxy.then(|| {
            let host = std::env::var("DOCKER_HOST").unwrap_or_default();
            Proxy::to_socket(host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock"))
        });
        let world = match &docker {
            Some(proxy) => world.set("DOCKER_HOST", &proxy.host()),
            None => world,
        };
        let labels = [("name", "t"), ("databases", "big,small")];
        let server = if settings.lasting_target { Server::lasting } else { Server::target };
        let server = server(&world, POSTGRESQL_17, "secret", &labels);
        server.sql("CREATE DATABASE big;");
        server.sql("CREATE DATABASE small;");
        // The file system need not survive; the server is not what is tested.
        server.sql("ALTER SYSTEM SET fsync = off;");
        server.sql("SELECT pg_reload_conf();");
        let rows = "SELECT g AS id, encode(sha256(g::text::bytea), 'base64') || encode(sha256((g || 'x')::bytea), 'base64') AS word FROM generate_series(1, ";
        server
            .load("big", format!("CREATE TABLE rows AS {rows}{}) g;\nCHECKPOINT;", settings.rows).as_bytes());
        server.load("small", format!("CREATE TABLE rows AS {rows}100) g;\nCHECKPOINT;").as_bytes());
        let events = Events::of(&server.container);
        let mut scene = Self {
            world,
            server,
            docker,
            events,
            seen_events: 0,
            known: BTreeSet::new(),
            takes: Duration::ZERO,
            old: Vec::new(),
            old_manifest: Value::Null,
        };
        scene.learn();
        scene
    }

    /// What an undisturbed run makes, and how long it takes.
    fn learn(&mut self) {
        self.world.back_up();
        let manifests = self.world.manifests();
        let [manifest] = manifests.as_slice() else { panic!("{manifests:?}") };
        let objects = manifest["objects"].as_array().unwrap();
        assert_eq!(objects.len(), 3, "{manifest}");
        let large = objects.iter().filter(|object| object["stored_bytes"].as_u64().unwrap() > 10 << 20);
        assert_eq!(large.count(), 1, "one object has at least three parts: {manifest}");
        let mut old = manifest.clone();
        let small: Vec<_> = objects.iter().filter(|object| object["database"] != "big").cloned().collect();
        for object in &small {
            let name = object["name"].as_str().unwrap();
            let folder = manifest["stamp"].as_str().unwrap();
            self.old.push((name.to_owned(), self.world.read(&format!("t/{folder}/{name}"))));
        }
        old["objects"] = small.into();
        self.old_manifest = old;
        self.fill_up();
        let ((), takes) = timed(|| drop(self.world.back_up()));
        self.takes = takes;
        self.assert_verified();
        assert_eq!(self.left(), [""; 0]);
    }

    pub(super) fn takes(&self) -> Duration {
        self.takes
    }

    /// The machine may have less or more to do than it had.
    pub(super) fn took(&mut self, takes: Duration) {
        self.takes = (self.takes + takes) / 2;
    }

    /// Puts back the old backups that were pruned.
    pub(super) fn fill_up(&self) {
        let keys = self.world.keys();
        for stamp in OLD {
            let manifest_key = format!("t/{stamp}/manifest.json");
            if keys.contains(&manifest_key) {
                continue;
            }
            for (name, content) in &self.old {
                self.world.write(&format!("t/{stamp}/{name}"), content);
            }
            let mut manifest = self.old_manifest.clone();
            manifest["stamp"] = stamp.into();
            self.world.write(&manifest_key, manifest.to_string().as_bytes());
        }
    }

    /// Starts the run that is to be disturbed.
    pub(super) fn start(&mut self) -> Running {
        self.known = self.manifest_keys().into_iter().collect();
        self.events.since(&mut self.seen_events);
        self.world.start(&["backup"])
    }

    fn manifest_keys(&self) -> Vec<String> {
        self.world.keys().into_iter().filter(|key| key.ends_with("/manifest.json")).collect()
    }

    pub(super) fn has_new_backup(&self) -> bool {
        self.manifest_keys().iter().any(|key| !self.known.contains(key))
    }

    /// What the run was at, by its log and by what Docker saw of it.
    pub(super) fn stage(&mut self, log: &str, is_over: bool) -> Stage {
        let said = log_lines(log);
        let said = |message: &str| said.iter().filter(|line| line["message"] == message).count();
        // The first command asks the server what there is.
        let (started, ended) = self.events.since(&mut self.seen_events);
        match said("object stored") {
            _ if is_over || said("backup committed") > 0 => Stage::AfterTheEnd,
            3 if said("backup pruned") > 0 => Stage::Pruning,
            3 => Stage::Manifest,
            0 if started < 2 => Stage::BeforeTheDump,
            _ if started > ended => Stage::InADump,
            _ => Stage::BetweenObjects,
        }
    }

    /// Every manifest there is tells the truth.
    pub(super) fn assert_verified(&self) {
        let manifests = self.world.manifests();
        assert!(!manifests.is_empty(), "the newest backup is never deleted");
        for manifest in &manifests {
            verify::assert_verified(&self.world, manifest);
        }
    }

    /// What is in the bucket that does not belong to a backup, in the words of the table.
    pub(super) fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        if self.world.bucket.unfinished_uploads() > 0 {
            left.push("upload".to_owned());
        }
        let folders: BTreeSet<_> =
            self.manifest_keys().iter().map(|key| Path::new(key).parent().unwrap().to_owned()).collect();
        let (mut records, mut orphans) = (0, 0);
        for key in self.world.keys() {
            let is_in_a_backup = Path::new(&key).parent().is_some_and(|folder| folders.contains(folder));
            if key.starts_with(".dumpcar/") {
                records += 1;
            } else if !is_in_a_backup {
                orphans += 1;
            }
        }
        if records > 0 {
            left.push("record".to_owned());
        }
        if orphans > 0 {
            left.push("objects".to_owned());
        }
        left
    }

    pub(super) fn assert_nothing_left_in_the_bucket(&self, ended: &Ended) {
        let left = self.left();
        assert!(left.is_empty(), "{left:?} in {:?}: {}", self.world.keys(), ended.stderr);
    }

    /// Stops the dump tool that runs, if any: small as its dump is, it would soon end by itself, whoever reads it.
    pub(super) fn hold_tools(&self) {
        const HOLD: &str = "for p in /proc/[0-9]*; do \
            read -r name <$p/comm && [ $name = pg_dump ] && kill -STOP ${p#/proc/}; done; true";
        self.server.container.exec(&["sh", "-c", HOLD]);
    }

    pub(super) fn assert_nothing_left_in_the_target(&self) {
        let tools = || tools(&self.server.container);
        assert!(holds_within(SOON, || tools().is_empty()), "left in the target: {:?}", tools());
    }

    /// Starts Dumpcar again; afterwards nothing may be left anywhere.
    pub(super) fn next_start(&mut self, how: NextStart) {
        match how {
            NextStart::Run => {
                let (ended, takes) = timed(|| self.world.back_up());
                self.took(takes);
                self.assert_nothing_left_in_the_bucket(&ended);
            }
            NextStart::Daemon => {
                let daemon = self.world.start(&[]);
                let clean = holds_within(SOON, || self.left().is_empty());
                daemon.signal("TERM");
                let ended = daemon.end();
                assert!(clean, "{:?} in {:?}: {}", self.left(), self.world.keys(), ended.stderr);
                assert_eq!(ended.status, 0, "{}", ended.stderr);
            }
        }
        // Byte by byte after the next disturbance, which finds the same backups.
        self.assert_complete();
        self.assert_nothing_left_in_the_target();
    }

    /// Everything that a manifest names is there.
    fn assert_complete(&self) {
        let keys = self.world.keys();
        for manifest in self.world.manifests() {
            for key in verify::keys(&manifest) {
                assert!(keys.contains(&key), "{key} is missing: {keys:?}");
            }
        }
    }
}

/// Dump tools and the shells around them.
fn tools(container: &Container) -> Vec<String> {
    let is_ours =
        |process: &String| ["pg_dump", "psql", "dumpcar-"].iter().any(|part| process.contains(part));
    container.processes().into_iter().filter(is_ours).collect()
}
