//! The stream of an exec, from the bytes an engine sends to a finished dump: through the real client, its decoder of
//! frames included, from a tiny engine in this process.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::engine::{Engine, STDERR, STDOUT, container, frame};
use super::pieces;
use crate::docker::{Docker, ExecError};
use crate::model::command::Command;

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
    let (result, stream) = runtime.block_on(async {
        let engine = Engine::new().expect("the path is free");
        let docker = engine.docker();
        let mut stream = None;
        let serve = engine.serve(|marker, mut connection| {
            let bytes = script(data, &marker);
            let pieces = pieces(&bytes);
            stream = Some(Stream { marker, bytes });
            async move {
                for piece in pieces {
                    connection.write_all(&piece).await?;
                    tokio::task::yield_now().await;
                }
                connection.shutdown().await?;
                // Until the client closes it: what it says behind the end must not fail.
                connection.read_to_end(&mut Vec::new()).await.map(drop)
            }
        });
        let result = tokio::select! {
            result = read(&docker) => result,
            error = serve => panic!("the engine failed: {error:?}"),
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
    let mut exec = docker.exec(&container(), &Command::default()).await?;
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
