//! The image under test, run as the example Compose file runs it.

use super::docker::{Container, Network, image, try_docker};
use super::s3_server::S3Server;
use super::world::{World, log_lines};

/// The image under test with everything taken away that it does not need, on a network with the store.
pub(crate) struct Sidecar<'w> {
    world: &'w World,
    pub(crate) network: Network,
    pub(crate) socket: String,
}

impl<'w> Sidecar<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        let network = Network::new();
        network.connect(S3Server::shared().id(), "s3");
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let socket = host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").to_owned();
        Self { world, network, socket }
    }

    fn args(&self, more: &[&str]) -> Vec<String> {
        let mut args = self.world.env_args();
        let mount = format!("{}:/var/run/docker.sock:ro", self.socket);
        let own = ["--network", &self.network.id, "-v", &mount, "--read-only", "--cap-drop", "ALL"];
        let endpoint = format!("AWS_ENDPOINT_URL={}", S3Server::shared().endpoint_as("s3"));
        let own = [&own[..], &["--security-opt", "no-new-privileges", "-e", &endpoint]];
        args.extend(own.concat().into_iter().chain(more.iter().copied()).map(str::to_owned));
        args.push(image("DUMPCAR_TEST_IMAGE", "dumpcar-test/dumpcar:latest"));
        args
    }

    pub(crate) fn daemon(&self, more: &[&str]) -> Container {
        let args = self.args(more);
        Container::run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub(crate) fn back_up(&self, more: &[&str]) -> Result<String, String> {
        let args = self.args(more);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        try_docker(&[&["run", "--rm"], args.as_slice(), &["backup"]].concat())
    }
}

/// How often a daemon has logged this about a target.
pub(crate) fn logged(daemon: &Container, message: &str, target: &str) -> usize {
    let lines = log_lines(&daemon.logs());
    lines.iter().filter(|line| line["message"] == message && line["target"] == target).count()
}
