//! That somebody has said: this target is gone, and that is meant.

use std::num::NonZeroU32;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::key::Stamp;
use super::line::Line;
use super::target::TargetName;

/// The format this version writes. One of a higher version is left to whoever understands it.
const VERSION: u32 = 1;

/// Where these objects are, below the store's prefix.
pub const FORGOTTEN: &str = ".dumpcar/forgotten";

/// The content of `.dumpcar/forgotten/<target>.json`: nobody is to be told any more that no container serves the target.
///
/// It ends when a container serves the target again, and when there is a newer backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// [`VERSION`] when written.
    version: u32,
    pub target: TargetName,
    /// When it was said.
    pub at: Timestamp,
    /// Who said it: `DUMPCAR_INSTANCE`.
    pub instance: Line,
}

/// Why an object does not count.
#[derive(Debug, thiserror::Error)]
pub enum ForgottenError {
    #[error("it does not say that a target is forgotten ({0})")]
    Malformed(#[from] serde_json::Error),
    #[error("a newer Dumpcar wrote it (version {0}, this one reads up to {VERSION})")]
    Newer(u32),
    #[error("it belongs at another key")]
    Misplaced,
}

impl Forgotten {
    pub fn new(target: &TargetName, at: Timestamp, instance: &str) -> Self {
        Self { version: VERSION, target: target.clone(), at, instance: Line::clean(instance) }
    }

    /// Its key, relative to the store's prefix.
    pub fn key(target: &TargetName) -> String {
        format!("{FORGOTTEN}/{target}.json")
    }

    /// The target that a key is about; `None` when it is not the key of such an object.
    pub fn parse_key(key: &str) -> Option<TargetName> {
        key.strip_prefix(FORGOTTEN)?.strip_prefix('/')?.strip_suffix(".json")?.parse().ok()
    }

    /// Whether it still holds, if the newest backup is this one.
    pub fn holds(&self, newest: Option<Stamp>) -> bool {
        newest.is_none_or(|newest| newest.timestamp() <= self.at)
    }

    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("it has only string keys")
    }

    /// Reads the object that lies at `key`.
    ///
    /// # Errors
    /// It is none, is one that only a newer Dumpcar understands, or does not belong there.
    pub fn from_json(json: &[u8], key: &str) -> Result<Self, ForgottenError> {
        #[derive(Deserialize)]
        struct Version {
            version: NonZeroU32,
        }
        let Version { version } = serde_json::from_slice(json)?;
        if version.get() > VERSION {
            return Err(ForgottenError::Newer(version.get()));
        }
        let forgotten: Self = serde_json::from_slice(json)?;
        if Self::key(&forgotten.target) == key { Ok(forgotten) } else { Err(ForgottenError::Misplaced) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_until_there_is_a_newer_backup() {
        let target: TargetName = "shop".parse().unwrap();
        let said = Forgotten::new(&target, "2026-11-23T12:00:00Z".parse().unwrap(), "host-a");
        let key = Forgotten::key(&target);
        assert_eq!(key, ".dumpcar/forgotten/shop.json");
        assert_eq!(Forgotten::parse_key(&key), Some(target));
        assert_eq!(Forgotten::from_json(&said.to_json(), &key).unwrap(), said);
        assert!(Forgotten::from_json(&said.to_json(), ".dumpcar/forgotten/blog.json").is_err());
        assert!(Forgotten::from_json(br#"{"version": 2}"#, &key).is_err());
        assert!(said.holds(None) && said.holds(Some("2026-11-22T23-00-00Z".parse().unwrap())));
        assert!(!said.holds(Some("2026-11-23T23-00-00Z".parse().unwrap())));
    }
}
