use serde_json::Value;

use super::operator::earlier;
use super::support::docker::Script;
use super::support::world::World;

const STAMP: &str = "2026-01-01T23-00-00Z";

async fn world() -> World {
    World::new(|_| Script::ends(b"-- a dump\n", 0)).await.custom("shop")
}

#[tokio::test]
async fn a_target_that_is_well_has_one_line() {
    let world = world().await;
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let ended = world.run(&["status"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines[..2], ["✓ nothing is wrong with the target", ""], "{}", ended.stdout);
    assert_eq!(lines[2], "  TARGET  STATE  LAST GOOD  TOOK  SIZE  TREND  DRILL  NEXT", "{}", ended.stdout);
    assert!(lines[3].starts_with("✓ shop    good   "), "{}", ended.stdout);
    assert_eq!(lines.len(), 4, "{}", ended.stdout);
    // Not on a terminal.
    assert!(!ended.stdout.contains('\u{1b}'), "{:?}", ended.stdout);
    assert!(ended.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ended.stdout);
}

#[tokio::test]
async fn what_is_wrong_is_told_and_decides_the_exit_status() {
    let world = world().await.set("DUMPCAR_SCHEDULE", "0 23 * * *");
    earlier(&world, STAMP);
    let ended = world.run(&["status"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    let why = "no good backup in time: the newest is of 2026-01-01 23:00 +00:00, the schedule is 0 23 * * *";
    let said = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(why), "{}", ended.stdout);
    // A newer one that is not good, and a second target that is.
    let manifest = String::from_utf8(world.read(&format!("shop/{STAMP}/manifest.json"))).unwrap();
    let small =
        manifest.replace(STAMP, "2026-01-02T23-00-00Z").replacen('{', r#"{"suspicious":"far smaller","#, 1);
    world.write("shop/2026-01-02T23-00-00Z/manifest.json", small.as_bytes());
    world.write("shop/2026-01-02T23-00-00Z/dump.dump", b"old");
    let world = world.custom("blog");
    assert_eq!(world.run(&["backup", "blog"]).await.status, 0);
    let ended = world.run(&["status", "--json"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    let (shop, blog) = (&answer["targets"][0], &answer["targets"][1]);
    assert_eq!((&shop["target"], &shop["state"]), (&"shop".into(), &"overdue".into()));
    let problem = "the newest backup 2026-01-02T23-00-00Z is suspicious: far smaller; if that is right, run `dumpcar backup --accept-smaller shop`";
    assert_eq!(shop["problems"][0], problem);
    assert_eq!(
        (&shop["newest"], &shop["last_good"]["backup"]),
        (&"2026-01-02T23-00-00Z".into(), &STAMP.into())
    );
    assert_eq!((&blog["target"], &blog["state"]), (&"blog".into(), &"good".into()));
    assert!(blog["last_good"]["seconds"].is_number() && blog["next"].is_string(), "{blog}");
    // Only what was asked for.
    assert_eq!(world.run(&["status", "blog"]).await.status, 0);
    let ended = world.run(&["status", "blog", "nobody"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert!(ended.stderr.contains("there is no such target"), "{}", ended.stderr);
}

/// The bucket alone says a lot, on any machine.
#[tokio::test]
async fn without_docker_the_bucket_tells() {
    let world =
        world().await.set("DUMPCAR_SCHEDULE", "0 23 * * *").set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    earlier(&world, STAMP);
    let ended = world.run(&["status"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("the containers are not known"), "{}", ended.stderr);
    assert!(ended.stdout.contains("no good backup in time"), "{}", ended.stdout);
}

/// No container, and another host made the backups: that host tells of them.
#[tokio::test]
async fn another_hosts_target_is_no_problem_of_this_one() {
    let world = World::new(|_| Script::ends(b"", 0)).await.set("DUMPCAR_INSTANCE", "other");
    earlier(&world, STAMP);
    let ended = world.run(&["status"]).await;
    assert_eq!(ended.status, 0, "{} {}", ended.stdout, ended.stderr);
    // The one that made them misses its container.
    let world = world.set("DUMPCAR_INSTANCE", "h");
    let ended = world.run(&["status"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("no container serves it any more; if that is meant, run"),
        "{}",
        ended.stdout
    );
    assert_eq!(world.run(&["forget", "shop"]).await.status, 0);
    assert_eq!(world.run(&["status"]).await.status, 4);
}
