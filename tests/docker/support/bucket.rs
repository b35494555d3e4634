//! A bucket of one test, on one of the real servers.

use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsAuthorizer};
use object_store::client::{HttpConnector, HttpError, HttpRequest, HttpRequestBody, ReqwestConnector};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;

use super::docker::unique;
use super::s3_server::{Kind, S3Server};

pub(crate) const ACCESS_KEY: &str = "GK0123456789abcdef01234567";
pub(crate) const SECRET_KEY: &str = "feedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedface";
/// Of an identity of SeaweedFS that may write, and neither read nor list.
pub(crate) const WRITER_KEY: &str = "GKwriter";
/// Garage's. SeaweedFS takes any.
pub(crate) const REGION: &str = "garage";

pub(crate) struct Bucket {
    pub(crate) server: Arc<S3Server>,
    pub(crate) name: String,
    client: Arc<AmazonS3>,
    runtime: Runtime,
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Bucket {
    /// That the tests' key may use.
    pub(crate) fn new(server: Arc<S3Server>) -> Self {
        let bucket = Self::of(server);
        match bucket.server.kind {
            Kind::SeaweedFs => drop(bucket.done("PUT", "", &[], "")),
            Kind::Garage => {
                bucket.server.exec(&["/garage", "bucket", "create", &bucket.name]);
                let rights = ["--read", "--write", "--owner", &bucket.name, "--key", ACCESS_KEY];
                bucket.server.exec(&[&["/garage", "bucket", "allow"], &rights[..]].concat());
            }
        }
        bucket
    }

    /// A bucket of SeaweedFS, which is created with these headers.
    pub(crate) fn on_seaweedfs(headers: &[(&str, &str)]) -> Self {
        let bucket = Self::of(S3Server::of(Kind::SeaweedFs));
        bucket.done("PUT", "", headers, "");
        bucket
    }

    fn of(server: Arc<S3Server>) -> Self {
        let name = unique();
        // A second test's provider is the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = AmazonS3Builder::new()
            .with_endpoint(server.endpoint())
            .with_region(REGION)
            .with_bucket_name(&name)
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .with_allow_http(true)
            .with_client_options(ClientOptions::new().with_allow_http(true))
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { server, name, client: Arc::new(client), runtime }
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        let listed =
            self.client.list(None).map_ok(|object| object.location.to_string()).try_collect::<Vec<_>>();
        let mut keys = self.runtime.block_on(listed).unwrap();
        keys.sort();
        keys
    }

    pub(crate) fn read(&self, key: &str) -> Vec<u8> {
        let read = async { self.client.get(&Path::parse(key).unwrap()).await?.bytes().await };
        self.runtime.block_on(read).unwrap().to_vec()
    }

    pub(crate) fn write(&self, key: &str, content: &[u8]) {
        let payload = content.to_vec().into();
        self.runtime.block_on(self.client.put(&Path::parse(key).unwrap(), payload)).unwrap();
    }

    /// How many uploads were begun and neither completed nor aborted.
    pub(crate) fn unfinished_uploads(&self) -> usize {
        self.done("GET", "?uploads=", &[], "").matches("<UploadId>").count()
    }

    /// What the server answers to a request that it has to do: `rest` is the key and the query.
    pub(crate) fn done(&self, method: &str, rest: &str, headers: &[(&str, &str)], body: &str) -> String {
        let answer = self.ask(method, rest, headers, body);
        assert!(matches!(answer.status, 200..300), "{method} {rest}: {answer:?}");
        answer.body
    }

    /// Signs and sends a request that the client does not know.
    pub(crate) fn ask(&self, method: &str, rest: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.try_ask(method, rest, headers, body).unwrap()
    }

    /// An error where there is no answer.
    fn try_ask(
        &self,
        method: &str,
        rest: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, HttpError> {
        let slash = if rest.is_empty() || rest.starts_with('?') { "" } else { "/" };
        let address = format!("{}/{}{slash}{rest}", self.server.endpoint(), self.name);
        let mut request = http::Request::builder().method(method).uri(address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request: HttpRequest = request.body(HttpRequestBody::from(body.to_owned())).unwrap();
        let answer = async {
            let credential = self.client.credentials().get_credential().await.unwrap();
            AwsAuthorizer::new(&credential, "s3", REGION).try_authorize(&mut request, None).unwrap();
            let client =
                ReqwestConnector::default().connect(&ClientOptions::new().with_allow_http(true)).unwrap();
            let answer = client.execute(request).await?;
            let status = answer.status().as_u16();
            let body = answer.into_body().bytes().await?;
            Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
        };
        self.runtime.block_on(answer)
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        // The servers keep their data in memory. A bucket of SeaweedFS goes with all that is in it, Garage's only when it is empty.
        if self.server.kind == Kind::SeaweedFs {
            // It may be gone, and a second panic would end all tests.
            drop(self.try_ask("DELETE", "", &[], ""));
            return;
        }
        let keys = self.client.list(None).map_ok(|object| object.location).try_collect::<Vec<_>>();
        for key in self.runtime.block_on(keys).unwrap_or_default() {
            drop(self.runtime.block_on(self.client.delete(&key)));
        }
    }
}
