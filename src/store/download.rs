//! Reading a stored object, however large, over a connection that may drop.

use std::sync::PoisonError;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::bucket::{Pins, Store};
use super::error::{StoreError, StoreErrorKind};
use super::patience::{Patience, transfer_limit};
use super::timeout::{ANSWER_LIMIT, within};

/// Each range is a request of its own, with tries of its own: whoever reads for hours must not begin anew. Two of them
/// are in memory: the one that is worked on and the one that is fetched meanwhile.
const RANGE: u64 = 16 * 1024 * 1024;

/// An object being read from its beginning to its end.
#[derive(Debug)]
pub struct Download {
    object: Object,
    /// Where the next range to ask for begins.
    position: u64,
    /// The range that was asked for and not handed out.
    asked: Option<AbortOnDropHandle<Result<Bytes, StoreError>>>,
}

/// What is read.
#[derive(Debug, Clone)]
struct Object {
    store: Store,
    path: Path,
    size: u64,
    /// All ranges come from the same object, or the read fails.
    etag: Option<String>,
}

impl Store {
    /// The same store, except that an object that was read from it once is that object for ever: what was checked is what is
    /// then used.
    pub fn pinned(&self) -> Self {
        Self { pins: Some(Pins::default()), ..self.clone() }
    }

    /// Opens the object at `key`, relative to the prefix.
    ///
    /// # Errors
    /// It is not there, or may not be read; a store that does not answer shows here and at once.
    pub async fn download(&self, key: &str) -> Result<Download, StoreError> {
        let path = self.path(key);
        let meta = within(ANSWER_LIMIT, self.backend.head(&path))
            .await
            .map_err(|error| self.error("read", error))?;
        if let Some(pins) = &self.pins {
            let mut pins = pins.lock().unwrap_or_else(PoisonError::into_inner);
            if *pins.entry(path.clone()).or_insert_with(|| meta.e_tag.clone()) != meta.e_tag {
                let text = format!("{path} was replaced in the bucket after it was checked");
                return Err(StoreError::new(StoreErrorKind::Damaged, text));
            }
        }
        let object = Object { store: self.clone(), path, size: meta.size, etag: meta.e_tag };
        Ok(Download { object, position: 0, asked: None })
    }
}

impl Download {
    /// The object's size in the store.
    pub fn size(&self) -> u64 {
        self.object.size
    }

    /// The next piece, of 16 MiB at the most; `None` at the end. May be dropped and called again.
    ///
    /// The piece after it is fetched meanwhile. From the first one on, the store may be away for minutes.
    ///
    /// # Errors
    /// See [`StoreError`]. [`StoreErrorKind::Damaged`] when the object was replaced meanwhile.
    pub async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        self.ask();
        let Some(asked) = &mut self.asked else { return Ok(None) };
        let fetched = asked.await;
        self.asked = None;
        let piece = fetched.unwrap_or_else(|panicked| {
            Err(StoreError::new(StoreErrorKind::Transient, format!("reading crashed: {panicked}")))
        })?;
        self.ask();
        Ok(Some(piece))
    }

    /// Asks for the next range, unless one is under way or there is none.
    fn ask(&mut self) {
        let start = self.position;
        if self.asked.is_none() && start < self.object.size {
            self.position = (start + RANGE).min(self.object.size);
            let fetch = self.object.clone().fetch(start, self.position);
            self.asked = Some(AbortOnDropHandle::new(tokio::spawn(fetch.in_current_span())));
        }
    }
}

impl Object {
    async fn fetch(self, start: u64, end: u64) -> Result<Bytes, StoreError> {
        let Self { store, path, etag, .. } = self;
        let read = || async {
            let options = GetOptions {
                range: Some(GetRange::Bounded(start..end)),
                if_match: etag.clone(),
                ..GetOptions::default()
            };
            let bytes = store.backend.get_opts(&path, options).await?.bytes().await?;
            // An answer that ends early looks like one that has ended.
            if bytes.len() as u64 == end - start {
                Ok(bytes)
            } else {
                let source = format!("it sent {} bytes instead of {}", bytes.len(), end - start).into();
                Err(object_store::Error::Generic { store: "S3", source })
            }
        };
        let limit = transfer_limit(end - start, store.place.download_share);
        store.patiently(Patience::default(), "read", limit, read).await
    }
}

#[cfg(test)]
mod tests;
