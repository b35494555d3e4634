//! Whether all is well, as the daemon sees it and as `dumpcar healthcheck` asks it.
//!
//! The two are different processes of one container. They speak over an abstract Unix socket: no port, and no file,
//! since the image is read-only.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::lock;
use crate::model::target::TargetName;
use crate::outcome::Outcome;
use crate::text::escaped;

/// No report is longer; another process may have taken the address, and print without end.
const LONGEST: u64 = 1024 * 1024;

/// What is wrong, by target. Empty means healthy.
#[derive(Debug, Clone, Default)]
pub struct Health {
    problems: Arc<Mutex<BTreeMap<String, String>>>,
}

/// The key under which a problem of the whole daemon stands; no target can have this name.
const DAEMON: &str = "(dumpcar)";
/// The same for what is wrong with stored backups.
const VERIFY: &str = "(verify)";

impl Health {
    fn set(&self, key: &str, problem: Option<String>) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        match problem {
            Some(problem) => drop(problems.insert(key.to_owned(), problem)),
            None => drop(problems.remove(key)),
        }
    }

    /// A run ended.
    pub fn record(&self, outcome: &Outcome) {
        self.set(outcome.target.as_str(), outcome.problem());
    }

    /// A target has a problem without having run, or has none any more.
    pub fn set_target(&self, target: &TargetName, problem: Option<String>) {
        self.set(target.as_str(), problem);
    }

    /// Something is wrong with everything: Docker does not answer, no container is labelled.
    pub fn set_daemon(&self, problem: Option<String>) {
        self.set(DAEMON, problem);
    }

    /// The problems, one to a line; empty when there is none.
    pub fn report(&self) -> String {
        let problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.iter().map(|(key, problem)| format!("{}\n", escaped(&format!("{key}: {problem}")))).collect()
    }

    /// A verification ended: what it found to be wrong, if anything.
    pub fn set_verify(&self, problem: Option<String>) {
        self.set(VERIFY, problem);
    }

    /// A drill of a target's newest backup ended: what is wrong with it, if anything.
    pub fn set_drill(&self, target: &TargetName, problem: Option<String>) {
        self.set(&format!("(drill) {target}"), problem);
    }

    /// Answers `dumpcar healthcheck` for as long as the process lives. `daemon` tells daemons of one container apart.
    ///
    /// # Errors
    /// Another daemon already answers in this container.
    pub fn serve(&self, daemon: &str) -> io::Result<()> {
        let listener = UnixListener::bind_addr(&address(daemon)?)?;
        let health = self.clone();
        // A thread: it has to answer when the runtime is busy, too.
        std::thread::Builder::new().name("health".into()).spawn(move || {
            for stream in listener.incoming() {
                match stream {
                    // Whoever asked may have gone; the next one counts.
                    Ok(stream) => drop(answer(stream, &health.report())),
                    // Out of file descriptors, say: that does not pass by asking again at once.
                    Err(_) => std::thread::sleep(Duration::from_secs(1)),
                }
            }
        })?;
        Ok(())
    }
}

/// Sends as much of a report as the kernel takes at once, some hundred kilobytes. Nobody is waited for: one who does not read
/// would keep the others from their answers.
fn answer(mut stream: UnixStream, report: &str) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    stream.write_all(report.as_bytes())
}

/// Asks the daemon in this container. `Ok` has the problems, empty when all is well.
///
/// # Errors
/// No daemon answers.
pub fn ask(daemon: &str) -> io::Result<String> {
    let stream = UnixStream::connect_addr(&address(daemon)?)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut report = Vec::new();
    stream.take(LONGEST).read_to_end(&mut report)?;
    // It may be cut in the middle of a character.
    Ok(String::from_utf8_lossy(&report).into_owned())
}

fn address(daemon: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(lock::of_daemon("health", daemon))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_keeps_others_from_their_answer() {
        let (health, daemon) = (Health::default(), format!("test {}", std::process::id()));
        // More than fits into a socket.
        health.set_daemon(Some("x".repeat(4 << 20)));
        health.serve(&daemon).unwrap();
        let idle: Vec<UnixStream> =
            (0..3).map(|_| UnixStream::connect_addr(&address(&daemon).unwrap()).unwrap()).collect();
        assert!(ask(&daemon).unwrap().starts_with("(dumpcar): xxx"));
        drop(idle);
    }

    #[test]
    fn a_problem_is_one_line() {
        let health = Health::default();
        health.set_daemon(Some("a\nb\u{1b}[31m".into()));
        assert_eq!(health.report(), "(dumpcar): a\\nb\\u{1b}[31m\n");
    }
}
