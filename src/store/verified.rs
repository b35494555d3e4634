//! What the last verification of the bucket found, in the store.

use jiff::Timestamp;
use object_store::{ObjectStore, PutOptions, PutPayload};
use tracing::warn;

use super::bucket::Store;
use super::error::{StoreError, StoreErrorKind};
use super::timeout::{ANSWER_LIMIT, within};
use crate::model::verified::{VERIFIED, Verified};
use crate::signing::Namespace;

/// More bytes than these it never has.
const LARGEST: u64 = 16 * 1024;

impl Store {
    /// Writes what a verification of all targets found, over what an earlier one did.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put_verified(&self, verified: &Verified) -> Result<(), StoreError> {
        let json = PutPayload::from_bytes(self.sealed(Namespace::Verified, verified.to_json()));
        within(ANSWER_LIMIT, self.backend.put_opts(&self.path(VERIFIED), json, PutOptions::default()))
            .await
            .map(drop)
            .map_err(|error| self.error("write", error))
    }

    /// What the last verification found; `None` when there was none. One that does not count is logged: it is done again. So is
    /// one dated in the future, which would be the last one until that day.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn verified(&self, now: Timestamp) -> Result<Option<Verified>, StoreError> {
        let json = match self.get(VERIFIED, LARGEST).await {
            Ok(json) => self.opened(Namespace::Verified, VERIFIED, json),
            Err(error) => Err(error),
        };
        let json = match json {
            Ok(json) => json,
            Err(error) if error.kind == StoreErrorKind::NotFound => return Ok(None),
            Err(error) if matches!(error.kind, StoreErrorKind::Damaged | StoreErrorKind::Unsigned) => {
                warn!(%error, "what the bucket says of the last verification does not count");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        match Verified::from_json(&json) {
            Ok(verified) => Ok(Some(verified).filter(|verified| verified.at <= now)),
            Err(error) => {
                warn!(key = VERIFIED, %error, "what the bucket says of the last verification does not count");
                Ok(None)
            }
        }
    }
}
