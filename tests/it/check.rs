use serde_json::{Value, json};

use super::support::docker::{Call, ExecRequest, Fault, Script};
use super::support::fault::Fault as StoreFault;
use super::support::s3::{Asked, FakeS3};
use super::support::stored::Object;
use super::support::world::{Ended, World, signal, until};

mod docker;
mod store;
mod targets;

/// What a PostgreSQL that is asked for its databases prints.
const SURVEY: &str = "version 17.6 (Debian 17.6-1.pgdg13+1)\naccounts 1\ndatabase 73686f70 3145728\n";

/// A server that lets everybody in.
fn play(asked: &ExecRequest) -> Script {
    if asked.asks_for_databases() {
        return Script::ends(SURVEY.as_bytes(), 0);
    }
    if asked.snippet().contains("--version") {
        return Script::ends(b"pg_dump (PostgreSQL) 17.6 (Debian 17.6-1.pgdg13+1)\n", 0);
    }
    Script::ends(b"", 0)
}

/// A PostgreSQL that is a target.
fn database(world: &World) {
    let labels = json!({ "dumpcar.enable": "true" });
    world.docker.container("shop", labels, &["POSTGRES_PASSWORD=canary-password"]);
    world.docker.set_image("shop", "postgres:17");
}

async fn world_with(s3: FakeS3) -> World {
    let world = World::with_s3(s3, play);
    database(&world);
    world
}

/// The items of the answer.
fn items(ended: &Ended) -> Vec<Value> {
    let answer: Value = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{error}: {:?} {}", ended.stdout, ended.stderr));
    answer["items"].as_array().unwrap().clone()
}

/// The only item of a subject.
#[track_caller]
fn item(items: &[Value], subject: &str) -> Value {
    let found: Vec<_> = items.iter().filter(|item| item["subject"] == subject).collect();
    assert_eq!(found.len(), 1, "{subject}: {items:#?}");
    found[0].clone()
}

#[track_caller]
fn assert_is(item: &Value, mark: &str, words: &str) {
    assert_eq!(item["mark"], mark, "{item:#}");
    let said = format!("{} → {}", item["text"].as_str().unwrap(), item["cure"].as_str().unwrap_or_default());
    assert!(said.contains(words), "{words}: {item:#}");
}

/// Nothing of a check is in the bucket: no object, and no upload.
#[track_caller]
fn assert_nothing_left(world: &World) {
    let keys = world.keys();
    assert!(keys.iter().all(|key| !key.starts_with(".dumpcar/")), "{keys:?}");
    assert_eq!(world.s3.unfinished_uploads(), 0);
}

#[tokio::test]
async fn where_all_is_well_it_says_so_and_leaves_nothing() {
    let world = world_with(FakeS3::start().await).await;
    let ended = world.run(&["check", "--json"]).await;
    assert_eq!(ended.status, 0, "{} {}", ended.stdout, ended.stderr);
    let found = items(&ended);
    for (subject, mark, words) in [
        ("engine", "ok", "20.10.24, API 1.41, over the socket "),
        ("containers", "ok", "listed and inspected: 1, of them 1 with labels"),
        ("events", "ok", "heard of at once"),
        ("exec", "ok", "run in shop, with a stream in both directions"),
        ("own containers", "untried", "no target needs them"),
        ("clock", "ok", "clock is the store's"),
        ("bucket", "ok", "takes these keys"),
        ("s3:ListBucket", "ok", ""),
        ("s3:PutObject", "ok", ""),
        ("s3:GetObject", "ok", ""),
        ("s3:PutObject (parts)", "ok", ""),
        ("s3:AbortMultipartUpload", "ok", ""),
        ("s3:ListBucketMultipartUploads", "ok", ""),
        ("s3:GetObjectRetention", "ok", ""),
        ("s3:GetLifecycleConfiguration", "ok", ""),
        ("s3:DeleteObject", "ok", ""),
        ("conditional writes", "ok", "refuses to write over something"),
        ("old versions", "ok", "what is deleted is gone"),
        ("container", "ok", "shop, image postgres:17: postgresql"),
        ("labels", "ok", "understood: enable"),
        ("tool", "ok", "pg_dump (PostgreSQL) 17.6"),
        ("login", "ok", "the password in POSTGRES_PASSWORD"),
        ("databases", "ok", "1: shop 3.0 MiB"),
        ("next run", "ok", "(0 23 * * *); no drills"),
        (
            "growth",
            "ok",
            "no backup yet; by the size of the databases an estimate of 1.0 MiB for each; the rules keep 7 of its kind, about 7.0 MiB",
        ),
    ] {
        assert_is(&item(&found, subject), mark, words);
    }
    assert!(!ended.stdout.contains("canary"), "{}", ended.stdout);
    assert_nothing_left(&world);
    let table = world.run(&["check"]).await;
    assert_eq!(table.status, 0);
    assert!(table.stdout.ends_with("\nAll is well.\n"), "{}", table.stdout);
    let wide: Vec<_> = table.stdout.lines().filter(|line| line.chars().count() > 80).collect();
    // The path of a socket in a folder for tests.
    assert!(wide.iter().all(|line| line.contains("docker.sock") || line.contains("STORE")), "{wide:#?}");
}

#[tokio::test]
async fn a_stop_takes_back_what_was_written() {
    for operation in ["ListObjects", "PutObject", "CreateMultipartUpload", "UploadPart", "DeleteObject"] {
        // The first one is done, and never answered.
        let s3 = FakeS3::with_faults(move |asked: &Asked| {
            (asked.operation() == operation && asked.nth == 1).then_some(StoreFault::DoneInSilence)
        });
        let world = world_with(s3.await).await;
        let child = world.start(&["check", "--json"]);
        until("the store is silent", || world.s3.unanswered() > 0).await;
        signal(&child, "TERM");
        let ended = super::support::world::finish(child).await;
        assert_eq!((ended.status, ended.stdout.as_str()), (143, ""), "{operation}: {}", ended.stderr);
        assert_eq!(ended.logged("the check was not finished").len(), 1, "{}", ended.stderr);
        assert_nothing_left(&world);
    }
}
