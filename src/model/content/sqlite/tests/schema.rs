//! Schemas of any size, and names of any kind.

use super::*;

/// A database with so many tables, some of whose texts are `comment` bytes longer, and names `name`.
fn many(pragmas: &str, tables: u32, comment: usize, name: usize) -> Database {
    let database = Database::new(pragmas);
    database.run("BEGIN; CREATE TABLE first (a)");
    for table in 0..tables {
        let long = if table % 10 == 0 { "c".repeat(comment) } else { String::new() };
        let end = if table % 10 == 5 { "n".repeat(name) } else { String::new() };
        database.run(&format!(
            "CREATE TABLE table_{table}{end} (id INTEGER PRIMARY KEY, a /* {long} */, b DEFAULT {table});
             INSERT INTO table_{table}{end} SELECT 1, 2, 3 UNION ALL SELECT 2, zeroblob({table}), 4;"
        ));
    }
    database.run("COMMIT");
    database
}

/// How many levels its tree has.
fn levels(image: &[u8], size: usize) -> usize {
    let (mut levels, mut page) = (1, 1);
    loop {
        let start = (page - 1) * size;
        let head = if page == 1 { start + 100 } else { start };
        match image[head] {
            13 => return levels,
            _ => {
                levels += 1;
                let at = usize::from(u16::from_be_bytes(*image[head + 12..].first_chunk().unwrap()));
                page = u32::from_be_bytes(*image[start + at..].first_chunk().unwrap()) as usize;
            }
        }
    }
}

#[test]
fn a_schema_has_any_number_of_levels() {
    for (tables, expected) in [(0, 1), (20, 2), (600, 3)] {
        let database = many("PRAGMA page_size = 512", tables, 0, 0);
        assert_eq!(levels(&database.image(), 512), expected);
        let content = database.content();
        assert_eq!(content.tables, u64::from(tables) + 1);
        assert_eq!(content.definitions.count(), u64::from(tables) + 1 + 4);
    }
}

/// A page of the schema is split after the rest of its rows was written to other pages: it comes behind them.
#[test]
fn a_definition_goes_on_on_other_pages() {
    for vacuum in ["NONE", "FULL"] {
        for (size, comment) in [(512, 700), (1024, 5000), (4096, 20_000)] {
            let pragmas = format!("PRAGMA page_size = {size}; PRAGMA auto_vacuum = {vacuum}");
            let database = many(&pragmas, 150, comment, 0);
            let before = database.content();
            // A text of the same length.
            database.run("PRAGMA writable_schema = ON");
            database.run(
                "UPDATE sqlite_schema SET sql = replace(sql, 'ccc */', 'ccd */') WHERE name = 'table_70'",
            );
            let told = differences(&before, &database.content());
            assert!(told.len() == 1 && told[0].contains("table_70"), "{told:?}");
        }
    }
}

#[test]
fn a_name_goes_on_on_other_pages() {
    for (size, name) in [(512, 100), (512, 1000), (1024, 3000), (4096, 20_000)] {
        for vacuum in ["NONE", "FULL"] {
            let database =
                many(&format!("PRAGMA page_size = {size}; PRAGMA auto_vacuum = {vacuum}"), 150, 0, name);
            let known = read(&database.image(), 4096);
            assert_eq!((known.whole, known.unread), (Ok(()), None), "{size} {name}");
            assert_eq!(known.content.rows, 300);
            if name <= 1000 {
                database.content();
            }
        }
    }
}

/// A long name that comes late is found as well, if its page does.
#[test]
fn a_long_name_comes_behind_a_large_table() {
    let database = Database::with_pages(1024);
    database.run(&format!(
        "CREATE TABLE large (a); {} INSERT INTO large SELECT zeroblob(5000) FROM n",
        numbers(500)
    ));
    database.run(&format!("CREATE TABLE \"{}\" (a); INSERT INTO large VALUES (1)", "long".repeat(200)));
    assert!(database.image().len() > 2 << 20);
    assert_eq!(database.content().tables, 2);
}

#[test]
fn names_are_those_of_the_application() {
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        let database = Database::new(&format!("PRAGMA encoding = '{encoding}'"));
        for name in ["größe 'x' \"\"y\"\"", "表\n\t", "𝄞 \u{202e}", "select"] {
            database.run(&format!("CREATE TABLE \"{name}\" (a); INSERT INTO \"{name}\" VALUES (1)"));
        }
        let content = database.content();
        let names = content.rows_of.keys().map(|name| name.as_str()).collect::<Vec<_>>();
        assert_eq!(names, ["größe 'x' \"y\"", "select", "表\\n\\t", "𝄞 \\u{202e}"]);
    }
}

#[test]
fn what_is_virtual_has_no_rows() {
    let database = Database::new("");
    database.run("CREATE VIRTUAL TABLE search USING fts5(body, content = '')");
    database.run("INSERT INTO search (rowid, body) VALUES (1, 'one'), (2, 'two')");
    database.run("CREATE VIRTUAL TABLE place USING rtree(id, a, b); INSERT INTO place VALUES (1, 2, 3)");
    let content = database.content();
    let rows = |table: &str| content.rows_of[&table.parse().unwrap()].rows;
    assert_eq!([rows("search"), rows("place"), rows("place_rowid")], [0, 0, 1]);
    assert!(rows("search_data") > 0);
    let json = serde_json::to_string(&content.definitions).unwrap();
    assert!(json.contains(r#""virtual table":{"place":"#), "{json}");
}

#[test]
fn a_definition_that_changes_is_told() {
    let of = |sql: &str| {
        let database = Database::new("");
        database.run("CREATE TABLE a (b, c); CREATE TABLE d (b, c)");
        database.run(sql);
        database.content()
    };
    let first = of("CREATE INDEX one ON a (b)");
    for (sql, expected) in [
        ("CREATE INDEX one ON a (c)", 1),
        ("CREATE INDEX one ON d (b)", 1),
        ("CREATE UNIQUE INDEX one ON a (b)", 1),
        ("CREATE INDEX  one ON a (b)", 0),
        ("CREATE INDEX one ON a ( b)", 1),
        ("CREATE INDEX two ON a (b)", 2),
        ("CREATE INDEX one ON a (b); CREATE VIEW v AS SELECT 1", 1),
    ] {
        assert_eq!(differences(&first, &of(sql)).len(), expected, "{sql}");
        assert!(first.compare(&of(sql), Dialect::Sqlite).doubts.is_empty());
    }
}

#[test]
fn a_schema_that_is_too_large_is_not_known() {
    // Each page has one definition of about its size.
    let database = many("PRAGMA page_size = 4096", 0, 0, 0);
    database.run("BEGIN");
    for view in 0..1100 {
        database.run(&format!("CREATE VIEW view_{view} AS SELECT 1 /* {} */", "v".repeat(3800)));
    }
    database.run("COMMIT");
    let known = read(&database.image(), 1 << 16);
    assert_eq!(known.whole, Ok(()));
    assert!(matches!(known.unread, Some(Unread::LargeSchema { .. })), "{:?}", known.unread);
}
