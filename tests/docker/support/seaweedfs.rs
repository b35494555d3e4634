//! The other real S3 server: it has versions, locks, policies, and conditions and checksums that it minds.

use std::net::TcpStream;
use std::sync::{Arc, OnceLock};

use super::docker::{Container, docker, image, until};

/// The key of an identity that may write, and neither read nor list.
pub(crate) const WRITER_KEY: &str = "GKwriter";

pub(crate) struct SeaweedFs {
    container: Container,
    /// Where this machine reaches it.
    pub(crate) port: u16,
}

impl SeaweedFs {
    pub(crate) fn shared() -> Arc<Self> {
        // Removed with the process, like everything it made.
        static SHARED: OnceLock<Arc<SeaweedFs>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(|| Arc::new(Self::start())))
    }

    fn start() -> Self {
        let image = image("DUMPCAR_TEST_SEAWEEDFS", "dumpcar-test/seaweedfs:latest");
        // In memory: nothing has to be written to a disk, and nothing is left.
        let container =
            Container::run(&["-p", "127.0.0.1::8333", "--tmpfs", "/data", "--tmpfs", "/tmp", &image]);
        let address = docker(&["port", &container.id, "8333/tcp"]);
        let port = address.lines().next().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        let seaweedfs = Self { container, port };
        until("SeaweedFS is up", || seaweedfs.answers());
        seaweedfs
    }

    /// Docker takes connections before the server does, so it has to say something.
    fn answers(&self) -> bool {
        use std::io::{Read, Write};
        assert_eq!(self.container.inspect("{{.State.Status}}"), "running", "{}", self.container.logs());
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let asked = stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n");
        let mut answer = String::new();
        asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.contains(" 200 ")
    }
}
