//! SQLite databases: files that an application has open.
//!
//! All is done by SQLite itself, with the locks of its file format, so the application need not know. A dump is the file as it
//! is in one transaction, page by page.

mod dump;
mod error;
mod file;
mod place;
mod survey;

use std::io::Write;

use rusqlite::types::ValueRef;

use super::{Failure, Status};
pub(super) use dump::dump;
pub(super) use place::{drop_database, load, remove, swap, swapped};
pub(super) use survey::survey;

/// Prints the rows of a query, a line each, with `|` between the columns, as `sqlite3` does.
pub(super) fn query(path: &str, query: &str, output: &mut dyn Write) -> Result<(), Failure> {
    let failed = |error: &rusqlite::Error| error::failure(path, error);
    let connection = file::open(path, file::Access::Read)?;
    let mut statement = connection.prepare(query).map_err(|error| failed(&error))?;
    let columns = statement.column_count();
    let mut rows = statement.query([]).map_err(|error| failed(&error))?;
    while let Some(row) = rows.next().map_err(|error| failed(&error))? {
        let mut line = Vec::new();
        for column in 0..columns {
            if column > 0 {
                line.push(b'|');
            }
            match row.get_ref(column).map_err(|error| failed(&error))? {
                ValueRef::Null => {}
                ValueRef::Integer(number) => line.extend_from_slice(number.to_string().as_bytes()),
                ValueRef::Real(number) => line.extend_from_slice(number.to_string().as_bytes()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => line.extend_from_slice(bytes),
            }
        }
        line.push(b'\n');
        output.write_all(&line).map_err(|error| Failure::new(Status::Io, format!("write: {error}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
