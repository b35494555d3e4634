use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use dumpcar::jobs::verify::{self, State};
use dumpcar::pipeline::Progress;
use serde_json::{Value, json};

use super::support::docker::Script;
use super::support::fault::Fault;
use super::support::s3::{Asked, FakeS3};
use super::support::stored::{Object, manifest};
use super::support::world::{Ended, World, finish, signal, until};

const DUMP: &[u8] = b"-- a dump\n";
const OLD: &str = "2026-01-01T23-00-00Z";
const NEW: &str = "2026-01-02T23-00-00Z";
const WHOLE: &str = "CREATE TABLE t (a int);\n--\n-- PostgreSQL database dump complete\n--\n\n";

async fn world() -> World {
    World::new(|_| Script::ends(DUMP, 0)).await
}

async fn world_with(fault: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) -> World {
    World::with_s3(FakeS3::with_faults(fault).await, |_| Script::ends(DUMP, 0))
}

/// Verifies with `--json` and returns what was found, with the exit status.
async fn found(world: &World, args: &[&str]) -> (Vec<Value>, i32) {
    let ended = world.run(&[&["verify", "--json"], args].concat()).await;
    let rows = super::support::world::rows(&ended.stdout);
    (rows, ended.status)
}

/// The only problem of the only backup: state, object and reason.
async fn problem(world: &World) -> (String, String, String) {
    let (rows, status) = found(world, &[]).await;
    assert_eq!((rows.len(), status), (1, 1), "{rows:?}");
    let problems = rows[0]["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["state"], problems[0]["state"]);
    let text = |name: &str| problems[0][name].as_str().unwrap().to_owned();
    (text("state"), text("object"), text("reason"))
}

fn states(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["state"].as_str().unwrap()).collect()
}

/// The table without its times.
fn table(ended: &Ended) -> String {
    let is_time = |word: &&str| word.ends_with('s') && word.trim_end_matches('s').parse::<f64>().is_ok();
    let lines = ended.stdout.lines().map(|line| line.split_whitespace().filter(|word| !is_time(word)));
    lines.map(|words| words.collect::<Vec<_>>().join(" ") + "\n").collect()
}

