//! What a manifest says, against what lies in the bucket.

use ring::digest;
use serde_json::Value;

use crate::support::world::World;

fn sha256(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn folder(manifest: &Value) -> String {
    format!("{}/{}", manifest["target"].as_str().unwrap(), manifest["stamp"].as_str().unwrap())
}

/// The keys of the objects that a manifest names.
pub(super) fn keys(manifest: &Value) -> Vec<String> {
    let names = manifest["objects"].as_array().unwrap().iter().map(|object| object["name"].as_str().unwrap());
    names.map(|name| format!("{}/{name}", folder(manifest))).collect()
}

/// Reads every object that a manifest names, and compares it byte by byte with what is said of it.
pub(crate) fn assert_verified(world: &World, manifest: &Value) {
    let folder = folder(manifest);
    let objects = manifest["objects"].as_array().unwrap();
    assert!(!objects.is_empty(), "{manifest}");
    for (object, key) in objects.iter().zip(keys(manifest)) {
        let stored = world.read(&key);
        assert_eq!(object["stored_bytes"], stored.len(), "{folder}: {object}");
        assert_eq!(object["stored_sha256"], sha256(&stored), "{folder}: {object}");
        let is_plain = object["encoding"] == serde_json::json!([]);
        let plain = if is_plain { stored } else { zstd::decode_all(stored.as_slice()).unwrap() };
        assert_eq!(object["plain_bytes"], plain.len(), "{folder}: {object}");
        assert_eq!(object["plain_sha256"], sha256(&plain), "{folder}: {object}");
        let is_globals = object["kind"] == "globals";
        let last_words = if is_globals {
            "-- PostgreSQL database cluster dump complete"
        } else {
            "-- PostgreSQL database dump complete"
        };
        let end = String::from_utf8_lossy(&plain[plain.len().saturating_sub(300)..]).into_owned();
        assert!(end.lines().any(|line| line == last_words), "{folder}: {object} ends in {end}");
    }
}
