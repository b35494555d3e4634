use dumpcar::jobs::prune;
use dumpcar::signing::Namespace;
use serde_json::{Value, json};

use super::{NEW, OLD, OTHER, OWN, PLANTED, plant, rows, sign, signing, stamps, stored, world};
use crate::support::docker::{ExecRequest, Script};
use crate::support::stored::Object;
use crate::support::world::World;

#[tokio::test]
async fn unsigned_backups_push_nothing_out_and_nothing_deletes_them() {
    let plan = async |world: &World| {
        let ended = world.run(&["prune", "--dry-run", "--json"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let rows = rows(&ended);
        let of = |row: &Value| (row["backup"].as_str().unwrap().to_owned(), row["decision"] == "keep");
        (rows.iter().map(of).collect::<Vec<_>>(), ended)
    };
    let world = world().await.set("DUMPCAR_KEEP_LAST", "2");
    for stamp in ["2025-12-31T23-00-00Z", OLD, NEW] {
        stored(&world, stamp);
    }
    // One that a rule would delete, and three that would push others out.
    let planted = ["2025-12-01T23-00-00Z", PLANTED, "2026-01-04T23-00-00Z", "2026-01-05T23-00-00Z"];
    for stamp in planted {
        plant(&world, stamp);
    }
    let (decisions, ended) = plan(&world).await;
    let kept = [planted[3], planted[2], planted[1], NEW, OLD].map(|stamp| (stamp.to_owned(), true));
    let rest = [("2025-12-31T23-00-00Z".to_owned(), false), (planted[0].to_owned(), true)];
    assert_eq!(decisions, [&kept[..], &rest].concat());
    assert_eq!(ended.stdout.matches("not counted: unsigned: ").count(), 4, "{}", ended.stdout);

    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let left = stamps(&world);
    assert_eq!(left[..5], [planted[0], NEW, planted[1], planted[2], planted[3]], "{left:?}");
    assert_eq!(left.len(), 6, "and the new one: {left:?}");
    let of_pruned: Vec<_> =
        world.keys().into_iter().filter(|key| key.contains(OLD) || key.contains("2025-12-31")).collect();
    assert_eq!(of_pruned, Vec::<String>::new(), "what is pruned goes with its signature");

    // The same bucket, to whoever counts everything.
    let world = world.unset("DUMPCAR_TRUSTED_SIGNERS");
    let kept: Vec<_> =
        plan(&world).await.0.into_iter().filter(|(_, is_kept)| *is_kept).map(|(stamp, _)| stamp).collect();
    assert_eq!((kept.len(), kept[1].as_str()), (2, planted[3]), "{kept:?}");
}

/// The listings of this store have no ETags: to a daemon that remembers what it has read, the manifest looks the same.
#[tokio::test]
async fn a_manifest_that_was_replaced_by_one_of_its_size_no_longer_counts() {
    let world = world().await.set("DUMPCAR_KEEP_LAST", "1");
    stored(&world, OLD);
    stored(&world, NEW);
    let app = world.app();
    let target = app.target(&"shop".parse().unwrap()).await.unwrap();
    let doomed = async || {
        let plan = prune::plan(&app, &target.names(), target.retention, prune::FORESEEN).await.unwrap();
        plan.plan.deleted().map(|stamp| stamp.to_string()).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        assert_eq!(doomed().await, [OLD]);
    }
    let key = format!("shop/{NEW}/manifest.json");
    let text = String::from_utf8(world.read(&key)).unwrap();
    world.write(&key, text.replace("\"instance\":\"h\"", "\"instance\":\"i\"").as_bytes());
    assert_eq!(doomed().await, Vec::<String>::new(), "nothing goes because of it");
}

/// What a backup is compared with must not be somebody else's either.
#[tokio::test]
async fn an_unsigned_backup_is_never_the_last_good_one() {
    for (seed, is_suspicious) in [(OWN, true), (OTHER, false)] {
        let world = world().await;
        stored(&world, OLD);
        // A thousand times as large: as if the database had lost almost everything.
        world.store_backup("shop", PLANTED, "custom", &[Object::dump(&vec![b'x'; 200_000])]);
        sign(&world, PLANTED, seed, Namespace::Manifest);
        let ended = world.run(&["backup"]).await;
        let manifests = world.manifests();
        let suspicious = manifests.last().unwrap().get("suspicious").is_some();
        assert_eq!(suspicious, is_suspicious, "{}", ended.stderr);
    }
}

/// A client executes what it reads, long before the digest at the end says that somebody else wrote it.
#[tokio::test]
async fn no_client_sees_an_object_that_its_signed_manifest_does_not_mean() {
    const WHOLE: &[u8] = b"SELECT 1;\n--\n-- PostgreSQL database dump complete\n--\n\n";
    let play = |exec: &ExecRequest| {
        let answer: &[u8] = match exec.asks_for_databases() {
            true => b"version 17.6\naccounts 1\ndatabase 617070 1000\n",
            false => b"",
        };
        Script::ends(answer, 0)
    };
    for counts_only_signed in [true, false] {
        let mut world = signing(World::new(play).await);
        if !counts_only_signed {
            world = world.unset("DUMPCAR_TRUSTED_SIGNERS");
        }
        let labels = json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" });
        world.docker.container("shop", labels, &[]);
        world.store_backup("shop", OLD, "postgresql", &[Object::database("app", "none", WHOLE)]);
        sign(&world, OLD, OWN, Namespace::Manifest);
        let changed = String::from_utf8(WHOLE.to_vec()).unwrap().replace("SELECT 1;", "\\! id   \n");
        world.write(&format!("shop/{OLD}/app.sql"), changed.as_bytes());
        let ended = world.run(&["restore", "shop", "--yes"]).await;
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        let makes_room = |argv: &[String]| argv.iter().any(|word| word.contains("CREATE DATABASE"));
        let has_begun = world.docker.execs().iter().any(|exec| makes_room(&exec.request.argv));
        assert_eq!(has_begun, !counts_only_signed, "{}", ended.stderr);
        if counts_only_signed {
            assert!(
                ended.stderr.contains("its SHA-256 is not the manifest's; nothing was changed"),
                "{}",
                ended.stderr
            );
        }
    }
}

/// A backup that somebody planted a moment ago must not make the daemon believe that it was on time.
#[tokio::test]
async fn an_unsigned_backup_does_not_make_up_for_a_missed_one() {
    for (seed, is_missed) in [(OWN, false), (OTHER, true)] {
        let world = world().await.set("DUMPCAR_SCHEDULE", "every 100d");
        stored(&world, "2020-01-01T00-00-00Z");
        let now = dumpcar::model::key::Stamp::new(dumpcar::clock::now()).to_string();
        plant(&world, &now);
        sign(&world, &now, seed, Namespace::Manifest);
        let daemon = world.daemon();
        daemon.logs("planned", 1).await;
        let ended = daemon.stop().await;
        let caught_up = !ended.logged("a scheduled backup was missed: catching up").is_empty();
        assert_eq!(caught_up, is_missed, "{}", ended.stderr);
    }
}
