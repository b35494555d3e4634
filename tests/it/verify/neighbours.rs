use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde_json::json;

use super::{DUMP, NEW, OLD, found, states, table, world, world_with};
use crate::support::stored::Object;

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
