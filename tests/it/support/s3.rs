//! A real S3 protocol server in process, with a record of what it was asked and room for faults.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, HttpResponse};
use tokio::net::TcpListener;

pub(crate) const ACCESS_KEY: &str = "AKIDUMPCARTEST00000";
pub(crate) const SECRET_KEY: &str = "canary-secret-key-0123456789abcdef0123456789";
pub(crate) const BUCKET: &str = "backups";

/// Decides about a request before the server sees it: `Some` is an answer of its own, status and XML error code.
type Fault = dyn Fn(&Asked) -> Option<(u16, &'static str)> + Send + Sync;

/// A request as the server got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) storage_class: Option<String>,
}

impl Asked {
    /// It is about a run's record, not about a backup.
    pub(crate) fn is_of_a_record(&self) -> bool {
        self.path.contains("/.dumpcar/runs/")
    }

    fn key(&self) -> String {
        decoded(self.path.trim_start_matches(&format!("/{BUCKET}/")))
    }

    /// The key and the id of the upload it is about.
    fn upload(&self) -> (String, String) {
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
}

/// Keys and ids of the uploads under way, in the order of the keys: the server itself cannot list them.
type Uploads = Arc<Mutex<BTreeSet<(String, String)>>>;

/// So few on a page that a test needs several.
const UPLOADS_ON_A_PAGE: usize = 3;

impl FakeS3 {
    pub(crate) async fn start() -> Self {
        Self::with_faults(|_| None).await
    }

    pub(crate) async fn with_faults(
        fault: impl Fn(&Asked) -> Option<(u16, &'static str)> + Send + Sync + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let uploads = Uploads::default();
        let (record, fault): (_, Arc<Fault>) = (Arc::clone(&asked), Arc::new(fault));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (service, record, fault) = (service.clone(), Arc::clone(&record), Arc::clone(&fault));
                let uploads = Arc::clone(&uploads);
                let answer = service_fn(move |request| {
                    let uploads = Arc::clone(&uploads);
                    answer(service.clone(), Arc::clone(&record), Arc::clone(&fault), uploads, request)
                });
                tokio::spawn(async move {
                    drop(
                        Builder::new(TokioExecutor::new())
                            .serve_connection(TokioIo::new(stream), answer)
                            .await,
                    );
                });
            }
        });
        Self { folder, endpoint, asked }
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
        self.asked.lock().unwrap().iter().map(Asked::operation).collect()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
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

    pub(crate) fn set_written(&self, key: &str, at: std::time::SystemTime) {
        let file = std::fs::File::options().write(true).open(self.root().join(key)).unwrap();
        file.set_modified(at).unwrap();
    }

    /// Uploads that were created and neither completed nor aborted: the server keeps a file for each.
    pub(crate) fn unfinished_uploads(&self) -> usize {
        std::fs::read_dir(self.folder.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".upload"))
            .count()
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send>>;

fn answer(
    service: S3Service,
    record: Arc<Mutex<Vec<Asked>>>,
    fault: Arc<Fault>,
    uploads: Uploads,
    request: Request<Incoming>,
) -> Answer {
    let asked = Asked {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        storage_class: request
            .headers()
            .get("x-amz-storage-class")
            .map(|value| value.to_str().unwrap().to_owned()),
    };
    record.lock().unwrap().push(asked.clone());
    let told = fault(&asked);
    if let Some((status, code)) = told.or_else(|| unknown_upload(&uploads, &asked)) {
        return refuse(&asked, status, code, request);
    }
    if asked.operation() == "ListMultipartUploads" {
        let page = list_uploads(&uploads.lock().unwrap(), &asked);
        return Box::pin(async move {
            let response = http::Response::builder().header("content-type", "application/xml");
            Ok(response.body(Body::from(page)).unwrap())
        });
    }
    let served = Service::call(&service, request);
    Box::pin(async move { keep_track(&uploads, &asked, served.await?).await })
}

/// The server itself calls it a lack of rights.
fn unknown_upload(uploads: &Mutex<BTreeSet<(String, String)>>, asked: &Asked) -> Option<(u16, &'static str)> {
    let upload = (asked.operation() == "AbortMultipartUpload").then(|| asked.upload())?;
    (!uploads.lock().unwrap().contains(&upload)).then_some((404, "NoSuchUpload"))
}

fn refuse(asked: &Asked, status: u16, code: &'static str, request: Request<Incoming>) -> Answer {
    let xml = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>told to</Message></Error>");
    let body = if asked.method == "HEAD" { Body::empty() } else { Body::from(xml) };
    let response = http::Response::builder()
        .status(status)
        .header("content-type", "application/xml")
        .body(body)
        .unwrap();
    Box::pin(async move {
        // As S3 does: an answer in the middle of a body would look like a broken connection.
        drop(request.into_body().collect().await);
        Ok(response)
    })
}

/// Remembers what was begun, forgets what was ended.
async fn keep_track(
    uploads: &Mutex<BTreeSet<(String, String)>>,
    asked: &Asked,
    response: HttpResponse,
) -> Result<HttpResponse, HttpError> {
    match asked.operation() {
        _ if !response.status().is_success() => Ok(response),
        "CreateMultipartUpload" => {
            let (parts, body) = response.into_parts();
            let bytes = body.collect().await.unwrap().to_bytes();
            let xml = std::str::from_utf8(&bytes).unwrap();
            let id = xml.split("<UploadId>").nth(1).unwrap().split('<').next().unwrap().to_owned();
            uploads.lock().unwrap().insert((asked.key(), id));
            Ok(HttpResponse::from_parts(parts, Body::from(bytes)))
        }
        "CompleteMultipartUpload" | "AbortMultipartUpload" => {
            uploads.lock().unwrap().remove(&asked.upload());
            Ok(response)
        }
        _ => Ok(response),
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

fn escaped(text: &str) -> String {
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
