//! With databases that SQLite made: it says itself how many rows there are.

mod damage;
mod layout;
mod schema;

use std::collections::BTreeMap;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::model::content::{Content, Counter, Dialect, NotWhole, Unread};

/// A database in a file, as an application has it.
struct Database {
    folder: TempDir,
    connection: Connection,
}

impl Database {
    /// A new one; `pragmas` are those that only an empty database takes.
    fn new(pragmas: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("app.db")).unwrap();
        let database = Self { folder, connection };
        database.run("PRAGMA synchronous = OFF");
        database.run(pragmas);
        database
    }

    fn with_pages(bytes: usize) -> Self {
        Self::new(&format!("PRAGMA page_size = {bytes}"))
    }

    fn run(&self, statements: &str) {
        self.connection.execute_batch(statements).unwrap();
    }

    fn image(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("app.db")).unwrap()
    }

    fn number(&self, query: &str) -> u64 {
        self.connection.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap().try_into().unwrap()
    }

    /// The number of rows of each table that is stored.
    fn counts(&self) -> BTreeMap<String, u64> {
        let query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0";
        let mut names = self.connection.prepare(query).unwrap();
        let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let quoted = |name: &str| name.replace('"', "\"\"");
        names
            .map(Result::unwrap)
            .map(|name| (name.clone(), self.number(&format!("SELECT count(*) FROM \"{}\"", quoted(&name)))))
            .collect()
    }

    /// Its content, in which each table has as many rows as SQLite says.
    fn content(&self) -> Content {
        let content = content(&self.image());
        let rows_of = content.rows_of.iter().map(|(name, rows)| (name.to_string(), rows.rows));
        let stored = self.counts();
        let escaped = |name: &str| crate::model::line::Name::clean(name).to_string();
        let counts = stored.iter().map(|(name, rows)| (escaped(name), *rows)).collect::<BTreeMap<_, _>>();
        let found = rows_of.filter(|(name, rows)| *rows > 0 || counts.contains_key(name));
        assert_eq!(found.collect::<BTreeMap<_, _>>(), counts);
        assert!(content.adds_up());
        content
    }
}

/// The result of reading an image.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    content: Content,
    whole: Result<(), NotWhole>,
    unread: Option<Unread>,
}

fn read(image: &[u8], piece: usize) -> Known {
    let mut counter = Counter::new(Dialect::Sqlite);
    image.chunks(piece.max(1)).for_each(|piece| counter.take(piece));
    let (whole, unread) = (counter.whole(), counter.unread());
    Known { content: counter.end(), whole, unread }
}

fn content(image: &[u8]) -> Content {
    let known = read(image, 1 << 18);
    assert_eq!((known.whole, known.unread), (Ok(()), None));
    known.content
}

/// The differences of two contents, as a person reads them.
fn differences(one: &Content, other: &Content) -> Vec<String> {
    one.differences(other).iter().map(ToString::to_string).collect()
}

/// Numbers from 1 to `last`, as a table to select from.
fn numbers(last: u32) -> String {
    format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last})")
}

/// Something of everything an application may have, with rows in `note` as large as `blob`.
fn filled(pragmas: &str, blob: u32) -> Database {
    let database = Database::new(pragmas);
    fill(&database, blob);
    database
}

