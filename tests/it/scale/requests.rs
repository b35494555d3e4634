use serde_json::{Value, json};

use super::since;
use crate::support::docker::{ExecRequest, Script};
use crate::support::fault::Fault as StoreFault;
use crate::support::s3::{Asked, FakeS3};
use crate::support::world::{World, noise, until};

/// A PostgreSQL with the databases `a`, `b`, …; the dump of `a` has this many bytes and some more.
fn postgresql(databases: u8, bytes: usize) -> impl Fn(&ExecRequest) -> Script + Send + Sync + 'static {
    move |exec| {
        let script = exec.snippet();
        if script.contains("pg_dumpall") {
            Script::ends(b"-- PostgreSQL database cluster dump complete\n", 0)
        } else if script.contains("exec pg_dump") {
            let is_a = exec.env.iter().any(|pair| pair == "PGDATABASE=a");
            let mut dump = noise(if is_a { bytes } else { 0 });
            dump.extend_from_slice(b"\n-- PostgreSQL database dump complete\n");
            Script::ends(&dump, 0)
        } else {
            let databases = (0..databases).map(|n| format!("database {:x} 1000\n", b'a' + n));
            let survey = format!("version 17.6\naccounts 1\n{}", databases.collect::<String>());
            Script::ends(survey.as_bytes(), 0)
        }
    }
}

/// A target with one dump, or with that many databases and their globals.
async fn world(databases: u8, bytes: usize) -> World {
    let s3 = FakeS3::start().await;
    let world = if databases == 0 {
        World::with_s3(s3, |_| Script::ends(b"-- a dump\n", 0)).custom("shop")
    } else {
        let world = World::with_s3(s3, postgresql(databases, bytes));
        let labels = json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" });
        world.docker.container("shop", labels, &[]);
        world
    };
    world
        .set("DUMPCAR_COMPRESSION", "none")
        .set("DUMPCAR_S3_PART_SIZE", "5MiB")
        .set("DUMPCAR_SCHEDULE", "off")
        .set("DUMPCAR_CATCH_UP", "false")
}

/// What one backup asks the store: besides its own objects and their parts, the same however many they are.
struct Shape {
    databases: u8,
    bytes: usize,
    /// Between the records and the manifest.
    dumps: &'static [&'static str],
    objects: usize,
    parts: usize,
    multiparts: usize,
}

const SHAPES: [Shape; 4] = [
    Shape {
        databases: 0,
        bytes: 0,
        dumps: &["PutObject dump.dump", "HeadObject dump.dump"],
        objects: 2,
        parts: 0,
        multiparts: 0,
    },
    Shape {
        databases: 1,
        bytes: 0,
        dumps: &["PutObject globals.sql", "PutObject a.sql", "ListObjects backup"],
        objects: 3,
        parts: 0,
        multiparts: 0,
    },
    Shape {
        databases: 5,
        bytes: 0,
        dumps: &[
            "PutObject globals.sql",
            "PutObject a.sql",
            "PutObject b.sql",
            "PutObject c.sql",
            "PutObject d.sql",
            "PutObject e.sql",
            "ListObjects backup",
        ],
        objects: 7,
        parts: 0,
        multiparts: 0,
    },
    Shape {
        databases: 1,
        bytes: 12_000_000,
        dumps: &[
            "PutObject globals.sql",
            "CreateMultipartUpload a.sql",
            "UploadPart a.sql",
            "UploadPart a.sql",
            "UploadPart a.sql",
            "CompleteMultipartUpload a.sql",
            "ListObjects backup",
        ],
        objects: 3,
        parts: 3,
        multiparts: 1,
    },
];

impl Shape {
    /// The requests of a backup, before which the last good one has to be read or not.
    /// `read` manifests of earlier backups are not yet known to the process.
    fn requests(&self, read: usize) -> Vec<&'static str> {
        let mut all = vec!["ListObjects target"];
        all.extend(vec!["GetObject manifest.json"; read]);
        all.extend(["PutObject record", "ListObjects records"]);
        all.extend(self.dumps);
        all.extend(["PutObject manifest.json", "DeleteObject record"]);
        // A multipart upload is begun and completed, where a small object is just put.
        let formula = self.objects + self.parts + self.multiparts + 5 + read;
        assert_eq!(all.len(), formula);
        all
    }
}

