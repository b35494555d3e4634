//! Dumpcar's own program inside of a helper container, for databases that are files of an application: its image may have
//! neither a shell nor the database's tool.
//!
//! It keeps the protocol of the wrappers `docker/wrapper.sh` and `docker/feed.sh`: the tool's exit status comes behind a marker
//! at the end of the output, and a standard input that ends too early ends the work.

mod protocol;
mod sqlite;
mod wait;

use std::io::{Read, Write};

use crate::model::helper::{Request, WAIT};

/// Why the work failed. Its number is the exit status; they are those of `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Usage = 64,
    /// The database is damaged, or none.
    Data = 65,
    NoInput = 66,
    Software = 70,
    Io = 74,
    /// Somebody else is in the way just now.
    TryAgain = 75,
}

/// What failed, in one line.
#[derive(Debug)]
struct Failure {
    status: Status,
    text: String,
}

impl Failure {
    fn new(status: Status, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
}

/// Does what the arguments behind `helper` say, and returns the exit status.
pub fn run(args: &[String]) -> u8 {
    match args {
        [word] if word == WAIT => wait::wait(),
        [marker, request] => protocol::dump(marker, request),
        [marker, bytes, request] => protocol::feed(marker, bytes, request),
        _ => {
            drop(writeln!(
                std::io::stderr(),
                "dumpcar: this command is for Dumpcar itself, in its helper containers"
            ));
            Status::Usage as u8
        }
    }
}

fn work(request: &Request, input: &mut dyn Read, output: &mut dyn Write) -> Result<(), Failure> {
    match request {
        Request::Survey { patterns, is_guess } => sqlite::survey(patterns, *is_guess, output),
        Request::Dump { path } => sqlite::dump(path, output),
        Request::Load(staged) => sqlite::load(staged, input),
        Request::Swap { files } => sqlite::swap(files),
        Request::Swapped { files } => sqlite::swapped(files),
        Request::Remove { folder, starts } => sqlite::remove(folder, starts),
        Request::Drop { path } => sqlite::drop_database(path),
        Request::Query { path, query } => sqlite::query(path, query, output),
    }
}
