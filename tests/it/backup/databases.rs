use serde_json::json;

use crate::support::docker::{ExecRequest, Script};
use crate::support::world::World;

/// A PostgreSQL with two databases.
fn postgresql(exec: &ExecRequest) -> Script {
    let whole = |what: &str| {
        Script::ends(format!("-- SQL\n\n--\n-- PostgreSQL {what} dump complete\n--\n\n").as_bytes(), 0)
    };
    let script = exec.snippet();
    if script.contains("pg_dumpall") {
        whole("database cluster")
    } else if script.contains("exec pg_dump") {
        whole("database")
    } else {
        // Names are in hexadecimal digits: app, crm.
        Script::ends(b"version 17.6\naccounts 1\ndatabase 617070 1000\ndatabase 63726d 2000\n", 0)
    }
}

#[tokio::test]
async fn every_database_is_an_object_of_its_own_and_the_globals_come_first() {
    let world = World::new(postgresql).await;
    world.docker.container("shop", json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" }), &[]);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let manifest = &world.manifests()[0];
    let names: Vec<_> =
        manifest["objects"].as_array().unwrap().iter().map(|object| object["name"].clone()).collect();
    assert_eq!(names, ["globals.sql.xz", "app.sql.xz", "crm.sql.xz"]);
    assert_eq!(manifest["server_version"], "17.6");
}

#[tokio::test]
async fn labels_choose_the_databases() {
    let objects = async |label: &str, value: &str| {
        let world = World::new(postgresql).await;
        let mut labels = json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" });
        labels[label] = value.into();
        world.docker.container("shop", labels, &[]);
        let ended = world.run(&["backup"]).await;
        let manifests = world.manifests();
        let databases = manifests.iter().flat_map(|manifest| manifest["objects"].as_array().unwrap());
        let databases: Vec<_> = databases.filter_map(|object| object["database"].as_str()).collect();
        (
            ended.status,
            databases.join(" "),
            ended.logged("backup failed").pop().map(|line| line["reason"].to_string()),
        )
    };
    assert_eq!(objects("dumpcar.databases", "crm").await, (0, "crm".into(), None));
    assert_eq!(objects("dumpcar.exclude", "a*").await, (0, "crm".into(), None));
    let (status, _, reason) = objects("dumpcar.databases", "nope").await;
    assert_eq!(status, 1);
    assert!(reason.unwrap().contains("there is no database"));
    let (status, _, reason) = objects("dumpcar.exclude", "*").await;
    assert_eq!(status, 1);
    assert!(reason.unwrap().contains("do the labels exclude them all?"));
}

/// A dump of Redis has a checksum: whatever the tool says, one that does not fit is no backup.
#[tokio::test]
async fn a_dump_of_redis_that_does_not_prove_itself_is_no_backup() {
    const DUMP: &[u8] = include_bytes!("../../../src/model/content/rdb/tests/dumps/redis-7.0.rdb");
    let mut flipped = DUMP.to_vec();
    flipped[DUMP.len() / 2] ^= 1;
    let mark = [DUMP, &[b'0'; 40]].concat();
    for (dump, reason) in [
        (DUMP.to_vec(), None),
        (mark, None),
        (DUMP[..DUMP.len() - 1].to_vec(), Some("cut off")),
        (DUMP[..DUMP.len() / 2].to_vec(), Some("cut off")),
        (flipped, Some("the dump is not whole")),
        ([DUMP, b"more"].concat(), Some("more bytes come behind it")),
        (b"ERR unknown command".to_vec(), Some("does not begin with")),
        (Vec::new(), Some("the dump is empty")),
    ] {
        let world = World::new(move |exec| match exec.snippet().contains("--rdb -") {
            true => Script::ends(&dump, 0),
            false => Script::ends(b"version 7.0.15\n", 0),
        })
        .await;
        world.docker.container("shop", json!({ "dumpcar.enable": "true", "dumpcar.engine": "redis" }), &[]);
        let ended = world.run(&["backup"]).await;
        let Some(reason) = reason else {
            assert_eq!(ended.status, 0, "{}", ended.stderr);
            assert_eq!(world.manifests()[0]["objects"][0]["content"]["rows_of"]["15 hash"]["rows"], 1);
            continue;
        };
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{reason}: {}", ended.stderr);
        super::assert_nothing_left(&world);
    }
}

/// By the size of the last good dump, or else by that of the database.
#[tokio::test]
async fn auto_compresses_what_is_large_for_speed() {
    let world = World::new(|exec| match exec.asks_for_databases() {
        true => {
            Script::ends(b"version 17.6\naccounts 1\ndatabase 617070 1000\ndatabase 63726d 200000000\n", 0)
        }
        false => postgresql(exec),
    });
    let world = world.await;
    world.docker.container("shop", json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" }), &[]);
    let objects = async || {
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let manifest = world.manifests().pop().unwrap();
        let objects = manifest["objects"].as_array().unwrap();
        objects.iter().map(|object| format!("{} {}", object["name"], object["encoding"])).collect::<Vec<_>>()
    };
    let small = [r#""globals.sql.xz" ["xz"]"#, r#""app.sql.xz" ["xz"]"#];
    assert_eq!(objects().await, [small[0], small[1], r#""crm.sql.zst" ["zstd"]"#]);
    assert_eq!(world.run(&["verify", "shop"]).await.status, 0);
    // It was expected to be large, and is 50 bytes.
    assert_eq!(objects().await, [small[0], small[1], r#""crm.sql.xz" ["xz"]"#]);
}
