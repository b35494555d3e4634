//! Putting back: a file is read in full beside the database, and then copied into it in one transaction of SQLite.
//!
//! The application may have the database open: it waits for a lock, and then sees the new content. A file that was put in the
//! place of the old one would not be the one the application has open, and what that writes would be lost.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::dump::check;
use super::error::{failure, io_failure};
use super::file::{Access, Header, open};
use crate::helper::commit;
use crate::helper::failure::{Failure, Status};
use crate::model::helper::{Staged, Swap, is_file_path, split_path};
use crate::model::run::is_leftover;

/// How long the application may keep its database locked.
const LOCK_LIMIT: Duration = Duration::from_secs(60);

pub(in crate::helper) fn load(staged: &Staged, input: &mut dyn Read) -> Result<(), Failure> {
    let path = checked(staged)?;
    make_folder(&staged.folder)?;
    let loaded = write(&path, input).and_then(|()| {
        Header::read(&path)?;
        let connection = open(&path, Access::ReadUnlocked)?;
        check(&connection, &path)
    });
    if loaded.is_err() {
        drop(fs::remove_file(&path));
    }
    loaded
}

fn write(path: &str, input: &mut dyn Read) -> Result<(), Failure> {
    let failed = |error: &io::Error| io_failure(path, "write", error);
    drop(fs::remove_file(path));
    let mut file = File::create_new(path).map_err(|error| failed(&error))?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = input.read(&mut buffer).map_err(|error| Failure::new(Status::Io, error.to_string()))?;
        if read == 0 {
            break;
        }
        file.write_all(buffer.get(..read).unwrap_or_default()).map_err(|error| failed(&error))?;
    }
    file.sync_all().map_err(|error| failed(&error))
}

/// What is put back is put nowhere else than where it was asked for.
fn checked(staged: &Staged) -> Result<String, Failure> {
    let path = staged.path();
    if is_leftover(&staged.name) && is_file_path(&path) { Ok(path) } else { Err(no_path(&path)) }
}

fn no_path(path: &str) -> Failure {
    Failure::new(Status::Usage, format!("{path:?} is no path of a database file"))
}

/// Makes a folder and those it is in, each with the owner of the one above.
fn make_folder(folder: &str) -> Result<(), Failure> {
    let path = Path::new(folder);
    if path.is_dir() {
        return Ok(());
    }
    let failed = |error: &io::Error| io_failure(folder, "make", error);
    let above = path.parent().and_then(Path::to_str).unwrap_or("/");
    make_folder(above)?;
    fs::create_dir(path).map_err(|error| failed(&error))?;
    give_to_owner_of(above, folder)
}

fn give_to_owner_of(model: &str, path: &str) -> Result<(), Failure> {
    let found = fs::metadata(model).map_err(|error| io_failure(model, "look at", &error))?;
    chown(path, Some(found.uid()), Some(found.gid()))
        .map_err(|error| io_failure(path, "change the owner of", &error))
}

/// Puts all of them in place: what can fail for want of room or of a lock fails before the first is.
pub(in crate::helper) fn swap(files: &[Swap]) -> Result<(), Failure> {
    let mut pairs = Vec::new();
    for file in files {
        let staged = checked(&file.staged)?;
        for path in file.keep.iter().chain([&file.path]) {
            if !is_file_path(path) {
                return Err(no_path(path));
            }
        }
        if let Some(keep) = &file.keep
            && Path::new(&file.path).exists()
        {
            keep_old(&file.path, keep).inspect_err(|_| drop(remove_with_besides(keep)))?;
        }
        let from = open(&staged, Access::ReadUnlocked)?;
        let to = place(&file.path)?;
        fit(&file.path, &to, &from)?;
        pairs.push((file.path.as_str(), from, to));
    }
    let mut copies = Vec::new();
    for (path, from, to) in &mut pairs {
        let copy = Backup::new(from, to).map_err(|error| failure(path, &error))?;
        copies.push((*path, copy));
    }
    for (path, copy) in &copies {
        step(path, copy, 1)?;
        let all_but_one = copy.progress().remaining - 1;
        if all_but_one > 0 {
            step(path, copy, all_but_one)?;
        }
    }
    commit::begin()?;
    for ((path, copy), file) in copies.iter().zip(files) {
        step(path, copy, -1)?;
        // By this it is known to be done.
        remove_with_besides(&file.staged.path())?;
    }
    Ok(())
}

