use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::support::docker::Script;
use super::support::fault::Fault;
use super::support::s3::{Asked, FakeS3};
use super::support::world::{Ended, World};

/// A stamp that the store keeps, once there is one.
type Locked = Arc<Mutex<Option<String>>>;

/// Three backups of which no rule wants the older two, and whatever the store says of the requests about the oldest.
async fn world(says: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) -> (World, String) {
    let locked = Locked::default();
    let s3 = {
        let locked = Arc::clone(&locked);
        FakeS3::with_faults(move |asked| {
            let locked = locked.lock().unwrap();
            locked.as_ref().filter(|stamp| asked.path.contains(*stamp)).and_then(|_| says(asked))
        })
        .await
    };
    let world = World::with_s3(s3, |_| Script::ends(b"-- a dump\n", 0)).custom("shop");
    for _ in 0..3 {
        assert_eq!(world.run(&["backup"]).await.status, 0);
    }
    let oldest = world.keys().into_iter().find(|key| key.ends_with("/manifest.json")).unwrap();
    let stamp = oldest.split('/').nth_back(1).unwrap().to_owned();
    *locked.lock().unwrap() = Some(stamp.clone());
    (world.set("DUMPCAR_KEEP_LAST", "1").set("DUMPCAR_KEEP_DAILY", "0"), stamp)
}

fn is_deletion(asked: &Asked) -> bool {
    asked.operation() == "DeleteObject"
}

fn decision(ended: &Ended, stamp: &str) -> Value {
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    let rows = answer["decisions"].as_array().unwrap();
    rows.iter().find(|row| row["backup"] == stamp).unwrap().clone()
}

