//! A database's file: its header, how it is opened, and whether somebody has written to it.

use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::{NO_DATABASE, failure, io_failure};
use crate::helper::{Failure, Status};

/// How long the application may hold a lock.
const LOCK_LIMIT: Duration = Duration::from_secs(20);

const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The first 100 bytes of a database (<https://www.sqlite.org/fileformat2.html#the_database_header>).
pub(super) struct Header([u8; 100]);

impl Header {
    /// # Errors
    /// There is no such file, or it is no database.
    pub(super) fn read(path: &str) -> Result<Self, Failure> {
        // Whatever else has a path may never end.
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(Failure::new(Status::Data, format!("{path} is no file")));
        }
        let mut bytes = [0; 100];
        let mut file = File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Failure::new(Status::NoInput, format!("there is no file {path} in the container: is the path right, and has the application made its database?"))
            }
            _ => io_failure(path, "open", &error),
        })?;
        match file.read_exact(&mut bytes) {
            Ok(()) if bytes.starts_with(MAGIC) => Ok(Self(bytes)),
            Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                Err(io_failure(path, "read", &error))
            }
            Ok(()) => Err(Failure::new(Status::Data, format!("{path} {NO_DATABASE}"))),
            Err(_) if fs::metadata(path).is_ok_and(|found| found.len() == 0) => Err(Failure::new(
                Status::NoInput,
                format!("{path} is empty: the application has not made its database yet"),
            )),
            Err(_) => Err(Failure::new(Status::Data, format!("{path} {NO_DATABASE}"))),
        }
    }

    /// Whether changes are in a write-ahead log first.
    pub(super) fn is_wal(&self) -> bool {
        self.0.get(18) == Some(&2)
    }

    /// The same bytes for a rollback journal: a database in memory has no other.
    pub(super) fn without_wal(image: &mut [u8]) {
        if let Some(versions) = image.get_mut(18..20) {
            versions.fill(1);
        }
    }
}

/// What is done to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    /// As if nobody else had it: without locks, and without what is in a write-ahead log.
    ReadUnlocked,
    Write,
}

/// Opens a database.
///
/// # Errors
/// It cannot be opened. That it is locked or damaged shows when it is read.
pub(super) fn open(path: &str, access: Access) -> Result<Connection, Failure> {
    let common = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let read = common | OpenFlags::SQLITE_OPEN_READ_ONLY;
    let write = common | OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = match access {
        Access::Read => Connection::open_with_flags(path, read),
        Access::ReadUnlocked => {
            let uri = format!("file:{}?immutable=1", escaped(path));
            Connection::open_with_flags(uri, read | OpenFlags::SQLITE_OPEN_URI)
        }
        Access::Write => Connection::open_with_flags(path, write),
    };
    let connection = connection.map_err(|error| failure(path, &error))?;
    connection.busy_timeout(LOCK_LIMIT).map_err(|error| failure(path, &error))?;
    Ok(connection)
}

/// As a URI has it.
fn escaped(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    path.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// What changes whenever somebody writes to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trace {
    inode: u64,
    size: u64,
    written: (i64, i64),
    changed: (i64, i64),
    log: Option<u64>,
}

/// The kernel's time stamps have steps of up to 10 ms: a change within one step does not show.
const STEP: Duration = Duration::from_millis(25);

impl Trace {
    /// What it is like now, and any later change is seen.
    ///
    /// # Errors
    /// The file cannot be looked at.
    pub(super) fn begin(path: &str) -> Result<Self, Failure> {
        let trace = Self::of(path)?;
        std::thread::sleep(STEP);
        Ok(trace)
    }

    pub(super) fn of(path: &str) -> Result<Self, Failure> {
        let found = fs::metadata(path).map_err(|error| io_failure(path, "look at", &error))?;
        Ok(Self {
            inode: found.ino(),
            size: found.len(),
            written: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            log: fs::metadata(format!("{path}-wal")).ok().map(|log: Metadata| log.len()),
        })
    }
}
