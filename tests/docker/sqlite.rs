//! SQLite databases, as applications make them and have them open.

use serde_json::Value;

use super::runbook::{self, RUNBOOK};
use super::support::docker::{Container, docker, image, pocketbase, tools, try_docker, until};
use super::support::world::World;

mod restore;
mod told;

const SQLITE_3_34: (&str, &str) = ("DUMPCAR_TEST_SQLITE334", "dumpcar-test/sqlite:3.34");
const SQLITE_3_46: (&str, &str) = ("DUMPCAR_TEST_SQLITE346", "dumpcar-test/sqlite:3.46");
const SQLITE_3_53: (&str, &str) = ("DUMPCAR_TEST_SQLITE353", "dumpcar-test/sqlite:3.53");

/// Dumpcar's own image, for a program that is not in a container of it.
fn own_image() -> String {
    docker(&[
        "image",
        "inspect",
        "--format",
        "{{.Id}}",
        &image("DUMPCAR_TEST_IMAGE", "dumpcar-test/dumpcar:latest"),
    ])
}

fn world() -> World {
    World::new().set("DUMPCAR_HELPER_IMAGE", &own_image())
}

/// An application whose databases are targets.
struct App(Container);

impl App {
    fn start(world: &World, labels: &[(&str, &str)]) -> Self {
        Self::of(world, SQLITE_3_46, labels, &[])
    }

    fn of(world: &World, (variable, default): (&str, &str), labels: &[(&str, &str)], args: &[&str]) -> Self {
        let labels = [&[("name", "t")], labels].concat();
        Self(world.target(&image(variable, default), &labels, args, &[]))
    }

    fn run(&self, args: &[&str]) -> String {
        self.0.exec(&[&["app"], args].concat())
    }

    /// Something that goes on until the container ends.
    fn spawn(&self, args: &[&str]) {
        docker(&[&["exec", "-d", &self.0.id, "app"], args].concat());
    }

    fn sql(&self, path: &str, statement: &str) -> String {
        self.run(&["sql", path, statement])
    }

    fn files(&self) -> Vec<String> {
        self.0.exec(&["ls", "-A", "/data"]).lines().map(str::to_owned).collect()
    }
}

/// No helper container is left.
fn assert_no_helper(world: &World) {
    assert_eq!(world.scratch(), "");
}

fn object<'m>(manifest: &'m Value, database: &str) -> &'m Value {
    let objects = manifest["objects"].as_array().unwrap();
    objects.iter().find(|object| object["database"] == database).unwrap_or_else(|| panic!("{manifest}"))
}

const DATABASES: [(&str, &str); 3] =
    [("/data/wal.db", "wal"), ("/data/rollback.db", "delete"), ("/data/utf16.db", "persist")];

/// A program that is started by hand knows no image of its own.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_dumpcar_outside_of_docker_asks_for_its_image() {
    let world = World::new();
    let app = App::start(&world, &[("path", "/data/app.db")]);
    app.run(&["make", "/data/app.db", "wal"]);
    let reason = world.refused(1);
    assert!(
        reason.contains("this Dumpcar runs in no container that Docker knows: set DUMPCAR_HELPER_IMAGE"),
        "{reason}"
    );
}

