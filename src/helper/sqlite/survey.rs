//! Which databases there are.

use std::fs;
use std::io::Write;

use super::dump::COPIED;
use super::error::io_failure;
use super::file::Header;
use crate::helper::{Failure, Status};
use crate::model::glob::Glob;
use crate::model::helper::{Database, Databases, is_file_path, split_path};
use crate::model::run::is_leftover;

/// What SQLite writes beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

pub(in crate::helper) fn survey(
    patterns: &[String],
    is_guess: bool,
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let mut databases = Databases { version: rusqlite::version().to_owned(), ..Databases::default() };
    for pattern in patterns {
        look(pattern, &mut databases)?;
    }
    // Of the files that somebody has named, each has to be there: its own dump fails, and the others do not.
    if !is_guess && !databases.found.is_empty() {
        let named = patterns.iter().filter(|pattern| !is_pattern(split_path(pattern).1));
        let found = named.map(|path| Database { path: path.clone(), bytes: 0, hint: None });
        databases.found.extend(found);
    }
    databases.found.sort_by(|a, b| a.path.cmp(&b.path).then(b.bytes.cmp(&a.bytes)));
    databases.found.dedup_by(|a, b| a.path == b.path);
    if databases.found.is_empty() {
        let patterns = patterns.join(", ");
        return Err(Failure::new(
            Status::NoInput,
            format!(
                "there is no database file {patterns} in the container: is the path right, and has the application made its database?"
            ),
        ));
    }
    let json = serde_json::to_vec(&databases).expect("there are only strings and numbers in it");
    output.write_all(&json).map_err(|error| Failure::new(Status::Io, format!("write: {error}")))
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}

fn look(pattern: &str, databases: &mut Databases) -> Result<(), Failure> {
    let (folder, name) = split_path(pattern);
    let is_pattern = is_pattern(name);
    let glob = Glob::new(name);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_failure(folder, "look into", &error)),
    };
    let start = folder.trim_end_matches('/');
    for entry in entries {
        let entry = entry.map_err(|error| io_failure(folder, "look into", &error))?;
        let Ok(name) = entry.file_name().into_string() else {
            databases.notes.push(format!("a file in {folder} has a name that is not UTF-8, and is left out"));
            continue;
        };
        let path = format!("{start}/{name}");
        if is_leftover(&name) {
            databases.leftovers.push(name);
            continue;
        }
        if !glob.matches(&name) || !is_file_path(&path) {
            continue;
        }
        // Through a link: an application may keep its database elsewhere.
        let Ok(found) = fs::metadata(&path) else { continue };
        let is_beside = is_pattern && BESIDE.iter().any(|end| name.ends_with(end));
        // An application that has just begun has made the file, and nothing in it.
        let is_new = is_pattern && found.len() == 0;
        if found.is_file() && !is_beside && !is_new {
            databases.found.push(database(path, found.len()));
        }
    }
    Ok(())
}

fn database(path: String, bytes: u64) -> Database {
    let log = fs::metadata(format!("{path}-wal")).map_or(0, |log| log.len());
    let is_slow = bytes > COPIED && Header::read(&path).is_ok_and(|header| !header.is_wal());
    let hint = is_slow.then(|| {
        format!("{path} is large and has no write-ahead log: its backup fails while the application writes to it. `PRAGMA journal_mode=WAL`, once, makes both possible")
    });
    Database { path, bytes: bytes.saturating_add(log), hint }
}
