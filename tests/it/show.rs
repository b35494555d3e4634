use serde_json::{Value, json};

use super::operator::earlier;
use super::support::docker::Script;
use super::support::stored::{Object, manifest};
use super::support::world::World;

const DUMP: &[u8] = b"-- a dump\n";
const STAMP: &str = "2026-01-01T23-00-00Z";

#[tokio::test]
async fn a_backup_is_shown_whole() {
    let world = World::new(|_| Script::ends(DUMP, 0)).await.custom("shop");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let stamp = world.manifests()[0]["stamp"].as_str().unwrap().to_owned();
    let ended = world.run(&["show", "shop"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    for says in [
        format!("shop/{stamp}\n"),
        "trigger    manual".to_owned(),
        "state      good, the last good one".to_owned(),
        "drill      none yet".to_owned(),
        "retention  keep: newest, last 1 of 7, daily 1 of 7".to_owned(),
        "deletes it, if all are good".to_owned(),
        "dump.dump.xz  the dump  10 B".to_owned(),
        format!("restore it:\n  dumpcar restore shop --at {stamp}\n"),
    ] {
        assert!(ended.stdout.contains(&says), "{says}: {}", ended.stdout);
    }
    assert!(ended.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ended.stdout);
}

#[tokio::test]
async fn tables_and_rows_and_what_is_missing_are_shown() {
    let world = World::new(|_| Script::ends(DUMP, 0)).await;
    let rows = json!({ "rows": 7, "sum": "0".repeat(16) });
    let content = json!({
        "tables": 1, "rows": 7, "fingerprint": "0".repeat(16), "rows_of": { "public.orders": rows },
    });
    let object = Object::database("shop", "none", b"--\n").says("content", content);
    let mut shop = manifest("shop", STAMP, "postgresql", std::slice::from_ref(&object));
    shop["missing"] = json!([{ "database": "crm", "reason": "refused" }]);
    world.write(&format!("shop/{STAMP}/shop.sql"), &object.stored);
    world.write(&format!("shop/{STAMP}/manifest.json"), shop.to_string().as_bytes());
    let ended = world.run(&["show", "shop", "--at", STAMP]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    for says in [
        "database \"crm\": refused",
        "shop      public.orders  7",
        "retention  keep: no container here serves the target: nothing is pruned",
        "--to CONTAINER --globals",
    ] {
        assert!(ended.stdout.contains(says), "{says}: {}", ended.stdout);
    }
    let answer: Value = serde_json::from_str(&world.run(&["show", "shop", "--json"]).await.stdout).unwrap();
    let backup = &answer["backup"];
    assert_eq!(
        (&backup["state"], &backup["started"]),
        (&"incomplete".into(), &"2026-01-01T23:00:00Z".into())
    );
    assert_eq!(backup["contents"][0]["rows_of"], json!({ "public.orders": 7 }));
}

#[tokio::test]
async fn what_cannot_be_read_is_shown_as_far_as_it_is_listed() {
    let world = World::new(|_| Script::ends(DUMP, 0)).await.custom("shop");
    earlier(&world, STAMP);
    world.write(&format!("shop/{STAMP}/manifest.json"), b"{");
    let ended = world.run(&["show", "shop"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("state      unreadable: "), "{}", ended.stdout);
    assert!(ended.stdout.contains("dump.dump  -         -     3 B"), "{}", ended.stdout);
    assert!(ended.stdout.contains("it cannot be restored"), "{}", ended.stdout);
    let ended = world.run(&["show", "blog", "--json"]).await;
    assert_eq!(ended.status, 4);
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(answer, json!({ "version": 1, "target": "blog", "backup": null }));
}
