use serde_json::{Value, json};

use super::support::bucket::{Bucket, WRITER_KEY};
use super::support::docker::{Container, until};
use super::support::world::{Ended, World};

/// A world whose backups no rule wants, but for the newest.
fn world(headers: &[(&str, &str)]) -> (World, Container) {
    let world = World::in_bucket(Bucket::on_seaweedfs(headers))
        .set("DUMPCAR_KEEP_LAST", "1")
        .set("DUMPCAR_KEEP_DAILY", "0");
    let target = world.custom("shop", "echo -- a dump");
    (world, target)
}

fn versioned() -> (World, Container) {
    let (world, target) = world(&[]);
    let xml = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    world.bucket.done("PUT", "?versioning=", &[], xml);
    (world, target)
}

/// A bucket whose objects are locked for a day.
fn locked(mode: &str) -> (World, Container) {
    let (world, target) = world(&[("x-amz-bucket-object-lock-enabled", "true")]);
    let xml = format!(
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
         <Mode>{mode}</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>"
    );
    world.bucket.done("PUT", "?object-lock=", &[], &xml);
    (world, target)
}

/// Nobody may delete.
fn undeletable(world: &World) {
    let bucket = &world.bucket.name;
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": ["s3:DeleteObject"],
        "Resource": [format!("arn:aws:s3:::{bucket}/*")],
    }]});
    world.bucket.done("PUT", "?policy=", &[], &policy.to_string());
}

const HINT: &str = "this bucket keeps old versions";

fn pruned(ended: &Ended) -> Vec<Value> {
    ended.lines().into_iter().filter(|line| line["message"] == "backup pruned").collect()
}

fn versions(world: &World, which: &str) -> usize {
    world.bucket.done("GET", "?versions=&prefix=backups%2Fshop%2F", &[], "").matches(which).count()
}

