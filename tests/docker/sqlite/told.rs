//! What stands in the way, in words.

use super::{App, SQLITE_3_46, assert_no_helper, world};
use crate::support::docker::{docker, until};

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_is_no_database_is_told() {
    let world = world();
    let app = App::start(&world, &[("path", "/data/app.db")]);
    let none = "there is no database file /data/app.db in the container: is the path right (label dumpcar.path), and has the application made its database?";
    assert!(world.refused(1).contains(none), "{}", world.refused(1));
    app.0.exec(&["ln", "-s", "/elsewhere/real.db", "/data/app.db"]);
    let said = world.refused(1);
    assert!(
        said.contains("/data/app.db is a link to /elsewhere/real.db, and that is in no volume"),
        "{said}"
    );
    app.0.exec(&["rm", "/data/app.db"]);
    app.0.exec(&["touch", "/data/app.db"]);
    let said = world.refused(1);
    assert!(said.contains("/data/app.db is empty: the application has not made its database yet"), "{said}");
    app.0.exec(&["sh", "-c", "head -c 100000 /dev/urandom >/data/app.db"]);
    let said = world.refused(1);
    assert!(said.contains("/data/app.db is no SQLite database, or an encrypted or damaged one"), "{said}");
    assert_no_helper(&world);
}

/// `.dump` of the stock client ends well then.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_damaged_database_is_no_backup_and_costs_only_itself() {
    let world = world();
    let app = App::start(&world, &[("path", "/data/*.db")]);
    app.run(&["make", "/data/good.db", "wal"]);
    app.run(&["make", "/data/bad.db", "delete"]);
    let pages = app.sql("/data/bad.db", "SELECT rootpage FROM sqlite_master WHERE name = 'orders'");
    app.run(&["damage", "/data/bad.db", pages.trim()]);
    let ended = world.run(&["backup"]);
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert!(ended.stderr.contains("/data/bad.db is damaged"), "{}", ended.stderr);
    let manifests = world.manifests();
    assert_eq!(manifests[0]["objects"].as_array().unwrap().len(), 1, "{manifests:?}");
    assert_eq!(manifests[0]["missing"][0]["database"], "/data/bad.db");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_database_in_no_volume_is_told() {
    let world = world();
    let app = App::start(&world, &[("path", "/tmp/app.db")]);
    let said = world.refused(1);
    let container = &app.0.name;
    assert!(
        said.contains(&format!("/tmp/app.db is in no volume of container {container}, so it would be lost with the container: put it into a volume, or correct the label dumpcar.path")),
        "{said}"
    );
    drop(app);
    let memory = ["--mount", "type=tmpfs,destination=/mem"];
    let _app = App::of(&world, SQLITE_3_46, &[("path", "/mem/app.db")], &memory);
    let said = world.refused(1);
    assert!(said.contains("is in the tmpfs at /mem, which no other container can have"), "{said}");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_lock_that_stays_is_told() {
    let world = world();
    let app = App::start(&world, &[("path", "/data/app.db")]);
    app.run(&["make", "/data/app.db", "delete"]);
    app.spawn(&["hold", "/data/app.db", "exclusive"]);
    until("it holds the lock", || app.0.processes().iter().any(|process| process.contains("exclusive")));
    let said = world.refused(1);
    assert!(said.contains("/data/app.db stays locked by the application"), "{said}");
}

/// Of a large database without a log nobody can have a copy while it is written to. In between one can.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_large_database_that_is_written_to_without_a_log_is_told() {
    let world = world();
    let app = App::start(&world, &[("path", "/data/app.db")]);
    app.run(&["fill", "/data/app.db", "80"]);
    world.back_up();
    app.spawn(&["pairs", "/data/app.db", "delete"]);
    until("it writes", || app.sql("/data/app.db", "SELECT name FROM sqlite_master").contains('b'));
    let ended = world.run(&["backup"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("the application wrote to /data/app.db while it was read"),
        "{}",
        ended.stderr
    );
    assert_eq!(world.manifests().len(), 1);
}

/// A helper has the volume of the database, read-only, and nothing else of the target.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_helper_has_nothing_but_the_volume() {
    let world = world().set("DUMPCAR_COMPRESSION", "none").set("DUMPCAR_UPLOAD_LIMIT", "1MiB");
    let socket = ["-v", "/var/run/docker.sock:/var/run/docker.sock", "-v", "/etc:/host:ro"];
    let app = App::of(&world, SQLITE_3_46, &[("path", "/data/app.db")], &socket);
    app.run(&["fill", "/data/app.db", "20"]);
    let running = world.start(&["backup"]);
    let helper = world.await_scratch();
    let inspect = |format: &str| docker(&["inspect", "--format", format, &helper]);
    assert_eq!(inspect("{{range .Mounts}}{{.Destination}} {{.RW}}{{end}}"), "/data false");
    assert_eq!(inspect("{{.HostConfig.NetworkMode}} {{.HostConfig.ReadonlyRootfs}}"), "none true");
    assert!(inspect("{{.Name}}").starts_with("/dumpcar-helper-"));
    let ended = running.end();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_no_helper(&world);
}

/// The engine goes on with what it was asked for, so nobody may go before that is there and removed.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_helper_goes_with_a_sidecar_that_is_stopped_while_it_starts() {
    let world = world();
    let app = App::start(&world, &[("path", "/data/app.db")]);
    app.run(&["fill", "/data/app.db", "20"]);
    let running = world.start(&["backup"]);
    until("the helper is being made", || !world.scratch().is_empty());
    running.signal("TERM");
    let ended = running.end();
    assert_eq!(ended.status, 143, "{}", ended.stderr);
    assert_no_helper(&world);
}

/// What a sidecar leaves that is killed, the next one removes.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_helper_goes_after_its_sidecar_was_killed() {
    let world = world().set("DUMPCAR_COMPRESSION", "none").set("DUMPCAR_UPLOAD_LIMIT", "1MiB");
    let app = App::start(&world, &[("path", "/data/app.db")]);
    app.run(&["fill", "/data/app.db", "20"]);
    let mut running = world.start(&["backup"]);
    world.await_scratch();
    until("the upload runs", || world.bucket.unfinished_uploads() > 0);
    running.kill();
    let world = world.set("DUMPCAR_UPLOAD_LIMIT", "0");
    world.back_up();
    assert_no_helper(&world);
    assert_eq!(world.manifests().len(), 1);
    assert_eq!(world.bucket.unfinished_uploads(), 0);
}

/// Changes that a process has left in the log when it was killed are the application's to take over.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_log_that_nobody_has_open_is_told() {
    let world = world();
    let app = App::start(&world, &[("path", "/data/left.db")]);
    app.run(&["make", "/data/app.db", "wal"]);
    app.spawn(&["pairs", "/data/app.db", "wal"]);
    until("it writes", || app.files().iter().any(|file| file == "app.db-wal"));
    app.0.exec(&["sh", "-c", "cp /data/app.db /data/left.db && cp /data/app.db-wal /data/left.db-wal"]);
    let said = world.refused(1);
    assert!(
        said.contains("/data/left.db has changes in /data/left.db-wal that an application left there"),
        "{said}"
    );
    // It opens the database.
    app.sql("/data/left.db", "SELECT count(*) FROM users");
    world.back_up();
}
