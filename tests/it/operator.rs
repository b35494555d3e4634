use serde_json::{Value, json};

use super::support::docker::{IMAGE_ID, Script};
use super::support::s3::FakeS3;
use super::support::stored::Object;
use super::support::world::World;

const DUMP: &[u8] = b"-- a dump\n";

async fn world() -> World {
    World::new(|_| Script::ends(DUMP, 0)).await.custom("shop")
}

/// Puts a complete backup of `shop` into the bucket, as an earlier Dumpcar left it.
pub(super) fn earlier(world: &World, stamp: &str) {
    let manifest = json!({
        "version": 1, "target": "shop", "stamp": stamp, "engine": "custom", "server_version": "", "image": "i",
        "image_id": IMAGE_ID, "instance": "h", "dumpcar": "0.1.0", "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:00:01Z", "trigger": "manual",
        "objects": [{
            "name": "dump.dump", "kind": "dump", "format": "dump", "encoding": [], "plain_bytes": 3,
            "plain_sha256": "0".repeat(64), "stored_bytes": 3, "stored_sha256": "0".repeat(64),
        }],
    });
    world.write(&format!("shop/{stamp}/manifest.json"), manifest.to_string().as_bytes());
    world.write(&format!("shop/{stamp}/dump.dump"), b"old");
}

fn days(count: u32) -> impl Iterator<Item = String> {
    (1..=count).map(|day| format!("2026-01-{day:02}T23-00-00Z"))
}

#[tokio::test]
async fn a_backup_is_listed_and_read_back() {
    let world = world().await;
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let listed = world.run(&["list", "--json"]).await;
    let rows = super::support::world::rows(&listed.stdout);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["target"], "shop");
    let stamp = rows[0]["backup"].as_str().unwrap().to_owned();
    let shown = world.run(&["cat", "shop", "--at", &stamp]).await;
    assert_eq!((shown.status, shown.stdout.as_bytes()), (0, DUMP));
    assert_eq!(world.run(&["cat", "shop", "--at", "2020-01-01T00:00:00Z"]).await.status, 4);
}

#[tokio::test]
async fn the_stored_object_comes_as_it_is() {
    let world = world().await;
    let world = world.set("DUMPCAR_COMPRESSION", "none");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let world = world.set("DUMPCAR_COMPRESSION", "xz");
    assert_eq!(world.run(&["cat", "shop", "--stored"]).await.stdout.as_bytes(), DUMP);
}

#[tokio::test]
async fn a_damaged_object_is_reported_by_cat() {
    let world = world().await.set("DUMPCAR_COMPRESSION", "none");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let key = world.keys()[0].clone();
    world.write(&key, b"-- a DUMP\n");
    let shown = world.run(&["cat", "shop"]).await;
    assert_eq!(shown.status, 1);
    assert!(shown.stderr.contains("is damaged"), "{}", shown.stderr);
}

#[tokio::test]
async fn the_newest_seven_are_kept_and_nothing_of_others_is_touched() {
    let world = world().await;
    days(9).for_each(|stamp| earlier(&world, &stamp));
    world.write("shop/2026-01-01T23-00-00Z/note.txt", b"somebody's");
    world.write("shop/photo.jpg", b"somebody's");
    world.write("other/2026-01-01T23-00-00Z/manifest.json", b"{}");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let keys = world.keys();
    let manifests =
        keys.iter().filter(|key| key.starts_with("shop/") && key.ends_with("manifest.json")).count();
    assert_eq!(manifests, 7, "{keys:?}");
    assert!(!keys.contains(&"shop/2026-01-03T23-00-00Z/dump.dump".to_owned()));
    for foreign in
        ["shop/2026-01-01T23-00-00Z/note.txt", "shop/photo.jpg", "other/2026-01-01T23-00-00Z/manifest.json"]
    {
        assert!(keys.contains(&foreign.to_owned()), "{foreign} of {keys:?}");
    }
}

#[tokio::test]
async fn a_failed_run_deletes_nothing() {
    let world = World::new(|_| Script::ends(b"half", 1)).await.custom("shop").set("DUMPCAR_KEEP_LAST", "1");
    days(5).for_each(|stamp| earlier(&world, &stamp));
    let before = world.keys();
    assert_eq!(world.run(&["backup"]).await.status, 1);
    assert_eq!(world.keys(), before);
}

