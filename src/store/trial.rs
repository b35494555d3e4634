//! Objects that are written only to find out what the keys may do, and what the store can.
//!
//! Each method makes one request, of those that backups make as well. [`Trial::end`] takes back what was written.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use object_store::multipart::PartId;
use object_store::{MultipartId, ObjectStore as _, PutMode, PutMultipartOptions, PutOptions, PutPayload};

use super::bucket::Store;
use super::error::{StoreError, StoreErrorKind};
use super::kept::Lock;
use super::lister::Failure;
use super::refusal::Refusal;
use super::timeout::{ANSWER_LIMIT, within};
use super::unfinished::Unfinished;
use crate::model::key::TRIALS;

/// What is in each object: whoever finds one is to know what it is.
const TEXT: &str = "Written by `dumpcar check` to try these keys. It may be deleted.\n";

/// Objects of earlier trials that are looked at.
const MOST_EARLIER: usize = 1000;

/// How long one object is tried to be removed.
const LAST_LIMIT: Duration = Duration::from_secs(5);

/// What the store was seen to do so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// It refuses to write over something when told so.
    pub knows_conditions: bool,
    /// It takes nothing without a checksum.
    pub wants_checksums: bool,
    /// What is deleted stays as an old version.
    pub leaves_versions: bool,
}

/// One trial's objects.
#[derive(Debug)]
pub struct Trial {
    store: Store,
    /// Relative to the prefix.
    folder: String,
    /// What may exist by now.
    written: Vec<String>,
    upload: Option<MultipartId>,
    /// An upload was asked for whose id nobody has heard.
    is_beginning: bool,
    parts: Vec<PartId>,
}

/// An object of an earlier trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Relative to the prefix.
    pub key: String,
    /// By the store's clock.
    pub written: Timestamp,
}

impl Store {
    /// Begins a trial of a name that no other one has. Nothing is sent yet.
    pub fn trial(&self, name: &str) -> Trial {
        Trial {
            store: self.clone(),
            folder: format!("{TRIALS}/{name}"),
            written: Vec::new(),
            upload: None,
            is_beginning: false,
            parts: Vec::new(),
        }
    }

    /// The store's clock at its last answer, to the second, if it said so.
    pub fn date(&self) -> Option<Timestamp> {
        self.lister.as_ref()?.heard.date()
    }

    /// What it was seen to do so far.
    pub fn abilities(&self) -> Abilities {
        use std::sync::atomic::Ordering::Relaxed;
        let heard = self.lister.as_ref().map(|lister| &lister.heard);
        Abilities {
            knows_conditions: heard.is_none_or(|heard| !heard.lacks_conditions.load(Relaxed)),
            wants_checksums: heard.is_some_and(|heard| heard.wants_checksums.load(Relaxed)),
            leaves_versions: self.leaves_versions(),
        }
    }
}

impl Trial {
    fn object(&self) -> String {
        format!("{}/object.txt", self.folder)
    }

    fn in_parts(&self) -> String {
        format!("{}/in-parts.txt", self.folder)
    }

