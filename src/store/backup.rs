//! A backup's own files: its manifest, what says whose its folder is, and what a drill found.

use bytes::Bytes;
use jiff::Timestamp;
use object_store::{ObjectStore, PutMode, PutOptions, PutPayload};

use super::bucket::Store;
use super::catalog::Version;
use super::error::{StoreError, StoreErrorKind};
use super::kept::{Deleted, Kept};
use super::patience::Patience;
use super::timeout::{ANSWER_LIMIT, within};
use crate::model::drill::DrillResult;
use crate::model::key::{BackupKey, CLAIM, DRILL, MANIFEST, may_be_object};
use crate::model::manifest::{self, Manifest};
use crate::model::run::{self, RunId};
use crate::signing::Namespace;

impl Store {
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
    pub(super) async fn create(
        &self,
        of: &BackupKey,
        key: &str,
        content: &Bytes,
    ) -> Result<Option<String>, StoreError> {
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
    pub(super) async fn get_manifest(&self, key: &BackupKey) -> Result<Bytes, StoreError> {
        self.get(&key.manifest(), manifest::LARGEST).await
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
    pub(super) async fn delete_rest(&self, key: &str) -> Result<Option<Kept>, StoreError> {
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
        let (path, json) = (self.path(&key.object(DRILL)), self.sealed(Namespace::Drill, result.to_json()));
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
        let json = self.opened(Namespace::Drill, &file, self.get(&file, run::LARGEST).await?)?;
        Ok(DrillResult::from_json(&json, key))
    }
}
