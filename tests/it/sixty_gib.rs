//! The uploader against a store that only counts. Every case runs in a process of its own, so that its memory is its own.

use std::fmt;
use std::process::Command;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use dumpcar::model::parts::{MAX_PART, MIN_PART};
use dumpcar::store::{Place, Store};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartId, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

const MIB: u64 = 1 << 20;
const DUMP: u64 = 60 << 30;

/// The program, the runtime and the test harness, without a dump.
const IDLE: u64 = 48 * MIB;

#[derive(Default)]
struct Counts {
    /// Size of each part, by its index.
    parts: Vec<u64>,
    under_way: u64,
    peak: u64,
    size: u64,
}

/// Takes everything and keeps nothing.
#[derive(Default)]
struct Counting(Mutex<Counts>);

impl fmt::Debug for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counting")
    }
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counting")
    }
}

fn no_such_request<T>() -> Result<T> {
    Err(Error::NotSupported { source: "an upload does not need it".into() })
}

#[async_trait]
impl MultipartStore for Counting {
    async fn create_multipart(&self, _: &Path) -> Result<MultipartId> {
        Ok("1".into())
    }

    async fn put_part(&self, _: &Path, _: &MultipartId, index: usize, payload: PutPayload) -> Result<PartId> {
        let bytes = payload.content_length() as u64;
        {
            let mut counts = self.0.lock().unwrap();
            counts.under_way += bytes;
            counts.peak = counts.peak.max(counts.under_way);
            let length = counts.parts.len().max(index + 1);
            counts.parts.resize(length, 0);
            counts.parts[index] = bytes;
        }
        // So that the next parts come before this one has gone.
        for _ in 0..64 {
            tokio::task::yield_now().await;
        }
        drop(payload);
        self.0.lock().unwrap().under_way -= bytes;
        Ok(PartId { content_id: index.to_string() })
    }

    async fn complete_multipart(&self, _: &Path, _: &MultipartId, parts: Vec<PartId>) -> Result<PutResult> {
        let mut counts = self.0.lock().unwrap();
        let in_order = (0..counts.parts.len()).map(|index| index.to_string());
        assert!(parts.into_iter().map(|part| part.content_id).eq(in_order));
        counts.size = counts.parts.iter().sum();
        Ok(PutResult { e_tag: None, version: None, extensions: object_store::Extensions::default() })
    }

    async fn abort_multipart(&self, _: &Path, _: &MultipartId) -> Result<()> {
        no_such_request()
    }
}

#[async_trait]
impl ObjectStore for Counting {
    /// Only the question for the size.
    async fn get_opts(&self, path: &Path, _: GetOptions) -> Result<GetResult> {
        let size = self.0.lock().unwrap().size;
        Ok(GetResult {
            payload: GetResultPayload::Stream(futures_util::stream::empty().boxed()),
            meta: ObjectMeta {
                location: path.clone(),
                last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
                size,
                e_tag: None,
                version: None,
            },
            range: 0..size,
            attributes: object_store::Attributes::new(),
            extensions: object_store::Extensions::default(),
        })
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        no_such_request()
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        no_such_request()
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        paths
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        futures_util::stream::empty().boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        no_such_request()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        no_such_request()
    }
}

/// What one upload of the whole dump came to.
#[derive(Debug, Serialize, Deserialize)]
struct Report {
    parts: Vec<u64>,
    /// Bytes that the store had not yet taken, at most.
    peak: u64,
    /// The process's memory at its most, by the kernel's account.
    memory: u64,
}

/// Uploads it in this process.
async fn upload(max_parts: u32, hint: Option<u64>) -> Report {
    let counting = Arc::new(Counting::default());
    let place = Place {
        bucket: "b".into(),
        prefix: String::new(),
        endpoint: "the store".into(),
        storage_class: None,
        max_parts,
        part_size: 8 * MIB,
        may_be_write_only: false,
        renews_credentials: false,
        proxy: None,
        upload_share: None,
        download_share: None,
    };
    let store = Store::new(Arc::clone(&counting) as Arc<_>, place);
    let mut upload = store.upload("k", hint);
    for _ in 0..DUMP / (256 * 1024) {
        // Memory of its own each, as it comes from the codec.
        upload.write(Bytes::from(vec![7; 256 * 1024])).await.unwrap();
    }
    assert_eq!(upload.commit(&CancellationToken::new()).await.unwrap(), DUMP);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let memory = line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024;
    let counts = counting.0.lock().unwrap();
    Report { parts: counts.parts.clone(), peak: counts.peak, memory }
}

macro_rules! cases {
    ($($name:ident $what:literal $max_parts:literal $hint:expr,)*) => {
        /// One upload each, and the answer on standard output.
        mod child {
            $(
                #[tokio::test]
                #[ignore = "60_gib_fit_and_memory_stays_flat runs it in a process of its own"]
                async fn $name() {
                    println!("{}", serde_json::to_string(&super::upload($max_parts, $hint).await).unwrap());
                }
            )*
        }

        const CASES: &[(&str, &str, u32)] = &[$((stringify!($name), $what, $max_parts)),*];
    };
}

cases! {
    unknown "unknown" 10_000 None,
    expected "60 GiB" 10_000 Some(super::DUMP),
    few_unknown "unknown" 1_000 None,
    few_expected "60 GiB" 1_000 Some(super::DUMP),
    // The last backup was much smaller.
    few_underestimated "6 GiB" 1_000 Some(super::DUMP / 10),
}

#[test]
fn sixty_gib_fit_and_memory_stays_flat() {
    let children = CASES.iter().map(|(name, _, _)| {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("sixty_gib::child::{name}"), "--ignored", "--nocapture"])
            .output();
        let output = child.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let stdout = String::from_utf8(output.stdout).unwrap();
        let json = stdout.lines().find_map(|line| line.find('{').and_then(|at| line.get(at..))).unwrap();
        serde_json::from_str::<Report>(json).unwrap()
    });
    println!("60 GiB         parts allowed  used  first  last   under way   memory");
    for ((_, what, allowed), report) in CASES.iter().zip(children) {
        let Report { parts, peak, memory } = report;
        let (first, largest) = (parts[0], *parts.iter().max().unwrap());
        println!(
            "hint {what:8}  {allowed:>13}  {:>4}  {:>5}  {:>4}  {:>6} MiB  {:>3} MiB",
            parts.len(),
            first / MIB,
            largest / MIB,
            peak / MIB,
            memory / MIB,
        );
        assert!(parts.len() <= *allowed as usize);
        assert_eq!(parts.iter().sum::<u64>(), DUMP);
        let (last, whole) = parts.split_last().unwrap();
        assert!(whole.is_sorted() && *last <= largest, "{what}");
        assert!(whole.iter().all(|part| (MIN_PART..=MAX_PART).contains(part)), "{what}");
        // Three parts are on their way and one is being filled; of very large ones, one and one.
        let under_way = (192 * MIB).max(largest).min(3 * largest);
        assert!(peak <= under_way, "{what}: {peak}");
        assert!(memory <= IDLE + under_way + largest, "{what}: {memory}");
        if *what != "unknown" && *allowed == 10_000 {
            assert_eq!(first, largest, "R2 refuses unequal parts");
        }
    }
}
