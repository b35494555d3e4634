//! That the bucket was verified, and when: an interval counts from the last time, whatever process did it.

use std::num::NonZeroU32;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::key::{BackupKey, Stamp};
use super::line::Line;
use super::target::TargetName;

/// The format this version writes. A higher one is left to whoever understands it.
const VERSION: u32 = 1;

/// Where it is, below the store's prefix.
pub const VERIFIED: &str = ".dumpcar/verified.json";

/// More backups that are not good are counted.
const MOST_FAILED: usize = 20;

/// The content of `.dumpcar/verified.json`: the newest backup of each target was read back, and these were not good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// [`VERSION`] when written.
    version: u32,
    /// When it was begun.
    pub at: Timestamp,
    /// Who did it: `DUMPCAR_INSTANCE`.
    pub instance: Line,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failed: Vec<Failed>,
    /// Those beyond [`MOST_FAILED`].
    #[serde(default)]
    more: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Failed {
    target: TargetName,
    backup: Stamp,
}

/// Why an object does not count.
#[derive(Debug, thiserror::Error)]
pub enum VerifiedError {
    #[error("it does not say what a verification found ({0})")]
    Malformed(#[from] serde_json::Error),
    #[error("a newer Dumpcar wrote it (version {0}, this one reads up to {VERSION})")]
    Newer(u32),
    #[error("it has more backups than a verification tells of")]
    TooMany,
}

impl Verified {
    /// What was found by a verification of all targets that began at `at`.
    pub fn new(at: Timestamp, instance: &str, failed: impl Iterator<Item = BackupKey>) -> Self {
        let mut failed: Vec<Failed> =
            failed.map(|key| Failed { target: key.target, backup: key.stamp }).collect();
        let more = failed.len().saturating_sub(MOST_FAILED);
        failed.truncate(MOST_FAILED);
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        Self { version: VERSION, at, instance: Line::clean(instance), failed, more }
    }

    /// What was not good, in one line; `None` if all was.
    pub fn problem(&self) -> Option<String> {
        if self.failed.is_empty() {
            return None;
        }
        let names: Vec<String> =
            self.failed.iter().map(|one| format!("{}/{}", one.target, one.backup)).collect();
        let more = if self.more > 0 { format!(" and {} more", self.more) } else { String::new() };
        Some(format!(
            "not good when it was verified at {}: {}{more}; `dumpcar verify` says why",
            self.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            names.join(", ")
        ))
    }

    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("it has only string keys")
    }

    /// # Errors
    /// It is none, or one that only a newer Dumpcar understands.
    pub fn from_json(json: &[u8]) -> Result<Self, VerifiedError> {
        #[derive(Deserialize)]
        struct Version {
            version: NonZeroU32,
        }
        let Version { version } = serde_json::from_slice(json)?;
        if version.get() > VERSION {
            return Err(VerifiedError::Newer(version.get()));
        }
        let verified: Self = serde_json::from_slice(json)?;
        if verified.failed.len() > MOST_FAILED { Err(VerifiedError::TooMany) } else { Ok(verified) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(day: usize) -> BackupKey {
        let stamp = format!("2026-11-{day:02}T23-00-00Z").parse().unwrap();
        BackupKey { target: "shop".parse().unwrap(), stamp }
    }

    #[test]
    fn it_says_what_was_not_good_and_nothing_else() {
        let at: Timestamp = "2026-11-27T04:00:00Z".parse().unwrap();
        let good = Verified::new(at, "host-a", std::iter::empty());
        assert_eq!(good.problem(), None);
        assert_eq!(Verified::from_json(&good.to_json()).unwrap(), good);
        let bad = Verified::new(at, "host-a", (1..=2).map(key));
        assert_eq!(
            bad.problem().unwrap(),
            "not good when it was verified at 2026-11-27T04:00:00Z: shop/2026-11-01T23-00-00Z, shop/2026-11-02T23-00-00Z; \
             `dumpcar verify` says why"
        );
        let many = Verified::new(at, "host-a", (1..=25).map(key));
        assert!(many.problem().unwrap().contains(" and 5 more; "));
        assert_eq!(Verified::from_json(&many.to_json()).unwrap(), many);
    }

    #[test]
    fn what_is_no_such_object_does_not_count() {
        let right = Verified::new("2026-11-27T04:00:00Z".parse().unwrap(), "h", std::iter::once(key(1)));
        let right = String::from_utf8(right.to_json()).unwrap();
        assert!(Verified::from_json(right.as_bytes()).is_ok());
        for wrong in [
            "{}".to_owned(),
            right.replace("\"version\": 1", "\"version\": 2"),
            right.replace("\"version\": 1", "\"version\": 0"),
            right.replace("\"shop\"", "\"../shop\""),
            right.replace("2026-11-27T04:00:00Z", "yesterday"),
        ] {
            assert!(Verified::from_json(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
