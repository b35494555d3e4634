//! Run records that no Dumpcar wrote.

use serde_json::{Value, json};

use super::NASTY;
use crate::support::docker::id_of;
use crate::support::world::World;

/// The records that are none, by the digits their keys end with: each has to be left alone and named.
pub(crate) const NONE: std::ops::Range<u32> = 0..100;
/// Those that are: about a container that is no target, or with words for a holder that are only strange.
pub(crate) const SOME: std::ops::Range<u32> = 100..200;

pub(crate) fn run_id(number: u32) -> String {
    format!("0000000000{number:06x}")
}

pub(crate) fn key(number: u32) -> String {
    format!(".dumpcar/runs/pg/{}.json", run_id(number))
}

/// A process that has ended: nobody holds its socket here.
fn dead() -> Value {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let network = std::fs::read_link("/proc/self/ns/net").unwrap();
    json!({ "instance": "host-a", "process": "00".repeat(16), "boot": boot.trim(), "network": network })
}

/// A record that a killed run of `pg` has left.
pub(crate) fn record(number: u32) -> Value {
    json!({
        "version": 1, "run": run_id(number), "target": "pg", "container": id_of("pg"),
        "started": "2026-11-01T23:00:00Z", "holder": dead(),
    })
}

/// Containers that are none, of which Dumpcar must not ask anything.
fn containers() -> Vec<String> {
    let id = id_of("victim");
    let (short, _) = id.split_at(63);
    [
        "victim",
        "victim/kill?x=",
        "../build?remote=http://127.0.0.1:1/Dockerfile&networkmode=host&x=",
        "../info#",
        "../volumes/prune",
        "../images/create?fromSrc=x&x=",
        "",
        ".",
        "..",
        "victim\0",
        "victim\n",
        "victim%2fkill",
        "%2e%2e/build?x=",
        "//127.0.0.1:1/",
        "http://127.0.0.1:1/containers/x",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([
        id.to_uppercase(),
        short.to_owned(),
        format!("{id}0"),
        format!("{id}/kill?x="),
        format!("{id}\n"),
        format!("{short}g"),
    ])
    .collect()
}

/// Puts all of them into the bucket.
pub(super) fn plant(world: &World) {
    for (number, content) in NONE.zip(nonsense()) {
        world.write(&key(number), &content);
    }
    plant_strange(world);
}

/// What lies where records do.
pub(crate) fn nonsense() -> Vec<Vec<u8>> {
    let changed = |field: &str, value: Value| {
        let mut record = record(0);
        record[field] = value;
        record
    };
    let mut bad: Vec<Value> = containers().into_iter().map(|id| changed("container", id.into())).collect();
    for id in containers() {
        // The one that only Docker could say the fate of.
        let holder = json!({
            "instance": "e", "process": "00".repeat(16), "boot": "x", "network": "y",
            "container": { "id": id, "started": "1" },
        });
        bad.push(changed("holder", holder));
    }
    bad.extend([
        changed("version", 2.into()),
        changed("version", (-1).into()),
        changed("version", json!(1e300)),
        changed("container", json!(["victim"])),
        changed("target", "../pg".into()),
        changed("target", "shop".into()),
        changed("run", "x".into()),
        changed("run", "00000000DEADBEEF".into()),
        changed("stamp", "../..".into()),
        changed("prunes", json!(["2026-11-05T23-00-00Z/.."])),
        changed("prunes", json!({})),
        changed("restores", "yes".into()),
        changed("started", "now".into()),
        changed("holder", json!([])),
        json!([]),
        json!(null),
        json!("record"),
    ]);
    for (number, record) in NONE.zip(&mut bad) {
        // Its own name, unless that is what is wrong with it.
        if record.is_object() && record["run"] == run_id(0) {
            record["run"] = run_id(number).into();
        }
    }
    let mut contents: Vec<Vec<u8>> = bad.iter().map(|record| record.to_string().into_bytes()).collect();
    let padded = format!("{}{}", " ".repeat(2 * 1024 * 1024), record(u32::try_from(contents.len()).unwrap()));
    contents.push(padded.into_bytes());
    contents.extend([b"".to_vec(), b"{".to_vec(), b"\xff\xfe{}".to_vec(), vec![b'['; 200_000]]);
    contents.push("{\"holder\":".repeat(200).into_bytes());
    assert!(contents.len() < NONE.len());
    contents
}

/// Records of dead runs in strange words.
fn plant_strange(world: &World) {
    let mut next = SOME;
    let mut some = |field: &str, value: Value| {
        let number = next.next().unwrap();
        let mut record = record(number);
        record["holder"][field] = value;
        world.write(&key(number), record.to_string().as_bytes());
    };
    for field in ["instance", "process", "boot", "network", "engine"] {
        some(field, NASTY.into());
        some(field, "x".repeat(100_000).into());
        some(field, "".into());
    }
    // Of a container that is nobody's: the sweep has no business in it.
    let number = next.next().unwrap();
    let mut record = record(number);
    record["container"] = id_of("victim").into();
    world.write(&key(number), record.to_string().as_bytes());
}
