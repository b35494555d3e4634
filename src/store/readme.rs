//! The text that explains the bucket to people. Nothing depends on it.

use object_store::{Attribute, Attributes, ObjectStore, PutOptions, PutPayload};

use super::bucket::Store;
use super::error::{StoreError, StoreErrorKind};
use super::timeout::{ANSWER_LIMIT, within};
use crate::model::key::README;
use crate::model::readme::{LARGEST, text};

impl Store {
    /// Writes the text unless it is there already. Says whether it did.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn keep_readme(&self) -> Result<bool, StoreError> {
        let text = text(&self.place.bucket, &self.place.prefix);
        match self.get(README, LARGEST).await {
            Ok(there) if there == text.as_bytes() => return Ok(false),
            Ok(_) => {}
            // Not there, far too large, or the keys may only write.
            Err(error)
                if matches!(
                    error.kind,
                    StoreErrorKind::NotFound | StoreErrorKind::Damaged | StoreErrorKind::Denied
                ) => {}
            Err(error) => return Err(error),
        }
        let attributes = Attributes::from_iter([(Attribute::ContentType, "text/plain; charset=utf-8")]);
        let options = PutOptions { attributes, ..PutOptions::default() };
        let path = self.path(README);
        within(ANSWER_LIMIT, self.backend.put_opts(&path, PutPayload::from(text.into_bytes()), options))
            .await
            .map(|_| true)
            .map_err(|error| self.error("write", error))
    }
}
