use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::support::docker::{ExecRequest, IMAGE_ID, Script, Step};
use super::support::s3::{Asked, FakeS3};
use super::support::world::{Ended, World};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// How large the next dump is, while the program runs or between its runs.
#[derive(Clone)]
struct Size(Arc<Mutex<usize>>);

impl Size {
    fn new(bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(bytes)))
    }

    fn set(&self, bytes: usize) {
        *self.0.lock().unwrap() = bytes;
    }

    fn play(&self) -> impl Fn(&ExecRequest) -> Script + Send + Sync + 'static {
        let Self(size) = self.clone();
        move |_| Script::ends(&vec![b'x'; *size.lock().unwrap()], 0)
    }
}

async fn world(size: &Size) -> World {
    World::new(size.play()).await.custom("shop")
}

/// A backup of `target` as an earlier run left it.
fn earlier(world: &World, target: &str, stamp: &str, plain_bytes: usize, suspicious: Option<&str>) {
    let mut manifest = json!({
        "version": 1, "target": target, "stamp": stamp, "engine": "custom", "server_version": "", "image": "i",
        "image_id": IMAGE_ID, "instance": "h", "dumpcar": "0.1.0", "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:00:01Z", "trigger": "manual",
        "objects": [{
            "name": "dump.dump", "kind": "dump", "format": "dump", "encoding": [],
            "plain_bytes": plain_bytes, "plain_sha256": "0".repeat(64), "stored_bytes": 3,
            "stored_sha256": "0".repeat(64),
        }],
    });
    if let Some(reason) = suspicious {
        manifest["suspicious"] = reason.into();
    }
    world.write(&format!("{target}/{stamp}/manifest.json"), manifest.to_string().as_bytes());
    world.write(&format!("{target}/{stamp}/dump.dump"), b"old");
}

const GOOD: &str = "2026-01-02T23-00-00Z";
const OLDER: &str = "2026-01-01T23-00-00Z";

/// A good backup and five suspicious ones after it.
fn five_bad_nights(world: &World) {
    earlier(world, "shop", OLDER, 4 * MIB, None);
    earlier(world, "shop", GOOD, 4 * MIB, None);
    (3..=7).for_each(|day| {
        earlier(world, "shop", &format!("2026-01-{day:02}T23-00-00Z"), 100 * KIB, Some("the dump: small"));
    });
}

/// The stamps of the backups that are there, oldest first.
fn stamps(world: &World) -> Vec<String> {
    world.manifests().iter().map(|manifest| manifest["stamp"].as_str().unwrap().to_owned()).collect()
}

/// Why the newest backup is suspicious.
fn mark(world: &World) -> Option<String> {
    world.manifests().last().unwrap()["suspicious"].as_str().map(str::to_owned)
}

fn manifests_read(world: &World) -> usize {
    world.s3.operations().iter().filter(|operation| **operation == "GetObject").count()
}

fn states(listed: &Ended) -> Vec<(String, Value)> {
    let rows = super::support::world::rows(&listed.stdout);
    rows.iter().map(|row| (row["backup"].as_str().unwrap().to_owned(), row["state"].clone())).collect()
}

