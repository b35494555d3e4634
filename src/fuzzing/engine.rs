//! A Docker engine in this process: just enough of one for a command to run in a container.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::docker::Docker;
use crate::model::id::ContainerId;

pub const STDOUT: u8 = 1;
pub const STDERR: u8 = 2;

/// What everything is called here.
const ID: &str = "0000000000000000000000000000000000000000000000000000000000000001";

/// The container there is.
pub fn container() -> ContainerId {
    ID.parse().expect("it has 64 digits")
}

/// Listens on a Unix socket, which goes with it.
#[derive(Debug)]
pub struct Engine {
    listener: UnixListener,
    path: PathBuf,
}

impl Engine {
    /// # Errors
    /// There is no room for a socket.
    pub fn new() -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("dumpcar-engine-{}-{number}", std::process::id()));
        Ok(Self { listener: UnixListener::bind(&path)?, path })
    }

    /// A client of this engine.
    pub fn docker(&self) -> Docker {
        Docker::new(&format!("unix://{}", self.path.display()), None).expect("the socket is there")
    }

    /// Answers as Docker does, one command at a time. `run` plays the command, beside the requests that follow: it is given
    /// the marker of its trailer and the connection.
    ///
    /// # Errors
    /// Returns only when something is wrong.
    pub async fn serve<Command>(&self, mut run: impl FnMut(String, UnixStream) -> Command) -> io::Result<()>
    where
        Command: Future<Output = io::Result<()>> + Send + 'static,
    {
        let mut marker = String::new();
        loop {
            let (mut connection, _) = self.listener.accept().await?;
            // One request for each: the answers say so.
            let request = request(&mut connection).await?;
            let path = request.split(' ').nth(1).unwrap_or_default();
            if path.ends_with("/start") {
                connection
                    .write_all(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
                    .await?;
                tokio::spawn(run(marker.clone(), connection));
                continue;
            }
            let answer = if path.ends_with("/exec") {
                let start = request.find("\"dumpcar-").map_or(request.len(), |at| at + 1);
                marker = request.split_at(start).1.split('"').next().unwrap_or_default().to_owned();
                format!(r#"{{"Id":"{ID}"}}"#)
            } else {
                r#"{"Running":false,"ExitCode":0}"#.to_owned()
            };
            let head =
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ";
            connection.write_all(format!("{head}{}\r\n\r\n{answer}", answer.len()).as_bytes()).await?;
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

/// A request, head and body.
async fn request(connection: &mut UnixStream) -> io::Result<String> {
    let mut request = Vec::new();
    loop {
        if connection.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_ascii_lowercase().split("content-length: ").nth(1).map_or(0, |rest| {
                rest.lines().next().and_then(|digits| digits.trim().parse().ok()).unwrap_or_default()
            });
            if body.len() >= length {
                return Ok(text.into_owned());
            }
        }
    }
}

/// A piece of a command's output as Docker sends it.
pub fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("it is short");
    [&[kind, 0, 0, 0], length.to_be_bytes().as_slice(), payload].concat()
}