    /// Lists what trials have left, this one and others.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn list(&self) -> Result<Vec<Earlier>, StoreError> {
        let store = &self.store;
        let (below, root) = (store.path(TRIALS), store.path(""));
        let listed = store.backend.list(Some(&below)).take(MOST_EARLIER).try_collect::<Vec<_>>();
        let listed = within(ANSWER_LIMIT, listed).await.map_err(|error| store.error("list", error))?;
        let prefix = if root.as_ref().is_empty() { 0 } else { root.as_ref().len() + 1 };
        let earlier = listed.into_iter().map(|meta| Earlier {
            key: meta.location.as_ref().get(prefix..).unwrap_or_default().to_owned(),
            // Without a time, it is as young as can be.
            written: Timestamp::from_second(meta.last_modified.timestamp()).unwrap_or(Timestamp::MAX),
        });
        Ok(earlier.collect())
    }

    /// Writes an object where nothing is yet. Whether it was done: a store that knows conditions refuses it the second time.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn write(&mut self) -> Result<bool, StoreError> {
        let key = self.object();
        if !self.written.contains(&key) {
            self.written.push(key.clone());
        }
        let store = &self.store;
        let options =
            PutOptions { mode: PutMode::Create, attributes: store.attributes(), ..PutOptions::default() };
        let path = store.path(&key);
        let put = store.backend.put_opts(&path, PutPayload::from_static(TEXT.as_bytes()), options);
        match within(ANSWER_LIMIT, put).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(store.error("write", error)),
        }
    }

    /// Reads it back.
    ///
    /// # Errors
    /// See [`StoreError`]. It is not what was written.
    pub async fn read(&self) -> Result<(), StoreError> {
        let found = self.store.get(&self.object(), 2 * TEXT.len() as u64).await?;
        if found == TEXT.as_bytes() {
            return Ok(());
        }
        let text = format!("{} is not what was written", self.object());
        Err(StoreError::new(StoreErrorKind::Damaged, text))
    }

    /// Begins an upload in parts.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn begin(&mut self) -> Result<(), StoreError> {
        let path = self.store.path(&self.in_parts());
        let options =
            PutMultipartOptions { attributes: self.store.attributes(), ..PutMultipartOptions::default() };
        self.is_beginning = true;
        let begun = within(ANSWER_LIMIT, self.store.backend.create_multipart_opts(&path, options)).await;
        let id = begun.map_err(|error| {
            let error = self.store.error("write in parts", error);
            // A store that said no has begun nothing.
            self.is_beginning = error.kind == StoreErrorKind::Transient;
            error
        })?;
        (self.is_beginning, self.upload) = (false, Some(id));
        self.parts.clear();
        Ok(())
    }

    /// Uploads a part: the only one, which may be as small as can be.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn send_part(&mut self) -> Result<(), StoreError> {
        let (store, path) = (&self.store, self.store.path(&self.in_parts()));
        let Some(id) = &self.upload else { return Ok(()) };
        let payload = PutPayload::from_bytes(Bytes::from_static(TEXT.as_bytes()));
        let sent = within(ANSWER_LIMIT, store.backend.put_part(&path, id, 0, payload)).await;
        self.parts = vec![sent.map_err(|error| store.error("write in parts", error))?];
        Ok(())
    }

    /// Makes an object of the parts.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn complete(&mut self) -> Result<(), StoreError> {
        let (store, key) = (&self.store, self.in_parts());
        let Some(id) = &self.upload else { return Ok(()) };
        self.written.push(key.clone());
        let path = store.path(&key);
        let completed = store.backend.complete_multipart(&path, id, self.parts.clone());
        within(ANSWER_LIMIT, completed).await.map_err(|error| store.error("write in parts", error))?;
        self.upload = None;
        Ok(())
    }

    /// Gives the upload up.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn abort(&mut self) -> Result<(), StoreError> {
        let path = self.store.path(&self.in_parts());
        let Some(id) = &self.upload else { return Ok(()) };
        self.store.abort_upload(&path, id).await?;
        self.upload = None;
        Ok(())
    }

    /// The uploads of trials that nobody has completed: this one's, and those of earlier trials.
    ///
    /// # Errors
    /// See [`Store::unfinished_uploads`].
    pub async fn unfinished(&self) -> Result<Vec<Unfinished>, StoreError> {
        self.store.unfinished_uploads(&format!("{TRIALS}/")).await
    }

    /// Whether an upload is this trial's.
    pub fn is_own(&self, key: &str) -> bool {
        key.strip_prefix(&self.folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Until when the store keeps the object, whoever deletes it; `None` if it keeps it no longer than that.
    ///
    /// # Errors
    /// The keys may not ask, or the store does not answer.
    pub async fn lock(&self) -> Result<Option<Lock>, StoreError> {
        let Some(lister) = &self.store.lister else { return Ok(None) };
        let asked = tokio::time::timeout(ANSWER_LIMIT, self.store.ask_for_lock(lister, &self.object())).await;
        let error = match asked {
            Ok(Ok(lock)) => return Ok(lock),
            Ok(Err(Failure::Lasting(error) | Failure::Passing(error))) => error,
            Err(_) => return Err(StoreError::new(StoreErrorKind::Transient, "no answer about a lock")),
        };
        // A bucket without locks has many ways to say so: `NoSuchObjectLockConfiguration`, 400 `InvalidRequest`, 501.
        let is_answer = Refusal::of(&error).is_some_and(|refusal| !refusal.passes());
        match self.store.error("read the lock of an object", error) {
            error if error.is_denied() || !is_answer => Err(error),
            _ => Ok(None),
        }
    }

    /// Whether a lifecycle rule of the bucket removes old versions.
    ///
    /// # Errors
    /// The keys may not ask, or the store does not answer.
    pub async fn expires_versions(&self) -> Result<bool, StoreError> {
        let Some(lister) = &self.store.lister else { return Ok(false) };
        let error = match tokio::time::timeout(ANSWER_LIMIT, self.store.removes_versions(lister)).await {
            Ok(Ok(removes)) => return Ok(removes),
            Ok(Err(Failure::Lasting(error) | Failure::Passing(error))) => error,
            Err(_) => {
                return Err(StoreError::new(StoreErrorKind::Transient, "no answer about lifecycle rules"));
            }
        };
        // So is none: `NoSuchLifecycleConfiguration`.
        let is_answer = Refusal::of(&error).is_some_and(|refusal| !refusal.passes());
        match self.store.error("read the bucket's lifecycle rules", error) {
            error if error.is_denied() || !is_answer => Err(error),
            _ => Ok(false),
        }
    }

    /// Deletes an object of a trial: this one's, if none is named.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn delete(&mut self, key: Option<&str>) -> Result<(), StoreError> {
        let key = key.map_or_else(|| self.object(), str::to_owned);
        self.store.delete(&key).await?;
        self.written.retain(|written| *written != key);
        Ok(())
    }

    /// Takes back what there may still be. Returns what stays, as it is called in the bucket.
    pub async fn end(mut self) -> Vec<String> {
        let mut stays = Vec::new();
        if self.is_beginning {
            stays.extend(self.abort_unheard().await);
        }
        if self.upload.is_some() && !matches!(within_last(self.abort()).await, Some(Ok(()))) {
            stays.push(format!("an unfinished upload of {}", self.store.path(&self.in_parts())));
        }
        for key in std::mem::take(&mut self.written) {
            if !matches!(within_last(self.store.delete(&key)).await, Some(Ok(()))) {
                stays.push(self.store.path(&key).to_string());
            }
        }
        stays
    }

    /// Gives an upload up whose beginning was not answered. Returns what may stay.
    async fn abort_unheard(&self) -> Option<String> {
        let found = within_last(self.unfinished()).await;
        let Some(Ok(found)) = found else {
            return Some(format!("perhaps an unfinished upload of {}", self.store.path(&self.in_parts())));
        };
        for upload in found.iter().filter(|upload| self.is_own(&upload.key)) {
            if !matches!(within_last(self.store.abort_unfinished(upload)).await, Some(Ok(()))) {
                return Some(format!("an unfinished upload of {}", self.store.path(&upload.key)));
            }
        }
        None
    }
}

/// What was to be stopped is not waited for any longer.
async fn within_last<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(LAST_LIMIT, work).await.ok()
}
