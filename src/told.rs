//! What somebody does by hand in the daemon's container, told to the daemon: its log and its health have it at once.
//!
//! The two are different processes. The second one sends a line of JSON over an abstract Unix socket. Whoever shares the
//! network namespace can connect, so the kernel is asked who it is.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::lock;
use crate::model::job::Job;
use crate::model::key::Stamp;
use crate::model::target::TargetName;

/// Nobody waits longer for the other side: what is done by hand goes on without the daemon.
const PATIENCE: Duration = Duration::from_secs(1);

/// No message is longer.
const LONGEST: usize = 64 * 1024;

/// A detail is cut to this many characters, so that a message stays below its limit whatever is escaped.
const LONGEST_DETAIL: usize = 4096;

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Status {
    Started(String),
    /// It is done, and nothing is wrong with the target.
    Good(String),
    /// It is not done, or shows that something is wrong with the target.
    Bad(String),
    /// It ended, and says nothing about how the target is: it was stopped, or concerned something old.
    Ended(String),
}

/// One line from a command to the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    pub job: Job,
    pub target: TargetName,
    /// The backup it made or took.
    pub backup: Option<Stamp>,
    pub status: Status,
}

impl Message {
    fn to_line(&self) -> io::Result<Vec<u8>> {
        let cut = |text: &String| text.chars().take(LONGEST_DETAIL).collect();
        let status = match &self.status {
            Status::Started(text) => Status::Started(cut(text)),
            Status::Good(text) => Status::Good(cut(text)),
            Status::Bad(text) => Status::Bad(cut(text)),
            Status::Ended(text) => Status::Ended(cut(text)),
        };
        let mut line = serde_json::to_vec(&Self { status, ..self.clone() }).map_err(io::Error::other)?;
        line.push(b'\n');
        Ok(line)
    }
}

/// The daemon's ear.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    /// Who this process is.
    uid: u32,
}

/// What was heard. The other side waits until this is dropped, so what follows from the message comes first.
#[derive(Debug)]
pub struct Heard {
    pub message: Message,
    _waits: UnixStream,
}

impl Listener {
    /// Listens in this container; `daemon` tells daemons of one container apart.
    ///
    /// # Errors
    /// The address is taken.
    pub fn bind(daemon: &str) -> io::Result<Self> {
        let address = SocketAddr::from_abstract_name(lock::of_daemon("told", daemon))?;
        let socket = StdListener::bind_addr(&address)?;
        socket.set_nonblocking(true)?;
        let (one, _other) = UnixStream::pair()?;
        Ok(Self { socket: UnixListener::from_std(socket)?, uid: one.peer_cred()?.uid() })
    }

    /// Waits for the next message. A stranger, and whoever says something else, is not heard.
    pub async fn next(&self) -> Heard {
        loop {
            let mut stream = match self.socket.accept().await {
                Ok((stream, _)) => stream,
                // Out of file descriptors, say: that does not pass by asking again at once.
                Err(error) => {
                    tracing::debug!(%error, "cannot hear what is done by hand");
                    tokio::time::sleep(PATIENCE).await;
                    continue;
                }
            };
            let is_believed =
                stream.peer_cred().is_ok_and(|peer| is_believed(peer.uid(), peer.pid(), self.uid));
            if !is_believed {
                tracing::debug!("a stranger is not heard");
                continue;
            }
            match tokio::time::timeout(PATIENCE, read(&mut stream)).await {
                Ok(Ok(message)) => return Heard { message, _waits: stream },
                Ok(Err(error)) => tracing::debug!(%error, "what was told is not understood"),
                Err(_) => tracing::debug!("what was told has no end"),
            }
        }
    }
}

/// The same user or root, in this container: a process that this one cannot see has no number here.
fn is_believed(uid: u32, pid: Option<i32>, own: u32) -> bool {
    (uid == own || uid == 0) && pid.is_some_and(|pid| pid > 0)
}