/// Into the bucket, out of it into the same files, into a drill's, and by the stock tools into others.
fn comes_back(product: (&str, &str)) {
    let world = world();
    let labels = [
        ("path", "/data/*.db"),
        ("drill.query", "SELECT count(*) FROM users"),
        ("drill.expect", "1819"),
        ("drill.database", "/data/wal.db"),
    ];
    let app = App::of(&world, product, &labels, &[]);
    for (path, mode) in DATABASES {
        app.run(&["make", path, mode]);
    }
    // As applications do, for as long as they run.
    app.spawn(&["hold", "/data/wal.db", "open"]);
    until("the log is there", || app.files().iter().any(|file| file == "wal.db-wal"));
    let digests = DATABASES.map(|(path, _)| app.run(&["digest", path]));
    world.back_up();
    assert_no_helper(&world);
    let manifests = world.manifests();
    let [manifest] = manifests.as_slice() else { panic!("{manifests:?}") };
    assert_eq!(manifest["engine"], "sqlite");
    for (path, _) in DATABASES {
        let content = &object(manifest, path)["content"];
        assert_eq!(content["rows_of"]["users"]["rows"], 1819, "{content}");
        assert_eq!(content["rows_of"]["settings"]["rows"], 200, "{content}");
    }

    let drilled = world.run(&["drill", "t"]);
    assert_eq!(drilled.status, 0, "{}", drilled.stderr);
    assert!(drilled.stderr.contains(r#""result":"ok""#), "{}", drilled.stderr);
    assert_eq!(world.run(&["verify", "--all"]).status, 0);

    // Changed, lost, and damaged.
    app.sql("/data/wal.db", "DELETE FROM orders");
    app.sql("/data/utf16.db", "DROP TABLE users");
    app.0.exec(&["rm", "/data/rollback.db"]);
    let restored = world.run(&["restore", "t", "--yes"]);
    assert_eq!(restored.status, 0, "{}", restored.stderr);
    assert_no_helper(&world);
    assert_eq!(DATABASES.map(|(path, _)| app.run(&["digest", path])), digests);
    let modes = DATABASES.map(|(path, _)| app.sql(path, "PRAGMA journal_mode"));
    assert_eq!(modes[0], "wal");
    assert!(app.files().iter().all(|file| !file.contains("dumpcar")), "{:?}", app.files());
    // It is the application's own, as it was.
    assert_eq!(app.0.exec(&["sh", "-c", "stat -c %U /data/* | sort -u"]), "app");

    // As the runbook says, with stock tools.
    app.sql("/data/wal.db", "DELETE FROM orders");
    let fetched = "./dumpcar cat t --database /data/wal.db --stored >%2Fdata%2Fapp.db.sqlite.xz";
    let script = format!("set -e\n{fetched}\n{}", runbook::commands(RUNBOOK, &["sqlite"]));
    let examples =
        [("shop-app-1", app.0.id.as_str()), (" alpine ", &format!(" {} ", tools())), ("app.db", "wal.db")];
    runbook::run(&world, &script, &examples);
    assert_eq!(app.run(&["digest", "/data/wal.db"]), digests[0]);
    let said = app.0.exec(&["sqlite3", "/data/wal.db", "PRAGMA integrity_check"]);
    assert_eq!((said.trim(), app.0.exec(&["stat", "-c", "%U", "/data/wal.db"]).trim()), ("ok", "app"));
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn everything_in_sqlite_3_34_comes_back() {
    comes_back(SQLITE_3_34);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn everything_in_sqlite_3_46_comes_back() {
    comes_back(SQLITE_3_46);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn everything_in_sqlite_3_53_comes_back() {
    comes_back(SQLITE_3_53);
}

/// One label, an image with neither a shell nor SQLite, and an application that goes on writing.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_known_application_without_a_shell_needs_one_label() {
    let world = world();
    let name = "dumpcar-test.invalid/vaultwarden/server:test";
    docker(&["tag", &own_image(), name]);
    let writer = Container::run(&["-u", "0", &image(SQLITE_3_46.0, SQLITE_3_46.1)]);
    docker(&["exec", "-d", &writer.id, "app", "pairs", "/data/db.sqlite3", "wal"]);
    until("it writes", || writer.try_exec(&["test", "-s", "/data/db.sqlite3"]).is_ok());
    let volumes = ["--volumes-from", writer.id.as_str()];
    let labels = world.labels(&[]);
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let app = Container::run(&[&labels, &volumes[..], &[name, "helper", "wait"]].concat());
    assert!(app.try_exec(&["sh", "-c", "true"]).is_err());
    for _ in 0..3 {
        world.back_up();
    }
    drop(try_docker(&["rmi", name]));
    let manifests = world.manifests();
    assert_eq!(manifests.len(), 3);
    for manifest in &manifests {
        let content = &object(manifest, "/data/db.sqlite3")["content"];
        let rows = |table: &str| content["rows_of"][table]["rows"].as_u64().unwrap();
        assert_eq!(rows("a"), rows("b"), "of one moment: {content}");
    }
    assert!(
        manifests[2]["objects"][0]["content"]["rows"].as_u64()
            > manifests[0]["objects"][0]["content"]["rows"].as_u64()
    );
    let drilled = world.run(&["drill", &app.name]);
    assert_eq!(drilled.status, 0, "{}", drilled.stderr);
    assert_no_helper(&world);
}

/// Without a write-ahead log readers keep writers waiting: not for as long as the store takes.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn an_application_without_a_log_is_not_kept_waiting() {
    let world = world().set("DUMPCAR_COMPRESSION", "none").set("DUMPCAR_UPLOAD_LIMIT", "2MiB");
    let app = App::start(&world, &[("path", "/data/app.db")]);
    app.run(&["fill", "/data/app.db", "30"]);
    let running = world.start(&["backup"]);
    until("the upload runs", || world.bucket.unfinished_uploads() > 0);
    app.run(&["at_once", "/data/app.db", "CREATE TABLE written_meanwhile (x)"]);
    let ended = running.end();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let manifests = world.manifests();
    assert_eq!(manifests[0]["objects"][0]["content"]["rows"], 30, "{manifests:?}");
}

/// An application that opens its database for each request only: there is no log, and nothing to lock, in between.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_database_that_is_opened_for_moments_only_is_of_one_moment() {
    let world = world();
    let app = App::start(&world, &[("path", "/data/app.db")]);
    app.run(&["make", "/data/app.db", "wal"]);
    let digest = app.run(&["digest", "/data/app.db"]);
    assert_eq!(app.files(), ["app.db"]);
    world.back_up();
    let printed = world.run(&["cat", "t"]);
    app.0.feed(&["sh", "-c", "cat >/tmp/copy.db"], &printed.stdout).0.unwrap();
    assert_eq!(app.run(&["digest", "/tmp/copy.db"]), digest);
    app.spawn(&["visits", "/data/app.db"]);
    until("it writes", || app.sql("/data/app.db", "SELECT name FROM sqlite_master").contains("ballast"));
    world.back_up();
    let manifests = world.manifests();
    let content = &object(&manifests[1], "/data/app.db")["content"];
    let rows = |table: &str| content["rows_of"][table]["rows"].as_u64().unwrap();
    assert_eq!(rows("a"), rows("b"), "{content}");
}

/// What needs the application's own collations and functions is in the backup all the same.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_only_the_application_can_read_comes_back() {
    let world = world();
    // By a link, as some images have it.
    let app = App::start(&world, &[("path", "/data/link.db")]);
    app.run(&["own", "/data/app.db"]);
    app.0.exec(&["ln", "-s", "app.db", "/data/link.db"]);
    let ended = world.back_up();
    assert!(ended.stderr.contains("/data/app.db cannot be checked"), "{}", ended.stderr);
    let manifests = world.manifests();
    assert_eq!(manifests[0]["objects"][0]["content"]["rows"], 3, "{manifests:?}");
    assert_eq!(world.run(&["drill", "t"]).status, 0);
    app.sql("/data/app.db", "DROP TABLE own");
    let restored = world.run(&["restore", "t", "--yes"]);
    assert_eq!(restored.status, 0, "{}", restored.stderr);
    assert_eq!(app.sql("/data/app.db", "SELECT count(*) FROM own").trim(), "3");
    assert_eq!(app.0.exec(&["readlink", "/data/link.db"]).trim(), "app.db");
}

/// A real application, in an image with nothing but itself.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn an_application_without_a_shell_comes_back() {
    let world = world();
    let image = pocketbase();
    let app = world.target(&image, &[("name", "t"), ("path", "/pb_data/*.db")], &[], &[]);
    assert!(app.try_exec(&["sh", "-c", "true"]).is_err());
    let sign_up = |address: &str| {
        app.exec(&["/pocketbase", "superuser", "upsert", address, "a-long-password", "--dir=/pb_data"])
    };
    until("it has made its database", || app.logs().contains("first superuser"));
    sign_up("first@example.org");
    world.back_up();
    let drilled = world.run(&["drill", "t"]);
    assert_eq!(drilled.status, 0, "{}", drilled.stderr);
    sign_up("second@example.org");
    let restored = world.run(&["restore", "t", "--yes"]);
    assert_eq!(restored.status, 0, "{}", restored.stderr);
    world.back_up();
    let manifests = world.manifests();
    let users =
        |manifest: &Value| object(manifest, "/pb_data/data.db")["content"]["rows_of"]["_superusers"].clone();
    assert_eq!(users(&manifests[0])["rows"], 1, "{manifests:?}");
    assert_eq!(users(&manifests[1]), users(&manifests[0]));
    sign_up("third@example.org");
    assert_no_helper(&world);
}
