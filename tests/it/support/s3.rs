//! A real S3 protocol server in process, with a record of what it was asked and room for faults.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;

use super::crowd::Crowd;
use super::fault::{AnswerBody, BoxError, Cut, Fault, refusal, refusal_in_words};

pub(crate) const ACCESS_KEY: &str = "AKIDUMPCARTEST00000";
pub(crate) const SECRET_KEY: &str = "canary-secret-key-0123456789abcdef0123456789";
pub(crate) const BUCKET: &str = "backups";

/// So few on a page that a test needs several.
const UPLOADS_ON_A_PAGE: usize = 3;

/// A request as the server got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) storage_class: Option<String>,
    pub(crate) token: Option<String>,
    if_match: Option<String>,
    /// It is to be refused where something is already.
    pub(crate) is_conditional: bool,
    /// It has a checksum that a server may demand, or is refused because of one that it does not know.
    pub(crate) has_checksum: bool,
    /// The kind of checksum that the parts of an upload are to have.
    pub(crate) checksum_algorithm: Option<String>,
    /// Bytes of its body.
    pub(crate) length: u64,
    /// The how manieth of its operation it is, counted from 1.
    pub(crate) nth: usize,
}

impl Asked {
    /// It is about the text that explains the bucket, which no backup depends on.
    pub(crate) fn is_of_the_readme(&self) -> bool {
        self.path.ends_with("/README.txt")
    }

    /// It is about a run's record, not about a backup.
    pub(crate) fn is_of_a_record(&self) -> bool {
        self.path.contains("/.dumpcar/runs/")
    }

    fn new(request: &Request<Incoming>, earlier: &[Self]) -> Self {
        let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let mut this = Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            storage_class: header("x-amz-storage-class"),
            token: header("x-amz-security-token"),
            if_match: header("if-match"),
            is_conditional: header("if-none-match").is_some(),
            has_checksum: request.headers().keys().any(|name| {
                let name = name.as_str();
                name == "content-md5"
                    || (name.starts_with("x-amz-checksum-") && name != "x-amz-checksum-algorithm")
            }),
            checksum_algorithm: header("x-amz-checksum-algorithm"),
            length: header("content-length").map_or(0, |length| length.parse().unwrap()),
            nth: 0,
        };
        let (operation, of_readme) = (this.operation(), this.is_of_the_readme());
        let alike = |asked: &&Self| asked.operation() == operation && asked.is_of_the_readme() == of_readme;
        this.nth = 1 + earlier.iter().filter(alike).count();
        this
    }

    pub(crate) fn key(&self) -> String {
        decoded(self.path.trim_start_matches(&format!("/{BUCKET}/")))
    }

    pub(crate) fn is_manifest(&self) -> bool {
        self.path.ends_with("/manifest.json")
    }

    /// The key and the id of the upload it is about.
    pub(crate) fn upload(&self) -> (String, String) {
        (self.key(), self.parameter("uploadId").unwrap())
    }

    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(other, _)| *other == name).map(|(_, value)| decoded(value))
    }

    /// The operation in one word, as the S3 protocol calls it.
    pub(crate) fn operation(&self) -> &'static str {
        let has = |name: &str| {
            self.query.split('&').any(|pair| pair == name || pair.starts_with(&format!("{name}=")))
        };
        match self.method.as_str() {
            "POST" if has("uploads") => "CreateMultipartUpload",
            "POST" if has("uploadId") => "CompleteMultipartUpload",
            "PUT" if has("uploadId") => "UploadPart",
            "PUT" => "PutObject",
            "DELETE" if has("uploadId") => "AbortMultipartUpload",
            "DELETE" => "DeleteObject",
            "HEAD" => "HeadObject",
            "GET" if has("uploads") => "ListMultipartUploads",
            "GET" if has("list-type") => "ListObjects",
            "GET" => "GetObject",
            _ => "other",
        }
    }
}

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

type Answer = Result<Response<AnswerBody>, BoxError>;