async fn read(stream: &mut UnixStream) -> io::Result<Message> {
    let mut line = Vec::new();
    stream.take(LONGEST as u64).read_to_end(&mut line).await?;
    serde_json::from_slice(&line).map_err(io::Error::other)
}

/// Tells the daemon of this container, if there is one, and waits a moment until it has taken it in. Nothing depends on it.
pub async fn tell(daemon: &str, message: &Message) {
    if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, say(daemon, message)).await {
        // Most often there is no daemon.
        tracing::debug!(%error, "no daemon was told");
    }
}

async fn say(daemon: &str, message: &Message) -> io::Result<()> {
    let name = format!("\0{}", lock::of_daemon("told", daemon));
    let mut stream = UnixStream::connect(OsStr::from_bytes(name.as_bytes())).await?;
    stream.write_all(&message.to_line()?).await?;
    stream.shutdown().await?;
    // It ends when the daemon has done with it.
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        Message {
            job: Job::Backup,
            target: "shop".parse().unwrap(),
            backup: Some("2026-11-23T23-00-00Z".parse().unwrap()),
            status: Status::Bad(text.to_owned()),
        }
    }

    fn daemon(name: &str) -> String {
        format!("test {} {name}", std::process::id())
    }

    #[tokio::test]
    async fn a_word_is_heard_and_waited_for() {
        let daemon = daemon("heard");
        let listener = Listener::bind(&daemon).unwrap();
        let told = tokio::spawn({
            let daemon = daemon.clone();
            async move { tell(&daemon, &message("x")).await }
        });
        let heard = listener.next().await;
        assert_eq!(heard.message, message("x"));
        assert!(!told.is_finished());
        drop(heard);
        told.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_longer_than_a_moment() {
        let daemon = daemon("deaf");
        // No daemon, and one that does not listen.
        tell(&daemon, &message("x")).await;
        let _listener = Listener::bind(&daemon).unwrap();
        let begun = tokio::time::Instant::now();
        tell(&daemon, &message("x")).await;
        assert_eq!(begun.elapsed().as_secs(), PATIENCE.as_secs());
    }

    #[tokio::test]
    async fn what_is_no_word_is_not_heard_and_keeps_nobody_from_being_heard() {
        let daemon = daemon("noise");
        let listener = Listener::bind(&daemon).unwrap();
        let address = format!("\0{}", lock::of_daemon("told", &daemon));
        let connect = async || UnixStream::connect(OsStr::from_bytes(address.as_bytes())).await.unwrap();
        let silent = connect().await;
        let right = String::from_utf8(message("x").to_line().unwrap()).unwrap();
        let wrong = [
            String::new(),
            "{}".to_owned(),
            right.replacen('{', r#"{"more":1,"#, 1),
            right.replace("backup\",\"target", "format\",\"target"),
            right.replace("shop", "../shop"),
            right.repeat(2),
            format!("{}{right}", " ".repeat(LONGEST)),
        ];
        let mut noise = Vec::new();
        for text in wrong {
            let mut stream = connect().await;
            // The listener may have hung up before all was written.
            drop(stream.try_write(text.as_bytes()));
            drop(stream.shutdown().await);
            noise.push(stream);
        }
        let told = tokio::spawn(async move { say(&daemon, &message("y")).await });
        assert_eq!(listener.next().await.message, message("y"));
        told.await.unwrap().unwrap();
        drop((silent, noise));
    }

    #[test]
    fn only_the_same_user_and_root_of_this_container_are_believed() {
        for (uid, pid, believed) in [
            (1000, Some(7), true),
            (0, Some(7), true),
            (1001, Some(7), false),
            // Of another container that shares the network.
            (0, Some(0), false),
            (1000, None, false),
        ] {
            assert_eq!(is_believed(uid, pid, 1000), believed, "{uid} {pid:?}");
        }
    }

    #[test]
    fn a_word_is_one_short_line() {
        let line = message(&"\u{1}".repeat(LONGEST)).to_line().unwrap();
        assert!(line.len() < LONGEST && line.iter().filter(|byte| **byte == b'\n').count() == 1);
    }
}
