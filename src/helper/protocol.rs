//! The wrappers' protocol: `docker/exec.rs` and `docker/feed.rs` speak the other side of it.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::process;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::commit;
use super::failure::{Failure, Status};
use super::work::work;
use crate::model::helper::Request;

/// As a shell says that a tool was ended by TERM.
const ENDED: u8 = 143;

/// Large enough that a page of a database is no write of its own.
const BUFFER: usize = 256 * 1024;

/// How long somebody may take to read the verdict.
const READ_LIMIT: Duration = Duration::from_secs(60);

/// Work that prints, or that takes no input.
pub(super) fn dump(marker: &str, request: &str) -> u8 {
    let request = match parse(request) {
        Ok(request) => request,
        Err(failure) => return conclude(marker, Err(failure)),
    };
    let (released, is_released) = mpsc::channel::<()>();
    let is_brief = is_brief(&request);
    thread::spawn(move || {
        // A line says that the dump was taken, an end of file that Dumpcar is gone.
        let is_line = matches!(io::stdin().read(&mut [0]), Ok(1));
        if !is_line && !is_brief && commit::may_be_ended() {
            exit(ENDED);
        }
        drop(released);
    });
    let mut output = BufWriter::with_capacity(BUFFER, io::stdout());
    let done = work(&request, &mut io::empty(), &mut output);
    let flushed = output.flush().map_err(|error| Failure::new(Status::Io, format!("write: {error}")));
    let status = conclude(marker, done.and(flushed));
    // Stay until the reader has everything: dockerd stops copying output 2 s after this process ends.
    is_released.recv_timeout(READ_LIMIT).unwrap_or_default();
    status
}

/// Work that takes exactly `bytes` of input.
pub(super) fn feed(marker: &str, bytes: &str, request: &str) -> u8 {
    let bytes = bytes.parse::<u64>().map_err(|_| Failure::new(Status::Usage, "the size is no number"));
    let (bytes, request) = match bytes.and_then(|bytes| Ok((bytes, parse(request)?))) {
        Ok(both) => both,
        Err(failure) => return conclude(marker, Err(failure)),
    };
    let mut input =
        Input { from: BufReader::with_capacity(BUFFER, io::stdin()), left: bytes, is_released: false };
    let done = work(&request, &mut input, &mut io::sink());
    let status = conclude(marker, done);
    let (released, is_released) = mpsc::channel::<()>();
    thread::spawn(move || {
        drop(io::copy(&mut input.from, &mut io::sink()));
        drop(released);
    });
    is_released.recv_timeout(READ_LIMIT).unwrap_or_default();
    status
}

/// Whether it is better done than broken off: it is over at once, and half of it means work for others.
fn is_brief(request: &Request) -> bool {
    match request {
        Request::Swapped { .. } | Request::Remove { .. } | Request::Drop { .. } => true,
        // Until it commits, what a swap has written is undone by SQLite.
        Request::Survey { .. }
        | Request::Dump { .. }
        | Request::Load(_)
        | Request::Swap { .. }
        | Request::Query { .. } => false,
    }
}

/// Standard input as the tool sees it: it ends when Dumpcar has said that all of it was right, and never before.
struct Input<R> {
    from: BufReader<R>,
    left: u64,
    is_released: bool,
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left > 0 {
            let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
            let read = self.from.read(buffer.get_mut(..most).unwrap_or_default())?;
            if read == 0 && most > 0 {
                return Err(gone());
            }
            self.left -= read as u64;
            return Ok(read);
        }
        if !self.is_released {
            let mut output = io::stdout();
            output.write_all(b"fed\n")?;
            output.flush()?;
            match self.from.read(&mut [0])? {
                0 => return Err(gone()),
                _ => self.is_released = true,
            }
        }
        Ok(0)
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "Dumpcar has gone, or found the dump damaged")
}

fn parse(request: &str) -> Result<Request, Failure> {
    serde_json::from_str(request)
        .map_err(|error| Failure::new(Status::Usage, format!("the request: {error}")))
}

/// Says what came of it, in words and behind the marker.
fn conclude(marker: &str, done: Result<(), Failure>) -> u8 {
    let status = match done {
        Ok(()) => 0,
        Err(Failure { status, text }) => {
            drop(writeln!(io::stderr(), "dumpcar: {text}"));
            status as u8
        }
    };
    // If nobody reads any more, nobody reads the status either.
    drop(io::stdout().write_all(format!("\n{marker} {status}\n").as_bytes()));
    drop(io::stdout().flush());
    status
}

#[expect(
    clippy::exit,
    reason = "the work may wait in a system call, and what it holds is the system's to release"
)]
fn exit(status: u8) -> ! {
    process::exit(status.into())
}
