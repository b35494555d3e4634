//! A Docker engine of a test's own, which can be stopped and started; or podman.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::docker::{Container, image, until};

/// Docker in Docker, or podman.
pub(crate) struct Engine {
    container: Container,
    folder: TempDir,
}

impl Engine {
    /// One that runs and has this image.
    pub(crate) fn with_image(image_name: &str, live_restore: bool) -> Self {
        let engine = Self::made("none");
        engine.start(live_restore);
        engine.load(image_name);
        engine
    }

    /// One that listens on a port as well, in TLS, and lets in only who has a certificate; with this image. `prepare` makes the
    /// certificates for its address.
    pub(crate) fn secured(image_name: &str, prepare: impl FnOnce(&Path, &str)) -> Self {
        let engine = Self::made("bridge");
        let address = engine.address();
        prepare(engine.folder.path(), &address);
        engine.start_with(
            "--host=tcp://0.0.0.0:2376 --tlsverify --tlscacert=/shared/ca.pem --tlscert=/shared/server.pem --tlskey=/shared/server-key.pem",
        );
        engine.load(image_name);
        engine
    }

    /// Podman's service, with this image.
    ///
    /// # Errors
    /// Why it can run no container here: it wants more of a machine than Docker does.
    pub(crate) fn podman(image_name: &str) -> Result<Self, String> {
        let engine = Self::made("none");
        let script = "exec podman system service --time=0 unix:///shared/docker.sock >>/shared/log 2>&1";
        super::docker::docker(&["exec", "-d", &engine.container.id, "sh", "-c", script]);
        until("podman answers", || engine.try_docker(&["version"]).is_ok());
        engine.load(image_name);
        engine.try_docker(&["run", "--rm", "--network=none", image_name, "true"]).map(|_| engine)
    }

    /// Where it listens in TLS.
    pub(crate) fn address(&self) -> String {
        self.container.address()
    }

    fn made(network: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let network = format!("--network={network}");
        let shared = format!("{}:/shared", folder.path().display());
        // Not `--privileged`: that wants every capability there is, and some machines lack one. Without a network, and in
        // memory: nothing has to be written to a disk, and nothing is left.
        let container = Container::run(&[
            "--cap-add=ALL",
            "--cap-drop=SYS_RESOURCE",
            "--security-opt=seccomp=unconfined",
            "--security-opt=apparmor=unconfined",
            "--security-opt=systempaths=unconfined",
            "--device-cgroup-rule=a *:* rwm",
            "--cgroupns=private",
            &network,
            "--tmpfs=/run",
            "--tmpfs=/var/lib/docker:exec",
            "--tmpfs=/var/lib/containers:exec",
            "-v",
            &shared,
            &image("DUMPCAR_TEST_ENGINES", "dumpcar-test/engines:latest"),
        ]);
        Self { container, folder }
    }

    fn load(&self, image_name: &str) {
        let mut save =
            Command::new("docker").args(["save", image_name]).stdout(Stdio::piped()).spawn().unwrap();
        let mut load = self.command(&["load", "-q"]);
        let loaded = load.stdin(save.stdout.take().unwrap()).stdout(Stdio::null()).status().unwrap();
        assert!(save.wait().unwrap().success() && loaded.success());
    }

    /// What `DOCKER_HOST` has to be.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.args(["-H", &self.host()]).args(args).stdin(Stdio::null());
        command
    }

    /// Runs `docker` on this engine and returns what it prints.
    pub(crate) fn docker(&self, args: &[&str]) -> String {
        self.try_docker(args).unwrap_or_else(|problem| panic!("docker {args:?}: {problem}"))
    }

    pub(crate) fn try_docker(&self, args: &[&str]) -> Result<String, String> {
        let output = self.command(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// Starts it and waits until it answers. With `live_restore`, its containers outlive it.
    pub(crate) fn start(&self, live_restore: bool) {
        self.start_with(&format!("--live-restore={live_restore}"));
    }

    fn start_with(&self, flags: &str) {
        let script = format!(
            "exec dockerd --host=unix:///shared/docker.sock --bridge=none --iptables=false --ip6tables=false {flags} \
             >>/shared/log 2>&1"
        );
        super::docker::docker(&["exec", "-d", &self.container.id, "sh", "-c", &script]);
        until("the engine answers", || self.try_docker(&["version"]).is_ok());
    }

    /// Stops it, as an update of Docker does, and waits until it has gone.
    pub(crate) fn stop(&self) {
        self.container.exec(&[
            "sh",
            "-c",
            "pid=$(cat /run/docker.pid) && kill -TERM $pid && while kill -0 $pid 2>/dev/null; do sleep 0.1; done",
        ]);
    }
}
