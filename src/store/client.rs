//! The S3 client, which asks otherwise where this store has refused a way. What is remembered of that is in `learned.rs`.
//!
//! No table says which server knows what: that changes, and behind a name may be any server. What a store refuses is tried in
//! the way that it may know instead; if that works, it is remembered for as long as the process runs, and told once.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use futures_util::stream::{BoxStream, StreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredentialProvider, Checksum};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartId, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result,
};

use super::heard::Heard;
use super::refusal::Refusal;

/// A client that learns.
pub(super) struct AdaptiveClient {
    plain: AmazonS3,
    /// The same one, whose requests have checksums: made once the store wants them.
    checked: OnceLock<AmazonS3>,
    builder: AmazonS3Builder,
    /// Uploads that were begun with checksums: each part needs one then, and no part of another may have one.
    checked_uploads: Mutex<HashSet<MultipartId>>,
    /// What was learned that others want to know.
    heard: Arc<Heard>,
    /// Shown in messages.
    endpoint: String,
}

impl AdaptiveClient {
    pub(super) fn new(builder: AmazonS3Builder, endpoint: String, heard: Arc<Heard>) -> Result<Self> {
        Ok(Self {
            plain: builder.clone().build()?,
            checked: OnceLock::new(),
            builder,
            checked_uploads: Mutex::default(),
            heard,
            endpoint,
        })
    }

    pub(super) fn credentials(&self) -> &AwsCredentialProvider {
        self.plain.credentials()
    }

    /// What writes.
    fn writer(&self) -> &AmazonS3 {
        self.checked.get().unwrap_or(&self.plain)
    }

    /// What has to be used for this upload.
    fn writer_of(&self, id: &MultipartId) -> &AmazonS3 {
        let is_checked = self.checked_uploads.lock().unwrap_or_else(PoisonError::into_inner).contains(id);
        if is_checked { self.writer() } else { &self.plain }
    }

    fn forget(&self, id: &MultipartId) {
        self.checked_uploads.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    async fn put(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let refused = match self.writer().put_opts(path, payload.clone(), options.clone()).await {
            Err(error) => error,
            done @ Ok(_) => return done,
        };
        let wants_checksum = Refusal::of(&refused).is_some_and(Refusal::may_want_checksum);
        if !wants_checksum || self.checked.get().is_some() {
            return Err(refused);
        }
        let checked = self.builder.clone().with_checksum_algorithm(Checksum::SHA256).build()?;
        let done = match checked.put_opts(path, payload, options).await {
            Ok(done) => done,
            Err(other) if Refusal::of(&other).is_none_or(Refusal::passes) => return Err(other),
            // If that is refused as well, it was about something else.
            Err(_) => return Err(refused),
        };
        if self.checked.set(checked).is_ok() {
            self.heard.wants_checksums.store(true, Ordering::Relaxed);
            tracing::info!(
                store = self.endpoint,
                "this store wants a checksum with what is written, as a bucket with Object Lock does: from now on all has one"
            );
        }
        Ok(done)
    }

    /// Writes where nothing is yet, on a store that does not know how to refuse the other case: by looking before.
    async fn put_after_looking(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        match self.plain.head(path).await.map_err(|error| Refusal::typed(error, path)) {
            Ok(_) => {
                let source = "there is something already".into();
                Err(Error::AlreadyExists { path: path.to_string(), source })
            }
            // Keys that may only write cannot look.
            Err(Error::NotFound { .. } | Error::PermissionDenied { .. }) => {
                self.put(path, payload, PutOptions { mode: PutMode::Overwrite, ..options }).await
            }
            Err(error) => Err(error),
        }
    }
}

impl fmt::Display for AdaptiveClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plain.fmt(f)
    }
}

impl fmt::Debug for AdaptiveClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveClient").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

#[async_trait]
impl ObjectStore for AdaptiveClient {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let typed = |error| Refusal::typed(error, path);
        if options.mode != PutMode::Create {
            return self.put(path, payload, options).await.map_err(typed);
        }
        if self.heard.lacks_conditions.load(Ordering::Relaxed) {
            return self.put_after_looking(path, payload, options).await.map_err(typed);
        }
        let refused = match self.put(path, payload.clone(), options.clone()).await {
            // The client's own code for this ended where its answer was typed.
            Err(error) if Refusal::of(&error).is_some_and(|refusal| refusal.status == 412) => {
                return Err(Error::AlreadyExists { path: path.to_string(), source: error.into() });
            }
            Err(error) => error,
            done @ Ok(_) => return done,
        };
        if !Refusal::of(&refused).is_some_and(Refusal::may_not_know_conditions) {
            return Err(typed(refused));
        }
        match self.put_after_looking(path, payload, options).await {
            Ok(done) => {
                if !self.heard.lacks_conditions.swap(true, Ordering::Relaxed) {
                    tracing::info!(
                        store = self.endpoint,
                        "this store cannot refuse to write over something: from now on it is looked at before"
                    );
                }
                Ok(done)
            }
            Err(there @ Error::AlreadyExists { .. }) => Err(there),
            Err(other) if Refusal::of(&other).is_none_or(Refusal::passes) => Err(typed(other)),
            Err(_) => Err(typed(refused)),
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.writer().put_multipart_opts(path, options).await.map_err(|error| Refusal::typed(error, path))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.plain.get_opts(path, options).await.map_err(|error| Refusal::typed(error, path))
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let typed = |error| Refusal::typed(error, &Path::default());
        self.plain.delete_stream(paths).map_err(typed).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let typed = |error| Refusal::typed(error, &Path::default());
        self.plain.list(prefix).map_err(typed).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.plain.list_with_delimiter(prefix).await.map_err(|error| Refusal::typed(error, &Path::default()))
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.writer().copy_opts(from, to, options).await.map_err(|error| Refusal::typed(error, from))
    }
}

#[async_trait]
impl MultipartStore for AdaptiveClient {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        self.create_multipart_opts(path, PutMultipartOptions::default()).await
    }

    async fn create_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<MultipartId> {
        let checked = self.checked.get();
        let id = checked.unwrap_or(&self.plain).create_multipart_opts(path, options).await;
        let id = id.map_err(|error| Refusal::typed(error, path))?;
        if checked.is_some() {
            self.checked_uploads.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        }
        Ok(id)
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        index: usize,
        payload: PutPayload,
    ) -> Result<PartId> {
        let put = self.writer_of(id).put_part(path, id, index, payload);
        put.await.map_err(|error| Refusal::typed(error, path))
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        let done = self.writer_of(id).complete_multipart(path, id, parts).await;
        done.inspect(|_| self.forget(id)).map_err(|error| Refusal::typed(error, path))
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        let aborted = self.plain.abort_multipart(path, id).await;
        aborted.inspect(|()| self.forget(id)).map_err(|error| Refusal::typed(error, path))
    }
}
