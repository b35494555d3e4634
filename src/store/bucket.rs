//! The bucket and its objects, whatever they are of.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{Attribute, AttributeValue, Attributes, ObjectStore, ObjectStoreExt};
use tokio::sync::Semaphore;

use super::error::StoreError;
use super::learned::Learned;
use super::lister::Lister;
use super::place::Place;
use super::signers::Signing;
use super::timeout::{ANSWER_LIMIT, within};
use crate::model::manifest;
use crate::model::parts::PartPlan;

const KIB: u64 = 1024;

/// What an upload needs of a client: whole objects, and multipart uploads whose id it gets to see.
pub trait Backend: ObjectStore + MultipartStore {}
impl<T: ObjectStore + MultipartStore> Backend for T {}

/// The ETag of each object that was read, by its path.
pub(super) type Pins = Arc<Mutex<BTreeMap<Path, Option<String>>>>;

/// A bucket and the prefix below which everything of Dumpcar's lies.
#[derive(Clone)]
pub struct Store {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) place: Arc<Place>,
    /// `None` when the backend is not the S3 client.
    pub(super) lister: Option<Arc<Lister>>,
    pub(super) learned: Arc<Learned>,
    /// KiB that small objects being read may have together.
    pub(super) reading: Arc<Semaphore>,
    pub(super) signing: Arc<Signing>,
    /// What may be read only as it was when it was first read.
    pub(super) pins: Option<Pins>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.to_string()).finish()
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.place.bucket, self.place.prefix)
    }
}

impl Store {
    pub fn new(backend: Arc<dyn Backend>, place: Place) -> Self {
        let reading =
            Arc::new(Semaphore::new(usize::try_from(manifest::LARGEST / KIB + 1).unwrap_or(usize::MAX)));
        let (place, signing, learned) = (Arc::new(place), Arc::default(), Arc::default());
        Self { backend, place, lister: None, learned, reading, signing, pins: None }
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The full path of a key that is relative to the prefix.
    pub(super) fn path(&self, key: &str) -> Path {
        let prefix = &self.place.prefix;
        let full = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}/{key}") };
        // `parse` takes the key as it is; `Path::from` would encode it a second time.
        Path::parse(&full).unwrap_or_else(|_| Path::from(full))
    }

    pub(super) fn error(&self, what: &'static str, error: object_store::Error) -> StoreError {
        StoreError::diagnose(&self.place, what, &error)
    }

    pub(super) fn part_plan(&self, hint: Option<u64>) -> PartPlan {
        let max_parts = self.learned.max_parts().unwrap_or(u32::MAX).min(self.place.max_parts);
        PartPlan::new(max_parts, self.place.part_size, hint.max(self.learned.expected()))
    }

    pub(super) fn attributes(&self) -> Attributes {
        let class = self.place.storage_class.clone();
        class.map(|class| (Attribute::StorageClass, AttributeValue::from(class))).into_iter().collect()
    }

    /// Reads an object whole that has at most `most` bytes: in the bucket may be anything. What is read so at the same time has
    /// together no more than one manifest may have.
    pub(super) async fn get(&self, key: &str, most: u64) -> Result<Bytes, StoreError> {
        let path = self.path(key);
        let read = async {
            let found = self.backend.get(&path).await?;
            if found.meta.size > most {
                return Ok(Err(found.meta.size));
            }
            let share = u32::try_from(found.meta.size / KIB + 1).unwrap_or(u32::MAX);
            // Nobody closes it.
            let _share = self.reading.acquire_many(share).await.ok();
            let mut stream = found.into_stream();
            let mut whole = BytesMut::new();
            while let Some(piece) = stream.try_next().await? {
                if (whole.len() + piece.len()) as u64 > most {
                    return Ok(Err((whole.len() + piece.len()) as u64));
                }
                whole.extend_from_slice(&piece);
            }
            Ok(Ok(whole.freeze()))
        };
        match within(ANSWER_LIMIT, read).await {
            Ok(Ok(whole)) => Ok(whole),
            Ok(Err(size)) => Err(StoreError::too_large(key, size, most)),
            Err(error) => Err(self.error("read", error)),
        }
    }

    /// The size the store has for an object; `None` when there is none.
    pub(super) async fn size(&self, path: &Path) -> Result<Option<u64>, object_store::Error> {
        match within(ANSWER_LIMIT, self.backend.head(path)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes one object; one that is not there counts as deleted.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match within(ANSWER_LIMIT, self.backend.delete(&self.path(key))).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error("delete", error)),
        }
    }
}
