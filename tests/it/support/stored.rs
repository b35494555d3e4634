//! Backups that are written past the program, with whatever is to be wrong with them.

use std::io::Write;

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::docker::IMAGE_ID;
use super::world::World;

/// An object and what its manifest says of it.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) entry: Value,
    pub(crate) stored: Vec<u8>,
}

fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn compress(compression: &str, plain: &[u8]) -> Vec<u8> {
    match compression.split(':').next().unwrap() {
        "xz" => {
            let mut encoder = xz2::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "zstd" => zstd::encode_all(plain, 3).unwrap(),
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        _ => plain.to_vec(),
    }
}

/// As a manifest says it.
pub(crate) fn encoding(compression: &str) -> Value {
    if compression == "none" { json!([]) } else { json!([compression]) }
}

impl Object {
    /// A database's dump, named as Dumpcar names it.
    pub(crate) fn database(name: &str, compression: &str, plain: &[u8]) -> Self {
        let extension = match compression {
            "xz" => ".xz",
            "zstd" => ".zst",
            "gzip" => ".gz",
            _ => "",
        };
        Self::new(
            &format!("{name}.sql{extension}"),
            json!({ "kind": "database", "database": name }),
            compression,
            plain,
        )
    }

    /// The only dump of a custom target, as it is.
    pub(crate) fn dump(plain: &[u8]) -> Self {
        Self::new("dump.dump", json!({ "kind": "dump" }), "none", plain)
    }

    fn new(file: &str, mut entry: Value, compression: &str, plain: &[u8]) -> Self {
        let stored = compress(compression, plain);
        let more = json!({
            "name": file, "format": if entry["kind"] == "dump" { "dump" } else { "sql" }, "encoding": encoding(compression), "plain_bytes": plain.len(),
            "plain_sha256": sha256(plain), "stored_bytes": stored.len(), "stored_sha256": sha256(&stored),
        });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Self { entry, stored }
    }

    /// The manifest says something else.
    pub(crate) fn says(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.entry[field] = value.into();
        self
    }

    /// Something else is in the bucket, and the manifest knows it.
    pub(crate) fn holds(mut self, stored: Vec<u8>) -> Self {
        self.entry["stored_bytes"] = stored.len().into();
        self.entry["stored_sha256"] = sha256(&stored).into();
        self.stored = stored;
        self
    }

    pub(crate) fn name(&self) -> &str {
        self.entry["name"].as_str().unwrap()
    }
}

pub(crate) fn manifest(target: &str, stamp: &str, engine: &str, objects: &[Object]) -> Value {
    let objects: Vec<&Value> = objects.iter().map(|object| &object.entry).collect();
    json!({
        "version": 1, "target": target, "stamp": stamp, "engine": engine, "server_version": "", "image": "i",
        "image_id": IMAGE_ID, "instance": "h", "dumpcar": "0.1.0", "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:00:01Z", "trigger": "schedule", "objects": objects,
    })
}

impl World {
    /// Puts a complete backup into the bucket.
    pub(crate) fn store_backup(&self, target: &str, stamp: &str, engine: &str, objects: &[Object]) {
        for object in objects {
            self.write(&format!("{target}/{stamp}/{}", object.name()), &object.stored);
        }
        let manifest = manifest(target, stamp, engine, objects).to_string();
        self.write(&format!("{target}/{stamp}/manifest.json"), manifest.as_bytes());
    }
}
