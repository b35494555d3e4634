//! A real S3 server, one for all tests of the process, with a bucket for each test.

use std::sync::{Arc, OnceLock};

use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt};
use serde_json::Value;
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
    pub(crate) fn shared() -> &'static Self {
        // Removed with the process, like everything it made.
        static SHARED: OnceLock<Garage> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let image = image("DUMPCAR_TEST_GARAGE", "dumpcar-test/garage:latest");
        let container = Container::run(&[
            "-p",
            "127.0.0.1::3900",
            "--tmpfs",
            "/var/lib/garage",
            "-e",
            &format!("GARAGE_RPC_SECRET={SECRET_KEY}"),
            "-e",
            "GARAGE_DEFAULT_BUCKET=default",
            "-e",
            &format!("GARAGE_DEFAULT_ACCESS_KEY={ACCESS_KEY}"),
            "-e",
            &format!("GARAGE_DEFAULT_SECRET_KEY={SECRET_KEY}"),
            &image,
            "/garage",
            "server",
            "--single-node",
            "--default-bucket",
        ]);
        until("Garage is up", || container.try_exec(&["/garage", "bucket", "info", "default"]).is_ok());
        let address = docker(&["port", &container.id, "3900/tcp"]);
        let port = address.lines().next().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        Self { container, port }
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
    pub(crate) name: String,
    client: Arc<AmazonS3>,
    runtime: Runtime,
}

impl Bucket {
    pub(crate) fn new() -> Self {
        let garage = Garage::shared();
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
        Self { name, client: Arc::new(client), runtime }
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
    pub(crate) fn unfinished_uploads(&self) -> u64 {
        let which = format!(r#"{{"globalAlias":"{}"}}"#, self.name);
        let info = Garage::shared().container.exec(&["/garage", "json-api", "GetBucketInfo", &which]);
        let info: Value = serde_json::from_str(&info).unwrap();
        info["unfinishedUploads"].as_u64().unwrap()
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