#[tokio::test]
async fn a_backup_that_shrank_is_kept_marked_and_loud() {
    let world = world(&Size::new(100 * KIB)).await;
    earlier(&world, "shop", GOOD, 4 * MIB, None);
    let ended = world.run(&["backup", "--json"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let reason = "the dump: 100.0 KiB instead of 4.0 MiB (compared with 2026-01-02T23-00-00Z)";
    let outcomes = super::support::world::rows(&ended.stdout);
    assert_eq!((&outcomes[0]["result"], &outcomes[0]["suspicious"]), (&"done".into(), &reason.into()));
    let logged = ended
        .logged("the backup is suspicious; if that is right, run `dumpcar backup --accept-smaller shop`");
    assert_eq!((&logged[0]["level"], &logged[0]["reason"]), (&"ERROR".into(), &reason.into()));
    assert!(!ended.stderr.contains("the backup is good"), "{}", ended.stderr);
    assert_eq!(mark(&world).as_deref(), Some(reason));
    assert_eq!(stamps(&world).len(), 2);
    // Whoever wants a backup gets the last good one, and is told; the suspicious one only by its name.
    let shown = world.run(&["cat", "shop", "--stored"]).await;
    let said =
        format!("the newest backup, {}, is suspicious: {reason}; taking {GOOD} instead", stamps(&world)[1]);
    assert!(shown.stderr.contains(&said), "{}", shown.stderr);
    let shown = world.run(&["cat", "shop", "--at", &stamps(&world)[1]]).await;
    assert_eq!((shown.status, shown.stdout.len()), (0, 100 * KIB), "{}", shown.stderr);
    assert!(
        shown.stderr.contains(&format!("this backup is suspicious: {reason}; `dumpcar list shop`")),
        "{}",
        shown.stderr
    );
    assert!(world.run(&["backup"]).await.stdout.contains(" suspicious "));
}

#[tokio::test]
async fn every_night_is_compared_with_the_last_good_one() {
    let size = Size::new(100 * KIB);
    let world = world(&size).await;
    earlier(&world, "shop", GOOD, 4 * MIB, None);
    for _ in 1..=3 {
        assert_eq!(world.run(&["backup"]).await.status, 3);
        assert!(mark(&world).unwrap().ends_with("(compared with 2026-01-02T23-00-00Z)"));
    }
    size.set(3 * MIB);
    let ended = world.run(&["backup"]).await;
    assert_eq!((ended.status, mark(&world)), (0, None), "{}", ended.stderr);
    // And this one is the measure from now on.
    size.set(2 * MIB);
    let read_before = manifests_read(&world);
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert_eq!(manifests_read(&world) - read_before, 5, "each of them once");
}

#[tokio::test]
async fn five_bad_nights_do_not_push_out_the_last_good_one() {
    let world = world(&Size::new(100 * KIB)).await.set("DUMPCAR_KEEP_LAST", "1");
    five_bad_nights(&world);
    assert_eq!(world.run(&["backup"]).await.status, 3);
    let left = stamps(&world);
    assert_eq!(
        (left.len(), left[0].as_str()),
        (4, GOOD),
        "three that do not count, and the good one: {left:?}"
    );
    assert!(world.keys().contains(&format!("shop/{GOOD}/dump.dump")));
    assert_eq!(world.run(&["prune"]).await.status, 0);
    assert_eq!(stamps(&world), left);
}

#[tokio::test]
async fn prune_finds_the_last_good_one_by_itself() {
    let world = world(&Size::new(1)).await.set("DUMPCAR_KEEP_LAST", "2");
    five_bad_nights(&world);
    let planned = world.run(&["prune", "--dry-run"]).await;
    assert_eq!(planned.status, 0, "{}", planned.stderr);
    insta::assert_snapshot!(planned.stdout, @"
    TARGET  BACKUP (UTC)          DECISION  WHY
    shop    2026-01-07T23-00-00Z  keep      not counted, 1 of 3: suspicious: the
                                            dump: small
    shop    2026-01-06T23-00-00Z  keep      not counted, 2 of 3: suspicious: the
                                            dump: small
    shop    2026-01-05T23-00-00Z  keep      not counted, 3 of 3: suspicious: the
                                            dump: small
    shop    2026-01-04T23-00-00Z  delete    no rule wants it
    shop    2026-01-03T23-00-00Z  delete    no rule wants it
    shop    2026-01-02T23-00-00Z  keep      newest, last 1 of 2
    shop    2026-01-01T23-00-00Z  keep      last 2 of 2
    ");
    assert_eq!(world.run(&["prune"]).await.status, 0);
    let rest = [GOOD, "2026-01-05T23-00-00Z", "2026-01-06T23-00-00Z", "2026-01-07T23-00-00Z"];
    assert_eq!(stamps(&world), [&["2026-01-01T23-00-00Z"], &rest[..]].concat());
}

#[tokio::test]
async fn a_smaller_backup_is_accepted_by_name() {
    let world = world(&Size::new(100 * KIB)).await.set("DUMPCAR_KEEP_LAST", "1");
    five_bad_nights(&world);
    let unnamed = world.run(&["backup", "--accept-smaller"]).await;
    assert_eq!(unnamed.status, 2, "{}", unnamed.stderr);
    let accepted = world.run(&["backup", "--accept-smaller", "shop"]).await;
    assert_eq!((accepted.status, mark(&world)), (0, None), "{}", accepted.stderr);
    // It is the last good one now, and the one that was stays for a week, whatever the rules say.
    assert!(
        accepted
            .stderr
            .contains(&format!("shop: the last good backup is {GOOD} (2026-01-02 23:00 +00:00), ")),
        "{}",
        accepted.stderr
    );
    assert!(stamps(&world).contains(&GOOD.to_owned()), "{:?}\n{}", stamps(&world), accepted.stderr);
    for _ in 0..2 {
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(stamps(&world).contains(&GOOD.to_owned()), "{:?}\n{}", stamps(&world), ended.stderr);
    }
    assert_eq!(world.manifests().iter().filter(|one| one["accepted_smaller_than"] == GOOD).count(), 1);
}

#[tokio::test]
async fn what_was_accepted_stays_accepted_in_a_second_try() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let tries = AtomicU32::new(0);
    let world = World::new(move |_| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => Script::plays(vec![Step::Stdout(b"half".to_vec())], Some(0)),
        _ => Script::ends(b"all there is", 0),
    });
    let world = world.await.custom("shop").set("DUMPCAR_RETRIES", "1");
    earlier(&world, "shop", GOOD, 4 * MIB, None);
    let ended = world.run(&["backup", "--accept-smaller", "shop"]).await;
    assert_eq!(ended.logged("trying again").len(), 1, "{}", ended.stderr);
    assert_eq!((ended.status, mark(&world)), (0, None), "{}", ended.stderr);
}

#[tokio::test]
async fn another_compression_is_no_shrinking() {
    let world = world(&Size::new(4 * MIB)).await.set("DUMPCAR_COMPRESSION", "none");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let world = world.set("DUMPCAR_COMPRESSION", "xz");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let stored: Vec<u64> =
        world.manifests().iter().map(|m| m["objects"][0]["stored_bytes"].as_u64().unwrap()).collect();
    assert!(stored[1] * 100 < stored[0], "{stored:?}");
}

#[tokio::test]
async fn the_percentage_is_a_setting_and_a_label() {
    // Down to a quarter, and down to nine tenths.
    for (setting, label, now, status) in [
        ("75%", None, MIB, 0),
        ("74", None, MIB, 3),
        ("off", None, 1, 0),
        ("5%", None, MIB * 36 / 10, 3),
        ("5%", Some("10%"), MIB * 36 / 10 + 1, 0),
        ("90%", Some("50"), MIB, 3),
        ("50%", Some("off"), 1, 0),
        ("off", Some("50%"), 1, 3),
    ] {
        let world = World::new(Size::new(now).play()).await.set("DUMPCAR_SHRINK_ALERT", setting);
        let mut labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" });
        if let Some(label) = label {
            labels["dumpcar.shrink-alert"] = label.into();
        }
        world.docker.container("shop", labels, &[]);
        earlier(&world, "shop", GOOD, 4 * MIB, None);
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, status, "{setting} {label:?} {now}: {}", ended.stderr);
        assert_eq!(mark(&world).is_some(), status == 3, "{setting} {label:?} {now}");
    }
}