#[tokio::test]
async fn a_listing_that_breaks_off_deletes_nothing() {
    let s3 =
        FakeS3::with_faults(|asked| (asked.operation() == "ListObjects").then_some((403, "AccessDenied")))
            .await;
    let world = World::with_s3(s3, |_| Script::ends(DUMP, 0)).custom("shop").set("DUMPCAR_KEEP_LAST", "1");
    days(5).for_each(|stamp| earlier(&world, &stamp));
    let before = world.keys();
    assert_eq!(world.run(&["prune"]).await.status, 1);
    assert_eq!(world.run(&["backup"]).await.status, 1);
    assert_eq!(world.keys(), before);
}

#[tokio::test]
async fn a_dry_run_says_why_and_deletes_nothing() {
    let world = world().await.set("DUMPCAR_KEEP_LAST", "2");
    days(4).for_each(|stamp| earlier(&world, &stamp));
    let before = world.keys();
    let ended = world.run(&["prune", "--dry-run"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.keys(), before);
    insta::assert_snapshot!(ended.stdout, @"
    TARGET  BACKUP (UTC)          DECISION  WHY
    shop    2026-01-04T23-00-00Z  keep      newest, last 1 of 2
    shop    2026-01-03T23-00-00Z  keep      last 2 of 2
    shop    2026-01-02T23-00-00Z  delete    no rule wants it
    shop    2026-01-01T23-00-00Z  delete    no rule wants it
    ");
}

#[tokio::test]
async fn a_label_overrides_the_retention() {
    let world = world().await;
    let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it", "dumpcar.keep-last": "2" });
    world.docker.container("shop", labels, &[]);
    days(4).for_each(|stamp| earlier(&world, &stamp));
    assert_eq!(world.run(&["prune"]).await.status, 0);
    assert_eq!(world.manifests().len(), 2);
}

#[tokio::test]
async fn a_prune_that_is_refused_is_a_problem_of_a_good_backup() {
    let s3 =
        FakeS3::with_faults(|asked| (asked.operation() == "DeleteObject").then_some((403, "AccessDenied")))
            .await;
    let world = World::with_s3(s3, |_| Script::ends(DUMP, 0)).custom("shop").set("DUMPCAR_KEEP_LAST", "1");
    earlier(&world, "2026-01-01T23-00-00Z");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert!(ended.stdout.contains("ok, with problems"), "{}", ended.stdout);
    assert_eq!(world.manifests().len(), 2);
}

#[tokio::test]
async fn with_prune_off_nothing_is_ever_deleted() {
    let world = world().await.set("DUMPCAR_PRUNE", "false").set("DUMPCAR_KEEP_LAST", "1");
    days(4).for_each(|stamp| earlier(&world, &stamp));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert_eq!(world.manifests().len(), 5);
    assert_eq!(world.run(&["prune"]).await.status, 2);
    assert_eq!(world.manifests().len(), 5);
}

#[tokio::test]
async fn the_policy_asks_for_no_more_than_is_needed() {
    let world = world().await;
    let policy: Value = serde_json::from_str(&world.run(&["policy"]).await.stdout).unwrap();
    let actions = policy["Statement"][1]["Action"].as_array().unwrap();
    assert!(actions.contains(&json!("s3:DeleteObject")));
    let resource = policy["Statement"][1]["Resource"][0].as_str().unwrap();
    assert!(resource.starts_with("arn:aws:s3:::backups/t") && resource.ends_with("/*"), "{resource}");
    let uploads = &policy["Statement"][2];
    assert_eq!(uploads["Action"], json!(["s3:ListBucketMultipartUploads", "s3:GetLifecycleConfiguration"]));
    assert_eq!(
        uploads["Resource"],
        json!(["arn:aws:s3:::backups"]),
        "a right to the bucket, not to its objects"
    );
    // Nothing is deleted then, and so nothing looked for that would have to be.
    let world = world.set("DUMPCAR_PRUNE", "false");
    let policy = world.run(&["policy"]).await.stdout;
    assert!(!policy.contains("DeleteObject") && !policy.contains("MultipartUploads"), "{policy}");
}

#[tokio::test]
async fn config_shows_no_secret() {
    let world = world().await;
    let shown = world.run(&["config"]).await;
    assert_eq!(shown.status, 0);
    assert!(shown.stdout.contains("DUMPCAR_SCHEDULE"), "{}", shown.stdout);
    assert!(!shown.stdout.contains(super::support::s3::SECRET_KEY));
}

#[tokio::test]
async fn cat_needs_no_name_when_only_one_database_is_meant() {
    let world = world().await;
    let object = |database: &str| {
        json!({
            "name": format!("{database}.sql"), "kind": "database", "database": database, "format": "sql",
            "encoding": [], "plain_bytes": 3, "plain_sha256": "0".repeat(64), "stored_bytes": 3,
            "stored_sha256": "0".repeat(64),
        })
    };
    let backup = |stamp: &str, databases: &[&str]| {
        let objects: Vec<Value> = databases.iter().map(|name| object(name)).collect();
        let manifest = json!({
            "version": 1, "target": "shop", "stamp": stamp, "engine": "postgresql", "server_version": "17", "image": "i",
            "image_id": IMAGE_ID, "instance": "h", "dumpcar": "0.1.0", "started": "2026-01-01T00:00:00Z",
            "finished": "2026-01-01T00:00:01Z", "trigger": "manual", "objects": objects,
        });
        world.write(&format!("shop/{stamp}/manifest.json"), manifest.to_string().as_bytes());
        databases.iter().for_each(|name| {
            world.write(&format!("shop/{stamp}/{name}.sql"), format!("{name:.3}").as_bytes());
        });
    };
    backup("2026-01-01T00-00-00Z", &["postgres", "app"]);
    backup("2026-01-02T00-00-00Z", &["postgres", "app", "crm"]);
    let first = world.run(&["cat", "shop", "--at", "2026-01-01T00-00-00Z"]).await;
    assert_eq!(first.stdout, "app");
    let second = world.run(&["cat", "shop"]).await;
    assert_eq!(second.status, 4);
    assert!(
        second.stderr.contains("say which database (--database): it has postgres, app, crm"),
        "{}",
        second.stderr
    );
}

#[tokio::test]
async fn cat_takes_a_time_for_the_backup_that_was_there_then() {
    let world = world().await;
    for stamp in ["2026-01-01T23-00-00Z", "2026-01-02T23-00-00Z"] {
        world.store_backup("shop", stamp, "custom", &[Object::dump(stamp.as_bytes())]);
    }
    for (at, shown) in [
        ("latest", "2026-01-02T23-00-00Z"),
        ("2026-01-01T23-00-00Z", "2026-01-01T23-00-00Z"),
        ("2026-01-02T22:59:59Z", "2026-01-01T23-00-00Z"),
        ("2026-01-03T00:00:00+01:00", "2026-01-02T23-00-00Z"),
        ("2026-01-02 23:30:00+01:00", "2026-01-01T23-00-00Z"),
    ] {
        let ended = world.run(&["cat", "shop", "--at", at]).await;
        assert_eq!((ended.status, ended.stdout.as_str()), (0, shown), "{at}: {}", ended.stderr);
    }
    for (at, says) in [
        (
            "2025-12-31T00:00:00Z",
            "there is no such backup; the nearest one is 2026-01-01T23-00-00Z (2026-01-01 23:00 +00:00), after it",
        ),
        (
            "2026-01-03",
            "there is no such backup; the nearest one is 2026-01-02T23-00-00Z (2026-01-02 23:00 +00:00), before it",
        ),
        (
            "2026-01-02T00-00-00Z",
            "there is no such backup; the nearest ones are 2026-01-01T23-00-00Z (2026-01-01 23:00 +00:00) before and",
        ),
    ] {
        let ended = world.run(&["cat", "shop", "--at", at]).await;
        assert_eq!(ended.status, 4, "{at}");
        assert!(ended.stderr.contains(says), "{at}: {}", ended.stderr);
    }
    let unclear = world.run(&["cat", "shop", "--at", "2026-01"]).await;
    assert_eq!(unclear.status, 2);
    assert!(unclear.stderr.contains("2026-11-23T23:30:00+01:00"), "{}", unclear.stderr);
}

#[tokio::test]
async fn a_local_time_is_one_of_the_settings_zone() {
    let world = world().await.set("TZ", "America/New_York");
    for stamp in ["2026-07-01T23-00-00Z", "2026-07-02T03-00-00Z", "2026-07-03T03-30-00Z"] {
        world.store_backup("shop", stamp, "custom", &[Object::dump(stamp.as_bytes())]);
    }
    for (at, shown) in [
        ("2026-07-01 19:00", "2026-07-01T23-00-00Z"),
        ("2026-07-01", "2026-07-02T03-00-00Z"),
        ("2026-07-02", "2026-07-03T03-30-00Z"),
        ("2026-07-02T23:29", "2026-07-02T03-00-00Z"),
        ("today", ""),
        ("2026-11-01 01:30", ""),
    ] {
        let ended = world.run(&["cat", "shop", "--at", at]).await;
        assert_eq!(ended.stdout, shown, "{at}: {}", ended.stderr);
    }
    let twice = world.run(&["cat", "shop", "--at", "2026-11-01 01:30"]).await;
    assert_eq!(twice.status, 2);
    assert!(twice.stderr.contains(r"the time of --at comes twice"), "{}", twice.stderr);
}

#[tokio::test]
async fn delete_takes_nothing_that_was_not_named_exactly() {
    let world = world().await;
    let stamps = ["2026-01-01T03-00-00Z", "2026-01-01T23-00-00Z", "2026-01-02T23-00-00Z"];
    stamps.iter().for_each(|stamp| earlier(&world, stamp));
    let before = world.keys();
    for (args, says) in [
        (
            &["--at", "2026-01-01"][..],
            "that day has 2026-01-01T23-00-00Z, 2026-01-01T03-00-00Z; pass --at with the stamps",
        ),
        (
            &["--at", "2026-01-01", "--yes"],
            "that day has 2026-01-01T23-00-00Z, 2026-01-01T03-00-00Z; pass --at with the stamps",
        ),
        (&["--at", "2026-01-02", "--yes"], "takes stamps only; pass --at 2026-01-02T23-00-00Z"),
        (&["--at", "2026-01-02 23:00", "--yes"], "takes stamps only; pass --at 2026-01-02T23-00-00Z"),
        // Shown, and then nobody is there to ask.
        (&["--at", "2026-01-02"], "there is no terminal to ask on"),
    ] {
        let ended = world.run(&[&["delete", "shop"], args].concat()).await;
        assert_eq!(ended.status, 2, "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{args:?}: {}", ended.stderr);
        assert_eq!(world.keys(), before, "{args:?}");
    }
}

#[tokio::test]
async fn tables_fit_a_screen_of_80_columns_and_say_the_local_time() {
    const NAME: &str = "a-name-of-20-letters";
    let world =
        World::new(|_| Script::ends(DUMP, 0)).await.custom(NAME).custom("shop").set("TZ", "Asia/Kolkata");
    world.store_backup(NAME, "2026-01-01T23-00-00Z", "custom", &[Object::dump(b"x")]);
    world.store_backup("shop", "2026-01-02T23-00-00Z", "custom", &[Object::dump(b"y")]);
    let manifest = format!("{NAME}/2026-01-01T23-00-00Z/manifest.json");
    let mut suspicious: Value = serde_json::from_slice(&world.read(&manifest)).unwrap();
    suspicious["suspicious"] =
        "far smaller than the one before, and with a reason as long as a line of a screen is".into();
    world.write(&manifest, suspicious.to_string().as_bytes());
    let listed = world.run(&["list"]).await;
    insta::assert_snapshot!(listed.stdout, @"
    a-name-of-20-letters: 1 backup, 1 B, by h
    BACKUP                TIME                     SIZE  DRILL  STATE
    2026-01-01T23-00-00Z  2026-01-02 04:30 +05:30  1 B   -      suspicious
    2026-01-01T23-00-00Z is suspicious: far smaller than the one before, and with a reason as long as a line of a screen is

    shop: 1 backup, 1 B, by h
    BACKUP                TIME                     SIZE  DRILL  STATE
    2026-01-02T23-00-00Z  2026-01-03 04:30 +05:30  1 B   -      good
    ");
    for args in [&["list"][..], &["verify"], &["backup"], &["delete", NAME, "--all", "--yes"]] {
        let ended = world.run(args).await;
        let wide: Vec<&str> = ended.stdout.lines().filter(|line| line.chars().count() > 80).collect();
        // What is wrong, and where the bucket is, is a sentence.
        let is_sentence = |line: &str| {
            [" suspicious: ", " from s3://", "THE LAST GOOD BACKUP"].iter().any(|text| line.contains(text))
        };
        let wide: Vec<_> = wide.into_iter().filter(|line| !is_sentence(line)).collect();
        assert!(wide.is_empty(), "{args:?}: {wide:#?}");
    }
}

#[tokio::test]
async fn help_is_a_command_as_well() {
    let world = world().await;
    for args in [&["help"][..], &["help", "restore"], &["restore", "--help"]] {
        let ended = world.run(args).await;
        assert_eq!(ended.status, 0, "{args:?}: {}", ended.stderr);
        assert!(ended.stdout.contains("Exit status:\n  0  "), "{args:?}: {}", ended.stdout);
    }
}
