use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::DUMP;
use crate::support::docker::{ExecRequest, Script};
use crate::support::s3::{Asked, FakeS3};
use crate::support::world::{World, rows};

#[tokio::test]
async fn keys_that_may_only_write_are_enough_when_nothing_is_pruned() {
    let s3 = FakeS3::with_faults(|asked| {
        matches!(asked.operation(), "ListObjects" | "GetObject" | "DeleteObject" | "HeadObject")
            .then_some((403, "AccessDenied"))
    });
    let world =
        World::with_s3(s3.await, |_| Script::ends(DUMP, 0)).custom("shop").set("DUMPCAR_PRUNE", "false");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.manifests().len(), 1);
}

/// A store for keys that may only write, until the flag is set.
async fn write_only() -> (FakeS3, Arc<AtomicBool>) {
    let may_all = Arc::new(AtomicBool::new(false));
    let may = Arc::clone(&may_all);
    let refuse = move |asked: &Asked| {
        (asked.operation() != "PutObject" && !may.load(Ordering::SeqCst)).then_some((403, "AccessDenied"))
    };
    (FakeS3::with_faults(refuse).await, may_all)
}

/// Without a look into the bucket nobody knows which seconds are taken. The dumps would write over one another, and the first
/// manifest would name bytes that are gone.
#[tokio::test]
async fn backups_within_one_second_by_keys_that_may_only_write_are_backups_of_their_own() {
    const BACKUPS: usize = 6;
    let (s3, may_all) = write_only().await;
    let made = AtomicUsize::new(0);
    let play = move |_: &ExecRequest| {
        Script::ends(format!("-- dump {}\n", made.fetch_add(1, Ordering::SeqCst)).as_bytes(), 0)
    };
    let world = World::with_s3(s3, play).custom("shop").set("DUMPCAR_PRUNE", "false");
    for _ in 0..BACKUPS {
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
    }
    may_all.store(true, Ordering::SeqCst);
    assert_eq!(world.manifests().len(), BACKUPS, "{:?}", world.keys());
    let verified = world.run(&["verify", "--all", "--json"]).await;
    assert_eq!(verified.status, 0, "{} {}", verified.stdout, verified.stderr);
    // Whoever may delete leaves nothing of them.
    let world = world.set("DUMPCAR_PRUNE", "true");
    let deleted = world.run(&["delete", "shop", "--all", "--yes"]).await;
    assert_eq!(deleted.status, 0, "{}", deleted.stderr);
    assert_eq!(world.keys(), [""; 0]);
}

/// As the sidecar of another machine would, at the same minute of the night.
#[tokio::test]
async fn a_run_without_a_record_leaves_a_folder_that_is_claimed_alone() {
    let (s3, may_all) = write_only().await;
    let world = World::with_s3(s3, |_| Script::ends(DUMP, 0)).custom("shop").set("DUMPCAR_PRUNE", "false");
    let now = dumpcar::clock::now();
    let taken: Vec<String> = (0..4)
        .map(|second| dumpcar::model::key::Stamp::new(now + Duration::from_secs(second)).to_string())
        .collect();
    for stamp in &taken {
        world.write(&format!("shop/{stamp}/claim.txt"), b"another run's");
    }
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let waited = ended.logged("another run has claimed this second: the backup waits for another one");
    assert!(!waited.is_empty() && waited.iter().all(|line| line["target"] == "shop"), "{}", ended.stderr);
    let manifest = &world.manifests()[0];
    assert!(!taken.iter().any(|stamp| manifest["stamp"] == stamp.as_str()), "{manifest} of {taken:?}");
    for stamp in &taken {
        assert_eq!(world.read(&format!("shop/{stamp}/claim.txt")), b"another run's");
    }
    may_all.store(true, Ordering::SeqCst);
    // A claim alone is nothing that somebody would have to clean up.
    let verified = world.run(&["verify", "--json"]).await;
    assert_eq!((verified.status, rows(&verified.stdout).len()), (0, 1), "{}", verified.stdout);
}