#[tokio::test]
async fn manifests_that_cannot_be_understood_are_passed_over() {
    let world = world(&Size::new(100 * KIB)).await;
    earlier(&world, "shop", GOOD, 4 * MIB, None);
    world.write("shop/2026-01-03T23-00-00Z/manifest.json", br#"{"version": 2}"#);
    world.write("shop/2026-01-04T23-00-00Z/manifest.json", b"no JSON");
    // Dated in the future by a clock that was wrong, it says nothing about tonight.
    earlier(&world, "shop", "2099-01-01T00-00-00Z", 100 * KIB, None);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let warned = ended.logged("this backup is not known to be good");
    let backups: Vec<_> = warned.iter().map(|line| line["backup"].as_str().unwrap()).collect();
    assert_eq!(backups, ["shop/2026-01-04T23-00-00Z", "shop/2026-01-03T23-00-00Z"]);
    assert!(ended.stderr.contains("(compared with 2026-01-02T23-00-00Z)"), "{}", ended.stderr);
}

/// A server whose manifests cannot be read for now: not knowing the last good one is no licence to delete it.
#[tokio::test]
async fn while_the_last_good_one_is_unknown_nothing_runs_and_nothing_is_deleted() {
    let s3 =
        FakeS3::with_faults(|asked| (asked.operation() == "GetObject").then_some((400, "RequestTimeout")));
    let world =
        World::with_s3(s3.await, Size::new(4 * MIB).play()).custom("shop").set("DUMPCAR_KEEP_LAST", "1");
    five_bad_nights(&world);
    let before = world.keys();
    for command in [&["backup"][..], &["prune"], &["prune", "--dry-run"]] {
        let ended = world.run(command).await;
        assert_eq!(ended.status, 1, "{command:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("could not read: RequestTimeout"), "{}", ended.stderr);
    }
    assert!(world.docker.execs().is_empty(), "the database had no work");
    assert!(!world.s3.operations().contains(&"DeleteObject"));
    assert_eq!(world.keys(), before);
    let listed = world.run(&["list", "--json"]).await;
    assert_eq!(listed.status, 0);
    assert!(listed.stderr.contains("cannot read every manifest"), "{}", listed.stderr);
    assert!(states(&listed).iter().all(|(_, state)| state.is_null()));
}

#[tokio::test]
async fn keys_that_may_not_read_are_enough_when_nothing_is_pruned() {
    let s3 = FakeS3::with_faults(|asked| (asked.operation() == "GetObject").then_some((403, "AccessDenied")));
    let world =
        World::with_s3(s3.await, Size::new(100 * KIB).play()).custom("shop").set("DUMPCAR_PRUNE", "false");
    earlier(&world, "shop", GOOD, 4 * MIB, None);
    let ended = world.run(&["backup"]).await;
    assert_eq!((ended.status, mark(&world)), (0, None), "{}", ended.stderr);
}

#[tokio::test]
async fn list_shows_the_way_to_the_last_good_one() {
    let world = world(&Size::new(1)).await;
    five_bad_nights(&world);
    world.write("shop/2026-01-08T23-00-00Z/manifest.json", b"no JSON");
    earlier(&world, "blog", "2026-01-01T23-00-00Z", 4 * MIB, None);
    earlier(&world, "blog", "2026-01-02T23-00-00Z", 4 * MIB, None);
    // All targets: each until its first good one, and what was not read is not called good.
    let listed = world.run(&["list", "--json"]).await;
    let state = |day: u32, state: &str| (format!("2026-01-{day:02}T23-00-00Z"), json!(state));
    let unread = |stamp: &str| (stamp.to_owned(), Value::Null);
    let mut expected = vec![state(2, "good"), unread(OLDER), state(8, "unreadable")];
    expected.extend((3..=7).rev().map(|day| state(day, "suspicious")));
    expected.extend([state(2, "good"), unread(OLDER)]);
    assert_eq!(states(&listed), expected);
    assert_eq!(manifests_read(&world), 1 + 7);
    // Named ones: all that they have.
    let listed = world.run(&["list", "--json", "shop"]).await;
    expected.drain(..2);
    *expected.last_mut().unwrap() = state(1, "good");
    assert_eq!(states(&listed), expected);
    let table = world.run(&["list", "shop"]).await.stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[1].ends_with("  STATE") && lines[2].ends_with("  unreadable"), "{table}");
    assert!(lines[3].ends_with("  suspicious") && lines[8].ends_with("  good"), "{table}");
    let is_said = |text: &str| lines.iter().skip(10).any(|line| line.contains(text));
    assert!(
        is_said(
            "2026-01-08T23-00-00Z is unreadable: shop/2026-01-08T23-00-00Z/manifest.json: not a manifest"
        ),
        "{table}"
    );
    assert!(is_said("2026-01-07T23-00-00Z is suspicious: the dump: small"), "{table}");
    assert!(world.run(&["list"]).await.stdout.lines().any(|line| line.ends_with("  -")));
}

/// A PostgreSQL with these databases and the sizes of their dumps.
type Databases = Arc<Mutex<BTreeMap<&'static str, usize>>>;

fn postgresql(databases: &Databases) -> impl Fn(&ExecRequest) -> Script + Send + Sync + 'static {
    let databases = Arc::clone(databases);
    let whole = |what: &str, bytes: usize| {
        let end = format!("\n--\n-- PostgreSQL {what} dump complete\n--\n\n");
        Script::ends(&[vec![b'x'; bytes - end.len()], end.into_bytes()].concat(), 0)
    };
    move |exec| {
        let databases = databases.lock().unwrap();
        let script = exec.snippet();
        if script.contains("pg_dumpall") {
            return whole("database cluster", 100);
        }
        if !script.contains("exec pg_dump") {
            let hex = |name: &str| -> String { name.bytes().map(|byte| format!("{byte:02x}")).collect() };
            let lines: String =
                databases.keys().map(|name| format!("database {} 1000\n", hex(name))).collect();
            return Script::ends(format!("version 17.6\naccounts 1\n{lines}").as_bytes(), 0);
        }
        let name = exec.env.iter().find_map(|pair| pair.strip_prefix("PGDATABASE=")).unwrap();
        whole("database", databases[name])
    }
}

