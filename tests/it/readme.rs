use std::path::Path;

use serde_json::Value;

use super::operator::earlier;
use super::support::docker::Script;
use super::support::fault::Fault;
use super::support::s3::{Asked, BUCKET, FakeS3};
use super::support::world::{World, until};

const REFUSED: &str =
    "cannot write README.txt, which tells people what lies in the bucket; backups do not need it";

async fn world(fault: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) -> World {
    World::with_s3(FakeS3::with_faults(fault).await, |_| Script::ends(b"-- a dump\n", 0)).custom("shop")
}

#[tokio::test]
async fn the_bucket_explains_itself_after_a_backup() {
    let world = world(|_| None).await.set("DUMPCAR_KEEP_LAST", "1");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let text = world.readme().unwrap();
    assert!(text.contains(&format!("below s3://{BUCKET}/{}/\n", world.prefix())), "{text}");
    assert_eq!(world.s3.asked_about_the_readme(), ["GetObject", "PutObject"]);
    // It is not written again, not pruned, no target and nobody else's file.
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert_eq!(world.run(&["prune"]).await.status, 0);
    assert_eq!(world.s3.asked_about_the_readme(), ["GetObject", "PutObject", "GetObject"]);
    assert_eq!(world.readme().unwrap(), text);
    let catalog = world.store().catalog(None).await.unwrap();
    assert_eq!((catalog.names().count(), catalog.foreign), (1, 0));
    let verified = world.run(&["verify", "--all"]).await;
    assert!(verified.status == 0 && !verified.stdout.contains("README"), "{}", verified.stdout);
}

#[tokio::test]
async fn a_text_that_was_altered_is_written_again() {
    let world = world(|_| None).await;
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let text = world.readme().unwrap();
    for other in ["", "send money", &"x".repeat(200_000)] {
        world.write("README.txt", other.as_bytes());
        assert_eq!(world.run(&["backup"]).await.status, 0);
        assert_eq!(world.readme().as_deref(), Some(text.as_str()));
    }
}

#[tokio::test]
async fn a_store_that_refuses_it_costs_one_line() {
    for status in [403, 405, 501] {
        let world = world(move |asked| {
            let is_refused = asked.is_of_the_readme() && asked.operation() == "PutObject";
            is_refused.then_some(Fault::Answer(status, "AccessDenied"))
        });
        let world = world.await.set("DUMPCAR_ON_START", "true").set("DUMPCAR_SCHEDULE", "off");
        let ended = world.run(&["backup", "--json"]).await;
        assert_eq!((ended.status, ended.logged(REFUSED).len()), (0, 1), "{}", ended.stderr);
        assert_eq!(ended.logged(REFUSED)[0]["level"], "WARN");
        let outcomes: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(outcomes["results"][0]["result"], "done");
        // The daemon says it once as well, however many backups it makes.
        let daemon = world.daemon();
        daemon.logs(REFUSED, 1).await;
        daemon.tell("USR1");
        daemon.logs("backup committed", 2).await;
        let ended = daemon.stop().await;
        assert_eq!((ended.status, ended.logged(REFUSED).len()), (0, 1), "{}", ended.stderr);
        assert_eq!(world.readme(), None);
    }
}

#[tokio::test]
async fn keys_that_may_only_write_write_it_once_in_a_process() {
    let world =
        world(|asked| (asked.operation() == "GetObject").then_some(Fault::Answer(403, "AccessDenied")));
    let world = world.await.set("DUMPCAR_PRUNE", "false").set("DUMPCAR_ON_START", "true");
    earlier(&world, "2026-01-01T23-00-00Z");
    let daemon = world.daemon();
    until("the text is there", || world.readme().is_some()).await;
    daemon.tell("USR1");
    daemon.logs("backup committed", 2).await;
    assert_eq!(daemon.stop().await.status, 0);
    let asked = world.s3.asked_about_the_readme();
    assert_eq!(asked.iter().filter(|operation| **operation == "PutObject").count(), 1, "{asked:?}");
}

#[tokio::test]
async fn without_a_backup_there_is_nothing_to_explain() {
    let world = World::new(|_| Script::ends(b"half", 1)).await.custom("shop");
    assert_eq!(world.run(&["backup"]).await.status, 1);
    assert!(world.s3.asked_about_the_readme().is_empty());
}

#[tokio::test]
async fn the_policy_allows_it() {
    let world = world(|_| None).await.set("DUMPCAR_PRUNE", "false");
    let policy: Value = serde_json::from_str(&world.run(&["policy"]).await.stdout).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let objects = statements.iter().find(|statement| statement["Sid"] == "Objects").unwrap();
    assert_eq!(objects["Resource"][0], format!("arn:aws:s3:::{BUCKET}/{}/*", world.prefix()));
    let actions = objects["Action"].as_array().unwrap();
    assert!(actions.contains(&"s3:GetObject".into()) && actions.contains(&"s3:PutObject".into()), "{policy}");
}

/// The page and the text tell the same file names.
#[test]
fn the_documentation_names_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in ["docs/bucket.md", "docs/restore.md"] {
        assert!(std::fs::read_to_string(root.join(page)).unwrap().contains("README.txt"), "{page}");
    }
}
