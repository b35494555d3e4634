//! A real S3 server, one for all tests of the process.

use std::net::TcpListener;
use std::sync::{Arc, OnceLock};

use super::bucket::{ACCESS_KEY, SECRET_KEY};
use super::docker::{Container, docker, image, until};

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

    /// Makes a bucket that the tests' key may use.
    pub(super) fn create(&self, bucket: &str) {
        self.container.exec(&["/garage", "bucket", "create", bucket]);
        let rights =
            ["/garage", "bucket", "allow", "--read", "--write", "--owner", bucket, "--key", ACCESS_KEY];
        self.container.exec(&rights);
    }

    pub(crate) fn id(&self) -> &str {
        &self.container.id
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
