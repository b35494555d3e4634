//! The real program between a scripted Docker and a real S3 server.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dumpcar::app::App;
use dumpcar::config::Config;
use dumpcar::model::key::README;
use dumpcar::store::Store;
use serde_json::{Value, json};
use tokio::io::AsyncBufReadExt;
use tokio::process::{Child, Command};

use super::docker::{ExecRequest, FakeDocker, Script};
use super::s3::{ACCESS_KEY, BUCKET, FakeS3, SECRET_KEY, install_crypto};

/// No test waits longer for anything.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) docker: FakeDocker,
    pub(crate) s3: FakeS3,
    env: Vec<(String, String)>,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    pub(crate) async fn new(play: impl Fn(&ExecRequest) -> Script + Send + Sync + 'static) -> Self {
        Self::with_s3(FakeS3::start().await, play)
    }

    pub(crate) fn with_s3(s3: FakeS3, play: impl Fn(&ExecRequest) -> Script + Send + Sync + 'static) -> Self {
        let docker = FakeDocker::start(play);
        let env = [
            ("DOCKER_HOST", docker.host()),
            // A prefix of its own: the lock of a target is shared by all processes of the machine.
            ("DUMPCAR_STORE", format!("s3://{BUCKET}/{}", unique())),
            ("AWS_ENDPOINT_URL", s3.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("DUMPCAR_RETRIES", "0".to_owned()),
            ("DUMPCAR_LOG_FORMAT", "json".to_owned()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self { docker, s3, env }
    }

    /// Adds a custom target `name`, whose dump is what `dumpcar.command` prints.
    pub(crate) fn custom(self, name: &str) -> Self {
        self.docker.container(name, json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" }), &[]);
        self
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(other, _)| other != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.env.retain(|(other, _)| other != name);
        self
    }

    /// All settings.
    pub(crate) fn env(&self) -> &[(String, String)] {
        &self.env
    }

    pub(crate) fn prefix(&self) -> &str {
        let store =
            self.env.iter().find(|(name, _)| name == "DUMPCAR_STORE").map(|(_, value)| value.as_str());
        store.unwrap().rsplit('/').next().unwrap()
    }

    /// The keys below the prefix, without the one text that explains them.
    pub(crate) fn keys(&self) -> Vec<String> {
        let prefix = format!("{}/", self.prefix());
        let keys = self.s3.keys();
        let below = keys.iter().filter_map(|key| key.strip_prefix(&prefix));
        below.filter(|key| *key != README).map(str::to_owned).collect()
    }

    /// The text that explains the bucket, if there is one.
    pub(crate) fn readme(&self) -> Option<String> {
        let key = format!("{}/{README}", self.prefix());
        self.s3.keys().contains(&key).then(|| String::from_utf8(self.s3.read(&key)).unwrap())
    }

    pub(crate) fn read(&self, key: &str) -> Vec<u8> {
        self.s3.read(&format!("{}/{key}", self.prefix()))
    }

    pub(crate) fn write(&self, key: &str, content: &[u8]) {
        self.s3.write(&format!("{}/{key}", self.prefix()), content);
    }

    /// Makes the store believe that an object was last written then.
    pub(crate) fn set_written(&self, key: &str, at: std::time::SystemTime) {
        self.s3.set_written(&format!("{}/{key}", self.prefix()), at);
    }

    pub(crate) fn manifests(&self) -> Vec<Value> {
        let keys = self.keys();
        let manifests = keys.iter().filter(|key| key.ends_with("/manifest.json"));
        manifests.map(|key| serde_json::from_slice(&self.read(key)).unwrap()).collect()
    }

    /// The store as the program opens it.
    pub(crate) fn store(&self) -> Store {
        install_crypto();
        let read_file = |path: &str| std::fs::read_to_string(path);
        Store::open(&Config::from_pairs(self.env.clone(), &read_file).unwrap()).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(args).env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs the program to its end.
    pub(crate) async fn run(&self, args: &[&str]) -> Ended {
        let child = self.command(args).spawn().unwrap();
        finish(child).await
    }

    /// Starts the daemon and follows its log.
    pub(crate) fn daemon(&self) -> Daemon {
        self.daemon_with(&[])
    }

    /// The same, with some settings that are other ones.
    pub(crate) fn daemon_with(&self, env: &[(&str, &str)]) -> Daemon {
        let mut child = self.start_with(&[], env);
        let mut stderr = tokio::io::BufReader::new(child.stderr.take().unwrap()).lines();
        let log: Arc<Mutex<String>> = Arc::default();
        let sink = Arc::clone(&log);
        let reader = tokio::spawn(async move {
            while let Ok(Some(line)) = stderr.next_line().await {
                let mut log = sink.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Daemon { child, log, reader }
    }

    /// What the program is made of, for runs in this process: where a thousand are needed.
    pub(crate) fn app(&self) -> App {
        // The second time it is there already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let config = Config::from_pairs(self.env.clone(), &|path| std::fs::read_to_string(path)).unwrap();
        App::new(config).unwrap()
    }

    /// Starts the program; [`finish`] awaits it.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.start_with(args, &[])
    }

    /// The same, with some settings that are other ones.
    pub(crate) fn start_with(&self, args: &[&str], env: &[(&str, &str)]) -> Child {
        self.command(args).envs(env.iter().copied()).spawn().unwrap()
    }
}

/// A running daemon.
pub(crate) struct Daemon {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: tokio::task::JoinHandle<()>,
}

impl Daemon {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it still runs")
    }

    pub(crate) fn tell(&self, signal_name: &str) {
        signal(&self.child, signal_name);
    }

    /// Waits until it has logged this message so many times.
    pub(crate) async fn logs(&self, message: &str, times: usize) {
        let count = || lines_with(&self.log.lock().unwrap(), message).len();
        until(&format!("{times} times {message:?} in the log"), || count() >= times).await;
    }

    /// Waits until so many lines of its log have this text, in whatever format.
    pub(crate) async fn contains(&self, text: &str, times: usize) {
        until(&format!("{times} times {text:?} in the log"), || self.count(text) >= times).await;
    }

    /// How many lines of its log have this text so far.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.log.lock().unwrap().lines().filter(|line| line.contains(text)).count()
    }

    /// Stops it in order.
    pub(crate) async fn stop(self) -> Ended {
        self.tell("TERM");
        self.ended().await
    }

    pub(crate) async fn ended(self) -> Ended {
        let Self { child, log, reader } = self;
        let mut ended = finish(child).await;
        reader.await.unwrap();
        ended.stderr = log.lock().unwrap().clone();
        ended
    }
}

fn lines_with(log: &str, message: &str) -> Vec<Value> {
    log.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["message"] == message)
        .collect()
}

pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_dumpcar"))
}

/// A name no other test has.
pub(crate) fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("t{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) async fn finish(child: Child) -> Ended {
    finish_in_time(child).await.expect("the program ends")
}

/// The same; a program that does not end is killed.
pub(crate) async fn finish_in_time(child: Child) -> Option<Ended> {
    let Output { status, stdout, stderr } =
        tokio::time::timeout(LIMIT, child.wait_with_output()).await.ok()?.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    use std::os::unix::process::ExitStatusExt;
    let status = status.code().unwrap_or_else(|| -status.signal().unwrap_or_default());
    Some(Ended { status, stdout: text(stdout), stderr: text(stderr) })
}

/// Tells a child something.
pub(crate) fn signal(child: &Child, name: &str) {
    let pid = child.id().expect("it still runs").to_string();
    let sent = std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
    assert!(sent.success());
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, wait).await.is_ok(), "never happened: {what}");
}

impl Ended {
    /// The log lines with this message.
    pub(crate) fn logged(&self, message: &str) -> Vec<Value> {
        lines_with(&self.stderr, message)
    }

    /// Why the only run failed.
    pub(crate) fn reason(&self) -> String {
        let failed = self.logged("backup failed");
        assert_eq!(failed.len(), 1, "{}", self.stderr);
        failed[0]["reason"].as_str().unwrap().to_owned()
    }
}

/// The rows of an answer of `--json`.
pub(crate) fn rows(stdout: &str) -> Vec<Value> {
    let answer: Value = serde_json::from_str(stdout).unwrap();
    assert_eq!(answer["version"], 1, "{answer}");
    let names = ["backups", "results", "decisions", "settings"];
    names.iter().find_map(|name| answer[*name].as_array()).unwrap().clone()
}

/// Content that xz cannot make smaller than a few parts.
pub(crate) fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut out = Vec::with_capacity(bytes + 8);
    while out.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(bytes);
    out
}
