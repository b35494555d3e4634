//! What the store keeps by itself when Dumpcar deletes: locked objects, and old versions.
//!
//! A lock is on a version (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>). To delete an object without
//! naming a version only puts a marker over it, which a lock does not refuse: the backup is gone from every listing, and its
//! bytes stay. Stores with locks of their own kind refuse the deletion itself.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::bucket::Store;
use super::error::StoreError;
use super::lister::{Failure, Lister, encoded};
use super::refusal::Refusal;
use crate::model::key::BackupKey;

/// Nothing depends on the answer but what is said about a deletion.
const LIMIT: Duration = Duration::from_secs(20);

/// Why the bytes of a backup stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The lock on them ends then.
    Until(Timestamp),
    /// There is a lock, and the keys may not read its date.
    Locked,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Until(until) => write!(f, "kept by the store until {until}"),
            Self::Locked => f.write_str("kept by the store (Object Lock)"),
        }
    }
}

/// A backup that is no longer there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// What its objects had in the store.
    pub bytes: u64,
    /// Its bytes stay all the same.
    pub kept: Option<Kept>,
}

/// The lock on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// When it ends.
    pub until: Timestamp,
    /// Nobody can end it earlier, with whatever keys.
    pub is_compliance: bool,
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html>
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Retention {
    mode: Option<String>,
    retain_until_date: Option<String>,
}

impl Store {
    /// Whether it is a lock that refused the deletion of this backup, rather than a right that is missing: the same code stands
    /// for both.
    pub async fn kept(&self, key: &BackupKey, refused: &StoreError, now: Timestamp) -> Option<Kept> {
        if !refused.is_denied() {
            return None;
        }
        let until = self.locked_until(&key.manifest(), now).await.map(Kept::Until);
        until.or_else(|| refused.is_of_a_lock().then_some(Kept::Locked))
    }

    /// The lock that will keep the version which is about to be deleted. Costs a request only where there may be versions.
    pub(super) async fn kept_version(&self, key: &str, now: Timestamp) -> Option<Kept> {
        if self.learned.gives_versions() { self.locked_until(key, now).await.map(Kept::Until) } else { None }
    }

    /// Until when the store keeps an object; `None` as well where it does not tell.
    async fn locked_until(&self, key: &str, now: Timestamp) -> Option<Timestamp> {
        let lister = self.lister.as_ref().filter(|_| self.learned.tells_locks())?;
        let answer = tokio::time::timeout(LIMIT, self.ask_for_lock(lister, key)).await.ok()?;
        let lock = match answer {
            Ok(lock) => lock?,
            Err(Failure::Lasting(error)) => {
                // An object without a lock in a bucket with locks is the one refusal that is not about the bucket or the keys.
                let code = Refusal::of(&error).map_or("", |refusal| refusal.code.as_str());
                if !matches!(code, "NoSuchObjectLockConfiguration" | "NoSuchKey") {
                    self.learned.tells_no_locks();
                }
                return None;
            }
            Err(Failure::Passing(_)) => return None,
        };
        (lock.until > now).then_some(lock.until)
    }

    /// The lock of an object; `None` where the answer does not say when it ends.
    pub(super) async fn ask_for_lock(&self, lister: &Lister, key: &str) -> Result<Option<Lock>, Failure> {
        let path = self.path(key);
        let path: Vec<String> = path.as_ref().split('/').map(encoded).collect();
        let xml = lister.ask(&format!("{}/{}?retention=", lister.bucket_url, path.join("/"))).await?;
        let retention: Retention = quick_xml::de::from_str(&xml).unwrap_or_default();
        let until = retention.retain_until_date.and_then(|until| until.trim().parse().ok());
        let is_compliance = retention.mode.is_some_and(|mode| mode.trim().eq_ignore_ascii_case("COMPLIANCE"));
        Ok(until.map(|until| Lock { until, is_compliance }))
    }

    /// Whether what was deleted is seen to stay as an old version.
    pub fn leaves_versions(&self) -> bool {
        self.lister.as_ref().is_some_and(|lister| lister.heard.leaves_markers())
    }

    /// Whether what is deleted stays as an old version, and no lifecycle rule is known that removes it.
    pub async fn piles_up_versions(&self) -> bool {
        let Some(lister) = self.lister.as_ref().filter(|_| self.leaves_versions()) else { return false };
        match tokio::time::timeout(LIMIT, self.removes_versions(lister)).await {
            Ok(Ok(removes)) => !removes,
            Ok(Err(Failure::Passing(_) | Failure::Lasting(_))) | Err(_) => true,
        }
    }
}
