use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{GOOD, KIB, MIB, Size, earlier, manifests_read, mark, stamps, world};
use crate::support::docker::{ExecRequest, Script};
use crate::support::s3::{Asked, FakeS3};
use crate::support::world::World;

#[tokio::test]
async fn a_backup_that_shrank_is_kept_marked_and_loud() {
    let world = world(&Size::new(100 * KIB)).await;
    earlier(&world, "shop", GOOD, 4 * MIB, None);
    let ended = world.run(&["backup", "--json"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let reason = "the dump: 100.0 KiB instead of 4.0 MiB (compared with 2026-01-02T23-00-00Z)";
    let outcomes = crate::support::world::rows(&ended.stdout);
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

#[tokio::test]
async fn keys_that_may_not_read_are_enough_when_nothing_is_pruned() {
    let s3 = FakeS3::with_faults(|asked| (asked.operation() == "GetObject").then_some((403, "AccessDenied")));
    let world =
        World::with_s3(s3.await, Size::new(100 * KIB).play()).custom("shop").set("DUMPCAR_PRUNE", "false");
    earlier(&world, "shop", GOOD, 4 * MIB, None);
    let ended = world.run(&["backup"]).await;
    assert_eq!((ended.status, mark(&world)), (0, None), "{}", ended.stderr);
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
