//! The stream of an exec, from the bytes an engine sends to a finished dump: through the real client, its decoder of
//! frames included, from a tiny engine in this process.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::pieces;
use crate::docker::{Docker, ExecError};
use crate::model::command::Command;

const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const HEAD: usize = 8;

/// So much is sent, and not much more.
const MOST: usize = 128 << 10;

/// What comes out as a finished dump is the standard output in front of a trailer with status 0, all of it; and it comes
/// out of every stream that has one.
///
/// The input says which frames are sent, and what else; its last bytes also say in which pieces.
pub fn frames(data: &[u8]) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let socket = Socket::new();
    let listener = runtime.block_on(async { UnixListener::bind(&socket.0) }).expect("the path is free");
    let docker = Docker::new(&format!("unix://{}", socket.0.display())).expect("the socket is there");
    let (result, stream) = runtime.block_on(async {
        let mut stream = None;
        let engine = serve(&listener, data, &mut stream);
        let result = tokio::select! {
            result = read(&docker) => result,
            error = engine => panic!("the engine failed: {error:?}"),
        };
        (result, stream.expect("the command was started"))
    });
    match (result, dump_in(&stream)) {
        (Ok(dump), Some(sent)) => assert_eq!(dump, sent, "bytes were changed or lost"),
        (Ok(dump), None) => panic!("{} bytes of {stream:?} are no whole dump", dump.len()),
        (Err(error), Some(sent)) => panic!("{error:?}, though {} bytes are a whole dump", sent.len()),
        (Err(_), None) => {}
    }
}

/// Runs a command, as a dump is run.
async fn read(docker: &Docker) -> Result<Vec<u8>, ExecError> {
    let mut exec = docker.exec("1234", &Command::default()).await?;
    let mut dump = Vec::new();
    while let Some(piece) = exec.next(Duration::from_secs(5)).await? {
        dump.extend_from_slice(&piece);
    }
    Ok(dump)
}

/// What an engine sent, and the marker it was given.
#[derive(Debug)]
struct Stream {
    marker: String,
    bytes: Vec<u8>,
}

/// The stream as its format is documented: the dump, when there is a whole one in it.
fn dump_in(stream: &Stream) -> Option<Vec<u8>> {
    let (mut stdout, mut rest) = (Vec::new(), stream.bytes.as_slice());
    let mut dump = None;
    while let Some((&[kind, _, _, _, a, b, c, d], behind)) = rest.split_first_chunk::<HEAD>() {
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).expect("it fits");
        if !matches!(kind, STDOUT | STDERR) || behind.len() < length {
            break;
        }
        let (payload, next) = behind.split_at(length);
        rest = next;
        if kind == STDERR || payload.is_empty() {
            continue;
        }
        if dump.is_some() {
            return None;
        }
        stdout.extend_from_slice(payload);
        // The first marker counts, whatever is behind it.
        let needle = format!("\n{}", stream.marker).into_bytes();
        if let Some(start) = stdout.windows(needle.len()).position(|window| window == needle) {
            let (before, found) = stdout.split_at(start);
            let said = String::from_utf8_lossy(found.split_at(needle.len()).1).into_owned();
            match said
                .strip_suffix('\n')
                .map(|said| said.strip_prefix(' ').and_then(|digits| digits.parse().ok()))
            {
                Some(Some(0u8)) => dump = Some(before.to_vec()),
                None if said.len() < " 255\n".len() => {}
                Some(_) | None => return None,
            }
        }
    }
    dump
}

/// Answers as Docker does. Returns only when something is wrong.
async fn serve(listener: &UnixListener, data: &[u8], stream: &mut Option<Stream>) -> io::Result<()> {
    let mut marker = String::new();
    loop {
        let (mut connection, _) = listener.accept().await?;
        // One request for each: the answers say so.
        let request = request(&mut connection).await?;
        let path = request.split(' ').nth(1).unwrap_or_default();
        if path.ends_with("/start") {
            connection
                .write_all(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
                .await?;
            let bytes = script(data, &marker);
            let pieces = pieces(&bytes);
            *stream = Some(Stream { marker: marker.clone(), bytes });
            // Beside the requests that follow.
            tokio::spawn(async move {
                for piece in pieces {
                    connection.write_all(&piece).await?;
                    tokio::task::yield_now().await;
                }
                connection.shutdown().await?;
                // Until the client closes it: what it says behind the end must not fail.
                connection.read_to_end(&mut Vec::new()).await
            });
            continue;
        }
        let answer = if path.ends_with("/exec") {
            let start = request.find("\"dumpcar-").map_or(request.len(), |at| at + 1);
            marker = request.split_at(start).1.split('"').next().unwrap_or_default().to_owned();
            r#"{"Id":"1"}"#
        } else {
            r#"{"ID":"1","Running":false,"ExitCode":0}"#
        };
        let head =
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ";
        connection.write_all(format!("{head}{}\r\n\r\n{answer}", answer.len()).as_bytes()).await?;
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

/// What is sent: a byte for what comes next and how much of it, and then that.
fn script(data: &[u8], marker: &str) -> Vec<u8> {
    let (mut sent, mut rest) = (Vec::new(), data.iter().copied());
    while let (Some(byte), true) = (rest.next(), sent.len() < MOST) {
        let size = usize::from(byte >> 3);
        match byte & 7 {
            0 => sent.extend(frame(STDOUT, &rest.by_ref().take(size).collect::<Vec<_>>())),
            1 => sent.extend(frame(STDERR, &rest.by_ref().take(size).collect::<Vec<_>>())),
            // As large as Docker's largest; a few of them are more than the client's buffer.
            2 => sent.extend(frame(STDOUT, &vec![rest.next().unwrap_or_default(); size << 10])),
            3 => sent.extend(frame(
                STDOUT,
                format!("\n{marker} {}\n", rest.next().unwrap_or_default()).as_bytes(),
            )),
            4 => {
                let trailer = format!("\n{marker} 0\n");
                let (first, second) = trailer.split_at((size * 2).min(trailer.len()));
                sent.extend([frame(STDOUT, first.as_bytes()), frame(STDERR, b"x")].concat());
                // Some end there.
                if rest.next().unwrap_or_default() < 200 {
                    sent.extend(frame(STDOUT, second.as_bytes()));
                }
            }
            // Anything, heads that claim 4 GiB included.
            5 | 6 => sent.extend(rest.by_ref().take(size)),
            _ => sent.truncate(sent.len().saturating_sub(size)),
        }
    }
    sent
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("it is short");
    [&[kind, 0, 0, 0], length.to_be_bytes().as_slice(), payload].concat()
}

/// A path nobody else has, which goes with this.
struct Socket(PathBuf);

impl Socket {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("dumpcar-fuzz-{}-{number}", std::process::id())))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}