async fn answer(server: Arc<Server>, mut request: Request<Incoming>) -> Answer {
    let asked = {
        let mut all = server.asked.lock().unwrap();
        let asked = Asked::new(&request, &all);
        all.push(asked.clone());
        asked
    };
    match (server.fault)(&asked) {
        None => server.serve(&asked, request).await,
        Some(Fault::Answer(status, code)) => refuse(&asked, status, code, request).await,
        Some(Fault::Says(status, code, words)) => {
            drop(request.into_body().collect().await);
            Ok(refusal_in_words(&asked.method, status, code, words))
        }
        Some(Fault::Xml(xml)) => Ok(Response::new(whole(xml))),
        Some(Fault::Headers(headers)) => {
            let mut response = server.serve(&asked, request).await?;
            for (name, value) in headers {
                response.headers_mut().insert(*name, value.parse()?);
            }
            Ok(response)
        }
        Some(Fault::NoUploads) => Ok(Response::new(whole(list_uploads(&BTreeSet::new(), &asked)))),
        Some(Fault::Over) => {
            let path = server.root.join(asked.key());
            if path.is_file() {
                std::fs::remove_file(path)?;
            }
            server.serve(&asked, request).await
        }
        Some(Fault::DoneBut(status, code)) => {
            let done = server.serve(&asked, request).await?;
            assert!(done.status().is_success(), "{asked:?} was not done: {}", done.status());
            Ok(refusal(&asked.method, status, code))
        }
        Some(Fault::AnswerLost) => {
            server.serve(&asked, request).await?;
            Err("told to lose the answer".into())
        }
        Some(Fault::ResetAfter(bytes)) => {
            let mut taken = 0;
            while taken < bytes
                && let Some(frame) = request.body_mut().frame().await
            {
                taken += frame?.into_data().map_or(0, |data| data.len());
            }
            // What is not read makes the system answer the rest with a reset.
            Err("told to reset".into())
        }
        Some(Fault::CutAfter(bytes)) => {
            let (parts, body) = server.serve(&asked, request).await?.into_parts();
            let whole = body.collect().await?.to_bytes();
            Ok(Response::from_parts(parts, Cut::new(&whole, bytes).boxed_unsync()))
        }
        Some(Fault::Short(bytes)) => {
            let (mut parts, body) = server.serve(&asked, request).await?.into_parts();
            let short = body.collect().await?.to_bytes().slice(..bytes);
            parts.headers.insert("content-length", bytes.into());
            Ok(Response::from_parts(parts, whole(short)))
        }
        Some(Fault::Size(bytes)) => {
            let mut response = server.serve(&asked, request).await?;
            response.headers_mut().insert("content-length", bytes.into());
            Ok(response)
        }
        Some(Fault::SameAgain) => {
            let body = server.last.lock().unwrap()[asked.operation()].clone();
            Ok(Response::new(whole(body)))
        }
        Some(fault @ (Fault::Silence | Fault::DoneInSilence)) => {
            if fault == Fault::DoneInSilence {
                server.serve(&asked, request).await?;
            }
            server.unanswered.fetch_add(1, Ordering::SeqCst);
            std::future::pending().await
        }
        Some(Fault::Late(time)) => {
            tokio::time::sleep(time).await;
            server.serve(&asked, request).await
        }
    }
}

async fn refuse(asked: &Asked, status: u16, code: &str, request: Request<Incoming>) -> Answer {
    // As S3 does: an answer in the middle of a body would look like a broken connection.
    drop(request.into_body().collect().await);
    Ok(refusal(&asked.method, status, code))
}

fn whole(text: impl Into<Bytes>) -> AnswerBody {
    Full::from(text.into()).map_err(|never| match never {}).boxed_unsync()
}

impl Server {
    fn serve(
        &self,
        asked: &Asked,
        request: Request<Incoming>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>> {
        let asked = asked.clone();
        Box::pin(async move {
            match asked.operation() {
                "ListMultipartUploads" => {
                    let page = list_uploads(&self.uploads.lock().unwrap(), &asked);
                    return Ok(Response::new(whole(page)));
                }
                "ListObjects" if self.crowd.get().is_some() => {
                    let page = self.crowd.get().unwrap().page(&asked);
                    return Ok(Response::new(whole(page)));
                }
                // The service itself calls it a lack of rights.
                "AbortMultipartUpload" | "CompleteMultipartUpload" | "UploadPart"
                    if !self.uploads.lock().unwrap().contains(&asked.upload()) =>
                {
                    return refuse(&asked, 404, "NoSuchUpload", request).await;
                }
                _ => {}
            }
            let response = Service::call(&self.service, request).await.map_err(BoxError::from)?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            // The service itself does not look at it.
            if let Some(wanted) = &asked.if_match
                && parts.headers.get("etag").is_none_or(|etag| etag != wanted)
            {
                return Ok(refusal(&asked.method, 412, "PreconditionFailed"));
            }
            if parts.status.is_success() {
                self.keep_track(&asked, &body);
                self.last.lock().unwrap().insert(asked.operation(), body.clone());
            }
            // A HEAD has no body, and its length is not that of nothing.
            let body =
                if asked.method == "HEAD" { refusal("HEAD", 200, "").into_body() } else { whole(body) };
            Ok(Response::from_parts(parts, body))
        })
    }

    /// Remembers what was begun, forgets what was ended.
    fn keep_track(&self, asked: &Asked, body: &[u8]) {
        match asked.operation() {
            "CreateMultipartUpload" => {
                let xml = std::str::from_utf8(body).unwrap();
                let id = xml.split("<UploadId>").nth(1).unwrap().split('<').next().unwrap().to_owned();
                self.uploads.lock().unwrap().insert((asked.key(), id));
            }
            "CompleteMultipartUpload" | "AbortMultipartUpload" => {
                self.uploads.lock().unwrap().remove(&asked.upload());
            }
            _ => {}
        }
    }
}

fn list_uploads(uploads: &BTreeSet<(String, String)>, asked: &Asked) -> String {
    let prefix = asked.parameter("prefix").unwrap_or_default();
    let marker = asked.parameter("key-marker").map(|key| (key, asked.parameter("upload-id-marker").unwrap()));
    let matching: Vec<_> = uploads
        .iter()
        .filter(|upload| {
            upload.0.starts_with(&prefix) && marker.as_ref().is_none_or(|marker| *upload > marker)
        })
        .collect();
    let page = &matching[..matching.len().min(UPLOADS_ON_A_PAGE)];
    let more = matching.len() > page.len();
    let mut xml = format!("<ListMultipartUploadsResult><IsTruncated>{more}</IsTruncated>");
    if let Some((key, id)) = page.last().filter(|_| more) {
        let key = escaped(key);
        xml += &format!("<NextKeyMarker>{key}</NextKeyMarker><NextUploadIdMarker>{id}</NextUploadIdMarker>");
    }
    for (key, id) in page {
        let key = escaped(key);
        xml += &format!(
            "<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>"
        );
    }
    xml + "</ListMultipartUploadsResult>"
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}