#[tokio::test]
async fn each_database_is_compared_by_itself() {
    let databases: Databases = Arc::default();
    let world = World::new(postgresql(&databases)).await;
    let labelled = |more: Value| {
        let mut labels = json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" });
        labels.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.docker.container("shop", labels, &[]);
    };
    labelled(json!({}));
    let night = async |sizes: &[(&'static str, usize)], status: i32| {
        *databases.lock().unwrap() = sizes.iter().copied().collect();
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, status, "{sizes:?}: {}", ended.stderr);
        mark(&world).map(|reason| reason.split(" (compared").next().unwrap().to_owned())
    };
    let good = [("app", 9 * MIB), ("crm", MIB), ("postgres", KIB), ("wiki", 100 * KIB)];
    assert_eq!(night(&good, 0).await, None);
    // The sum hides a small one, and one that came does not make up for one that went.
    let reason = night(&[("app", 9 * MIB), ("crm2", MIB), ("postgres", 200), ("wiki", 20 * KIB)], 3).await;
    assert_eq!(
        reason.as_deref(),
        Some(r#"database "crm": gone, was 1.0 MiB, database "wiki": 20.0 KiB instead of 100.0 KiB"#)
    );
    // What the labels no longer ask for is not missed.
    labelled(json!({ "dumpcar.exclude": "crm*" }));
    assert_eq!(night(&[("app", 9 * MIB), ("postgres", KIB), ("wiki", 100 * KIB)], 0).await, None);
    // An empty server in the place of the old one: a volume that was not mounted.
    let reason = night(&[("postgres", KIB)], 3).await;
    assert_eq!(
        reason.as_deref(),
        Some(r#"database "app": gone, was 9.0 MiB, database "wiki": gone, was 100.0 KiB"#)
    );
}

#[tokio::test]
async fn a_daemon_is_unhealthy_until_the_dump_grows_again_or_is_accepted() {
    let size = Size::new(100 * KIB);
    let world = world(&size).await.set("DUMPCAR_ON_START", "true").set("DUMPCAR_SCHEDULE", "off");
    earlier(&world, "shop", GOOD, 4 * MIB, None);
    let daemon = world.daemon();
    daemon.logs("backup committed", 1).await;
    let health = async |wanted: i32| loop {
        let asked = world.run(&["healthcheck"]).await;
        if asked.status == wanted {
            return asked.stdout;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let health = async |wanted| tokio::time::timeout(Duration::from_secs(30), health(wanted)).await.unwrap();
    assert_eq!(
        health(1).await,
        "shop: suspicious: the dump: 100.0 KiB instead of 4.0 MiB (compared with 2026-01-02T23-00-00Z); \
         if that is right, run `dumpcar backup --accept-smaller shop`\n"
    );
    size.set(4 * MIB);
    daemon.tell("USR1");
    assert_eq!(health(0).await, "healthy\n");
    size.set(100 * KIB);
    daemon.tell("USR1");
    assert!(health(1).await.starts_with("shop: suspicious"));
    assert_eq!(world.run(&["backup", "--accept-smaller", "shop"]).await.status, 0);
    daemon.tell("USR1");
    assert_eq!(health(0).await, "healthy\n");
    assert_eq!(daemon.stop().await.status, 0);
}

/// The object that shows it is stored and proved like any other, and the manifest is still the last thing written.
#[tokio::test]
async fn a_suspicious_backup_is_committed_like_any_other() {
    let world = world(&Size::new(100 * KIB)).await;
    earlier(&world, "shop", GOOD, 4 * MIB, None);
    assert_eq!(world.run(&["backup"]).await.status, 3);
    // The run's record has requests of its own.
    let asked: Vec<_> = world.s3.asked().into_iter().filter(|asked| !asked.is_of_a_record()).collect();
    let operations: Vec<_> = asked.iter().map(Asked::operation).collect();
    assert_eq!(
        operations,
        ["ListObjects", "GetObject", "ListObjects", "PutObject", "HeadObject", "PutObject"]
    );
    assert!(asked.last().unwrap().path.ends_with("/manifest.json"));
}