#[tokio::test]
async fn a_good_backup_is_good_and_nothing_is_written() {
    let world = world().await.custom("shop").custom("wiki");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let (before, asked) = (world.keys(), world.s3.asked().len());
    let ended = world.run(&["verify"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().filter(|line| line.ends_with("s  ok")).count(), 2, "{}", ended.stdout);
    assert_eq!(ended.logged("backup verified").len(), 2);
    let (rows, status) = found(&world, &["shop"]).await;
    assert_eq!((states(&rows), status), (vec!["ok"], 0));
    let stored = world.manifests()[0]["objects"][0]["stored_bytes"].as_u64().unwrap();
    for (field, value) in [
        ("target", json!("shop")),
        ("objects", json!(1)),
        ("plain_bytes", json!(DUMP.len())),
        ("stored_bytes", json!(stored)),
    ] {
        assert_eq!(rows[0][field], value, "{field}");
    }
    assert_eq!(world.keys(), before);
    let reads = ["GetObject", "HeadObject", "ListObjects"];
    assert!(world.s3.operations()[asked..].iter().all(|operation| reads.contains(operation)));
}

#[tokio::test]
async fn damage_is_found_wherever_it_is() {
    let world = world().await;
    let object = Object::database("shop", "xz", WHOLE.as_bytes());
    let stored = object.stored.clone();
    let flipped = |at: usize| {
        let mut bytes = stored.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (what, bytes) in [
        ("the first byte", flipped(0)),
        ("a byte in the middle", flipped(stored.len() / 2)),
        ("the last byte", flipped(stored.len() - 1)),
        ("cut", stored[..stored.len() - 1].to_vec()),
        ("nothing left", Vec::new()),
        ("a byte more", [&stored[..], b"\0"].concat()),
    ] {
        world.store_backup("shop", NEW, "postgresql", std::slice::from_ref(&object));
        world.write(&format!("shop/{NEW}/shop.sql.xz"), &bytes);
        let (state, name, _) = problem(&world).await;
        assert_eq!((state.as_str(), name.as_str()), ("damaged", "shop.sql.xz"), "{what}");
    }
}

/// Not by the real program: it would be started some two thousand times.
#[tokio::test]
async fn every_byte_counts() {
    let world = world().await;
    let store = world.store();
    let state = async || {
        let reports = verify::verify(&store, &[], false, &Progress::default()).await.unwrap();
        assert_eq!(reports.len(), 1);
        reports[0].state
    };
    for compression in ["none", "gzip", "zstd", "xz"] {
        let object = Object::database("shop", compression, WHOLE.repeat(3).as_bytes());
        let (name, stored) = (object.name().to_owned(), object.stored.clone());
        world.store_backup("shop", NEW, "postgresql", &[object]);
        assert_eq!(state().await, State::Ok, "{compression}");
        let key = format!("shop/{NEW}/{name}");
        for at in 0..stored.len() {
            let mut flipped = stored.clone();
            flipped[at] ^= 1 << (at % 8);
            world.write(&key, &flipped);
            assert_eq!(state().await, State::Damaged, "{compression}, byte {at}");
        }
        for length in (0..stored.len()).step_by(17) {
            world.write(&key, &stored[..length]);
            assert_eq!(state().await, State::Damaged, "{compression}, {length} bytes");
        }
    }
}

#[tokio::test]
async fn objects_of_two_backups_that_were_swapped_are_both_damaged() {
    let world = world().await;
    // Of one size, and each a whole dump.
    let dumps = ["1", "2"].map(|row| Object::database("shop", "none", format!("{row}\n{WHOLE}").as_bytes()));
    let [old, new] = dumps;
    world.store_backup("shop", OLD, "postgresql", std::slice::from_ref(&old));
    world.store_backup("shop", NEW, "postgresql", std::slice::from_ref(&new));
    assert_eq!(found(&world, &["--all"]).await.1, 0);
    world.write(&format!("shop/{OLD}/shop.sql"), &new.stored);
    world.write(&format!("shop/{NEW}/shop.sql"), &old.stored);
    let (rows, status) = found(&world, &["--all"]).await;
    assert_eq!((states(&rows), status), (vec!["damaged", "damaged"], 1));
    assert_eq!(rows[0]["problems"][0]["reason"], "its SHA-256 is not the manifest's");
}

#[tokio::test]
async fn an_object_that_is_not_there_is_missing() {
    let world = world().await;
    let objects = ["crm", "shop"].map(|name| Object::database(name, "gzip", WHOLE.as_bytes()));
    world.store_backup("shop", NEW, "postgresql", &objects);
    std::fs::remove_file(world.s3.path(&format!("{}/shop/{NEW}/crm.sql.gz", world.prefix()))).unwrap();
    let (state, object, _) = problem(&world).await;
    assert_eq!((state.as_str(), object.as_str()), ("missing", "crm.sql.gz"));
}

#[tokio::test]
async fn what_the_manifest_says_is_held_against_every_byte() {
    let world = world().await;
    let object = || Object::database("shop", "zstd", WHOLE.as_bytes());
    for (field, value, what) in [
        ("plain_sha256", json!("0".repeat(64)), "SHA-256 after decompression"),
        ("stored_sha256", json!("0".repeat(64)), "SHA-256"),
        ("plain_bytes", json!(WHOLE.len() + 1), "size after decompression"),
        ("stored_bytes", json!(7), "size"),
    ] {
        world.store_backup("shop", NEW, "postgresql", &[object().says(field, value)]);
        let (state, _, reason) = problem(&world).await;
        assert_eq!((state, reason), ("damaged".into(), format!("its {what} is not the manifest's")));
    }
}

/// A dump that was cut before anybody took its digests.
#[tokio::test]
async fn a_dump_without_its_last_line_is_damaged_though_its_digests_fit() {
    let world = world().await;
    let cut = &WHOLE.as_bytes()[..WHOLE.find("-- PostgreSQL").unwrap()];
    world.store_backup("shop", NEW, "postgresql", &[Object::database("shop", "xz", cut)]);
    let (state, _, reason) = problem(&world).await;
    assert_eq!(state, "damaged");
    assert!(reason.contains("does not end in \"-- PostgreSQL database dump complete\""), "{reason}");
    world.store_backup("shop", NEW, "custom", &[Object::dump(b"")]);
    assert!(problem(&world).await.2.ends_with("object \"dump.dump\" is empty"));
}

#[tokio::test]
async fn a_manifest_that_cannot_be_understood_says_why() {
    let world = world().await;
    let object = Object::database("shop", "none", WHOLE.as_bytes());
    let with = |field: &str, value: Value| {
        let mut manifest = manifest("shop", NEW, "postgresql", std::slice::from_ref(&object));
        manifest[field] = value;
        manifest.to_string()
    };
    for (content, reason) in [
        ("{".to_owned(), "not a manifest"),
        (json!({ "version": 2 }).to_string(), "written by a newer Dumpcar (manifest version 2"),
        (with("stamp", json!(OLD)), "belongs to another backup"),
        (with("engine", json!("oracle")), "unknown variant `oracle`"),
        (with("objects", json!([])), "names no object"),
        (
            with("objects", json!([object.clone().says("name", "../shop.sql").entry])),
            "does not have the name that its content gives it",
        ),
    ] {
        world.store_backup("shop", NEW, "postgresql", std::slice::from_ref(&object));
        world.write(&format!("shop/{NEW}/manifest.json"), content.as_bytes());
        let (state, file, said) = problem(&world).await;
        assert_eq!((state.as_str(), file.as_str()), ("unreadable", "manifest.json"), "{content}");
        assert!(said.contains(reason), "{said}");
    }
}

#[tokio::test]
async fn files_of_others_and_objects_without_a_manifest_are_mentioned_and_no_failure() {
    let world = world().await;
    world.store_backup("shop", NEW, "custom", &[Object::dump(DUMP)]);
    world.write(&format!("shop/{NEW}/note.txt"), b"somebody's");
    world.write(&format!("shop/{NEW}/drill.json"), b"{}");
    world.write(&format!("shop/{OLD}/dump.dump"), b"left");
    world.write(&format!("gone/{OLD}/dump.dump"), b"left");
    world.write(&format!("else/{OLD}/photo.jpg"), b"somebody's");
    let ended = world.run(&["verify"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    insta::assert_snapshot!(table(&ended), @"
    TARGET BACKUP (UTC) STORED TIME RESULT
    gone 2026-01-01T23-00-00Z 4 B - orphaned: objects without a manifest are no backup
    shop 2026-01-02T23-00-00Z 10 B ok (not Dumpcar's: note.txt)
    shop 2026-01-01T23-00-00Z 4 B - orphaned: objects without a manifest are no backup
    ");
    let (rows, _) = found(&world, &[]).await;
    assert_eq!(rows[1]["foreign"], json!(["note.txt"]));
    // There is nothing to verify of a target that has no backup.
    assert_eq!(world.run(&["verify", "gone"]).await.status, 4);
}

/// What a run has in the making is nobody's leftover.
#[tokio::test]
async fn the_folder_of_a_run_is_no_orphan() {
    let world = world().await;
    world.store_backup("shop", OLD, "custom", &[Object::dump(DUMP)]);
    world.write(&format!("shop/{NEW}/dump.dump"), b"half");
    assert_eq!(states(&found(&world, &[]).await.0), ["ok", "orphaned"]);
    let record = json!({
        "version": 1, "run": "00000000deadbeef", "target": "shop", "stamp": NEW, "started": "2026-01-02T23:00:00Z",
        "holder": { "instance": "h", "process": "0".repeat(32), "boot": "b", "network": "n" },
    });
    world.write(".dumpcar/runs/shop/00000000deadbeef.json", record.to_string().as_bytes());
    assert_eq!(states(&found(&world, &[]).await.0), ["ok"]);
}

/// Between the listing and the look at the records, a run may come to its end.
#[tokio::test]
async fn a_backup_that_is_finished_meanwhile_is_no_orphan() {
    let path: Arc<OnceLock<PathBuf>> = Arc::default();
    let late = Arc::clone(&path);
    let world = world_with(move |asked| {
        if asked.operation() == "ListObjects" && asked.query.contains("runs") {
            std::fs::write(late.get().unwrap(), "{}").unwrap();
        }
        None
    })
    .await;
    world.store_backup("shop", OLD, "custom", &[Object::dump(DUMP)]);
    world.write(&format!("shop/{NEW}/dump.dump"), DUMP);
    path.set(world.s3.path(&format!("{}/shop/{NEW}/manifest.json", world.prefix()))).unwrap();
    assert_eq!(states(&found(&world, &[]).await.0), ["ok"]);
    assert!(world.keys().contains(&format!("shop/{NEW}/manifest.json")), "it was not finished");
}

/// As pruning does: the manifest goes first.
#[tokio::test]
async fn a_backup_that_is_deleted_meanwhile_is_not_damaged() {
    let path: Arc<OnceLock<PathBuf>> = Arc::default();
    let doomed = Arc::clone(&path);
    let world = world_with(move |asked| {
        if asked.operation() == "HeadObject" && asked.path.contains(OLD) {
            std::fs::remove_dir_all(doomed.get().unwrap()).unwrap();
        }
        None
    })
    .await;
    world.store_backup("shop", OLD, "custom", &[Object::dump(DUMP)]);
    world.store_backup("shop", NEW, "custom", &[Object::dump(DUMP)]);
    path.set(world.s3.path(&format!("{}/shop/{OLD}", world.prefix()))).unwrap();
    let (rows, status) = found(&world, &["--all"]).await;
    assert_eq!((states(&rows), status), (vec!["ok"], 0), "{rows:?}");
    assert_eq!(rows[0]["backup"], NEW);
}

#[tokio::test]
async fn only_the_newest_is_read_unless_all_are_asked_for() {
    let world = world().await;
    for stamp in [OLD, NEW] {
        world.store_backup("shop", stamp, "custom", &[Object::dump(DUMP)]);
    }
    // By a clock that was wrong: it would be the newest for a century.
    world.store_backup("shop", "2126-01-01T00-00-00Z", "custom", &[Object::dump(DUMP)]);
    world.write(&format!("shop/{OLD}/dump.dump"), b"-- A DUMP\n");
    let (rows, status) = found(&world, &[]).await;
    assert_eq!((rows.len(), &rows[0]["backup"], status), (1, &json!(NEW), 0));
    let (rows, status) = found(&world, &["--all"]).await;
    assert_eq!((states(&rows), status), (vec!["ok", "ok", "damaged"], 3));
}

#[tokio::test]
async fn exit_statuses_tell_all_some_and_none() {
    let world = world().await;
    assert_eq!(world.run(&["verify"]).await.status, 4);
    world.store_backup("good", NEW, "custom", &[Object::dump(DUMP)]);
    world.store_backup("bad", NEW, "custom", &[Object::dump(DUMP).says("plain_bytes", 1)]);
    for (args, status) in [
        (&["verify"][..], 3),
        (&["verify", "good"], 0),
        (&["verify", "bad"], 1),
        (&["verify", "good", "bad"], 3),
        (&["verify", "good", "nosuch"], 3),
        (&["verify", "bad", "nosuch"], 1),
        (&["verify", "nosuch"], 4),
        (&["verify", "--nosuch"], 2),
    ] {
        let ended = world.run(args).await;
        assert_eq!(ended.status, status, "{args:?}: {}", ended.stderr);
    }
    let ended = world.run(&["verify"]).await;
    insta::assert_snapshot!(table(&ended), @"
    TARGET BACKUP (UTC) STORED TIME RESULT
    bad 2026-01-02T23-00-00Z 10 B - damaged: dump.dump: its size after decompression is not the manifest's
    good 2026-01-02T23-00-00Z 10 B ok
    ");
    let ended = world.run(&["verify", "good", "nosuch"]).await;
    assert_eq!(ended.stdout.lines().count(), 2, "{}", ended.stdout);
    assert!(ended.stderr.contains("there is no backup of this target"), "{}", ended.stderr);
}

/// What a store does not hand out may be as good as ever.
#[tokio::test]
async fn a_store_that_fails_in_the_middle_makes_no_backup_damaged() {
    for (operation, code) in
        [("GetObject", "AccessDenied"), ("HeadObject", ""), ("GetObject", "InvalidObjectState")]
    {
        let world = world_with(move |asked| {
            let is_it = asked.operation() == operation && asked.path.ends_with("/shop.sql.xz");
            is_it.then_some(Fault::Answer(403, code))
        })
        .await;
        let objects = ["crm", "shop", "wiki"].map(|name| Object::database(name, "xz", WHOLE.as_bytes()));
        world.store_backup("shop", NEW, "postgresql", &objects);
        let (state, object, reason) = problem(&world).await;
        assert_eq!((state.as_str(), object.as_str()), ("unavailable", "shop.sql.xz"), "{reason}");
        let ended = world.run(&["verify"]).await;
        assert_eq!(ended.logged("cannot verify the backup").len(), 1, "{}", ended.stderr);
        assert!(!ended.stdout.contains("damaged"), "{}", ended.stdout);
    }
    let world =
        world_with(|asked| (asked.operation() == "ListObjects").then_some(Fault::Answer(403, ""))).await;
    let ended = world.run(&["verify"]).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (1, ""), "{}", ended.stderr);
    assert_eq!(ended.logged("cannot list the bucket").len(), 1);
}

#[tokio::test]
async fn a_stop_ends_it_wherever_it_is() {
    let world = world_with(|asked| {
        (asked.operation() == "GetObject" && !asked.is_manifest()).then_some(Fault::Silence)
    })
    .await;
    world.store_backup("shop", NEW, "custom", &[Object::dump(DUMP)]);
    for (name, status) in [("TERM", 143), ("INT", 130)] {
        let asked = world.s3.count("GetObject");
        let child = world.start(&["verify"]);
        until("the object is asked for", || world.s3.count("GetObject") == asked + 2).await;
        signal(&child, name);
        assert_eq!(finish(child).await.status, status);
    }
}

/// Cron's smallest unit is a minute, so this takes one or two.
#[tokio::test]
async fn the_daemon_verifies_by_itself_and_is_unhealthy_until_all_is_good() {
    let world = world().await.set("DUMPCAR_VERIFY_SCHEDULE", "* * * * *").set("DUMPCAR_SCHEDULE", "off");
    let world = world.custom("shop");
    world.store_backup("shop", NEW, "custom", &[Object::dump(DUMP)]);
    world.store_backup("shop", OLD, "custom", &[Object::dump(DUMP).says("plain_bytes", 1)]);
    world.write(&format!("shop/{NEW}/dump.dump"), b"-- A DUMP\n");
    let daemon = world.daemon();
    daemon.logs("verification planned", 1).await;
    assert_eq!(world.run(&["healthcheck"]).await.status, 0);
    let health = async |wanted: i32| {
        let since = Instant::now();
        loop {
            let asked = world.run(&["healthcheck"]).await;
            if asked.status == wanted {
                return asked.stdout;
            }
            assert!(since.elapsed() < Duration::from_secs(90), "{asked:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    assert_eq!(
        health(1).await,
        format!("(verify): shop/{NEW}: damaged: dump.dump: its SHA-256 is not the manifest's\n")
    );
    world.write(&format!("shop/{NEW}/dump.dump"), DUMP);
    assert_eq!(health(0).await, "healthy\n");
    let ended = daemon.stop().await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.logged("the backup is not good").len(), 1, "{}", ended.stderr);
    assert_eq!(ended.logged("verification ended").len(), 2);
}

#[tokio::test]
async fn a_daemon_that_verifies_stops_at_once() {
    let is_dump = |asked: &Asked| asked.operation() == "GetObject" && asked.key().ends_with("/dump.dump");
    let world = world_with(move |asked| is_dump(asked).then_some(Fault::Silence));
    let world = world.await.set("DUMPCAR_VERIFY_SCHEDULE", "* * * * *").set("DUMPCAR_SCHEDULE", "off");
    let world = world.custom("shop");
    world.store_backup("shop", NEW, "custom", &[Object::dump(DUMP)]);
    let daemon = world.daemon();
    let since = Instant::now();
    while !world.s3.asked().iter().any(is_dump) {
        assert!(since.elapsed() < Duration::from_secs(90), "it never began");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let told = Instant::now();
    assert_eq!(daemon.stop().await.status, 0);
    assert!(told.elapsed() < Duration::from_secs(3), "{:?}", told.elapsed());
}
