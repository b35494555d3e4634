//! Uploads into a store that fails on cue, in paused time: a quarter of an hour takes no time at all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::multipart::MultipartStore;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutResult, Result,
};
use tokio::time::Instant;

use super::*;
use crate::store::{Backend, Place};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Do {
    It,
    /// Status and code of a refusal.
    Refuse(u16, &'static str),
    /// It is done, and the answer is a refusal.
    ItAndRefuse(u16, &'static str),
    /// There is never an answer.
    Hang,
}

/// A store in memory that asks its script before each request: the operation, the how manieth of its kind from 1, and the
/// time since the beginning.
struct Flaky {
    inner: InMemory,
    script: Box<dyn Fn(&'static str, u32, Duration) -> Do + Send + Sync>,
    calls: Mutex<HashMap<&'static str, u32>>,
    /// Sizes of the parts it was sent, by index.
    parts: Mutex<HashMap<usize, usize>>,
    start: Instant,
}

impl Flaky {
    fn new(script: impl Fn(&'static str, u32, Duration) -> Do + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            inner: InMemory::new(),
            script: Box::new(script),
            calls: Mutex::default(),
            parts: Mutex::default(),
            start: Instant::now(),
        })
    }

    fn calls(&self, operation: &str) -> u32 {
        self.calls.lock().unwrap().get(operation).copied().unwrap_or_default()
    }

    async fn play<T>(&self, operation: &'static str, request: impl Future<Output = Result<T>>) -> Result<T> {
        let nth = {
            let mut calls = self.calls.lock().unwrap();
            let nth = calls.entry(operation).or_default();
            *nth += 1;
            *nth
        };
        match (self.script)(operation, nth, self.start.elapsed()) {
            Do::It => request.await,
            Do::Refuse(status, code) => Err(refusal(status, code)),
            Do::ItAndRefuse(status, code) => {
                request.await?;
                Err(refusal(status, code))
            }
            Do::Hang => std::future::pending().await,
        }
    }
}

/// As the S3 client reports it.
fn refusal(status: u16, code: &str) -> Error {
    let source = format!("Server returned non-2xx status code: {status} x: <Code>{code}</Code>").into();
    match status {
        404 => Error::NotFound { path: String::new(), source },
        _ => Error::Generic { store: "S3", source },
    }
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
        self.inner.list(prefix)
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

fn store(backend: &Arc<Flaky>) -> Store {
    store_of(backend, 10_000)
}

fn store_of(backend: &Arc<Flaky>, max_parts: u32) -> Store {
    let place = Place {
        bucket: "b".into(),
        prefix: "p".into(),
        endpoint: "the store".into(),
        storage_class: None,
        max_parts,
        part_size: 5 << 20,
        may_be_write_only: false,
        renews_credentials: false,
    };
    Store::new(Arc::clone(backend) as Arc<dyn Backend>, place)
}

const SMALL: usize = 1000;
const LARGE: usize = 12 << 20;

async fn upload(backend: &Arc<Flaky>, bytes: usize) -> std::result::Result<u64, StoreError> {
    let stop = CancellationToken::new();
    let mut upload = store(backend).upload("k", None);
    match upload.write(Bytes::from(vec![7; bytes])).await {
        Ok(()) => upload.commit(&stop).await,
        Err(error) => {
            upload.abort(&stop).await;
            Err(error)
        }
    }
}

async fn stored(backend: &Flaky) -> Option<u64> {
    backend.inner.head(&Path::from("p/k")).await.ok().map(|meta| meta.size)
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_for_ten_minutes_costs_nothing() {
    for (operation, bytes) in [
        ("create", LARGE),
        ("part", LARGE),
        ("complete", LARGE),
        ("head", LARGE),
        ("put", SMALL),
        ("head", SMALL),
    ] {
        let ten_minutes = Duration::from_secs(600);
        let backend = Flaky::new(move |other, _, time| match other {
            _ if other == operation && time < ten_minutes => Do::Refuse(503, "SlowDown"),
            _ => Do::It,
        });
        assert_eq!(upload(&backend, bytes).await, Ok(bytes as u64), "{operation}");
        assert_eq!(stored(&backend).await, Some(bytes as u64));
        // Every 30 s, not all the time.
        assert!((10..=75).contains(&backend.calls(operation)), "{operation}: {}", backend.calls(operation));
        assert!(backend.start.elapsed() < ten_minutes + Duration::from_secs(35));
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_is_given_up_and_nothing_is_left() {
    for (operation, bytes) in [("part", LARGE), ("complete", LARGE), ("put", SMALL), ("head", SMALL)] {
        let backend = Flaky::new(move |other, _, _| match other {
            _ if other == operation => Do::Refuse(503, "SlowDown"),
            _ => Do::It,
        });
        let error = upload(&backend, bytes).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Transient);
        assert!(error.to_string().contains("SlowDown (tried for 14m"), "{error}");
        assert_eq!(stored(&backend).await, None);
        assert_eq!(backend.calls("abort"), u32::from(bytes == LARGE), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_tried_again() {
    for (operation, status, code, bytes) in [
        ("create", 404, "NoSuchBucket", LARGE),
        ("part", 403, "AccessDenied", LARGE),
        ("part", 403, "RequestTimeTooSkewed", LARGE),
        ("part", 400, "ExpiredToken", LARGE),
        ("part", 400, "QuotaExceeded", LARGE),
        ("part", 404, "NoSuchUpload", LARGE),
        ("complete", 403, "AccessDenied", LARGE),
        ("complete", 400, "InvalidPart", LARGE),
        ("put", 403, "AccessDenied", SMALL),
        ("head", 403, "AccessDenied", SMALL),
    ] {
        let backend = Flaky::new(move |other, _, _| match other {
            _ if other == operation => Do::Refuse(status, code),
            _ => Do::It,
        });
        let error = upload(&backend, bytes).await.unwrap_err();
        assert_ne!(error.kind, StoreErrorKind::Transient, "{code}");
        assert!(backend.calls(operation) <= 3, "{operation} {code}: {}", backend.calls(operation));
        assert_eq!(stored(&backend).await, None);
        assert!(backend.start.elapsed() < Duration::from_secs(1), "{operation} {code}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_accident_on_the_way_is_tried_again_in_spite_of_its_status() {
    for (status, code) in [(400, "RequestTimeout"), (400, "BadDigest"), (409, "OperationAborted"), (429, "")]
    {
        let backend = Flaky::new(move |operation, nth, _| match operation {
            "part" if nth == 1 => Do::Refuse(status, code),
            _ => Do::It,
        });
        assert_eq!(upload(&backend, LARGE).await, Ok(LARGE as u64), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_complete_that_was_done_is_believed_by_the_size_alone() {
    // Also when the size cannot be asked for some time.
    for away in [0, 300] {
        let backend = Flaky::new(move |operation, nth, time| match operation {
            "complete" if nth == 1 => Do::ItAndRefuse(500, "InternalError"),
            "head" if time.as_secs() < away => Do::Refuse(503, "SlowDown"),
            _ => Do::It,
        });
        assert_eq!(upload(&backend, LARGE).await, Ok(LARGE as u64));
        assert_eq!((backend.calls("create"), backend.calls("abort")), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_gets_no_answer_is_sent_again() {
    let backend = Flaky::new(|operation, nth, _| match operation {
        "part" if nth <= 2 => Do::Hang,
        _ => Do::It,
    });
    assert_eq!(upload(&backend, LARGE).await, Ok(LARGE as u64));
    // 5 MiB at the slowest rate that counts, and a minute.
    assert_eq!(backend.start.elapsed().as_secs(), 80 + 60 + 1);
}

#[tokio::test(start_paused = true)]
async fn an_abort_does_not_wait_for_parts_that_wait_for_the_store() {
    let backend = Flaky::new(|operation, _, _| match operation {
        "part" => Do::Refuse(503, "SlowDown"),
        _ => Do::It,
    });
    let mut upload = store(&backend).upload("k", None);
    upload.write(Bytes::from(vec![7; LARGE])).await.unwrap();
    tokio::time::sleep(Duration::from_secs(100)).await;
    let start = Instant::now();
    upload.abort(&CancellationToken::new()).await;
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    assert_eq!(backend.calls("abort"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_every_wait_within_dockers_ten_seconds() {
    // For the store to take a part, to complete, and to clean up.
    for hanging in [&["part", "abort"][..], &["complete", "abort"], &["abort"], &["complete"], &["head"]] {
        let backend = Flaky::new(move |operation, _, _| match operation {
            _ if hanging.contains(&operation) => Do::Hang,
            _ => Do::It,
        });
        let mut upload = store(&backend).upload("k", None);
        upload.write(Bytes::from(vec![7; LARGE])).await.unwrap();
        let stop = CancellationToken::new();
        let stopper = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            stopper.cancel();
        });
        let start = Instant::now();
        let ended = upload.commit(&stop).await;
        assert!(start.elapsed() <= Duration::from_secs(2) + STOP_LIMIT, "{hanging:?}: {:?}", start.elapsed());
        if hanging != ["abort"] {
            assert_eq!(ended.unwrap_err().kind, StoreErrorKind::Stopped, "{hanging:?}");
        }
    }
}

/// R2 refuses parts of unequal size, as long as they can be equal.
#[tokio::test(start_paused = true)]
async fn parts_are_as_large_as_planned_however_the_bytes_come() {
    const MAX_PARTS: u32 = 100;
    const PIECE: usize = (3 << 20) + 1;
    let plan = PartPlan::new(MAX_PARTS, 5 << 20, None);
    // The equal half, and two of the growing ones.
    let planned: Vec<usize> = (1..=52).map(|n| usize::try_from(plan.size_of(n).unwrap()).unwrap()).collect();
    assert!(planned[49] == 5 << 20 && planned[50] > planned[49], "{planned:?}");
    let whole: usize = planned.iter().sum();
    let backend = Flaky::new(|_, _, _| Do::It);
    let mut upload = store_of(&backend, MAX_PARTS).upload("k", None);
    let bytes = Bytes::from(vec![7; whole]);
    for start in (0..whole).step_by(PIECE) {
        upload.write(bytes.slice(start..whole.min(start + PIECE))).await.unwrap();
    }
    assert_eq!(upload.commit(&CancellationToken::new()).await.unwrap(), whole as u64);
    let parts = backend.parts.lock().unwrap().clone();
    let sizes: Vec<usize> = (0..parts.len()).map(|index| parts[&index]).collect();
    assert_eq!(sizes, planned);
    assert_eq!(stored(&backend).await, Some(whole as u64));
}
