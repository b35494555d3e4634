//! Reading a stored object, however large, over a connection that may drop.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};

use super::patience::transfer_limit;
use super::{ANSWER_LIMIT, Store, StoreError, StoreErrorKind, within};

/// Each range is a request of its own with retries of its own: the client's budget for resuming one long answer would
/// be used up after minutes.
const RANGE: u64 = 16 * 1024 * 1024;

/// An object being read from its beginning to its end.
#[derive(Debug)]
pub struct Download {
    store: Store,
    path: Path,
    size: u64,
    /// All ranges come from the same object, or the read fails.
    etag: Option<String>,
    position: u64,
}

impl Store {
    /// Opens the object at `key`, relative to the prefix.
    ///
    /// # Errors
    /// It is not there, or may not be read.
    pub async fn download(&self, key: &str) -> Result<Download, StoreError> {
        let path = self.path(key);
        let meta = within(ANSWER_LIMIT, self.backend.head(&path))
            .await
            .map_err(|error| self.error("read", error))?;
        Ok(Download { store: self.clone(), path, size: meta.size, etag: meta.e_tag, position: 0 })
    }
}

impl Download {
    /// The object's size in the store.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next piece, of 16 MiB at the most; `None` at the end.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        if self.position >= self.size {
            return Ok(None);
        }
        let end = (self.position + RANGE).min(self.size);
        let options = GetOptions {
            range: Some(GetRange::Bounded(self.position..end)),
            if_match: self.etag.clone(),
            ..GetOptions::default()
        };
        let read = async { self.store.backend.get_opts(&self.path, options).await?.bytes().await };
        let bytes = within(transfer_limit(end - self.position), read)
            .await
            .map_err(|error| self.store.error("read", error))?;
        if bytes.len() as u64 != end - self.position {
            return Err(StoreError::new(
                StoreErrorKind::Damaged,
                format!(
                    "{}: the store sent {} bytes instead of {}",
                    self.path,
                    bytes.len(),
                    end - self.position
                ),
            ));
        }
        self.position = end;
        Ok(Some(bytes))
    }
}
