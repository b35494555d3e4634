use super::support::docker::Script;
use super::support::stored::Object;
use super::support::world::World;

const NEW: &str = "2026-01-02T23-00-00Z";
const OLD: &str = "2026-01-01T23-00-00Z";
const NO_LABELS: &str = "the labels of the containers are not known: this plan follows DUMPCAR_KEEP_* alone, also for a target with rules of its own";

/// A bucket with backups of two targets, on a machine that has nothing else.
async fn world(docker: &str) -> World {
    let world = World::new(|_| Script::ends(b"", 1)).await.set("DOCKER_HOST", docker);
    let world = world.set("DUMPCAR_KEEP_LAST", "1");
    for (target, stamp) in [("shop", OLD), ("shop", NEW), ("blog", NEW)] {
        world.store_backup(target, stamp, "custom", &[Object::dump(format!("{target} {stamp}").as_bytes())]);
    }
    world
}

/// No socket, a socket that nobody listens on, and nobody at an address.
const NOWHERE: [&str; 2] = ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"];

#[tokio::test]
async fn what_only_reads_the_bucket_needs_no_docker() {
    for docker in NOWHERE {
        let world = world(docker).await;
        for (args, expected) in [
            (&["list"][..], NEW),
            (&["list", "shop", "--json"], OLD),
            (&["cat", "shop"], "shop 2026-01-02"),
            (&["cat", "shop", "--at", OLD, "--stored"], "shop 2026-01-01"),
            (&["verify", "--all"], "ok"),
            (&["config"], "DUMPCAR_STORE"),
            (&["policy"], "s3:GetObject"),
        ] {
            let ended = world.run(args).await;
            assert_eq!(ended.status, 0, "{args:?}: {}", ended.stderr);
            assert!(ended.stdout.contains(expected), "{args:?}: {}", ended.stdout);
            assert!(!ended.stderr.contains("Docker"), "{args:?}: {}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn a_plan_of_pruning_follows_the_settings_and_says_so() {
    for docker in NOWHERE {
        let world = world(docker).await;
        let all = world.run(&["prune", "--dry-run"]).await;
        assert_eq!(all.status, 0, "{}", all.stderr);
        let lines: Vec<&str> = all.stdout.lines().collect();
        assert_eq!(
            lines,
            [
                "TARGET  BACKUP (UTC)          DECISION  WHY",
                "blog    2026-01-02T23-00-00Z  keep      newest, last 1 of 1",
                "shop    2026-01-02T23-00-00Z  keep      newest, last 1 of 1",
                "shop    2026-01-01T23-00-00Z  delete    no rule wants it",
            ]
        );
        assert_eq!(all.logged(NO_LABELS).len(), 1, "{}", all.stderr);
        let one = world.run(&["prune", "--dry-run", "blog", "--json"]).await;
        assert_eq!((one.status, one.stdout.contains("shop")), (0, false), "{}", one.stderr);
        let some = world.run(&["prune", "--dry-run", "shop", "nobody"]).await;
        assert_eq!(some.status, 3, "{}", some.stderr);
        assert_eq!(world.run(&["prune", "--dry-run", "nobody"]).await.status, 4);
        assert!(!world.s3.operations().contains(&"DeleteObject"));
    }
}

#[tokio::test]
async fn what_needs_docker_says_so_before_anything_is_done() {
    let world = world(NOWHERE[0]).await;
    for args in [
        &["backup"][..],
        &["prune"],
        &["drill", "shop"],
        &["restore", "shop", "--yes"],
        &["restore", "shop", "--to", "db", "--yes"],
        &[],
    ] {
        let ended = world.run(args).await;
        assert_eq!(ended.status, 1, "{args:?}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("there is no such socket; mount it"), "{args:?}: {}", ended.stderr);
    }
    assert!(world.s3.operations().is_empty());
}