fn fill(database: &Database, blob: u32) {
    let numbers = numbers(300);
    database.run(&format!(
        "CREATE TABLE note (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB);
         {numbers} INSERT INTO note (body) SELECT randomblob(i * {blob} / 300) FROM n;
         CREATE TABLE word (word TEXT PRIMARY KEY, number REAL) WITHOUT ROWID;
         {numbers} INSERT INTO word SELECT hex(i * 7919) || printf('%.*c', i % 50 * {blob} / 300, 'x'), i / 3.0 FROM n;
         CREATE INDEX word_number ON word (number);
         CREATE TABLE empty (a, b UNIQUE);
         CREATE TABLE total (price, amount, total AS (price * amount), stored AS (price + amount) STORED);
         {numbers} INSERT INTO total SELECT i, i % 7 FROM n;
         CREATE TABLE negative (id INTEGER PRIMARY KEY, a);
         {numbers} INSERT INTO negative SELECT 150 - i * 1000000007, 'a' || char(0) || i FROM n;
         CREATE VIRTUAL TABLE search USING fts5(body);
         {numbers} INSERT INTO search SELECT 'the ' || i || 'th text of ' || (i % 11) FROM n;
         CREATE VIEW latest AS SELECT * FROM note ORDER BY id DESC;
         CREATE TRIGGER noted AFTER INSERT ON note BEGIN DELETE FROM empty WHERE a = NEW.id; END;"
    ));
    // Free pages, with stale rows on them.
    database.run(&format!(
        "CREATE TABLE dropped (a, b); {numbers} INSERT INTO dropped SELECT i, randomblob(i * {blob} / 300) FROM n;
         DROP TABLE dropped;
         DELETE FROM note WHERE id % 5 = 0; DELETE FROM word WHERE number > 90; PRAGMA user_version = 7;"
    ));
}

#[test]
fn each_table_has_the_rows_that_sqlite_counts() {
    for size in [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536] {
        for blob in [50, 4000] {
            filled(&format!("PRAGMA page_size = {size}"), blob).content();
        }
    }
    filled("PRAGMA page_size = 16384", 30_000).content();
}

#[test]
fn neither_text_encoding_nor_vacuum_changes_what_is_counted() {
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        for vacuum in ["NONE", "FULL", "INCREMENTAL"] {
            let pragmas = format!(
                "PRAGMA page_size = 1024; PRAGMA encoding = '{encoding}'; PRAGMA auto_vacuum = {vacuum}"
            );
            let content = filled(&pragmas, 3000).content();
            let json = serde_json::to_string(&content.definitions).unwrap();
            for name in
                ["latest", "noted", "word_number", "sqlite_autoindex_empty_1", "search", "user_version"]
            {
                assert!(json.contains(&format!("\"{name}\"")), "{name} is not in {json}");
            }
        }
    }
}

#[test]
fn a_row_that_changes_changes_the_sum_of_its_table_only() {
    let database = filled("", 9000);
    let mut before = database.content();
    for (change, table) in [
        ("UPDATE note SET body = zeroblob(9000) WHERE id = 1", "note"),
        // A byte on the last overflow page of a row.
        (
            "UPDATE note SET body = CAST(substr(body, 1, length(body) - 1) || x'00' AS BLOB) WHERE id = 298",
            "note",
        ),
        ("UPDATE negative SET id = 7 WHERE id = (SELECT min(id) FROM negative)", "negative"),
        ("UPDATE word SET number = number + 0.5 WHERE number = 2", "word"),
        ("UPDATE total SET price = 3.5 WHERE price = 3 AND amount = 3", "total"),
        ("UPDATE sqlite_sequence SET seq = 1000", "sqlite_sequence"),
    ] {
        database.run(change);
        let after = database.content();
        let changed = after.rows_of.iter().filter(|(name, rows)| before.rows_of.get(*name) != Some(rows));
        assert_eq!(changed.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), [table], "{change}");
        assert_eq!(after.definitions, before.definitions);
        before = after;
    }
}

#[test]
fn pieces_of_any_size_have_the_same_content() {
    for size in [512, 65536] {
        let image = filled(&format!("PRAGMA page_size = {size}"), 700).image();
        let whole = read(&image, image.len());
        assert_eq!((whole.whole, whole.unread), (Ok(()), None));
        for piece in [1, 2, 99, 100, 101, 511, 512, 513, 4095, 65535, 65536, 65537] {
            assert_eq!(read(&image, piece), whole, "in pieces of {piece}");
        }
    }
}