/// The database of this path, made if there is none, with the owner of its folder.
fn place(path: &str) -> Result<Connection, Failure> {
    let is_there = fs::metadata(path).is_ok_and(|found| found.len() > 0);
    if !is_there {
        let (folder, _) = split_path(path);
        make_folder(folder)?;
        File::create(path).map_err(|error| io_failure(path, "make", &error))?;
        give_to_owner_of(folder, path)?;
    }
    open(path, Access::Write)
}

/// A write-ahead log has pages of one size.
fn fit(path: &str, to: &Connection, from: &Connection) -> Result<(), Failure> {
    let failed = |error: rusqlite::Error| failure(path, &error);
    let size = |of: &Connection| of.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0));
    let mode = |sql: &str| to.query_row(sql, [], |row| row.get::<_, String>(0));
    if mode("PRAGMA journal_mode").map_err(failed)? != "wal"
        || size(to).map_err(failed)? == size(from).map_err(failed)?
    {
        return Ok(());
    }
    match mode("PRAGMA journal_mode=DELETE") {
        Ok(mode) if mode == "delete" => Ok(()),
        Ok(_) | Err(_) => Err(Failure::new(
            Status::TryAgain,
            format!(
                "{path} has pages of another size than the backup, and the application has it open: stop it for the restore"
            ),
        )),
    }
}

fn keep_old(path: &str, keep: &str) -> Result<(), Failure> {
    let old = open(path, Access::Write)?;
    let mut kept = place(keep)?;
    let copy = Backup::new(&old, &mut kept).map_err(|error| failure(path, &error))?;
    step(keep, &copy, -1)
}

fn step(path: &str, copy: &Backup<'_, '_>, pages: i32) -> Result<(), Failure> {
    let begun = Instant::now();
    loop {
        match copy.step(pages) {
            Ok(StepResult::Done | StepResult::More) => return Ok(()),
            Ok(_) if begun.elapsed() < LOCK_LIMIT => thread::sleep(Duration::from_millis(100)),
            Ok(_) => {
                return Err(Failure::new(
                    Status::TryAgain,
                    format!("{path} stays locked by the application: stop it for the restore"),
                ));
            }
            Err(error) => return Err(failure(path, &error)),
        }
    }
}

pub(in crate::helper) fn swapped(files: &[Staged]) -> Result<(), Failure> {
    let left: Vec<String> = files.iter().map(Staged::path).filter(|path| Path::new(path).exists()).collect();
    match left.len() {
        0 => Ok(()),
        some if some < files.len() => {
            let of = files.len();
            Err(Failure::new(
                Status::TryAgain,
                format!("{some} of {of} files are still to be put in place: restore again"),
            ))
        }
        _ => Err(Failure::new(Status::Software, "nothing was put in place yet")),
    }
}

pub(in crate::helper) fn remove(folder: &str, starts: &[String]) -> Result<(), Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_failure(folder, "look into", &error)),
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let own =
        names.filter(|name| is_leftover(name) && starts.iter().any(|start| name.starts_with(start.as_str())));
    for name in own {
        remove_with_besides(&format!("{}/{name}", folder.trim_end_matches('/')))?;
    }
    Ok(())
}

pub(in crate::helper) fn drop_database(path: &str) -> Result<(), Failure> {
    if !is_file_path(path) {
        return Err(no_path(path));
    }
    remove_with_besides(path)
}

fn remove_with_besides(path: &str) -> Result<(), Failure> {
    for end in ["", "-wal", "-shm", "-journal"] {
        let path = format!("{path}{end}");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_failure(&path, "remove", &error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
