//! The `docker` command line, and guards for what is made by it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{ChildStdin, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// No test waits longer for anything.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// Runs `docker` and returns what it prints.
pub(crate) fn docker(args: &[&str]) -> String {
    try_docker(args).unwrap_or_else(|problem| panic!("docker {args:?}: {problem}"))
}

pub(crate) fn try_docker(args: &[&str]) -> Result<String, String> {
    let output =
        Command::new("docker").args(args).stdin(Stdio::null()).output().expect("docker is installed");
    said(output).map(|text| text.trim_end().to_owned())
}

/// Pauses a container. Docker's runtime gives up, and lets everything go on, where a process is just being made in it on a
/// busy machine ("unable to freeze": "still a game of chances", as its maintainers say of the freezer of cgroup v1).
pub(crate) fn pause(container: &str) {
    until("a container is paused", || match try_docker(&["pause", container]) {
        Ok(_) => true,
        Err(problem) => {
            assert!(problem.contains("unable to freeze"), "docker pause {container}: {problem}");
            false
        }
    });
}

fn said(output: Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// What Docker's API says at this path: things its command line does not tell.
pub(crate) fn api(path: &str) -> Value {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let mut socket =
        UnixStream::connect(host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock")).unwrap();
    write!(socket, "GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_else(|_| panic!("{answer}"))
}

/// A word no other test has.
pub(crate) fn unique() -> String {
    // The keys of a hash map's state are the standard library's only random numbers.
    format!("t{:010x}", RandomState::new().build_hasher().finish() & 0xff_ffff_ffff)
}

/// Waits until `condition` holds.
pub(crate) fn until(what: &str, condition: impl FnMut() -> bool) {
    assert!(holds_within(LIMIT, condition), "never happened: {what}");
}

pub(crate) fn holds_within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    // Most conditions ask Docker, which takes a processor longer than the first pauses last.
    let mut pause = Duration::from_millis(25);
    while !condition() {
        if start.elapsed() > limit {
            return false;
        }
        thread::sleep(pause);
        pause = pause.mul_f64(1.5).min(Duration::from_millis(250));
    }
    true
}

/// The label of everything this process makes. With it comes a process of its own that removes what is left when this
/// one has ended, whichever way: it waits for the end of a pipe that only this process holds.
fn run_label() -> &'static str {
    static RUN: OnceLock<(String, ChildStdin)> = OnceLock::new();
    let (label, _pipe) = RUN.get_or_init(|| {
        let label = format!("dumpcar.test={}", unique());
        let script = r#"
            trap '' INT TERM HUP
            cat >/dev/null
            for id in $(docker ps -aq --filter "label=$1"); do docker rm -fv "$id"; done
            for id in $(docker network ls -q --filter "label=$1"); do docker network rm "$id"; done
            for id in $(docker volume ls -q --filter "label=$1"); do docker volume rm "$id"; done"#;
        let mut sweeper = Command::new("sh");
        sweeper
            .args(["-c", script, "sh", &label])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let pipe = sweeper.spawn().expect("there is a sh").stdin.take().unwrap();
        (label, pipe)
    });
    label
}

/// A container that goes when this goes.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
}

impl Container {
    /// `docker run -d` with these further arguments.
    pub(crate) fn run(args: &[&str]) -> Self {
        let name = unique();
        let id = docker(&[&["run", "-d", "--name", &name, "--label", run_label()], args].concat());
        Self { id, name }
    }

    /// `docker create` with these further arguments: it does not run yet.
    pub(crate) fn made(args: &[&str]) -> Self {
        let name = unique();
        let id = docker(&[&["create", "--name", &name, "--label", run_label()], args].concat());
        Self { id, name }
    }

    /// Runs a command in it, which has to succeed.
    pub(crate) fn exec(&self, command: &[&str]) -> String {
        docker(&[&["exec", &self.id], command].concat())
    }

    pub(crate) fn try_exec(&self, command: &[&str]) -> Result<String, String> {
        try_docker(&[&["exec", &self.id], command].concat())
    }

    /// Runs a command in it with this on standard input; returns what it writes on both outputs.
    pub(crate) fn feed(&self, command: &[&str], input: &[u8]) -> (Result<Vec<u8>, String>, String) {
        let mut exec = Command::new("docker");
        exec.args(["exec", "-i", &self.id]).args(command);
        let mut child =
            exec.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let input = input.to_vec();
        // A command that fails early does not read everything.
        let feeder = thread::spawn(move || drop(pipe.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        (if output.status.success() { Ok(output.stdout) } else { Err(stderr.clone()) }, stderr)
    }

    pub(crate) fn inspect(&self, format: &str) -> String {
        docker(&["inspect", "--format", format, &self.id])
    }

    pub(crate) fn address(&self) -> String {
        self.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
    }

    /// Both outputs of the container's own process.
    pub(crate) fn logs(&self) -> String {
        let output = Command::new("docker").args(["logs", &self.id]).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// The command lines of its processes, those that have ended and wait for their parent left out.
    pub(crate) fn processes(&self) -> Vec<String> {
        // Docker wants the column of the process's number.
        let all = docker(&["top", &self.id, "-o", "pid,stat,args"]);
        let rows = all.lines().skip(1).map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>());
        rows.filter(|row| !row[0].starts_with('Z')).map(|row| row[1..].join(" ")).collect()
    }

    /// What tells whether its process 1 was restarted or disturbed.
    pub(crate) fn incarnation(&self) -> String {
        self.inspect("{{.State.Status}} {{.State.Pid}} {{.State.StartedAt}} {{.RestartCount}}")
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if thread::panicking() && std::env::var_os("DUMPCAR_TEST_LOGS").is_some() {
            println!("--- the log of {}:\n{}", self.name, self.logs());
        }
        drop(try_docker(&["rm", "-fv", &self.id]));
    }
}

/// A network that goes when this goes, together with whoever is still in it.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) id: String,
}

impl Network {
    pub(crate) fn new() -> Self {
        Self { id: docker(&["network", "create", "--label", run_label(), &unique()]) }
    }

    pub(crate) fn connect(&self, container: &str, alias: &str) {
        docker(&["network", "connect", "--alias", alias, &self.id, container]);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let format = "{{range $id, $_ := .Containers}}{{$id}} {{end}}";
        let members = try_docker(&["network", "inspect", "--format", format, &self.id]).unwrap_or_default();
        for member in members.split_whitespace() {
            drop(try_docker(&["network", "disconnect", "-f", &self.id, member]));
        }
        drop(try_docker(&["network", "rm", &self.id]));
    }
}

/// The image a variable names, else the one the tests build themselves.
pub(crate) fn image(variable: &str, default: &str) -> String {
    std::env::var(variable).ok().filter(|name| !name.is_empty()).unwrap_or_else(|| default.to_owned())
}

pub(crate) fn tools() -> String {
    image("DUMPCAR_TEST_TOOLS", "dumpcar-test/tools:latest")
}

/// An application whose data is SQLite files, in an image without a shell.
pub(crate) fn pocketbase() -> String {
    image("DUMPCAR_TEST_POCKETBASE", "dumpcar-test/pocketbase:latest")
}
