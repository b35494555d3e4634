//! What lies in the bucket: read or refused. What was read can only be right, and is written back the same.

use std::collections::BTreeSet;

use crate::model::drill::DrillResult;
use crate::model::key::{BackupKey, may_be_object};
use crate::model::line::is_unsafe;
use crate::model::manifest::{Manifest, VERSION};
use crate::model::run::{self, ContainerRecord, Holder, RunRecord};

/// Neither a path nor a query: the parts of a request to Docker or of a key.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_plain_byte)
}

fn is_plain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A line that does nothing to whoever reads it.
fn is_line(text: &str) -> bool {
    text.len() <= 2048 && !text.chars().any(is_unsafe)
}

/// A manifest of any content.
pub fn manifest(data: &[u8]) {
    let manifest = match Manifest::from_json(data) {
        Ok(manifest) => manifest,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert!(manifest.version <= VERSION);
    let again = Manifest::from_json(&manifest.to_json()).expect("it was written by this version");
    assert_eq!(again, manifest);
    assert!(is_plain(manifest.target.as_str()));
    assert!(manifest.image_id.as_str().strip_prefix("sha256:").is_some_and(|digest| is_hex(digest, 64)));
    let digest = manifest.image_digest.as_ref().map(|digest| digest.as_str());
    assert!(digest.is_none_or(|digest| digest.split_once("@sha256:").is_some_and(|(name, digest)| {
        !name.is_empty()
            && name.bytes().all(|byte| is_plain_byte(byte) || b"/:".contains(&byte))
            && is_hex(digest, 64)
    })));
    assert!(manifest.docker_engine.as_deref().is_none_or(is_line));
    let lines = [&*manifest.server_version, &*manifest.image, &*manifest.instance, &*manifest.dumpcar];
    assert!(lines.into_iter().chain(manifest.suspicious.as_deref()).all(is_line));
    let (mut names, mut databases) = (BTreeSet::new(), BTreeSet::new());
    let (mut plain, mut stored) = (0_u64, 0_u64);
    assert!(!manifest.objects.is_empty());
    for object in &manifest.objects {
        assert!(object.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-%".contains(&byte)));
        assert!(may_be_object(&object.name), "{}", object.name);
        assert!(names.insert(&object.name), "two objects of one name");
        assert!(databases.insert((object.kind, &object.database)), "one database twice");
        if let Some(database) = &object.database {
            assert!(!database.is_empty() && !database.contains('\0'));
        }
        plain = plain.checked_add(object.plain_bytes).expect("the sum fits");
        stored = stored.checked_add(object.stored_bytes).expect("the sum fits");
    }
    assert_eq!((manifest.plain_bytes(), manifest.stored_bytes()), (plain, stored));
}

fn holder(holder: &Holder) {
    assert!(is_hex(holder.process.as_str(), 32));
    let lines = [&*holder.instance, &*holder.boot, &*holder.network];
    assert!(lines.into_iter().chain(holder.docker_engine.as_deref()).all(is_line));
    if let Some(container) = &holder.container {
        assert!(is_hex(container.id.as_str(), 64) && is_line(&container.started));
    }
}

/// What a field of it says: where it belongs, as far as it says so.
fn says(data: &[u8], field: &str) -> String {
    let json: serde_json::Value = serde_json::from_slice(data).unwrap_or_default();
    json.get(field).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

/// The record of a run, at the key it belongs to or at another one.
pub fn record(data: &[u8]) {
    let key = format!("{}/{}/{}.json", run::RECORDS, says(data, "target"), says(data, "run"));
    let record = match RunRecord::from_json(data, &key) {
        Ok(record) => record,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert_eq!(record.key(), key);
    assert_eq!(RunRecord::parse_key(&key), Some((record.target.clone(), record.run.clone())));
    assert!(is_plain(record.target.as_str()) && is_hex(record.run.as_str(), 16));
    assert!(record.container.as_ref().is_none_or(|id| is_hex(id.as_str(), 64)));
    holder(&record.holder);
    let again = RunRecord::from_json(&record.to_json(), &key).expect("it was written by this version");
    assert_eq!(again, record);
    let elsewhere = format!("{}/other/{}.json", run::RECORDS, record.run);
    assert!(RunRecord::from_json(data, &elsewhere).is_err() || elsewhere == key, "it belongs to one target");
}

/// The label of a scratch container.
pub fn scratch(data: &[u8]) {
    let Ok(label) = serde_json::from_slice::<ContainerRecord>(data) else { return };
    assert!(is_hex(label.run.as_str(), 16));
    assert!(is_plain(ContainerRecord::container(&label.run).as_str()));
    holder(&label.holder);
    let json = serde_json::to_vec(&label).expect("a label has only string keys");
    assert_eq!(
        serde_json::from_slice::<ContainerRecord>(&json).expect("it was written by this version"),
        label
    );
}

/// The result of a drill, beside the backup it is about or beside another one.
pub fn drill(data: &[u8]) {
    let (Ok(target), Ok(stamp)) = (says(data, "target").parse(), says(data, "stamp").parse()) else { return };
    let key = BackupKey { target, stamp };
    let Some(result) = DrillResult::from_json(data, &key) else { return };
    assert!(is_line(&result.instance) && result.seconds.is_finite());
    assert!(result.image_id.as_str().strip_prefix("sha256:").is_some_and(|digest| is_hex(digest, 64)));
    assert!(result.problem.as_ref().is_none_or(|problem| is_line(&problem.to_string())));
    assert!(
        result.remarks.len() <= 41
            && result.remarks.iter().all(|remark| !remark.to_string().chars().any(is_unsafe))
    );
    assert!(is_line(&result.verdict().to_string()));
    let again = DrillResult::from_json(&result.to_json(), &key).expect("it was written by this version");
    assert_eq!(again, result);
    let other = BackupKey { target: "another".parse().expect("a word"), ..key.clone() };
    assert!(key == other || DrillResult::from_json(data, &other).is_none(), "it is about one backup");
}