#[tokio::test]
async fn a_backup_costs_its_objects_its_parts_and_five_requests() {
    for shape in &SHAPES {
        let world = world(shape.databases, shape.bytes).await;
        for read in [0, 1] {
            let first = world.s3.asked().len();
            let ended = world.run(&["backup"]).await;
            assert_eq!(ended.status, 0, "{}", ended.stderr);
            assert_eq!(since(&world, first), shape.requests(read), "by a command");
        }
        let daemon = world.daemon();
        // The last thing it asks for at its start.
        until("the bucket was read", || {
            world.s3.asked().iter().any(|asked| asked.key().ends_with("/.dumpcar/verified.json"))
        })
        .await;
        // What it has read or written once, it knows: the newest one since its start.
        for (night, read) in [(1, 1), (2, 0), (3, 0)] {
            let first = world.s3.asked().len();
            daemon.tell("USR1");
            daemon.logs("backup committed", night).await;
            assert_eq!(since(&world, first), shape.requests(read), "by the daemon, night {night}");
        }
        assert_eq!(daemon.stop().await.status, 0);
    }
}

/// What the daemon remembers is held against each listing.
#[tokio::test]
async fn a_last_good_backup_that_was_changed_or_deleted_is_not_remembered() {
    let world = world(0, 0).await;
    let daemon = world.daemon();
    daemon.logs("target found", 1).await;
    let mut night = 0;
    let mut reads = async || {
        let first = world.s3.asked().len();
        night += 1;
        daemon.tell("USR1");
        daemon.logs("backup committed", night).await;
        since(&world, first).iter().filter(|request| *request == "GetObject manifest.json").count()
    };
    let newest = || {
        let keys = world.keys();
        keys.iter().rfind(|key| key.ends_with("/manifest.json")).unwrap().clone()
    };
    assert_eq!((reads().await, reads().await), (0, 0));
    // Marked by hand: it is read, and so is the one before it, which is no longer known.
    let mut marked: Value = serde_json::from_slice(&world.read(&newest())).unwrap();
    marked["suspicious"] = "somebody says so".into();
    world.write(&newest(), marked.to_string().as_bytes());
    assert_eq!((reads().await, reads().await), (2, 0));
    std::fs::remove_file(world.s3.path(&format!("{}/{}", world.prefix(), newest()))).unwrap();
    assert_eq!((reads().await, reads().await), (1, 0), "the one before it");
    assert_eq!(daemon.stop().await.status, 0);
}

/// A listing that does not show an object proves nothing: the object itself is asked for.
#[tokio::test]
async fn what_a_listing_does_not_confirm_is_asked_for_by_itself() {
    let is_look = |asked: &Asked| {
        asked.operation() == "ListObjects" && asked.parameter("prefix").unwrap().contains("/shop/2")
    };
    let heads = ["HeadObject globals.sql", "HeadObject a.sql", "HeadObject b.sql"];
    // It lags behind: the answer is that to the listing of the records.
    let s3 = FakeS3::with_faults(move |asked| is_look(asked).then_some(StoreFault::SameAgain));
    let world = postgresql_of(s3.await);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(
        since(&world, 6)[..5],
        ["ListObjects backup", heads[0], heads[1], heads[2], "PutObject manifest.json"]
    );
    // Neither shows it.
    let s3 = FakeS3::with_faults(move |asked| {
        let is_asked_for = asked.operation() == "HeadObject" && asked.key().ends_with("/b.sql");
        let lags = is_look(asked).then_some(StoreFault::SameAgain);
        lags.or(is_asked_for.then_some((404, "NoSuchKey").into()))
    });
    let world = postgresql_of(s3.await);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("b.sql but does not have it"), "{}", ended.reason());
    assert_eq!(world.keys(), [""; 0]);
}

fn postgresql_of(s3: FakeS3) -> World {
    let world = World::with_s3(s3, postgresql(2, 0)).set("DUMPCAR_COMPRESSION", "none");
    let labels = json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" });
    world.docker.container("shop", labels, &[]);
    world
}