/// What refuses is a lock: that backup stays whole, the other one goes, and nothing has failed.
async fn keeps(says: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static, kept: &str) {
    let (world, stamp) = world(says).await;
    let before = world.keys().iter().filter(|key| key.contains(&stamp)).count();
    for _ in 0..2 {
        let ended = world.run(&["prune", "--json"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let row = decision(&ended, &stamp);
        assert_eq!((&row["decision"], &row["reasons"][0]), (&"keep".into(), &kept.into()), "{row}");
        assert_eq!(ended.logged(&format!("not pruned yet: {kept}")).len(), 1, "{}", ended.stderr);
        assert!(!ended.stderr.contains("WARN") && !ended.stderr.contains("ERROR"), "{}", ended.stderr);
        assert_eq!(world.manifests().len(), 2);
    }
    assert_eq!(world.keys().iter().filter(|key| key.contains(&stamp)).count(), before, "manifest first");
    // A run prunes as well, and is as good.
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.manifests().len(), 2);
    // By hand, it is what was asked for and not done.
    let ended = world.run(&["delete", "shop", "--all", "--yes"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("shop/{stamp} is {kept}")), "{}", ended.stderr);
    assert_eq!(world.manifests().len(), 1, "the others are gone");
}

#[tokio::test]
async fn a_bucket_lock_keeps_its_backup_and_no_other() {
    let says = |asked: &Asked| {
        is_deletion(asked).then_some(Fault::Says(409, "ObjectLockedByBucketPolicy", "The object is locked."))
    };
    keeps(says, "kept by the store (Object Lock)").await;
}

/// The code is the same as where the keys lack a right.
#[tokio::test]
async fn a_store_that_only_denies_is_asked_how_long_it_keeps_the_object() {
    let says = |asked: &Asked| match asked.operation() {
        "DeleteObject" => Some(Fault::Answer(403, "AccessDenied")),
        _ if asked.query.starts_with("retention") => Some(Fault::Xml(
            "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2199-01-02T03:04:05Z</RetainUntilDate></Retention>",
        )),
        _ => None,
    };
    keeps(says, "kept by the store until 2199-01-02T03:04:05Z").await;
}

#[tokio::test]
async fn keys_that_may_not_delete_are_no_lock() {
    for retention in [
        Fault::Answer(404, "NoSuchObjectLockConfiguration"),
        Fault::Answer(403, "AccessDenied"),
        Fault::Answer(501, "NotImplemented"),
        // It has ended.
        Fault::Xml("<Retention><RetainUntilDate>2001-01-02T03:04:05Z</RetainUntilDate></Retention>"),
        Fault::Xml("what is this"),
    ] {
        let (world, _) = world(move |asked| match asked.operation() {
            "DeleteObject" => Some(Fault::Answer(403, "AccessDenied")),
            _ if asked.query.starts_with("retention") => Some(retention),
            _ => None,
        })
        .await;
        let ended = world.run(&["prune"]).await;
        assert_eq!(ended.status, 1, "{retention:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("set DUMPCAR_PRUNE=false"), "{retention:?}: {}", ended.stderr);
    }
}

/// A lock on an object whose manifest is gone: no backup is left, and nothing is in the way of the others.
#[tokio::test]
async fn an_object_that_stays_under_a_lock_is_no_failure() {
    let (world, stamp) = world(|asked| {
        (is_deletion(asked) && !asked.is_manifest()).then_some(Fault::Says(
            403,
            "AccessDenied",
            "Object is WORM protected",
        ))
    })
    .await;
    let ended = world.run(&["prune", "--json"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let row = decision(&ended, &stamp);
    assert_eq!(row["stays"], "its old version is kept by the store (Object Lock)", "{row}");
    assert_eq!(world.manifests().len(), 1);
}

const HINT: &str = "this bucket keeps old versions";

/// How often a daemon's worth of pruning speaks of old versions, where deletions are answered so.
async fn hints(deleted: &'static [(&str, &str)], lifecycle: Fault) -> usize {
    let s3 = FakeS3::with_faults(move |asked| match asked.operation() {
        "DeleteObject" => Some(Fault::Headers(deleted)),
        _ if asked.query.starts_with("lifecycle") => Some(lifecycle),
        _ => None,
    })
    .await;
    let world = World::with_s3(s3, |_| Script::ends(b"-- a dump\n", 0)).custom("shop");
    for _ in 0..3 {
        assert_eq!(world.run(&["backup"]).await.status, 0);
    }
    let world = world.set("DUMPCAR_KEEP_LAST", "1").set("DUMPCAR_KEEP_DAILY", "0");
    let ended = world.run(&["prune"]).await;
    assert_eq!((ended.status, world.manifests().len()), (0, 1), "{}", ended.stderr);
    ended.stderr.matches(HINT).count()
}

#[tokio::test]
async fn old_versions_are_told_once_where_nothing_removes_them() {
    const MARKER: &[(&str, &str)] =
        &[("x-amz-delete-marker", "true"), ("x-amz-version-id", "3sL4kqtJlcpXroDTDmJ")];
    const NULL: &[(&str, &str)] = &[("x-amz-delete-marker", "true"), ("x-amz-version-id", "null")];
    let no_rules = Fault::Answer(404, "NoSuchLifecycleConfiguration");
    let denied = Fault::Answer(403, "AccessDenied");
    let rule = Fault::Xml(
        "<LifecycleConfiguration><Rule><NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays>\
         </NoncurrentVersionExpiration></Rule></LifecycleConfiguration>",
    );
    for (deleted, lifecycle, told) in [
        (MARKER, no_rules, 1),
        (MARKER, denied, 1),
        (MARKER, rule, 0),
        (NULL, no_rules, 0),
        (&[], no_rules, 0),
    ] {
        assert_eq!(hints(deleted, lifecycle).await, told, "{deleted:?} {lifecycle:?}");
    }
}

/// Each run leaves an empty record; none of them is read again, nor taken for a run that lives.
#[tokio::test]
async fn a_record_that_may_not_be_deleted_is_emptied() {
    let s3 = FakeS3::with_faults(|asked| {
        (is_deletion(asked) && asked.is_of_a_record()).then_some((403, "AccessDenied"))
    })
    .await;
    let world = World::with_s3(s3, |_| Script::ends(b"-- a dump\n", 0)).custom("shop");
    for night in 1..=3 {
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(!ended.stderr.contains("WARN"), "{}", ended.stderr);
        let records: Vec<_> = world.keys().into_iter().filter(|key| key.contains(".dumpcar/runs")).collect();
        assert_eq!(records.len(), night);
        assert!(records.iter().all(|key| world.read(key).is_empty()));
    }
    let of_records = world.s3.asked().into_iter().filter(Asked::is_of_a_record);
    assert_eq!(of_records.filter(|asked| asked.operation() == "GetObject").count(), 0);
}

#[tokio::test]
async fn the_policy_of_keys_that_cannot_destroy_says_what_goes_without() {
    let world = World::with_s3(FakeS3::start().await, |_| Script::ends(b"-- a dump\n", 0)).custom("shop");
    let printed = world.run(&["policy", "--no-delete"]).await;
    let policy: Value = serde_json::from_str(&printed.stdout).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let (denied, allowed): (Vec<_>, Vec<_>) =
        statements.iter().partition(|statement| statement["Effect"] == "Deny");
    let allowed = serde_json::to_string(&allowed).unwrap();
    assert!(!allowed.contains("Delete") && allowed.contains("s3:PutObject"), "{allowed}");
    let denied = serde_json::to_string(&denied).unwrap();
    for right in ["s3:DeleteObject\"", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"] {
        assert!(denied.contains(right), "{denied}");
    }
    assert!(printed.stderr.contains("Set DUMPCAR_PRUNE=false"), "{}", printed.stderr);

    let rules = world.run(&["policy", "--lifecycle"]).await;
    let rules: Value = serde_json::from_str(&rules.stdout).unwrap();
    let rule = &rules["Rules"][0];
    assert!(rule["Filter"]["Prefix"].as_str().unwrap().ends_with('/'), "{rule}");
    assert_eq!(rule["NoncurrentVersionExpiration"]["NoncurrentDays"], 7);
    assert_eq!(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"], 7);
    assert_eq!(rules["Rules"].as_array().unwrap().len(), 1, "Dumpcar deletes the backups");
    let by_bucket = world.run(&["policy", "--no-delete", "--lifecycle"]).await;
    assert!(by_bucket.stderr.contains("by age alone"), "{}", by_bucket.stderr);
    let rules: Value = serde_json::from_str(&by_bucket.stdout).unwrap();
    assert_eq!(rules["Rules"][1]["Expiration"]["Days"], 30);
}
