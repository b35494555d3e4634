//! What Docker's tests cannot bring about at will.

use std::io::{self, Write};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::helper::failure::{Failure, Status};
use crate::model::helper::{Databases, Staged, Swap};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// A database with a row for each of `rows`, opened as an application does.
    fn make(&self, name: &str, mode: &str, rows: u32) -> Connection {
        let connection = Connection::open(self.path(name)).unwrap();
        connection.pragma_update(None, "journal_mode", mode).unwrap();
        connection.execute_batch("PRAGMA user_version = 7; CREATE TABLE t (x)").unwrap();
        connection.execute_batch("BEGIN").unwrap();
        for row in 0..rows {
            connection.execute("INSERT INTO t VALUES (?)", [row]).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
        connection
    }

    fn staged(&self) -> Staged {
        Staged {
            folder: self.0.path().to_str().unwrap().to_owned(),
            name: "dumpcar_restore_0123456789abcdef_0".to_owned(),
        }
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn rows(connection: &Connection) -> u32 {
    connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
}

fn dumped(path: &str) -> Vec<u8> {
    let mut image = Vec::new();
    dump(path, &mut image).unwrap();
    image
}

/// Calls `at_first` before it takes the first byte.
struct Interrupted<F> {
    at_first: Option<F>,
    image: Vec<u8>,
}

impl<F: FnOnce()> Write for Interrupted<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(at_first) = self.at_first.take() {
            at_first();
        }
        self.image.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_dump_is_of_one_moment_whatever_is_written_meanwhile() {
    for mode in ["wal", "delete", "truncate", "persist"] {
        let folder = Folder::new();
        let application = folder.make("app.db", mode, 1000);
        let write = || {
            application.busy_timeout(std::time::Duration::ZERO).unwrap();
            application.execute_batch("INSERT INTO t SELECT x FROM t; CREATE TABLE later (x)").unwrap();
        };
        let mut output = Interrupted { at_first: Some(write), image: Vec::new() };
        dump(&folder.path("app.db"), &mut output).unwrap();
        std::fs::write(folder.path("copy.db"), &output.image).unwrap();
        let copy = Connection::open(folder.path("copy.db")).unwrap();
        assert_eq!(rows(&copy), 1000, "{mode}");
        let version: u32 = copy.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, 7, "{mode}");
        let mode_of_copy: String = copy.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode_of_copy == "wal", mode == "wal");
        assert_eq!(rows(&application), 2000, "the application was not kept waiting with {mode}");
    }
}

#[test]
fn a_survey_finds_databases_and_nothing_of_theirs() {
    let folder = Folder::new();
    let _open = folder.make("b.db", "wal", 1);
    drop(folder.make("a.db", "delete", 1));
    for name in ["new.db", "c.txt", "dumpcar_restore_0123456789abcdef_0"] {
        std::fs::write(folder.path(name), "").unwrap();
    }
    let survey = |patterns: &[&str], is_guess: bool| {
        let patterns: Vec<_> = patterns.iter().map(|pattern| folder.path(pattern)).collect();
        let mut json = Vec::new();
        survey(&patterns, is_guess, &mut json)?;
        let Databases { found, leftovers, .. } = serde_json::from_slice(&json).unwrap();
        let found = found.into_iter().map(|one| one.path.rsplit('/').next().unwrap().to_owned());
        Ok::<_, Failure>((found.collect::<Vec<_>>(), leftovers.len()))
    };
    assert_eq!(survey(&["*.db*"], false).unwrap(), (vec!["a.db".to_owned(), "b.db".to_owned()], 1));
    // Each file that somebody has named is one, and its dump says that it is not there.
    assert_eq!(survey(&["a.db", "gone.db"], false).unwrap().0, ["a.db", "gone.db"]);
    assert_eq!(survey(&["a.db", "gone.db"], true).unwrap().0, ["a.db"]);
    assert_eq!(survey(&["*.db", "a.db"], false).unwrap().0, ["a.db", "b.db"], "each once");
    assert!(survey(&["*.sqlite", "gone.db"], false).unwrap().0.is_empty(), "a restore makes them");
    assert_eq!(dump(&folder.path("gone.db"), &mut io::sink()).unwrap_err().status, Status::NoInput);
}

