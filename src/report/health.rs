//! Whether all is well, as the daemon says and `dumpcar healthcheck` asks. When a target is unhealthy is decided in
//! `scheduler/plan/target.rs`; here, only that a daemon hangs.
//!
//! The two are different processes of one container. They speak over an abstract Unix socket: no port, and no file,
//! since the image is read-only.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::event::Event;
use super::sink::Sink;
use crate::lock;
use crate::text::escaped;

/// No report is longer; another process may have taken the address, and print without end.
const LONGEST: u64 = 1024 * 1024;

/// The daemon looks at what is wrong several times a minute. If it has not for this long, it hangs.
const SILENCE: Duration = Duration::from_secs(5 * 60);

/// The sink: what is wrong, by target. Empty means healthy.
#[derive(Debug, Clone)]
pub struct Health {
    said: Arc<Mutex<Said>>,
}

#[derive(Debug)]
struct Said {
    problems: BTreeMap<String, String>,
    /// When the daemon last did something.
    at: Instant,
}

impl Default for Health {
    fn default() -> Self {
        Self { said: Arc::new(Mutex::new(Said { problems: BTreeMap::new(), at: Instant::now() })) }
    }
}

impl Health {
    /// The problems, one to a line; empty when there is none.
    pub fn report(&self) -> String {
        self.report_at(Instant::now())
    }

    fn report_at(&self, now: Instant) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let silence = now.duration_since(said.at);
        let hangs = (silence > SILENCE).then(|| {
            let minutes = silence.as_secs() / 60;
            format!("(dumpcar): the daemon has done nothing for {minutes} minutes: restart it, and please report it\n")
        });
        let problems =
            said.problems.iter().map(|(key, problem)| format!("{}\n", escaped(&format!("{key}: {problem}"))));
        hangs.into_iter().chain(problems).collect()
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

impl Sink for Health {
    fn take(&self, event: &Event, _: Timestamp) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Alive => said.at = Instant::now(),
            Event::Problem { about, problem: Some(problem) } => {
                said.problems.insert(about.clone(), problem.clone());
            }
            Event::Problem { about, problem: None } => {
                said.problems.remove(about);
            }
            Event::Target { .. }
            | Event::Planned { .. }
            | Event::Next { .. }
            | Event::Started(_)
            | Event::Ended { .. }
            | Event::Skipped { .. }
            | Event::ByHand(_)
            | Event::AllEnded(_)
            | Event::Daemon(_) => {}
        }
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

    fn set(health: &Health, problem: Option<&str>) {
        let problem = Event::Problem { about: "(dumpcar)".to_owned(), problem: problem.map(str::to_owned) };
        health.take(&problem, Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn nobody_keeps_others_from_their_answer() {
        let (health, daemon) = (Health::default(), format!("test {}", std::process::id()));
        // More than fits into a socket.
        set(&health, Some(&"x".repeat(4 << 20)));
        health.serve(&daemon).unwrap();
        let idle: Vec<UnixStream> =
            (0..3).map(|_| UnixStream::connect_addr(&address(&daemon).unwrap()).unwrap()).collect();
        assert!(ask(&daemon).unwrap().starts_with("(dumpcar): xxx"));
        drop(idle);
    }

    #[test]
    fn a_problem_is_one_line() {
        let health = Health::default();
        set(&health, Some("a\nb\u{1b}[31m"));
        assert_eq!(health.report(), "(dumpcar): a\\nb\\u{1b}[31m\n");
        set(&health, None);
        assert_eq!(health.report(), "");
    }

    #[test]
    fn a_daemon_that_hangs_is_not_healthy() {
        let (health, now) = (Health::default(), Instant::now());
        assert_eq!(health.report_at(now + SILENCE - Duration::from_secs(1)), "");
        let report = health.report_at(now + 2 * SILENCE);
        assert!(report.starts_with("(dumpcar): the daemon has done nothing for "), "{report}");
        health.take(&Event::Alive, Timestamp::UNIX_EPOCH);
        assert_eq!(health.report(), "");
    }
}
