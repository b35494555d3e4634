//! The bucket: uploads that commit or leave nothing, and the catalog of what is there.
//!
//! Only this module names S3.

mod able;
mod answer;
mod catalog;
mod confirm;
mod download;
mod error;
#[cfg(test)]
pub(crate) mod flaky;
mod forgotten;
mod journal;
mod kept;
mod learned;
mod limit;
mod patience;
mod proxy;
mod readme;
mod refusal;
mod s3;
mod sender;
mod signed;
mod unfinished;
mod upload;
mod verified;

pub use catalog::{Catalog, StoredBackup, Version};
pub use download::Download;
pub use error::{StoreError, StoreErrorKind};
pub use journal::{Records, StoredRecord};
pub use kept::{Deleted, Kept};
pub use s3::S3Error;
pub use signed::Signing;
pub use unfinished::Unfinished;
pub use upload::Upload;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use jiff::Timestamp;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{
    Attribute, AttributeValue, Attributes, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};

use crate::config::Proxy;
use crate::model::drill::DrillResult;
use crate::model::key::{BackupKey, CLAIM, DRILL, MANIFEST, may_be_object};
use crate::model::manifest::{self, Manifest};
use crate::model::parts::PartPlan;
use crate::model::run::{self, RunId};
use crate::signing::Kind;
use download::Pins;
use learned::Learned;
use patience::Patience;
use tokio::sync::Semaphore;
use unfinished::Lister;

const KIB: u64 = 1024;

/// A request that carries no dump and is not answered by then is not going to be. It covers the client's own retries.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// S3 may take minutes to put ten thousand parts together.
const COMPLETE_LIMIT: Duration = Duration::from_secs(600);

/// Awaits an answer within `limit`: the client itself waits for ever.
async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, object_store::Error>>,
) -> Result<T, object_store::Error> {
    match tokio::time::timeout(limit, answer).await {
        Ok(result) => result,
        Err(_) => Err(object_store::Error::Generic {
            store: "S3",
            source: format!("no answer within {} s", limit.as_secs()).into(),
        }),
    }
}

/// What an upload needs of a client: whole objects, and multipart uploads whose id it gets to see.
pub trait Backend: ObjectStore + MultipartStore {}
impl<T: ObjectStore + MultipartStore> Backend for T {}

/// A bucket and the prefix below which everything of Dumpcar's lies.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    place: Arc<Place>,
    /// `None` when the backend is not the S3 client.
    lister: Option<Arc<Lister>>,
    learned: Arc<Learned>,
    /// KiB that small objects being read may have together.
    reading: Arc<Semaphore>,
    signing: Arc<Signing>,
    /// What may be read only as it was when it was first read.
    pins: Option<Pins>,
}

