//! A store in memory that fails on cue.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use object_store::memory::InMemory;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartId, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::time::Instant;

use super::bucket::{Backend, Store};
use super::place::Place;
use super::refusal::Refusal;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Do {
    It,
    /// Status and code of a refusal.
    Refuse(u16, &'static str),
    /// It is done, and the answer is a refusal.
    ItAndRefuse(u16, &'static str),
    /// It is done, and the answer comes so much later.
    ItLate(Duration),
    /// There is never an answer.
    Hang,
}

/// A store in memory that asks its script before each request: the operation, the how manieth of its kind from 1, and the
/// time since the beginning.
pub(crate) struct Flaky {
    pub(super) inner: InMemory,
    script: Box<dyn Fn(&'static str, u32, Duration) -> Do + Send + Sync>,
    calls: Mutex<HashMap<&'static str, u32>>,
    /// Sizes of the parts it was sent, by index.
    pub(super) parts: Mutex<HashMap<usize, usize>>,
    pub(super) start: Instant,
}

impl Flaky {
    pub(crate) fn new(
        script: impl Fn(&'static str, u32, Duration) -> Do + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            inner: InMemory::new(),
            script: Box::new(script),
            calls: Mutex::default(),
            parts: Mutex::default(),
            start: Instant::now(),
        })
    }

    pub(crate) fn calls(&self, operation: &str) -> u32 {
        self.calls.lock().unwrap().get(operation).copied().unwrap_or_default()
    }

    fn what_now(&self, operation: &'static str) -> Do {
        let nth = {
            let mut calls = self.calls.lock().unwrap();
            let nth = calls.entry(operation).or_default();
            *nth += 1;
            *nth
        };
        (self.script)(operation, nth, self.start.elapsed())
    }

    async fn play<T>(&self, operation: &'static str, request: impl Future<Output = Result<T>>) -> Result<T> {
        match self.what_now(operation) {
            Do::It => request.await,
            Do::Refuse(status, code) => Err(refusal(status, code)),
            Do::ItAndRefuse(status, code) => {
                request.await?;
                Err(refusal(status, code))
            }
            Do::ItLate(later) => {
                let answer = request.await;
                tokio::time::sleep(later).await;
                answer
            }
            Do::Hang => std::future::pending().await,
        }
    }
}

/// As the S3 client reports it.
fn refusal(status: u16, code: &str) -> Error {
    let refusal = Refusal::read(status, &format!("<Error><Code>{code}</Code></Error>"), &[]);
    Refusal::typed(Error::Generic { store: "S3", source: refusal.into() }, &Path::default())
}

impl fmt::Display for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("flaky")
    }
}

impl fmt::Debug for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("flaky")
    }
}

#[async_trait]
impl ObjectStore for Flaky {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.play("put", self.inner.put_opts(path, payload, options)).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let operation = if options.head { "head" } else { "get" };
        self.play(operation, self.inner.get_opts(path, options)).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.what_now("list") {
            Do::It => self.inner.list(prefix),
            Do::Refuse(status, code) | Do::ItAndRefuse(status, code) => {
                stream::once(async move { Err(refusal(status, code)) }).boxed()
            }
            Do::ItLate(later) => {
                let listed = self.inner.list(prefix);
                stream::once(tokio::time::sleep(later))
                    .flat_map(move |()| stream::empty())
                    .chain(listed)
                    .boxed()
            }
            Do::Hang => stream::pending().boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[async_trait]
impl MultipartStore for Flaky {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        self.play("create", self.inner.create_multipart(path)).await
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        index: usize,
        payload: PutPayload,
    ) -> Result<PartId> {
        self.parts.lock().unwrap().insert(index, payload.content_length());
        self.play("part", self.inner.put_part(path, id, index, payload)).await
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        let done = self.inner.complete_multipart(path, id, parts);
        self.play("complete", async { done.await.map_err(|_| refusal(404, "NoSuchUpload")) }).await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        self.play("abort", self.inner.abort_multipart(path, id)).await
    }
}

pub(crate) fn store(backend: &Arc<Flaky>) -> Store {
    store_of(backend, 10_000)
}

pub(super) fn store_of(backend: &Arc<Flaky>, max_parts: u32) -> Store {
    let place = Place {
        bucket: "b".into(),
        prefix: "p".into(),
        endpoint: "the store".into(),
        storage_class: None,
        max_parts,
        part_size: 5 << 20,
        may_be_write_only: false,
        renews_credentials: false,
        proxy: None,
        upload_share: None,
        download_share: None,
    };
    Store::new(Arc::clone(backend) as Arc<dyn Backend>, place)
}
