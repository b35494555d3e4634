//! A real S3 server, one for all tests of the process, with a bucket for each test.

use std::net::TcpListener;
use std::sync::{Arc, OnceLock};

use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsAuthorizer};
use object_store::client::{HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;

use super::docker::{Container, docker, image, unique, until};

pub(crate) const ACCESS_KEY: &str = "GK0123456789abcdef01234567";
pub(crate) const SECRET_KEY: &str = "feedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedface";

pub(crate) struct Garage {
    container: Container,
    /// Where this machine reaches it.
    pub(crate) port: u16,
}

impl Garage {
    pub(crate) fn shared() -> Arc<Self> {
        // Removed with the process, like everything it made.
        static SHARED: OnceLock<Arc<Garage>> = OnceLock::new();
        // In memory: nothing has to be written to a disk, and nothing is left.
        let start = || Arc::new(Self::start(&["-p", "127.0.0.1::3900", "--tmpfs", "/var/lib/garage"]));
        Arc::clone(SHARED.get_or_init(start))
    }

    /// One of a test's own, which has the same port and the same data after it was killed and started again.
    pub(crate) fn lasting() -> Arc<Self> {
        // Docker itself would choose another port at each start.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Arc::new(Self::start(&["-p", &format!("127.0.0.1:{port}:3900"), "-v", "/var/lib/garage"]))
    }

    fn start(args: &[&str]) -> Self {
        let image = image("DUMPCAR_TEST_GARAGE", "dumpcar-test/garage:latest");
        let env = [
            format!("GARAGE_RPC_SECRET={SECRET_KEY}"),
            "GARAGE_DEFAULT_BUCKET=default".to_owned(),
            format!("GARAGE_DEFAULT_ACCESS_KEY={ACCESS_KEY}"),
            format!("GARAGE_DEFAULT_SECRET_KEY={SECRET_KEY}"),
        ];
        let env: Vec<_> = env.iter().flat_map(|pair| ["-e", pair]).collect();
        let command = [image.as_str(), "/garage", "server", "--single-node", "--default-bucket"];
        let container = Container::run(&[args, &env, &command].concat());
        let address = docker(&["port", &container.id, "3900/tcp"]);
        let port = address.lines().next().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        let garage = Self { container, port };
        garage.wait();
        garage
    }

    /// Waits until it answers.
    pub(crate) fn wait(&self) {
        until("Garage is up", || self.container.try_exec(&["/garage", "bucket", "info", "default"]).is_ok());
    }

    pub(crate) fn id(&self) -> &str {
        &self.container.id
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// A bucket of one test.
pub(crate) struct Bucket {
    pub(crate) garage: Arc<Garage>,
    pub(crate) name: String,
    client: Arc<AmazonS3>,
    runtime: Runtime,
}

impl Bucket {
    pub(crate) fn new(garage: Arc<Garage>) -> Self {
        let name = unique();
        garage.container.exec(&["/garage", "bucket", "create", &name]);
        let rights =
            ["/garage", "bucket", "allow", "--read", "--write", "--owner", &name, "--key", ACCESS_KEY];
        garage.container.exec(&rights);
        // A second test's provider is the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = AmazonS3Builder::new()
            .with_endpoint(garage.endpoint())
            .with_region("garage")
            .with_bucket_name(&name)
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .with_allow_http(true)
            .with_client_options(ClientOptions::new().with_allow_http(true))
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { garage, name, client: Arc::new(client), runtime }
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
        let address = format!("{}/{}?uploads=", self.garage.endpoint(), self.name);
        let request = http::Request::get(address).body(HttpRequestBody::empty());
        let mut request: HttpRequest = request.unwrap();
        let answer = async {
            let credential = self.client.credentials().get_credential().await.unwrap();
            AwsAuthorizer::new(&credential, "s3", "garage").try_authorize(&mut request, None).unwrap();
            let client =
                ReqwestConnector::default().connect(&ClientOptions::new().with_allow_http(true)).unwrap();
            let answer = client.execute(request).await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.status());
            answer.into_body().bytes().await.unwrap()
        };
        let answer = self.runtime.block_on(answer);
        String::from_utf8_lossy(&answer).matches("<UploadId>").count()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let keys = self.client.list(None).map_ok(|object| object.location).try_collect::<Vec<_>>();
        // The server keeps its data in memory.
        for key in self.runtime.block_on(keys).unwrap_or_default() {
            drop(self.runtime.block_on(self.client.delete(&key)));
        }
    }
}