/// Where the store is and how objects are put there.
#[derive(Debug, Clone)]
pub struct Place {
    pub bucket: String,
    /// Without slashes at its ends; empty for the whole bucket.
    pub prefix: String,
    /// Shown in messages.
    pub endpoint: String,
    pub storage_class: Option<String>,
    pub max_parts: u32,
    /// Size of the first parts in bytes.
    pub part_size: u64,
    /// The keys may lack the right to read: nothing is ever deleted, so nothing has to be looked at.
    pub may_be_write_only: bool,
    /// The keys come from a service that gives out new ones before they expire.
    pub renews_credentials: bool,
    /// The proxy that requests go through.
    pub proxy: Option<Proxy>,
    /// What of a limit is left to one part, in bytes per second, when as many as there can be share it.
    pub upload_share: Option<u64>,
    pub download_share: Option<u64>,
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
    fn path(&self, key: &str) -> Path {
        let prefix = &self.place.prefix;
        let full = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}/{key}") };
        // `parse` takes the key as it is; `Path::from` would encode it a second time.
        Path::parse(&full).unwrap_or_else(|_| Path::from(full))
    }

    fn error(&self, what: &'static str, error: object_store::Error) -> StoreError {
        StoreError::explain(&self.place, what, &error)
    }

    fn part_plan(&self, hint: Option<u64>) -> PartPlan {
        let max_parts = self.learned.max_parts().unwrap_or(u32::MAX).min(self.place.max_parts);
        PartPlan::new(max_parts, self.place.part_size, hint.max(self.learned.expected()))
    }

    fn attributes(&self) -> Attributes {
        let class = self.place.storage_class.clone();
        class.map(|class| (Attribute::StorageClass, AttributeValue::from(class))).into_iter().collect()
    }

    /// Writes the manifest: from here on the backup exists.
    ///
    /// Never over another one, where the store can refuse that. Returns what a listing will show of it.
    ///
    /// # Errors
    /// See [`StoreError`]; the backup then does not exist.
    pub async fn put_manifest(&self, key: &BackupKey, manifest: &Manifest) -> Result<Version, StoreError> {
        let json = Bytes::from(manifest.to_json());
        // Nobody would read it.
        if json.len() as u64 > manifest::LARGEST {
            return Err(StoreError::too_large(&key.manifest(), json.len() as u64, manifest::LARGEST));
        }
        // Before it: a manifest without its signature would be one that does not count.
        self.put_signature(key, &json).await?;
        let e_tag = self.create(key, &key.manifest(), &json).await?;
        Ok(Version { bytes: json.len() as u64, e_tag })
    }

    /// Takes a folder for a run that has no record. Returns whether it is the run's now: of several, one gets it, as far as the
    /// store can refuse to write over something.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn claim(&self, key: &BackupKey, by: &RunId) -> Result<bool, StoreError> {
        match self.create(key, &key.claim(), &Bytes::from(format!("Dumpcar's run {by}\n"))).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == StoreErrorKind::Taken => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes a file of the backup `of` at `key`, where nothing else is. Returns the ETag it got.
    async fn create(&self, of: &BackupKey, key: &str, content: &Bytes) -> Result<Option<String>, StoreError> {
        let path = self.path(key);
        let put = || {
            // Manifests are read at every restore: not into a storage class that may take hours to answer.
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            within(
                ANSWER_LIMIT,
                self.backend.put_opts(&path, PutPayload::from_bytes(content.clone()), options),
            )
        };
        let mut patience = Patience::default();
        loop {
            let error = match put().await {
                Ok(put) => {
                    self.learned.written(put.version.as_deref());
                    return Ok(put.e_tag);
                }
                // A repeated request finds its own first try.
                Err(conflict @ object_store::Error::AlreadyExists { .. }) => {
                    match self.get(key, content.len() as u64).await {
                        Ok(there) if there == *content => return Ok(None),
                        Ok(_) => return Err(StoreError::manifest_taken(of)),
                        // It is larger, or these keys may only write: then it counts as somebody else's.
                        Err(error) if error.kind == StoreErrorKind::Damaged || error.is_denied() => {
                            return Err(StoreError::manifest_taken(of));
                        }
                        // Two requests met, and neither was done.
                        Err(error) if error.kind == StoreErrorKind::NotFound => StoreError::new(
                            StoreErrorKind::Transient,
                            self.error("write", conflict).to_string(),
                        ),
                        Err(error) => error,
                    }
                }
                Err(error) => self.error("write", error),
            };
            patience.after(error).await?;
        }
    }

    /// Reads a backup's manifest.
    ///
    /// # Errors
    /// It is not there, cannot be read, or is not one.
    pub async fn manifest(&self, key: &BackupKey) -> Result<Manifest, StoreError> {
        let json = self.signed_manifest(key).await?;
        let manifest = Manifest::from_json(&json).map_err(|error| StoreError::bad_manifest(key, &error))?;
        if manifest.target == key.target && manifest.stamp == key.stamp {
            Ok(manifest)
        } else {
            Err(StoreError::foreign_manifest(key))
        }
    }

    /// Reads a manifest as it is.
    async fn get_manifest(&self, key: &BackupKey) -> Result<Bytes, StoreError> {
        self.get(&key.manifest(), manifest::LARGEST).await
    }

    /// Reads an object whole that has at most `most` bytes: in the bucket may be anything. What is read so at the same time has
    /// together no more than one manifest may have.
    async fn get(&self, key: &str, most: u64) -> Result<Bytes, StoreError> {
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
    async fn size(&self, path: &Path) -> Result<Option<u64>, object_store::Error> {
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

    /// Deletes a backup: its manifest first, so that a crash leaves an orphan and never a manifest that points at
    /// nothing, then exactly the objects the manifest names and what lies beside it. Anything else in the folder is not Dumpcar's.
    ///
    /// # Errors
    /// See [`StoreError`]. A manifest that cannot be read leaves everything as it is, and so does one that may not be deleted.
    pub async fn delete_backup(&self, key: &BackupKey, now: Timestamp) -> Result<Deleted, StoreError> {
        let manifest = self.manifest(key).await?;
        let bytes = manifest.stored_bytes();
        // Written last, it is locked for longest. Once it is deleted, nobody answers for it.
        let mut kept = self.kept_version(&key.manifest(), now).await;
        self.delete(&key.manifest()).await?;
        let beside = std::iter::once(DRILL).chain(manifest.claimed.then_some(CLAIM));
        for file in manifest.objects.iter().map(|object| object.name.as_str()).chain(beside) {
            kept = kept.or(self.delete_rest(&key.object(file)).await?);
        }
        self.delete_signature(key).await?;
        Ok(Deleted { bytes, kept })
    }

    /// Deletes what is left of a backup that is none any more. Under a lock it is an object without a manifest until that ends.
    async fn delete_rest(&self, key: &str) -> Result<Option<Kept>, StoreError> {
        match self.delete(key).await {
            Err(error) if error.is_of_a_lock() => Ok(Some(Kept::Locked)),
            deleted => deleted.map(|()| None),
        }
    }

    /// Deletes a backup whose manifest says nothing that could be believed: the manifest first, then only what bears a name that
    /// Dumpcar gives, and lies in this very folder. Returns the names of what stays there.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn delete_unread(&self, key: &BackupKey) -> Result<Vec<String>, StoreError> {
        self.delete(&key.manifest()).await?;
        let (own, others) =
            self.files(key).await?.into_iter().partition::<Vec<_>, _>(|file| may_be_object(file));
        for file in own {
            self.delete_rest(&key.object(&file)).await?;
        }
        Ok(others.into_iter().filter(|file| file != MANIFEST).collect())
    }

    /// Writes what a drill found, over what an earlier one did.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put_drill(&self, key: &BackupKey, result: &DrillResult) -> Result<(), StoreError> {
        let (path, json) = (self.path(&key.object(DRILL)), self.sealed(Kind::Drill, result.to_json()));
        let put =
            || self.backend.put_opts(&path, PutPayload::from_bytes(json.clone()), PutOptions::default());
        self.patiently(Patience::default(), "write", ANSWER_LIMIT, put).await.map(drop)
    }

    /// Reads what the last drill of a backup found; `None` when it is of another backup, or nothing this version understands.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn drill(&self, key: &BackupKey) -> Result<Option<DrillResult>, StoreError> {
        let file = key.object(DRILL);
        let json = self.opened(Kind::Drill, &file, self.get(&file, run::LARGEST).await?)?;
        Ok(DrillResult::from_json(&json, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_never_answered_ends() {
        let error = within(ANSWER_LIMIT, std::future::pending::<Result<(), _>>()).await.unwrap_err();
        assert!(error.to_string().contains("no answer within 120 s"), "{error}");
    }
}
