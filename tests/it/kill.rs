use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use dumpcar::signing::private_key_file;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::support::docker::{ExecRequest, Script, Step};
use super::support::fault::Fault;
use super::support::s3::{Asked, FakeS3};
use super::support::world::{World, noise, until};

const RECORD: &str = "record";
const OBJECTS: &str = "objects";
const UPLOAD: &str = "upload";

/// A request of a run that writes a record, roles and users in one piece, a database in parts, a signature and a manifest, and then
/// deletes the backup before it and the record.
struct Stage {
    name: &'static str,
    is_at: fn(&Asked) -> bool,
    /// What is left when the request never gets to the store, and when only its answer never comes.
    left: [&'static [&'static str]; 2],
    /// Whether there is a backup then.
    is_committed: [bool; 2],
}

const STAGES: [Stage; 13] = [
    Stage {
        name: "PUT of the record",
        is_at: |asked| asked.operation() == "PutObject" && asked.is_of_a_record(),
        left: [&[], &[RECORD]],
        is_committed: [false, false],
    },
    Stage {
        name: "PUT of an object",
        is_at: |asked| asked.operation() == "PutObject" && asked.path.ends_with("/globals.sql"),
        left: [&[RECORD], &[OBJECTS, RECORD]],
        is_committed: [false, false],
    },
    Stage {
        name: "CreateMultipartUpload",
        is_at: |asked| asked.operation() == "CreateMultipartUpload",
        left: [&[OBJECTS, RECORD], &[OBJECTS, RECORD, UPLOAD]],
        is_committed: [false, false],
    },
    Stage {
        name: "the first part",
        is_at: |asked| {
            asked.operation() == "UploadPart" && asked.parameter("partNumber").as_deref() == Some("1")
        },
        left: [&[OBJECTS, RECORD, UPLOAD]; 2],
        is_committed: [false, false],
    },
    Stage {
        name: "the last part",
        is_at: |asked| {
            asked.operation() == "UploadPart" && asked.parameter("partNumber").as_deref() == Some("3")
        },
        left: [&[OBJECTS, RECORD, UPLOAD]; 2],
        is_committed: [false, false],
    },
    Stage {
        name: "CompleteMultipartUpload",
        is_at: |asked| asked.operation() == "CompleteMultipartUpload",
        left: [&[OBJECTS, RECORD, UPLOAD], &[OBJECTS, RECORD]],
        is_committed: [false, false],
    },
    Stage {
        name: "PUT of the signature",
        is_at: |asked| asked.operation() == "PutObject" && asked.path.ends_with("/manifest.json.sig"),
        left: [&[OBJECTS, RECORD]; 2],
        is_committed: [false, false],
    },
    Stage {
        name: "PUT of the manifest",
        is_at: |asked| asked.operation() == "PutObject" && asked.is_manifest(),
        left: [&[OBJECTS, RECORD], &[RECORD]],
        is_committed: [false, true],
    },
    Stage {
        name: "DELETE of a manifest",
        is_at: |asked| asked.operation() == "DeleteObject" && asked.is_manifest(),
        left: [&[RECORD], &[OBJECTS, RECORD]],
        is_committed: [true, true],
    },
    Stage {
        name: "DELETE of its first object",
        is_at: |asked| asked.operation() == "DeleteObject" && asked.path.ends_with("/globals.sql"),
        left: [&[OBJECTS, RECORD]; 2],
        is_committed: [true, true],
    },
    Stage {
        name: "DELETE of its last object",
        is_at: |asked| asked.operation() == "DeleteObject" && asked.path.ends_with("/app.sql"),
        left: [&[OBJECTS, RECORD]; 2],
        is_committed: [true, true],
    },
    Stage {
        name: "DELETE of its signature",
        is_at: |asked| asked.operation() == "DeleteObject" && asked.path.ends_with("/manifest.json.sig"),
        left: [&[OBJECTS, RECORD], &[RECORD]],
        is_committed: [true, true],
    },
    Stage {
        name: "DELETE of the record",
        is_at: |asked| asked.operation() == "DeleteObject" && asked.is_of_a_record(),
        left: [&[RECORD], &[]],
        is_committed: [true, true],
    },
];

fn play(exec: &ExecRequest) -> Script {
    if exec.snippet().contains("pg_dumpall") {
        Script::ends(b"-- PostgreSQL database cluster dump complete\n", 0)
    } else if exec.snippet().contains("exec pg_dump") {
        let dump = [noise(12_000_000).as_slice(), b"\n-- PostgreSQL database dump complete\n"].concat();
        Script::plays(vec![Step::Stdout(dump), Step::Trailer(0), Step::AwaitRelease], Some(0))
    } else if exec.looks_for_leftovers() {
        Script::ends(b"", 0)
    } else {
        Script::ends(b"version 17.6\naccounts 1\ndatabase 617070 20000000\n", 0)
    }
}

/// A fault for the next request that is the one.
type Planned = (fn(&Asked) -> bool, Fault);

