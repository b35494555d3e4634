//! The targets that somebody has forgotten on purpose, in the store.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectStore, PutOptions, PutPayload};
use tracing::warn;

use super::bucket::Store;
use super::error::{StoreError, StoreErrorKind};
use super::timeout::{ANSWER_LIMIT, within};
use crate::model::forgotten::{FORGOTTEN, Forgotten};
use crate::model::target::TargetName;
use crate::signing::Namespace;

/// More bytes than these it never has.
const LARGEST: u64 = 8 * 1024;

/// Objects that are read at the same time.
const AT_ONCE: usize = 8;

/// More targets than these nobody forgets. Beyond that, somebody has put objects there.
const MOST_READ: usize = 500;

impl Store {
    /// Writes that a target is forgotten.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put_forgotten(&self, forgotten: &Forgotten) -> Result<(), StoreError> {
        let path = self.path(&Forgotten::key(&forgotten.target));
        let json = PutPayload::from_bytes(self.sealed(Namespace::Forgotten, forgotten.to_json()));
        within(ANSWER_LIMIT, self.backend.put_opts(&path, json, PutOptions::default()))
            .await
            .map(drop)
            .map_err(|error| self.error("write", error))
    }

    /// The targets that are forgotten. What does not count, or cannot be read, is logged and left out: an alarm too many.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn forgotten(&self) -> Result<BTreeMap<TargetName, Forgotten>, StoreError> {
        let keys = self.listed(FORGOTTEN).await?.into_iter().map(|listed| listed.key);
        let keys = keys.filter(|key| Forgotten::parse_key(key).is_some()).take(MOST_READ);
        let read = stream::iter(keys).map(async |key| match self.get(&key, LARGEST).await {
            Ok(json) => {
                self.opened(Namespace::Forgotten, &key, json).map(|json| Forgotten::from_json(&json, &key))
            }
            Err(error) => Err(error),
        });
        let mut read = std::pin::pin!(read.buffered(AT_ONCE));
        let mut found = BTreeMap::new();
        loop {
            match read.try_next().await {
                Ok(None) => return Ok(found),
                Ok(Some(Ok(one))) => drop(found.insert(one.target.clone(), one)),
                Ok(Some(Err(error))) => warn!(%error, "an object that forgets a target does not count"),
                Err(error) if error.kind == StoreErrorKind::NotFound => {}
                Err(error) if matches!(error.kind, StoreErrorKind::Damaged | StoreErrorKind::Unsigned) => {
                    warn!(%error, "an object that forgets a target does not count");
                }
                Err(error) => return Err(error),
            }
        }
    }
}