#[test]
fn what_is_loaded_takes_its_place_in_an_open_database() {
    let folder = Folder::new();
    let application = folder.make("app.db", "wal", 10);
    let image = dumped(&folder.path("app.db"));
    application.execute_batch("DELETE FROM t; CREATE TABLE later (x)").unwrap();
    let staged = folder.staged();
    load(&staged, &mut image.as_slice()).unwrap();
    assert_eq!(swapped(&[folder.staged()]).unwrap_err().status, Status::Software);
    let keep = Some(folder.path("old.db"));
    swap(&[Swap { staged, path: folder.path("app.db"), keep }]).unwrap();
    swapped(&[folder.staged()]).unwrap();
    // One of two is there.
    std::fs::write(folder.path("dumpcar_restore_0123456789abcdef_1"), "").unwrap();
    let other = Staged { name: "dumpcar_restore_0123456789abcdef_1".to_owned(), ..folder.staged() };
    assert_eq!(swapped(&[folder.staged(), other]).unwrap_err().status, Status::TryAgain);
    assert_eq!(rows(&application), 10);
    application.execute("INSERT INTO t VALUES (0)", []).unwrap();
    assert_eq!(rows(&Connection::open(folder.path("app.db")).unwrap()), 11);
    assert_eq!(rows(&Connection::open(folder.path("old.db")).unwrap()), 0);
}

#[test]
fn pages_of_another_size_need_an_application_that_is_stopped() {
    let folder = Folder::new();
    let application = folder.make("app.db", "wal", 10);
    let other = Connection::open(folder.path("other.db")).unwrap();
    other.execute_batch("PRAGMA page_size = 1024; CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    let image = dumped(&folder.path("other.db"));
    let swap = || {
        load(&folder.staged(), &mut image.as_slice()).unwrap();
        swap(&[Swap { staged: folder.staged(), path: folder.path("app.db"), keep: None }])
    };
    let refused = swap().unwrap_err();
    assert!(refused.text.contains("stop it for the restore"), "{}", refused.text);
    assert_eq!(rows(&application), 10);
    drop(application);
    swap().unwrap();
    assert_eq!(rows(&Connection::open(folder.path("app.db")).unwrap()), 1);
}

#[test]
fn what_is_damaged_is_neither_dumped_nor_loaded() {
    let folder = Folder::new();
    drop(folder.make("app.db", "delete", 5000));
    let mut image = dumped(&folder.path("app.db"));
    let half = image.len() / 2;
    image[half..half + 2048].fill(0xff);
    std::fs::write(folder.path("app.db"), &image).unwrap();
    assert_eq!(dump(&folder.path("app.db"), &mut io::sink()).unwrap_err().status, Status::Data);
    assert_eq!(load(&folder.staged(), &mut image.as_slice()).unwrap_err().status, Status::Data);
    assert_eq!(load(&folder.staged(), &mut &b"no database"[..]).unwrap_err().status, Status::Data);
    assert_eq!(folder.names(), ["app.db"]);
}

/// Names come from the bucket.
#[test]
fn nothing_but_what_a_restore_has_made_is_written_or_removed() {
    let folder = Folder::new();
    drop(folder.make("app.db", "delete", 1));
    let named = |name: &str| Staged { name: name.to_owned(), ..folder.staged() };
    for name in ["app.db", "../x", "dumpcar_restore_0123456789abcdef_0/../app.db", ""] {
        assert_eq!(load(&named(name), &mut io::empty()).unwrap_err().status, Status::Usage, "{name}");
    }
    let swap_to = |path: &str| swap(&[Swap { staged: folder.staged(), path: path.to_owned(), keep: None }]);
    for path in ["relative", "/a/../b", ""] {
        assert_eq!(swap_to(path).unwrap_err().status, Status::Usage, "{path}");
    }
    std::fs::write(folder.path("dumpcar_replaced_0123456789abcdef_1"), "").unwrap();
    std::fs::write(folder.path("dumpcar_replaced_00000000deadbeef_1"), "").unwrap();
    let starts = ["app".to_owned(), "dumpcar_replaced_0123456789abcdef_".to_owned()];
    remove(&folder.staged().folder, &starts).unwrap();
    assert_eq!(folder.names(), ["app.db", "dumpcar_replaced_00000000deadbeef_1"]);
}

#[test]
fn a_query_prints_its_rows() {
    let folder = Folder::new();
    drop(folder.make("app.db", "delete", 2));
    let mut printed = Vec::new();
    query(&folder.path("app.db"), "SELECT x, NULL, 'a' || x, 0.5 FROM t", &mut printed).unwrap();
    assert_eq!(String::from_utf8(printed).unwrap(), "0||a0|0.5\n1||a1|0.5\n");
    assert!(query(&folder.path("app.db"), "DELETE FROM t", &mut io::sink()).is_err(), "it only reads");
}