/// A bucket with one backup.
struct Scene {
    world: World,
    next: Arc<Mutex<Option<Planned>>>,
}

impl Scene {
    async fn new() -> Self {
        let next: Arc<Mutex<Option<Planned>>> = Arc::default();
        let planned = Arc::clone(&next);
        let s3 = FakeS3::with_faults(move |asked| {
            planned.lock().unwrap().take_if(|(is_at, _)| is_at(asked)).map(|(_, fault)| fault)
        });
        let world = World::with_s3(s3.await, play)
            .set("DUMPCAR_COMPRESSION", "none")
            .set("DUMPCAR_S3_PART_SIZE", "5MiB")
            .set("DUMPCAR_KEEP_LAST", "1")
            .set("DUMPCAR_SCHEDULE", "off")
            // The more files a backup has, the more there is to be left.
            .set("DUMPCAR_SIGNING_KEY", private_key_file(&[1; 32], 7, "test").expose());
        let labels = json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" });
        world.docker.container("shop", labels, &[]);
        let scene = Self { world, next };
        let ended = scene.world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        scene
    }

    /// Kills a run at the request, and starts Dumpcar again. What the killed run has left.
    async fn kill_at(&self, stage: &Stage, is_done: bool) -> Vec<&'static str> {
        let world = &self.world;
        let what = format!("{}, {}", stage.name, if is_done { "done" } else { "not done" });
        let known = self.backups();
        assert!(!known.is_empty() && self.left().is_empty(), "{what}: {:?}", world.keys());
        let unanswered = world.s3.unanswered();
        let fault = if is_done { Fault::DoneInSilence } else { Fault::Silence };
        *self.next.lock().unwrap() = Some((stage.is_at, fault));
        let mut run = world.start(&["backup"]);
        until(&what, || world.s3.unanswered() > unanswered).await;
        run.kill().await.unwrap();

        let left = self.left();
        assert_eq!(left, stage.left[usize::from(is_done)], "{what}: {:?}", world.keys());
        let is_committed = self.backups().iter().any(|key| !known.contains(key));
        assert_eq!(is_committed, stage.is_committed[usize::from(is_done)], "{what}: {:?}", world.keys());
        self.assert_verified(&what);

        let daemon = world.daemon();
        daemon.logs("target found", 1).await;
        until(&format!("{what}: all is cleaned up"), || self.left().is_empty()).await;
        let ended = daemon.stop().await;
        assert_eq!(ended.status, 0, "{what}: {}", ended.stderr);
        self.assert_verified(&what);
        left
    }

    /// The folders that have a manifest.
    fn backups(&self) -> BTreeSet<String> {
        let keys = self.world.keys();
        keys.iter().filter_map(|key| key.strip_suffix("/manifest.json")).map(str::to_owned).collect()
    }

    /// What belongs to no backup.
    fn left(&self) -> Vec<&'static str> {
        let backups = self.backups();
        let mut left = BTreeSet::new();
        for key in self.world.keys() {
            let folder = Path::new(&key).parent().unwrap().to_str().unwrap().to_owned();
            if key.starts_with(".dumpcar/") {
                left.insert(RECORD);
            } else if !backups.contains(&folder) {
                left.insert(OBJECTS);
            }
        }
        if self.world.s3.unfinished_uploads() > 0 {
            left.insert(UPLOAD);
        }
        left.into_iter().collect()
    }

    /// Every manifest tells the truth, byte by byte.
    fn assert_verified(&self, what: &str) {
        let manifests = self.world.manifests();
        assert!(!manifests.is_empty(), "{what}: the newest backup is never deleted");
        for manifest in manifests {
            let objects = manifest["objects"].as_array().unwrap();
            assert_eq!(objects.len(), 2, "{what}: {manifest}");
            for object in objects {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let key = format!("shop/{}/{}", text(&manifest["stamp"]), text(&object["name"]));
                let stored = self.world.read(&key);
                assert_eq!(object["stored_bytes"], stored.len(), "{what}: {key}");
                let sha256 = digest(&SHA256, &stored);
                let sha256: String = sha256.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(object["stored_sha256"], sha256, "{what}: {key}");
            }
        }
    }
}

#[tokio::test]
async fn a_process_that_is_killed_at_a_request_leaves_nothing_after_the_next_start() {
    let (one, other) = tokio::join!(Scene::new(), Scene::new());
    let mut table = "killed at                     not done yet: left           done: left\n".to_owned();
    let words = |left: Vec<_>| if left.is_empty() { "nothing".to_owned() } else { left.join(", ") };
    for stage in &STAGES {
        let (not_done, done) = tokio::join!(one.kill_at(stage, false), other.kill_at(stage, true));
        table += &format!("  {:28}{:29}{}\n", stage.name, words(not_done), words(done));
    }
    // Past the test harness, which would keep it to itself as long as all is well.
    drop(std::io::stderr().write_all(table.as_bytes()));
}
