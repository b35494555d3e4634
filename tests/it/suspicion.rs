/// A smaller backup that somebody accepts.
mod accepted;
/// What a run compares, and what it says.
mod compared;
/// What is kept and listed after bad nights.
mod kept;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::support::docker::{ExecRequest, IMAGE_ID, Script};
use super::support::world::{Ended, World};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// How large the next dump is, while the program runs or between its runs.
#[derive(Clone)]
struct Size(Arc<Mutex<usize>>);

impl Size {
    fn new(bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(bytes)))
    }

    fn set(&self, bytes: usize) {
        *self.0.lock().unwrap() = bytes;
    }

    fn play(&self) -> impl Fn(&ExecRequest) -> Script + Send + Sync + 'static {
        let Self(size) = self.clone();
        move |_| Script::ends(&vec![b'x'; *size.lock().unwrap()], 0)
    }
}

async fn world(size: &Size) -> World {
    World::new(size.play()).await.custom("shop")
}

/// A backup of `target` as an earlier run left it.
fn earlier(world: &World, target: &str, stamp: &str, plain_bytes: usize, suspicious: Option<&str>) {
    let mut manifest = json!({
        "version": 1, "target": target, "stamp": stamp, "engine": "custom", "server_version": "", "image": "i",
        "image_id": IMAGE_ID, "instance": "h", "dumpcar": "0.1.0", "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:00:01Z", "trigger": "manual",
        "objects": [{
            "name": "dump.dump", "kind": "dump", "format": "dump", "encoding": [],
            "plain_bytes": plain_bytes, "plain_sha256": "0".repeat(64), "stored_bytes": 3,
            "stored_sha256": "0".repeat(64),
        }],
    });
    if let Some(reason) = suspicious {
        manifest["suspicious"] = reason.into();
    }
    world.write(&format!("{target}/{stamp}/manifest.json"), manifest.to_string().as_bytes());
    world.write(&format!("{target}/{stamp}/dump.dump"), b"old");
}

const GOOD: &str = "2026-01-02T23-00-00Z";
const OLDER: &str = "2026-01-01T23-00-00Z";

/// A good backup and five suspicious ones after it.
fn five_bad_nights(world: &World) {
    earlier(world, "shop", OLDER, 4 * MIB, None);
    earlier(world, "shop", GOOD, 4 * MIB, None);
    (3..=7).for_each(|day| {
        earlier(world, "shop", &format!("2026-01-{day:02}T23-00-00Z"), 100 * KIB, Some("the dump: small"));
    });
}

/// The stamps of the backups that are there, oldest first.
fn stamps(world: &World) -> Vec<String> {
    world.manifests().iter().map(|manifest| manifest["stamp"].as_str().unwrap().to_owned()).collect()
}

/// Why the newest backup is suspicious.
fn mark(world: &World) -> Option<String> {
    world.manifests().last().unwrap()["suspicious"].as_str().map(str::to_owned)
}

fn manifests_read(world: &World) -> usize {
    world.s3.operations().iter().filter(|operation| **operation == "GetObject").count()
}

fn states(listed: &Ended) -> Vec<(String, Value)> {
    let rows = super::support::world::rows(&listed.stdout);
    rows.iter().map(|row| (row["backup"].as_str().unwrap().to_owned(), row["state"].clone())).collect()
}
