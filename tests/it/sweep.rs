/// What killed runs have left goes.
mod killed;
/// The record of a run while the run lasts.
mod records;
/// What is left alone: the work of others, whole backups, and what nobody may delete.
mod spared;
/// Tools that may go on in a target.
mod tools;

use std::time::SystemTime;

use serde_json::{Value, json};

use super::support::docker::Script;
use super::support::world::World;

const DUMP: &[u8] = b"-- a dump\n";
const STAMP: &str = "2026-01-01T23-00-00Z";
const RUN: &str = "00000000deadbeef";
const NOBODY: &str = "00000000000000000000000000000000";

/// A process that has ended: nobody holds the socket of this name.
fn dead() -> Value {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let network = std::fs::read_link("/proc/self/ns/net").unwrap();
    json!({ "instance": "host-a", "process": NOBODY, "boot": boot.trim(), "network": network })
}

/// A process of which nothing can be known here.
fn elsewhere() -> Value {
    json!({ "instance": "host-b", "process": NOBODY, "boot": "another kernel", "network": "net:[1]" })
}

fn record(holder: &Value, stamp: Option<&str>, prunes: &[&str]) -> Value {
    json!({
        "version": 1, "run": RUN, "target": "shop", "stamp": stamp, "prunes": prunes,
        "started": "2026-01-01T23:00:00Z", "holder": holder,
    })
}

fn record_key(run: &str) -> String {
    format!(".dumpcar/runs/shop/{run}.json")
}

fn put_record(world: &World, record: &Value) {
    let run = record["run"].as_str().unwrap();
    world.write(&record_key(run), record.to_string().as_bytes());
}

async fn world() -> World {
    World::new(|_| Script::ends(DUMP, 0)).await.custom("shop")
}

fn has(world: &World, key: &str) -> bool {
    world.keys().iter().any(|found| found == key)
}

fn now() -> SystemTime {
    dumpcar::clock::now().into()
}

/// A folder with an object and without a manifest.
fn leave_object(world: &World, stamp: &str) -> String {
    let key = format!("shop/{stamp}/dump.dump.xz");
    world.write(&key, b"half");
    key
}
