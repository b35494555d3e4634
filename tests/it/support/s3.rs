//! A real S3 protocol server in process, with a record of what it was asked and room for faults.

mod answers;
mod asked;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;

use super::crowd::Crowd;
use super::fault::Fault;
use answers::answer;
pub(crate) use asked::Asked;

pub(crate) const ACCESS_KEY: &str = "AKIDUMPCARTEST00000";
pub(crate) const SECRET_KEY: &str = "canary-secret-key-0123456789abcdef0123456789";
pub(crate) const BUCKET: &str = "backups";

/// What `main` does for the program.
pub(crate) fn install_crypto() {
    // Whoever comes second finds the same one.
    drop(rustls::crypto::ring::default_provider().install_default());
}

pub(crate) struct FakeS3 {
    folder: tempfile::TempDir,
    pub(crate) endpoint: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    unanswered: Arc<AtomicUsize>,
    crowd: Arc<OnceLock<Crowd>>,
}

/// Decides about a request before the service sees it: what goes wrong, if anything.
type Decide = dyn Fn(&Asked) -> Option<Fault> + Send + Sync;

/// What all connections share.
struct Server {
    service: S3Service,
    /// Where the objects are.
    root: PathBuf,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Keys and ids of the uploads under way, in the order of the keys: the service itself cannot list them.
    uploads: Mutex<BTreeSet<(String, String)>>,
    /// The body of the last answer to each operation.
    last: Mutex<HashMap<&'static str, Bytes>>,
    unanswered: Arc<AtomicUsize>,
    /// What listings show instead of what there is.
    crowd: Arc<OnceLock<Crowd>>,
    fault: Box<Decide>,
}

impl FakeS3 {
    pub(crate) async fn start() -> Self {
        Self::with_faults(|_| None::<Fault>).await
    }

    pub(crate) async fn with_faults<F: Into<Fault>>(
        fault: impl Fn(&Asked) -> Option<F> + Send + Sync + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let unanswered: Arc<AtomicUsize> = Arc::default();
        let crowd: Arc<OnceLock<Crowd>> = Arc::default();
        let server = Arc::new(Server {
            service: builder.build(),
            root: folder.path().join(BUCKET),
            asked: Arc::clone(&asked),
            uploads: Mutex::default(),
            last: Mutex::default(),
            unanswered: Arc::clone(&unanswered),
            crowd: Arc::clone(&crowd),
            fault: Box::new(move |asked| fault(asked).map(Into::into)),
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = Arc::clone(&server);
                let answer = service_fn(move |request| answer(Arc::clone(&server), request));
                tokio::spawn(async move {
                    drop(
                        Builder::new(TokioExecutor::new())
                            .serve_connection(TokioIo::new(stream), answer)
                            .await,
                    );
                });
            }
        });
        Self { folder, endpoint, asked, unanswered, crowd }
    }

    /// A client of its own, for what the program does not do.
    pub(crate) fn client(&self) -> AmazonS3 {
        install_crypto();
        AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_bucket_name(BUCKET)
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .with_allow_http(true)
            .build()
            .unwrap()
    }

    /// What was asked so far, by operation.
    pub(crate) fn operations(&self) -> Vec<&'static str> {
        self.asked().iter().map(Asked::operation).collect()
    }

    /// How often this was asked.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.operations().iter().filter(|other| **other == operation).count()
    }

    /// How many requests have come to their end without an answer that will ever come.
    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::SeqCst)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| !asked.is_of_the_readme()).cloned().collect()
    }

    /// What was asked about the text that explains the bucket.
    pub(crate) fn asked_about_the_readme(&self) -> Vec<&'static str> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.is_of_the_readme()).map(Asked::operation).collect()
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join(BUCKET)
    }

    /// The keys of all objects, sorted. The server's own files are left out.
    pub(crate) fn keys(&self) -> Vec<String> {
        let root = self.root();
        let mut keys = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let key = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                if !key.starts_with('.') {
                    keys.push(key);
                }
            }
        }
        keys.sort();
        keys
    }

    pub(crate) fn read(&self, key: &str) -> Vec<u8> {
        std::fs::read(self.root().join(key)).unwrap()
    }

    /// Puts an object past the protocol.
    pub(crate) fn write(&self, key: &str, content: &[u8]) {
        let path = self.root().join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// From now on listings show these objects, and nothing else.
    pub(crate) fn shows(&self, crowd: Crowd) {
        assert!(self.crowd.set(crowd).is_ok(), "once");
    }

    /// Where the server keeps an object.
    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.root().join(key)
    }

    pub(crate) fn set_written(&self, key: &str, at: std::time::SystemTime) {
        let file = std::fs::File::options().write(true).open(self.root().join(key)).unwrap();
        file.set_modified(at).unwrap();
    }

    /// Files of uploads that were created and neither completed nor aborted.
    pub(crate) fn unfinished_uploads(&self) -> usize {
        std::fs::read_dir(self.folder.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".upload"))
            .count()
    }
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
