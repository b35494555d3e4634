//! The dump: the pages of a database as they are in one transaction.
//!
//! With a write-ahead log (`journal_mode=WAL`) readers and writers are in nobody's way, so the transaction lasts as long as the
//! store takes. Without one, a reader keeps writers waiting. So a small database is copied into memory first, and a large one is
//! read without a lock: if somebody has written to it meanwhile, the dump fails and is made again.

use std::io::Write;

use rusqlite::Connection;

use super::error::{failure, io_failure};
use super::file::{Access, Header, Trace, open, resolved};
use crate::helper::failure::{Failure, Status};

/// The largest database that is copied into memory. A helper container has four times as much.
pub(super) const COPIED: u64 = 64 << 20;

/// How often a copy is begun again because somebody was writing.
const TRIES: u32 = 10;

pub(in crate::helper) fn dump(path: &str, output: &mut dyn Write) -> Result<(), Failure> {
    let path = &resolved(path)?;
    let header = Header::read(path)?;
    let connection = open(path, Access::Read)?;
    match begin(&connection) {
        Ok(()) if is_logged(&connection, path)? => {
            check(&connection, path)?;
            print(&connection, path, None, output)
        }
        Ok(()) => {
            let trace = Trace::begin(path)?;
            if trace_size(path)? > COPIED {
                drop(connection);
                return unlocked(path, trace, output);
            }
            let mut image = Vec::new();
            print(&connection, path, None, &mut image)?;
            drop(connection);
            copied(path, image, output)
        }
        // The application opens it for moments only: there is nothing of a log's that a reader could use, or lock.
        Err(error) if header.is_wal() && is_unopened(&error) => closed(path, output),
        Err(error) => Err(failure(path, &error)),
    }
}

fn trace_size(path: &str) -> Result<u64, Failure> {
    Ok(std::fs::metadata(path).map_err(|error| io_failure(path, "look at", &error))?.len())
}

/// Begins the transaction, with the first read in it.
fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

fn is_logged(connection: &Connection, path: &str) -> Result<bool, Failure> {
    let mode: String = connection
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .map_err(|error| failure(path, &error))?;
    Ok(mode == "wal")
}

fn is_unopened(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

/// A database with a write-ahead log that nobody has open now.
fn closed(path: &str, output: &mut dyn Write) -> Result<(), Failure> {
    let size = |path: &str| std::fs::metadata(path).map_or(0, |found| found.len());
    let trace = Trace::begin(path)?;
    if size(&format!("{path}-wal")) > 0 {
        return Err(Failure::new(
            Status::TryAgain,
            format!(
                "{path} has changes in {path}-wal that an application left there when it ended: it takes them over when it opens the database again"
            ),
        ));
    }
    if size(path) > COPIED {
        return unlocked(path, trace, output);
    }
    for _ in 0..TRIES {
        let trace = Trace::begin(path)?;
        let image = std::fs::read(path).map_err(|error| io_failure(path, "read", &error))?;
        if Trace::of(path)? == trace {
            return copied(path, image, output);
        }
    }
    Err(changed(path))
}

/// Prints a copy that nobody else has.
fn copied(path: &str, mut image: Vec<u8>, output: &mut dyn Write) -> Result<(), Failure> {
    let versions = image.get(18..20).map(<[u8]>::to_vec);
    Header::without_wal(&mut image);
    let size = image.len();
    let mut copy = Connection::open_in_memory().map_err(|error| failure(path, &error))?;
    copy.deserialize_read_exact("main", image.as_slice(), size, true)
        .map_err(|error| failure(path, &error))?;
    drop(image);
    begin(&copy).map_err(|error| failure(path, &error))?;
    check(&copy, path)?;
    print(&copy, path, versions.as_deref(), output)
}

/// Reads it without a lock, and sees afterwards whether anybody has written to it.
fn unlocked(path: &str, trace: Trace, output: &mut dyn Write) -> Result<(), Failure> {
    let connection = open(path, Access::ReadUnlocked)?;
    let read = begin(&connection)
        .map_err(|error| failure(path, &error))
        .and_then(|()| check(&connection, path))
        .and_then(|()| print(&connection, path, None, output));
    drop(connection);
    // What was read while it changed may look damaged.
    if Trace::of(path)? != trace { Err(changed(path)) } else { read }
}

fn changed(path: &str) -> Failure {
    let mode = "PRAGMA journal_mode=WAL";
    Failure::new(
        Status::TryAgain,
        format!(
            "the application wrote to {path} while it was read; `{mode}`, once, makes that possible, or stop the writing by the labels before and after"
        ),
    )
}

/// Whether the database is in order, as far as SQLite sees without comparing its indexes. What is damaged is no backup.
///
/// What needs a collation or a function that only the application has cannot be looked at: that is said, and no failure.
pub(super) fn check(connection: &Connection, path: &str) -> Result<(), Failure> {
    let said: Result<String, _> = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    match said {
        Ok(said) if said == "ok" => Ok(()),
        Ok(said) => Err(Failure::new(Status::Data, format!("{path} is damaged: {}", one_line(&said)))),
        Err(error) if is_of_application(&error) => {
            drop(writeln!(std::io::stderr(), "dumpcar: warning: {path} cannot be checked: {error}"));
            Ok(())
        }
        Err(error) => Err(failure(path, &error)),
    }
}

/// SQLite has no code of its own for it.
fn is_of_application(error: &rusqlite::Error) -> bool {
    let text = error.to_string();
    ["no such collation sequence", "no such function", "no such module", "unknown function"]
        .iter()
        .any(|sign| text.contains(sign))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Prints all pages. `versions` take the place of those that say how the file is written.
fn print(
    connection: &Connection,
    path: &str,
    versions: Option<&[u8]>,
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let failed = |error: rusqlite::Error| failure(path, &error);
    let mut statement = connection.prepare("SELECT pgno, data FROM sqlite_dbpage").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut number: i64 = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        number += 1;
        let page = row.get_ref(1).map_err(failed)?;
        let page = page.as_blob().map_err(|error| failed(error.into()))?;
        if row.get::<_, i64>(0).map_err(failed)? != number {
            return Err(Failure::new(Status::Software, format!("{path}: page {number} was not read")));
        }
        let written = match (number, versions, page.get(..18), page.get(20..)) {
            (1, Some(versions), Some(start), Some(rest)) => {
                output.write_all(&[start, versions, rest].concat())
            }
            _ => output.write_all(page),
        };
        written.map_err(|error| Failure::new(Status::Io, format!("write: {error}")))?;
    }
    Ok(())
}
