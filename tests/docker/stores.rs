use insta::assert_snapshot;
use serde_json::Value;

use super::support::docker::until;
use super::support::s3_server::{Kind, S3Server};
use super::support::servers::{POSTGRESQL_17, Server};
use super::support::world::World;

fn worlds() -> impl Iterator<Item = (Kind, World)> {
    Kind::present().into_iter().map(|kind| (kind, World::with(S3Server::of(kind))))
}

/// Three parts of 5 MiB, the last one smaller, that no codec makes smaller.
const IN_PARTS: &str = "exec head -c 12000000 /dev/urandom";

fn in_parts(world: World) -> World {
    world.set("DUMPCAR_COMPRESSION", "none").set("DUMPCAR_S3_PART_SIZE", "5MiB")
}

fn rows(world: &World, args: &[&str], rows: &str) -> Vec<Value> {
    let ended = world.run(args);
    assert_eq!(ended.status, 0, "{args:?}: {}", ended.stderr);
    let answer: Value = serde_json::from_slice(&ended.stdout).unwrap();
    answer[rows].as_array().unwrap().clone()
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_backup_lives_on_every_real_store() {
    for (kind, world) in worlds() {
        let world = world.set("DUMPCAR_KEEP_LAST", "1").set("DUMPCAR_KEEP_DAILY", "0");
        let server = Server::target(&world, POSTGRESQL_17, "secret", &[("name", "shop")]);
        server.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i");
        world.back_up();
        server.sql("INSERT INTO t VALUES (1001)");
        let pruned = world.back_up();
        assert!(pruned.stderr.contains(r#""message":"backup pruned""#), "{kind:?}: {}", pruned.stderr);
        assert!(!pruned.stderr.contains("old versions"), "{kind:?}: {}", pruned.stderr);
        assert_eq!(world.manifests().len(), 1, "{kind:?}: {:?}", world.keys());
        assert_eq!(rows(&world, &["list", "--json"], "backups").len(), 1, "{kind:?}");
        for args in [&["show", "shop"][..], &["verify"], &["prune"]] {
            let ended = world.run(args);
            assert_eq!(ended.status, 0, "{kind:?}, {args:?}: {}", ended.stderr);
        }
        server.sql("DROP TABLE t");
        let restored = world.run(&["restore", "shop", "--database", "postgres", "--yes"]);
        assert_eq!(restored.status, 0, "{kind:?}: {}", restored.stderr);
        assert_eq!(server.sql("SELECT count(*) FROM t").trim(), "1001", "{kind:?}");
        assert_eq!(world.run(&["delete", "shop", "--all", "--yes"]).status, 0, "{kind:?}");
        assert_eq!(world.keys(), [""; 0], "{kind:?}");
        assert_eq!(world.bucket.unfinished_uploads(), 0, "{kind:?}");
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn an_upload_in_parts_is_verified_and_damage_is_found_on_every_real_store() {
    for (kind, world) in worlds() {
        let world = in_parts(world);
        let _target = world.custom("shop", IN_PARTS);
        world.back_up();
        assert_eq!(world.run(&["verify"]).status, 0, "{kind:?}");
        let key = world.keys().into_iter().find(|key| key.ends_with(".dump")).unwrap();
        let mut content = world.read(&key);
        assert_eq!(content.len(), 12_000_000, "{kind:?}");
        content[6_000_000] ^= 1;
        world.write(&key, &content);
        let damaged = world.run(&["verify"]);
        assert_eq!(damaged.status, 1, "{kind:?}: {}", damaged.stderr);
        assert!(damaged.stderr.contains("damaged"), "{kind:?}: {}", damaged.stderr);
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_a_killed_run_leaves_is_swept_on_every_real_store() {
    for (kind, world) in worlds() {
        let world = in_parts(world);
        let target = world.custom("shop", "test -e /tmp/end && exec echo dump; exec cat /dev/zero");
        let mut running = world.start(&["backup"]);
        until("an upload has begun", || world.bucket.unfinished_uploads() > 0);
        running.kill();
        until("the dump has gone", || target.processes() == ["sleep infinity"]);
        assert!(world.bucket.unfinished_uploads() > 0, "{kind:?}: nobody is left to abort it");
        target.exec(&["touch", "/tmp/end"]);
        let ended = world.back_up();
        assert!(
            ended.stderr.contains("cleaned up after a run that was killed"),
            "{kind:?}: {}",
            ended.stderr
        );
        assert_eq!(world.bucket.unfinished_uploads(), 0, "{kind:?}");
        assert_eq!(world.keys().len(), 2, "{kind:?}: {:?}", world.keys());
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_refused_secret_key_is_named_as_well_as_the_store_tells() {
    for (kind, world) in worlds() {
        let world = world.set("AWS_SECRET_ACCESS_KEY", &"0".repeat(64));
        let _target = world.custom("shop", "echo -- a dump");
        let reason = world.refused(1);
        match kind {
            Kind::SeaweedFs => {
                assert_snapshot!(reason, @"backup failed: ENDPOINT refused the secret key: check AWS_SECRET_ACCESS_KEY");
            }
            Kind::Garage => {
                assert_snapshot!(reason, @"backup failed: ENDPOINT refused the keys: check AWS_SECRET_ACCESS_KEY (and AWS_REGION)");
            }
        }
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_wrong_region_is_named_by_a_store_that_minds_it() {
    for (kind, world) in worlds() {
        let world = world.set("AWS_REGION", "eu-west-1");
        let _target = world.custom("shop", "echo -- a dump");
        match kind {
            Kind::SeaweedFs => drop(world.back_up()),
            Kind::Garage => {
                assert_snapshot!(world.refused(1), @"backup failed: the bucket BUCKET is in another region: set AWS_REGION to garage (Garage and R2 have names of their own: garage, auto)");
            }
        }
    }
}

/// What SeaweedFS minds and Garage does not: nothing is written over, and nothing is stored that was changed on its way.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn conditions_and_checksums_have_an_effect_on_seaweedfs() {
    let world = World::with(S3Server::of(Kind::SeaweedFs)).set("DUMPCAR_S3_CHECKSUM", "sha256");
    let _target = world.custom("shop", "echo -- a dump");
    let ended = world.back_up();
    assert!(!ended.stderr.contains("this store"), "nothing had to be learned: {}", ended.stderr);
    let key = world.keys().into_iter().find(|key| key.ends_with("/manifest.json")).unwrap();
    let kept = world.read(&key);
    let headers = [("if-none-match", "*")];
    let refused = world.bucket.ask("PUT", &format!("backups/{key}"), &headers, "another");
    assert_eq!(refused.status, 412, "the server minds the condition: {refused:?}");

    let mut other = dumpcar::model::manifest::Manifest::from_json(&kept).unwrap();
    other.dumpcar = dumpcar::model::line::Line::clean("another");
    let backup = dumpcar::model::key::BackupKey::parse(&key).unwrap().0;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let taken = runtime.block_on(world.store().put_manifest(&backup, &other)).unwrap_err();
    assert_eq!(taken.kind, dumpcar::store::StoreErrorKind::Taken, "{taken}");
    assert_eq!(world.read(&key), kept);

    let of_something_else = [("x-amz-checksum-sha256", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")];
    let refused = world.bucket.ask("PUT", "backups/x", &of_something_else, "changed on its way");
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(refused.body.contains("BadDigest"), "{refused:?}");
}
