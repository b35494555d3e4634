//! The real program, a bucket of its own, and a label prefix no other test has.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use dumpcar::config::Config;
use dumpcar::model::key::README;
use dumpcar::store::Store;
use serde_json::Value;

use super::bucket::{ACCESS_KEY, Bucket, REGION, SECRET_KEY};
use super::docker::{Container, LIMIT, docker, holds_within, tools, try_docker, unique, until};
use super::s3_server::S3Server;

pub(crate) struct World {
    pub(crate) bucket: Bucket,
    /// What its labels begin with.
    pub(crate) prefix: String,
    env: Vec<(String, String)>,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// A run that goes on, killed when this goes.
pub(crate) struct Running {
    child: Child,
    stdout: File,
    stderr: File,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(S3Server::shared())
    }

    pub(crate) fn with(server: Arc<S3Server>) -> Self {
        Self::in_bucket(Bucket::new(server))
    }

    pub(crate) fn in_bucket(bucket: Bucket) -> Self {
        let prefix = unique();
        let env = [
            ("DUMPCAR_STORE", format!("s3://{}/backups", bucket.name)),
            ("DUMPCAR_LABEL_PREFIX", prefix.clone()),
            ("DUMPCAR_RETRIES", "0".to_owned()),
            ("DUMPCAR_LOG_FORMAT", "json".to_owned()),
            ("AWS_ENDPOINT_URL", bucket.server.endpoint()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ];
        let mut env = env.map(|(name, value)| (name.to_owned(), value)).to_vec();
        env.extend(std::env::var("DOCKER_HOST").ok().map(|host| ("DOCKER_HOST".to_owned(), host)));
        Self { bucket, prefix, env }
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(other, _)| other != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// All settings in the form of `docker run`.
    pub(crate) fn env_args(&self) -> Vec<String> {
        self.env.iter().flat_map(|(name, value)| ["-e".to_owned(), format!("{name}={value}")]).collect()
    }

    /// Arguments of `docker run` that give a container these labels below the prefix, and opt it in.
    pub(crate) fn labels(&self, labels: &[(&str, &str)]) -> Vec<String> {
        let all = [("enable", "true")].iter().chain(labels);
        all.flat_map(|(name, value)| ["--label".to_owned(), format!("{}.{name}={value}", self.prefix)])
            .collect()
    }

    /// A container that is a target with these labels.
    pub(crate) fn target(
        &self,
        image: &str,
        labels: &[(&str, &str)],
        args: &[&str],
        command: &[&str],
    ) -> Container {
        let labels = self.labels(labels);
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        Container::run(&[&labels, args, &[image], command].concat())
    }

    /// A container that does nothing, and is dumped by this command.
    pub(crate) fn custom(&self, name: &str, command: &str) -> Container {
        self.target(&tools(), &[("name", name), ("command", command)], &[], &["sleep", "infinity"])
    }

    /// The keys below the prefix, without the one text that explains them.
    pub(crate) fn keys(&self) -> Vec<String> {
        let keys = self.bucket.keys();
        let below = keys.iter().map(|key| key.strip_prefix("backups/").unwrap_or(key));
        below.filter(|key| *key != README).map(str::to_owned).collect()
    }

    pub(crate) fn read(&self, key: &str) -> Vec<u8> {
        self.bucket.read(&format!("backups/{key}"))
    }

    pub(crate) fn write(&self, key: &str, content: &[u8]) {
        self.bucket.write(&format!("backups/{key}"), content);
    }

    pub(crate) fn manifests(&self) -> Vec<Value> {
        let keys = self.keys();
        let manifests = keys.iter().filter(|key| key.ends_with("/manifest.json"));
        manifests.map(|key| serde_json::from_slice(&self.read(key)).unwrap()).collect()
    }

    /// Neither an object nor the beginning of one.
    pub(crate) fn assert_nothing_is_stored(&self) {
        assert_eq!(self.bucket.keys(), [""; 0]);
        assert_eq!(self.bucket.unfinished_uploads(), 0);
    }

    /// The store as the program opens it.
    pub(crate) fn store(&self) -> Store {
        let read_file = |path: &str| std::fs::read_to_string(path);
        Store::open(&Config::from_pairs(self.env.clone(), &read_file).unwrap()).unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(args).env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.start(args).end()
    }

    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(self.command(args))
    }

    /// Runs the program on a terminal, whose user answers so. What it prints and what it logs are one.
    pub(crate) fn asked(&self, args: &[&str], answer: &str) -> Ended {
        let words = std::iter::once(program().display().to_string())
            .chain(args.iter().map(|arg| (*arg).to_owned()))
            .map(|word| format!("'{}'", word.replace('\'', r"'\''")));
        let mut command = Command::new("script");
        command.args(["-qec", &words.collect::<Vec<_>>().join(" "), "/dev/null"]);
        command.env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        let mut typed = tempfile::tempfile().unwrap();
        typed.write_all(format!("{answer}\n").as_bytes()).unwrap();
        typed.rewind().unwrap();
        Running::reading(command, typed.into()).end()
    }

    /// A backup that is wanted to succeed.
    pub(crate) fn back_up(&self) -> Ended {
        let ended = self.run(&["backup"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        ended
    }

    /// A backup that is wanted to fail; nothing is stored. The reason, with what differs from run to run replaced.
    pub(crate) fn refused(&self, status: i32) -> String {
        let ended = self.run(&["backup"]);
        assert_eq!(ended.status, status, "{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        self.assert_nothing_is_stored();
        self.plain(&ended.problem())
    }

    /// A text without the names that are different in every run.
    pub(crate) fn plain(&self, text: &str) -> String {
        text.replace(&self.bucket.server.endpoint(), "ENDPOINT")
            .replace(&self.bucket.name, "BUCKET")
            .replace(&format!("{}.", self.prefix), "dumpcar.")
    }
}

/// Containers of drills and helpers.
impl World {
    /// The ids of those there are, one a line.
    pub(crate) fn scratch(&self) -> String {
        docker(&["ps", "-aq", "--filter", &format!("label={}.scratch", self.prefix)])
    }

    /// Waits for one, and returns its id. It is known, and not only listed: a busy engine lists a container up to a third of a
    /// second before it finds it by any id (measured with 20.10: one of four whose making somebody waited for).
    pub(crate) fn await_scratch(&self) -> String {
        let mut id = String::new();
        until("a drill or helper has a container", || {
            id = self.scratch();
            !id.is_empty() && try_docker(&["inspect", &id]).is_ok()
        });
        id
    }
}

impl Drop for World {
    /// What a drill has left when it was killed, or its test failed.
    fn drop(&mut self) {
        for id in self.scratch().lines() {
            drop(try_docker(&["rm", "-fv", id]));
        }
    }
}

pub(crate) fn program() -> PathBuf {
    std::env::var_os("DUMPCAR_BIN")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_dumpcar")), PathBuf::from)
}

impl Running {
    pub(crate) fn start(command: Command) -> Self {
        Self::reading(command, Stdio::null())
    }

    fn reading(mut command: Command, stdin: Stdio) -> Self {
        // Files, because nobody reads pipes while the test waits for something else.
        let [stdout, stderr] = [tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()];
        command.stdin(stdin).stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
        Self { child: command.spawn().unwrap(), stdout, stderr }
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        text(&self.stderr)
    }

    /// What it has printed so far.
    pub(crate) fn printed(&self) -> String {
        text(&self.stdout)
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        assert!(
            holds_within(2 * LIMIT, || self.has_ended()),
            "the program did not end: {}",
            text(&self.stderr)
        );
        let status = self.child.wait().unwrap();
        let status = status.code().unwrap_or_else(|| -status.signal().unwrap_or_default());
        Ended { status, stdout: bytes(&self.stdout), stderr: text(&self.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn bytes(file: &File) -> Vec<u8> {
    let mut content = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    // Not from where the file stands: the program writes there.
    file.read_exact_at(&mut content, 0).unwrap();
    content
}

fn text(file: &File) -> String {
    String::from_utf8_lossy(&bytes(file)).into_owned()
}

impl Ended {
    pub(crate) fn lines(&self) -> Vec<Value> {
        log_lines(&self.stderr)
    }

    /// What it reports as gone wrong.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let problems = self.lines().into_iter().filter(|line| line["level"] == "ERROR");
        problems.map(|line| words(&line)).collect()
    }

    /// Why the only run failed or was skipped, or nothing could be done at all.
    pub(crate) fn problem(&self) -> String {
        let mut reasons = self.reasons();
        assert_eq!(reasons.len(), 1, "{}", self.stderr);
        reasons.remove(0)
    }
}

/// A line of the log, as a person would read it.
fn words(line: &Value) -> String {
    let detail = ["reason", "error", "problem"].iter().find_map(|name| line[name].as_str());
    let message = line["message"].as_str().unwrap();
    detail.map_or_else(|| message.to_owned(), |detail| format!("{message}: {detail}"))
}

pub(crate) fn log_lines(log: &str) -> Vec<Value> {
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// How long something takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, std::time::Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}
