//! Where a row is does not matter.

use super::*;

#[test]
fn vacuum_changes_no_number_and_no_row_with_a_key() {
    for vacuum in ["NONE", "FULL"] {
        let database = filled(&format!("PRAGMA auto_vacuum = {vacuum}"), 200);
        let before = database.content();
        let pages = database.number("PRAGMA page_count");
        database.run("VACUUM");
        assert!(database.number("PRAGMA page_count") < pages);
        assert_eq!(differences(&before, &database.content()), Vec::<String>::new());
    }
}

#[test]
fn the_order_in_which_rows_came_does_not_matter() {
    let numbers = numbers(500);
    let of = |order: &str| {
        let database = Database::with_pages(512);
        database
            .run("CREATE TABLE a (id INTEGER PRIMARY KEY, b); CREATE TABLE c (d PRIMARY KEY) WITHOUT ROWID");
        // Its pages are free when those rows come.
        database.run(&format!(
            "CREATE TABLE e (f); {numbers} INSERT INTO e SELECT zeroblob(i % 900) FROM n; DROP TABLE e"
        ));
        let row = "printf('%.*c', i * 7919 % 1500, 'y') || i";
        database.run(&format!("{numbers} INSERT INTO a SELECT i, {row} FROM n ORDER BY {order}"));
        database.run(&format!("{numbers} INSERT INTO c SELECT {row} FROM n ORDER BY {order}"));
        database.run("PRAGMA secure_delete = 1; VACUUM");
        database.content()
    };
    let first = of("i");
    for order in ["-i", "i * 7919 % 503"] {
        assert_eq!(differences(&first, &of(order)), Vec::<String>::new());
        assert_eq!(first, of(order));
    }
}

#[test]
fn journal_modes_and_counters_are_no_content() {
    let database = filled("", 500);
    let before = (database.image(), database.content());
    database.run(
        "PRAGMA journal_mode = WAL; CREATE TABLE soon (a); DROP TABLE soon; PRAGMA wal_checkpoint(TRUNCATE)",
    );
    let after = (database.image(), database.content());
    assert_ne!(before.0[..100], after.0[..100]);
    assert_eq!(before.1, after.1);
}

#[test]
fn what_a_pragma_sets_is_content() {
    let database = filled("PRAGMA auto_vacuum = FULL", 500);
    let mut before = database.content();
    for (pragma, told) in [
        ("PRAGMA user_version = -8", "user_version"),
        ("PRAGMA application_id = 252006673", "application_id"),
        ("PRAGMA auto_vacuum = INCREMENTAL", "auto_vacuum"),
    ] {
        database.run(pragma);
        let after = database.content();
        let told_of = differences(&before, &after);
        assert!(told_of.len() == 1 && told_of[0].contains(told), "{told_of:?}");
        before = after;
    }
    let encoding = |of: &str| filled(&format!("PRAGMA encoding = '{of}'"), 500).content().definitions;
    assert_ne!(encoding("UTF-16le"), encoding("UTF-16be"));
}

/// Extensions that encrypt reserve bytes. SQLite goes on with as many as an empty database has.
#[test]
fn reserved_bytes_of_a_page_are_no_part_of_it() {
    for (size, reserved) in [(512_usize, 32_u8), (1024, 255), (4096, 12)] {
        let database = Database::with_pages(size);
        database.run("PRAGMA user_version = 1");
        let mut image = database.image();
        assert_eq!(image.len(), size);
        image[20] = reserved;
        let usable = u16::try_from(size - usize::from(reserved)).unwrap();
        image[105..107].copy_from_slice(&usable.to_be_bytes());
        let Database { folder, connection } = database;
        drop(connection);
        let path = folder.path().join("app.db");
        std::fs::write(&path, image).unwrap();
        let database = Database { connection: Connection::open(path).unwrap(), folder };
        fill(&database, 3000);
        assert_eq!(database.image()[20], reserved);
        database.content();
    }
}

/// The speed of the reader in one thread: `cargo test --release -- --ignored how_fast_sqlite --nocapture`.
#[test]
#[ignore = "measures"]
fn how_fast_sqlite_is_read() {
    let numbers = numbers(400_000);
    for (name, row) in [
        ("rows of 30 bytes", "'row ' || i || ' of a table'"),
        ("rows of 400 bytes", "randomblob(400)"),
        ("rows of 20 KB", "randomblob(iif(i < 20000, 20000, 0))"),
    ] {
        let database = Database::new("PRAGMA journal_mode = OFF");
        database.run(&format!("CREATE TABLE a (b, c); {numbers} INSERT INTO a SELECT {row}, i FROM n"));
        let image = database.image();
        let start = std::time::Instant::now();
        let known = read(&image, 1 << 18);
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!((known.whole, known.unread, known.content.rows), (Ok(()), None, 400_000));
        println!("{name}: {:.0} MB/s", image.len() as f64 / 1e6 / seconds);
    }
}
