use serde_json::json;

use super::{DUMP, NEW, OLD, WHOLE, found, problem, states, table, world, world_with};
use crate::support::fault::Fault;
use crate::support::stored::Object;
use crate::support::world::{finish, signal, until};

#[tokio::test]
async fn a_good_backup_is_good_and_nothing_is_written() {
    let world = world().await.custom("shop").custom("wiki");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let (before, asked) = (world.keys(), world.s3.asked().len());
    let ended = world.run(&["verify"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().filter(|line| line.ends_with("s  ok")).count(), 2, "{}", ended.stdout);
    assert_eq!(ended.logged("backup verified").len(), 2);
    let (rows, status) = found(&world, &["shop"]).await;
    assert_eq!((states(&rows), status), (vec!["ok"], 0));
    let stored = world.manifests()[0]["objects"][0]["stored_bytes"].as_u64().unwrap();
    for (field, value) in [
        ("target", json!("shop")),
        ("objects", json!(1)),
        ("plain_bytes", json!(DUMP.len())),
        ("stored_bytes", json!(stored)),
    ] {
        assert_eq!(rows[0][field], value, "{field}");
    }
    assert_eq!(world.keys(), before);
    let reads = ["GetObject", "HeadObject", "ListObjects"];
    assert!(world.s3.operations()[asked..].iter().all(|operation| reads.contains(operation)));
}

#[tokio::test]
async fn only_the_newest_is_read_unless_all_are_asked_for() {
    let world = world().await;
    for stamp in [OLD, NEW] {
        world.store_backup("shop", stamp, "custom", &[Object::dump(DUMP)]);
    }
    // By a clock that was wrong: it would be the newest for a century.
    world.store_backup("shop", "2126-01-01T00-00-00Z", "custom", &[Object::dump(DUMP)]);
    world.write(&format!("shop/{OLD}/dump.dump"), b"-- A DUMP\n");
    let (rows, status) = found(&world, &[]).await;
    assert_eq!((rows.len(), &rows[0]["backup"], status), (1, &json!(NEW), 0));
    let (rows, status) = found(&world, &["--all"]).await;
    assert_eq!((states(&rows), status), (vec!["ok", "ok", "damaged"], 3));
}

#[tokio::test]
async fn exit_statuses_tell_all_some_and_none() {
    let world = world().await;
    assert_eq!(world.run(&["verify"]).await.status, 4);
    world.store_backup("good", NEW, "custom", &[Object::dump(DUMP)]);
    world.store_backup("bad", NEW, "custom", &[Object::dump(DUMP).says("plain_bytes", 1)]);
    for (args, status) in [
        (&["verify"][..], 3),
        (&["verify", "good"], 0),
        (&["verify", "bad"], 1),
        (&["verify", "good", "bad"], 3),
        (&["verify", "good", "nosuch"], 3),
        (&["verify", "bad", "nosuch"], 1),
        (&["verify", "nosuch"], 4),
        (&["verify", "--nosuch"], 2),
    ] {
        let ended = world.run(args).await;
        assert_eq!(ended.status, status, "{args:?}: {}", ended.stderr);
    }
    let ended = world.run(&["verify"]).await;
    insta::assert_snapshot!(table(&ended), @"
    TARGET BACKUP (UTC) STORED TIME RESULT
    bad 2026-01-02T23-00-00Z 10 B - damaged: dump.dump: its size after decompression is not the manifest's
    good 2026-01-02T23-00-00Z 10 B ok
    ");
    let ended = world.run(&["verify", "good", "nosuch"]).await;
    assert_eq!(ended.stdout.lines().count(), 2, "{}", ended.stdout);
    assert!(ended.stderr.contains("there is no backup of this target"), "{}", ended.stderr);
}

/// What a store does not hand out may be as good as ever.
#[tokio::test]
async fn a_store_that_fails_in_the_middle_makes_no_backup_damaged() {
    for (operation, code) in
        [("GetObject", "AccessDenied"), ("HeadObject", ""), ("GetObject", "InvalidObjectState")]
    {
        let world = world_with(move |asked| {
            let is_it = asked.operation() == operation && asked.path.ends_with("/shop.sql.xz");
            is_it.then_some(Fault::Answer(403, code))
        })
        .await;
        let objects = ["crm", "shop", "wiki"].map(|name| Object::database(name, "xz", WHOLE.as_bytes()));
        world.store_backup("shop", NEW, "postgresql", &objects);
        let (state, object, reason) = problem(&world).await;
        assert_eq!((state.as_str(), object.as_str()), ("unavailable", "shop.sql.xz"), "{reason}");
        let ended = world.run(&["verify"]).await;
        assert_eq!(ended.logged("cannot verify the backup").len(), 1, "{}", ended.stderr);
        assert!(!ended.stdout.contains("damaged"), "{}", ended.stdout);
    }
    let world =
        world_with(|asked| (asked.operation() == "ListObjects").then_some(Fault::Answer(403, ""))).await;
    let ended = world.run(&["verify"]).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (1, ""), "{}", ended.stderr);
    assert_eq!(ended.logged("cannot list the bucket").len(), 1);
}

#[tokio::test]
async fn a_stop_ends_it_wherever_it_is() {
    let world = world_with(|asked| {
        (asked.operation() == "GetObject" && !asked.is_manifest()).then_some(Fault::Silence)
    })
    .await;
    world.store_backup("shop", NEW, "custom", &[Object::dump(DUMP)]);
    for (name, status) in [("TERM", 143), ("INT", 130)] {
        let asked = world.s3.count("GetObject");
        let child = world.start(&["verify"]);
        until("the object is asked for", || world.s3.count("GetObject") == asked + 2).await;
        signal(&child, name);
        assert_eq!(finish(child).await.status, status);
    }
}
