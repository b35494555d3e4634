//! What a drill found.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::key::{BackupKey, Stamp};
use super::target::TargetName;

/// The format this version writes. A higher one is left to whoever understands it.
const VERSION: u32 = 1;

/// The content of `drill.json`, beside the manifest of the backup that was restored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrillResult {
    /// [`VERSION`] when written.
    version: u32,
    /// The backup it is about. Absent from older results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<TargetName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stamp: Option<Stamp>,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it: `DUMPCAR_INSTANCE`.
    pub instance: String,
    /// The image of the server it was restored into (`sha256:…`).
    pub image_id: String,
    /// From the start of the server to the last comparison.
    pub seconds: f64,
    /// Databases that were restored and compared.
    pub databases: u64,
    pub tables: u64,
    pub rows: u64,
    /// Why the backup is not good; absent when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl DrillResult {
    /// A drill that has found nothing yet.
    pub fn new(of: &BackupKey, at: Timestamp, instance: &str, image_id: &str) -> Self {
        Self {
            version: VERSION,
            target: Some(of.target.clone()),
            stamp: Some(of.stamp),
            at,
            instance: instance.to_owned(),
            image_id: image_id.to_owned(),
            seconds: 0.0,
            databases: 0,
            tables: 0,
            rows: 0,
            problem: None,
        }
    }

    /// Whether it is about this backup; `None` when it does not say.
    pub fn is_about(&self, key: &BackupKey) -> Option<bool> {
        let (target, stamp) = (self.target.as_ref()?, self.stamp?);
        Some(*target == key.target && stamp == key.stamp)
    }

    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("a result has only string keys");
        json.push(b'\n');
        json
    }

    /// `None` when it is none, or one that only a newer Dumpcar understands.
    pub fn from_json(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().filter(|result: &Self| result.version <= VERSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bucket outlives the program.
    #[test]
    fn version_1_stays_what_it_is() {
        let at = "2026-11-23T23:30:00Z".parse().unwrap();
        let key =
            BackupKey { target: "shop".parse().unwrap(), stamp: "2026-11-23T23-00-00Z".parse().unwrap() };
        let good = DrillResult {
            databases: 2,
            tables: 3,
            rows: 4,
            seconds: 1.5,
            ..DrillResult::new(&key, at, "host-a", "sha256:00")
        };
        let json = String::from_utf8(good.to_json()).unwrap();
        assert_eq!(
            json.split_whitespace().collect::<String>(),
            r#"{"version":1,"target":"shop","stamp":"2026-11-23T23-00-00Z","at":"2026-11-23T23:30:00Z","instance":"host-a","image_id":"sha256:00","seconds":1.5,"databases":2,"tables":3,"rows":4}"#
        );
        assert_eq!(DrillResult::from_json(json.as_bytes()), Some(good));
        assert_eq!(DrillResult::from_json(json.replace("\"version\": 1", "\"version\": 2").as_bytes()), None);
        assert_eq!(DrillResult::from_json(b"{}"), None);
    }
}
