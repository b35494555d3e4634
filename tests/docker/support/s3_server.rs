//! Real S3 servers, one of each kind for all tests of the process.

use std::net::TcpListener;
use std::sync::{Arc, OnceLock};

use super::bucket::{ACCESS_KEY, SECRET_KEY};
use super::docker::{Container, docker, image, until};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It has versions, locks, policies, and conditions and checksums that it minds.
    SeaweedFs,
    /// It minds its region.
    Garage,
}

const SEAWEEDFS_IS_UP: &str = r#"
    says() { exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET %s HTTP/1.0\r\n\r\n' "$2" >&3 && grep -q "$3" <&3; }
    says 8333 /healthz ' 200 ' && says 9333 /dir/status '"Max":[1-9]'"#;

pub(crate) struct S3Server {
    pub(crate) kind: Kind,
    container: Container,
    /// Where this machine reaches it.
    pub(crate) port: u16,
}

impl Kind {
    /// The one that tests run on to which it is all the same: `DUMPCAR_TEST_STORE`.
    pub(crate) fn usual() -> Self {
        match std::env::var("DUMPCAR_TEST_STORE").unwrap_or_default().as_str() {
            "" | "seaweedfs" => Self::SeaweedFs,
            "garage" => Self::Garage,
            other => panic!("DUMPCAR_TEST_STORE is seaweedfs or garage, not {other:?}"),
        }
    }

    /// All that are here: nobody offers Garage as a binary without a registry, and it takes minutes to compile.
    pub(crate) fn present() -> Vec<Self> {
        let has_garage = std::env::var_os("DUMPCAR_TEST_GARAGE").is_some_and(|name| !name.is_empty());
        [Self::SeaweedFs, Self::Garage]
            .into_iter()
            .filter(|&kind| kind == Self::SeaweedFs || kind == Self::usual() || has_garage)
            .collect()
    }

    /// In the container.
    pub(crate) fn port(self) -> u16 {
        match self {
            Self::SeaweedFs => 8333,
            Self::Garage => 3900,
        }
    }

    /// Where it keeps its data, in the container.
    fn folder(self) -> &'static str {
        match self {
            Self::SeaweedFs => "/data",
            Self::Garage => "/var/lib/garage",
        }
    }
}

impl S3Server {
    pub(crate) fn shared() -> Arc<Self> {
        Self::of(Kind::usual())
    }

    pub(crate) fn of(kind: Kind) -> Arc<Self> {
        // Removed with the process, like everything it made.
        static SEAWEEDFS: OnceLock<Arc<S3Server>> = OnceLock::new();
        static GARAGE: OnceLock<Arc<S3Server>> = OnceLock::new();
        let shared = match kind {
            Kind::SeaweedFs => &SEAWEEDFS,
            Kind::Garage => &GARAGE,
        };
        let start = || {
            let port = format!("127.0.0.1::{}", kind.port());
            // In memory: nothing has to be written to a disk, and nothing is left.
            Arc::new(Self::start(kind, &["-p", &port, "--tmpfs", kind.folder(), "--tmpfs", "/tmp"]))
        };
        Arc::clone(shared.get_or_init(start))
    }

    /// One of a test's own, which has the same port and the same data after it was killed and started again.
    pub(crate) fn lasting() -> Arc<Self> {
        let kind = Kind::usual();
        // Docker itself would choose another port at each start.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Arc::new(Self::start(
            kind,
            &["-p", &format!("127.0.0.1:{port}:{}", kind.port()), "-v", kind.folder()],
        ))
    }

    fn start(kind: Kind, args: &[&str]) -> Self {
        let container = match kind {
            Kind::SeaweedFs => {
                let image = image("DUMPCAR_TEST_SEAWEEDFS", "dumpcar-test/seaweedfs:latest");
                Container::run(&[args, &[&image]].concat())
            }
            Kind::Garage => {
                let image = image("DUMPCAR_TEST_GARAGE", "dumpcar-test/garage:latest");
                let env = [
                    format!("GARAGE_RPC_SECRET={SECRET_KEY}"),
                    "GARAGE_DEFAULT_BUCKET=default".to_owned(),
                    format!("GARAGE_DEFAULT_ACCESS_KEY={ACCESS_KEY}"),
                    format!("GARAGE_DEFAULT_SECRET_KEY={SECRET_KEY}"),
                ];
                let env: Vec<_> = env.iter().flat_map(|pair| ["-e", pair]).collect();
                let command = [image.as_str(), "/garage", "server", "--single-node", "--default-bucket"];
                Container::run(&[args, &env, &command].concat())
            }
        };
        let address = docker(&["port", &container.id, &format!("{}/tcp", kind.port())]);
        let port = address.lines().next().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        let server = Self { kind, container, port };
        server.wait();
        server
    }

    /// Waits until it answers, and until what it has can be read.
    pub(crate) fn wait(&self) {
        let command: &[_] = match self.kind {
            // Its gateway is up before its volumes are: they ask for a master every five seconds, and an election may
            // just not be over. What is in them is an internal error for so long (seen for 3.8 s with SeaweedFS 4.48).
            Kind::SeaweedFs => &["bash", "-c", SEAWEEDFS_IS_UP],
            Kind::Garage => &["/garage", "bucket", "info", "default"],
        };
        until("the S3 server is up", || {
            assert_eq!(self.container.inspect("{{.State.Status}}"), "running", "{}", self.container.logs());
            self.container.try_exec(command).is_ok()
        });
    }

    /// Without any warning, and it comes back with all it has.
    pub(crate) fn kill_and_start(&self) {
        docker(&["kill", &self.container.id]);
        docker(&["start", &self.container.id]);
    }

    /// Runs a command of its own in it.
    pub(super) fn exec(&self, command: &[&str]) {
        self.container.exec(command);
    }

    pub(crate) fn id(&self) -> &str {
        &self.container.id
    }

    pub(crate) fn name(&self) -> &str {
        &self.container.name
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// By this name of its in a network.
    pub(crate) fn endpoint_as(&self, alias: &str) -> String {
        format!("http://{alias}:{}", self.kind.port())
    }
}
