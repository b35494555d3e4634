//! Back into an application's files, while it runs.

use super::{App, assert_no_helper, world};
use crate::support::docker::until;

/// What the application holds open is what has the content afterwards, and what it writes then is not lost.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_running_application_sees_the_restored_content() {
    let world = world();
    let app = App::start(&world, &[("path", "/data/app.db")]);
    app.spawn(&["pairs", "/data/app.db", "wal"]);
    until("it writes", || app.sql("/data/app.db", "SELECT name FROM sqlite_master").contains("ballast"));
    world.back_up();
    app.sql("/data/app.db", "CREATE TABLE made_later (x)");
    let restored = world.run(&["restore", "t", "--yes"]);
    assert_eq!(restored.status, 0, "{}", restored.stderr);
    let tables = app.sql("/data/app.db", "SELECT name FROM sqlite_master");
    assert!(!tables.contains("made_later"), "{tables}");
    let rows = || app.sql("/data/app.db", "SELECT count(*) FROM a").trim().parse::<u64>().unwrap();
    let before = rows();
    until("it goes on writing", || rows() > before);
    assert_eq!(app.sql("/data/app.db", "PRAGMA integrity_check").trim(), "ok");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_copy_the_old_one_and_nothing_by_a_foreign_name() {
    let world = world();
    let app = App::start(&world, &[("path", "/data/app.db")]);
    app.run(&["make", "/data/app.db", "wal"]);
    let digest = app.run(&["digest", "/data/app.db"]);
    world.back_up();
    app.sql("/data/app.db", "DELETE FROM orders");
    let changed = app.run(&["digest", "/data/app.db"]);
    let copied = world.run(&["restore", "t", "--as", "/data/sub/copy.utf16.db", "--yes"]);
    assert_eq!(copied.status, 0, "{}", copied.stderr);
    assert_eq!(app.run(&["digest", "/data/sub/copy.utf16.db"]), digest);
    assert_eq!(app.run(&["digest", "/data/app.db"]), changed);
    let kept = world.run(&["restore", "t", "--yes", "--keep-old"]);
    assert_eq!(kept.status, 0, "{}", kept.stderr);
    assert_eq!(app.run(&["digest", "/data/app.db"]), digest);
    let files = app.files();
    let old =
        files.iter().find(|file| file.starts_with("app.db_before_")).unwrap_or_else(|| panic!("{files:?}"));
    assert_eq!(app.run(&["digest", &format!("/data/{old}")]), changed);
    for path in ["/data/../etc/x.db", "relative.db", "/data/", "/elsewhere/x.db"] {
        let refused = world.run(&["restore", "t", "--as", path, "--yes"]);
        assert_ne!(refused.status, 0, "{path}");
        assert!(refused.stderr.contains("nothing was changed"), "{}", refused.stderr);
    }
    // Another application has other files.
    let other = App::start(&world, &[("path", "/data/other.db"), ("name", "other")]);
    other.run(&["make", "/data/other.db", "wal"]);
    let refused = world.run(&["restore", "t", "--to", &other.0.name, "--yes"]);
    assert!(
        refused.stderr.contains("/data/app.db is none of the files of this container"),
        "{}",
        refused.stderr
    );
    assert_no_helper(&world);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_lock_that_stays_changes_nothing() {
    let world = world();
    let app = App::start(&world, &[("path", "/data/app.db")]);
    app.run(&["make", "/data/app.db", "wal"]);
    world.back_up();
    app.spawn(&["hold", "/data/app.db", "exclusive"]);
    until("it holds the lock", || app.0.processes().iter().any(|process| process.contains("exclusive")));
    let refused = world.run(&["restore", "t", "--yes"]);
    assert_eq!(refused.status, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("locked by the application"), "{}", refused.stderr);
    assert!(refused.stderr.contains("nothing was changed"), "{}", refused.stderr);
    assert!(app.files().iter().all(|file| !file.contains("dumpcar")), "{:?}", app.files());
}

/// Killed while the backup is read, it has changed nothing, and what it has made goes.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_killed_restore_leaves_the_old_content_and_nothing_else() {
    let world = world().set("DUMPCAR_COMPRESSION", "none");
    let app = App::start(&world, &[("path", "/data/app.db")]);
    app.run(&["fill", "/data/app.db", "20"]);
    world.back_up();
    app.sql("/data/app.db", "CREATE TABLE made_later (x)");
    let digest = app.run(&["digest", "/data/app.db"]);
    let world = world.set("DUMPCAR_DOWNLOAD_LIMIT", "1MiB");
    let mut running = world.start(&["restore", "t", "--yes"]);
    until("it is loaded", || app.files().iter().any(|file| file.starts_with("dumpcar_restore_")));
    running.kill();
    let world = world.set("DUMPCAR_DOWNLOAD_LIMIT", "0");
    world.back_up();
    assert_eq!(app.files(), ["app.db"]);
    assert_eq!(app.run(&["digest", "/data/app.db"]), digest);
    assert_no_helper(&world);
}
