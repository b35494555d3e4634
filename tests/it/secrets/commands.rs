use serde_json::json;

use super::{TARGET_ENV, add_targets, assert_leaves_nothing, assert_says_nothing, tools, with_every_secret};
use crate::support::docker::{ExecRequest, Script, Step};
use crate::support::world::World;

const COMMANDS: [&[&str]; 17] = [
    &["check"],
    &["check", "--json"],
    &["status"],
    &["status", "--json"],
    &["backup"],
    &["backup", "--json"],
    &["list"],
    &["list", "--json"],
    &["cat", "postgresql"],
    &["cat", "nobody"],
    &["prune"],
    &["prune", "--dry-run", "--json"],
    &["config"],
    &["config", "--json"],
    &["policy"],
    &["notify", "--test"],
    &["healthcheck"],
];

#[tokio::test]
async fn no_command_shows_or_stores_a_secret() {
    let world = with_every_secret(World::new(tools).await);
    add_targets(&world);
    for command in COMMANDS {
        let ended = world.run(command).await;
        assert_says_nothing(&command.join(" "), &ended);
        if command[0] == "backup" {
            assert_eq!(ended.status, 0, "{}", ended.stderr);
        }
    }
    assert!(world.manifests().len() >= 4, "there was something to look at");
    assert_leaves_nothing(&world);
    let config = world.run(&["config"]).await.stdout;
    for name in [
        "DUMPCAR_NOTIFY_URLS",
        "DUMPCAR_NOTIFY_SECRET",
        "DUMPCAR_PING_URL",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROXY_URL",
        "AWS_SSE_CUSTOMER_KEY_BASE64",
    ] {
        let line = config.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        assert!(line.contains("(set)"), "{line}");
    }
}

#[tokio::test]
async fn the_daemon_and_its_health_say_no_secret() {
    let said = b"FATAL: no login with c4n4ry-postgres\n".to_vec();
    let play = move |_: &ExecRequest| {
        Script::plays(vec![Step::Stderr(said.clone()), Step::Trailer(3), Step::AwaitRelease], Some(3))
    };
    let world = with_every_secret(World::new(play).await).set("DUMPCAR_ON_START", "true");
    world.docker.container(
        "shop",
        json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" }),
        &TARGET_ENV,
    );
    let daemon = world.daemon();
    daemon.logs("backup failed", 1).await;
    let health = world.run(&["healthcheck"]).await;
    assert!(health.stdout.starts_with("shop: "), "{}", health.stdout);
    assert_says_nothing("healthcheck", &health);
    assert_says_nothing("the daemon", &daemon.stop().await);
    assert_leaves_nothing(&world);
}