/// What is deleted is gone for everybody who does not ask for versions.
fn is_right(world: &World, backups: usize) {
    let listed: Value = serde_json::from_slice(&world.run(&["list", "--json"]).stdout).unwrap();
    assert_eq!(listed["backups"].as_array().unwrap().len(), backups, "{listed}");
    for args in [&["verify", "--all"][..], &["cat", "shop"]] {
        let ended = world.run(args);
        assert_eq!(ended.status, 0, "{args:?}: {}", ended.stderr);
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_is_pruned_in_a_versioned_bucket_stays_as_old_versions_and_that_is_said_once() {
    let (world, _target) = versioned();
    let first = world.back_up();
    assert!(!first.stderr.contains(HINT), "nothing was deleted yet: {}", first.stderr);
    let second = world.back_up();
    assert_eq!(pruned(&second).len(), 1, "{}", second.stderr);
    assert_eq!(second.stderr.matches(HINT).count(), 1, "{}", second.stderr);
    is_right(&world, 1);
    // The manifest and the dump of both.
    assert_eq!(versions(&world, "<Version>"), 4);
    assert!(versions(&world, "<DeleteMarker>") >= 2);

    // The rules that Dumpcar prints are taken, and then nothing has to be said.
    let printed: Value = serde_json::from_slice(&world.run(&["policy", "--lifecycle"]).stdout).unwrap();
    world.bucket.done("PUT", "?lifecycle=", &[], &lifecycle_xml(&printed));
    let third = world.back_up();
    assert_eq!((pruned(&third).len(), third.stderr.contains(HINT)), (1, false), "{}", third.stderr);
}

/// As `aws s3api put-bucket-lifecycle-configuration` makes it of the JSON.
fn lifecycle_xml(printed: &Value) -> String {
    fn element(name: &str, value: &Value) -> String {
        let inner = match value {
            Value::Object(fields) => fields.iter().map(|(name, value)| element(name, value)).collect(),
            Value::Array(all) => {
                return all.iter().map(|one| element(name.trim_end_matches('s'), one)).collect();
            }
            Value::String(text) => text.clone(),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other.to_string(),
        };
        format!("<{name}>{inner}</{name}>")
    }
    element("LifecycleConfiguration", printed)
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn backups_go_into_a_bucket_with_object_lock_and_pruning_says_how_long_it_keeps_them() {
    for mode in ["GOVERNANCE", "COMPLIANCE"] {
        let (world, _target) = locked(mode);
        world.back_up();
        let key = world.keys().into_iter().find(|key| key.ends_with("/manifest.json")).unwrap();
        let lock = world.bucket.done("GET", &format!("backups/{key}?retention="), &[], "");
        let until = lock.split("<RetainUntilDate>").nth(1).unwrap().split('<').next().unwrap().to_owned();
        let second = world.back_up();
        let kept = format!("kept by the store until {until}");
        assert_eq!(pruned(&second)[0]["old_version"], kept.as_str(), "{mode}: {}", second.stderr);
        assert_eq!(second.reasons(), [""; 0]);
        is_right(&world, 1);
        // It is true.
        let all = world.bucket.done("GET", "?versions=&prefix=backups%2Fshop%2F", &[], "");
        let of_key = all
            .split("<Version>")
            .filter_map(|one| one.split_once("</Version>").map(|(one, _)| one))
            .find(|one| one.contains(&format!("<Key>backups/{key}</Key>")))
            .unwrap();
        let version = of_key.split("<VersionId>").nth(1).unwrap().split('<').next().unwrap();
        let refused = world.bucket.ask("DELETE", &format!("backups/{key}?versionId={version}"), &[], "");
        assert_eq!(refused.status, 403, "{mode}: {refused:?}");

        let world = world.set("DUMPCAR_KEEP_LAST", "2");
        world.back_up();
        let world = world.set("DUMPCAR_KEEP_LAST", "1");
        let by_hand = world.run(&["prune", "--json"]);
        assert_eq!(by_hand.status, 0, "{mode}: {}", by_hand.stderr);
        let answer: Value = serde_json::from_slice(&by_hand.stdout).unwrap();
        let gone = answer["decisions"].as_array().unwrap().iter().find(|row| row["decision"] == "delete");
        let stays = gone.unwrap()["stays"].as_str().unwrap();
        assert!(stays.starts_with("its old version is kept by the store until 2"), "{mode}: {stays}");
    }
}

fn seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn keys_that_may_only_write_make_a_backup() {
    let (world, _target) = world(&[]);
    undeletable(&world);
    let world = world.set("AWS_ACCESS_KEY_ID", WRITER_KEY).set("DUMPCAR_PRUNE", "false");
    assert_eq!(world.run(&["list"]).status, 1, "these keys may not list");
    for _ in 0..2 {
        let ended = world.back_up();
        assert_eq!(ended.reasons(), [""; 0]);
        let committed = ended.lines().into_iter().filter(|line| line["message"] == "backup committed");
        assert_eq!(committed.count(), 1, "{}", ended.stderr);
        // They cannot see which stamps are taken.
        let committed = seconds();
        until("a second is over", || seconds() > committed);
    }
    // Other keys see that it is so, and that nothing else is there.
    assert_eq!(world.manifests().len(), 2);
    assert_eq!(world.keys().len(), 2 * ["claim", "dump", "manifest"].len(), "{:?}", world.keys());
    let world = world.set("AWS_ACCESS_KEY_ID", super::support::bucket::ACCESS_KEY);
    assert_eq!(world.run(&["verify", "--all"]).status, 0);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn keys_that_may_not_delete_make_backups_without_noise() {
    const RECORDS: &str = "records of runs may not be deleted";
    let (world, _target) = world(&[]);
    undeletable(&world);
    let world = world.set("DUMPCAR_KEEP_LAST", "2");
    for night in 1..=2 {
        let ended = world.back_up();
        assert_eq!(ended.stderr.matches(RECORDS).count(), 1, "{}", ended.stderr);
        assert!(!ended.stderr.contains("\"WARN\"") && !ended.stderr.contains("killed"), "{}", ended.stderr);
        let records: Vec<_> =
            world.keys().into_iter().filter(|key| key.starts_with(".dumpcar/runs/")).collect();
        assert_eq!(records.len(), night);
        assert!(records.iter().all(|key| world.read(key).is_empty()), "they say nothing of a run that lives");
    }
    // Only when something has to go, it is a problem, which says its cure.
    let ended = world.run(&["backup"]);
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert!(ended.problem().contains("set DUMPCAR_PRUNE=false"), "{}", ended.problem());
    let world = world.set("DUMPCAR_PRUNE", "false");
    let ended = world.back_up();
    assert!(!ended.stderr.contains(RECORDS), "{}", ended.stderr);
    is_right(&world, 4);
}
