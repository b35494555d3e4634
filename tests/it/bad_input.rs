use serde_json::json;

use super::support::docker::{Call, Fault, Script, Step};
use super::support::s3::FakeS3;
use super::support::stored::Object;
use super::support::world::World;

const DUMP: &[u8] = b"-- a dump\n";

async fn world() -> World {
    World::new(|_| Script::ends(DUMP, 0)).await
}

fn assert_no_manifest(world: &World) {
    assert!(world.manifests().is_empty());
}

#[tokio::test]
async fn every_wrong_setting_is_named_at_once_and_no_value_is_shown() {
    let world = world().await.unset("DUMPCAR_STORE").unset("AWS_SECRET_ACCESS_KEY");
    let world = world.set("DUMPCAR_SCHEDUL", "every 6h").set("DUMPCAR_KEEP_LAST", "canary-value");
    let world = world.set("TZ", "Europe/Nowhere").set("DUMPCAR_TIMEOUT", "90");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 2);
    assert!(!ended.stderr.contains("canary-value") && !ended.stderr.contains("Nowhere"), "{}", ended.stderr);
    insta::assert_snapshot!(ended.stderr, @"
    dumpcar: these settings are wrong:
    DUMPCAR_SCHEDUL: is not a known variable; did you mean DUMPCAR_SCHEDULE?
    DUMPCAR_STORE: is required, like s3://my-bucket/backups
    AWS_ACCESS_KEY_ID: needs AWS_SECRET_ACCESS_KEY as well
    TZ: must be the name of a time zone, like Europe/Berlin or UTC
    DUMPCAR_KEEP_LAST: must be a whole number, like 7
    DUMPCAR_TIMEOUT: needs a unit, like 15m
    ");
}

#[tokio::test]
async fn a_command_line_nobody_knows_is_a_usage_error() {
    let world = world().await;
    for args in [&["bakcup"][..], &["backup", "--keep", "3"], &["cat"], &["cat", "shop", "--at", "tomorrow"]]
    {
        let ended = world.run(args).await;
        assert_eq!(ended.status, 2, "{args:?}");
        assert!(!ended.stderr.is_empty());
    }
    assert_eq!(world.run(&["--help"]).await.status, 0);
    assert_eq!(world.run(&["--version"]).await.status, 0);
}

#[tokio::test]
async fn docker_that_cannot_be_reached_is_named() {
    let world = world().await.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    insta::assert_snapshot!(message(&ended.stderr), @"Docker does not answer at unix:///nowhere/docker.sock: there is no such socket; mount it (-v /var/run/docker.sock:/var/run/docker.sock), or set DOCKER_HOST");

    let world = world.set("DOCKER_HOST", "tcp://127.0.0.1:9");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    insta::assert_snapshot!(message(&ended.stderr), @"cannot look at the containers: Docker does not answer at tcp://127.0.0.1:9: connection refused; is Docker (or the proxy) running?");
}

/// The last line of the log, message and error.
fn message(stderr: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
    let text = |name: &str| line[name].as_str().map(str::to_owned);
    [text("target"), text("message"), text("error"), text("reason")]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(": ")
}

#[tokio::test]
async fn nothing_labelled_is_a_status_of_its_own() {
    let world = world().await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 4);
    insta::assert_snapshot!(message(&ended.stderr), @"no container has the label dumpcar.enable=true: there is nothing to back up");
}

#[tokio::test]
async fn a_target_nobody_knows_is_named_with_those_there_are() {
    let world = world().await.custom("shop").custom("blog");
    let ended = world.run(&["backup", "shpo"]).await;
    assert_eq!(ended.status, 4);
    insta::assert_snapshot!(message(&ended.stderr), @"shpo: there is no such target; there are blog, shop");
    let ended = world.run(&["backup", "shop", "shpo"]).await;
    assert_eq!(ended.status, 3, "one was backed up, one does not exist");
    world.store_backup("gone", "2026-01-01T23-00-00Z", "custom", &[Object::dump(b"a dump")]);
    let ended = world.run(&["restore", "gone", "--yes"]).await;
    assert_eq!(ended.status, 4);
    insta::assert_snapshot!(message(&ended.stderr), @"gone: no container is this target now (there is blog, shop): name the one to restore into by --to");
}

#[tokio::test]
async fn wrong_labels_are_the_targets_failure_and_not_the_others() {
    let world = world().await.custom("blog");
    let labels = json!({
        "dumpcar.enable": "true", "dumpcar.command": "x", "dumpcar.shedule": "@daily", "dumpcar.keep-last": "canary-value",
    });
    world.docker.container("shop", labels, &[]);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let failed = ended.logged("backup failed");
    assert_eq!(failed[0]["target"], "shop");
    assert!(!ended.stderr.contains("canary-value"));
    insta::assert_snapshot!(failed[0]["reason"].as_str().unwrap(), @"container shop: dumpcar.shedule: is not a known label; did you mean dumpcar.schedule?; dumpcar.keep-last: must be a whole number, like 7");
    assert_eq!(world.manifests().len(), 1);
}

#[tokio::test]
async fn a_misspelt_opt_in_is_found() {
    let world = world().await.custom("blog");
    world.docker.container("shop", json!({ "dumpcar.enabel": "true" }), &[]);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 3);
    insta::assert_snapshot!(ended.reason(), @"container shop: dumpcar.enabel: is not a known label; did you mean dumpcar.enable?");
}

#[tokio::test]
async fn two_targets_with_one_name_are_both_refused() {
    let world = world().await;
    for name in ["one", "two"] {
        let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "x", "dumpcar.name": "shop" });
        world.docker.container(name, labels, &[]);
    }
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    let failed = ended.logged("backup failed");
    assert_eq!(failed.len(), 2);
    insta::assert_snapshot!(failed[0]["reason"].as_str().unwrap(), @"the containers one and two have the same target name shop: give each its own label dumpcar.name");
    assert_no_manifest(&world);
}

#[tokio::test]
async fn a_container_that_is_not_well_is_skipped_with_the_reason() {
    let world = world().await;
    let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "x" });
    let states = [
        ("exited", json!({ "Status": "exited" })),
        ("paused", json!({ "Status": "paused" })),
        ("restarting", json!({ "Status": "restarting" })),
    ];
    for (name, state) in states {
        world.docker.container_in_state(name, labels.clone(), &[], state);
    }
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    let reasons: Vec<_> = ended
        .logged("not backed up")
        .iter()
        .map(|line| line["reason"].as_str().unwrap().to_owned())
        .collect();
    insta::assert_snapshot!(reasons.join("\n"), @"
    container exited is exited: `docker start exited`, or remove it
    container paused is paused: `docker unpause paused`
    container restarting keeps restarting: see `docker logs restarting`
    ");
    assert_no_manifest(&world);
}

/// A health check may be wrong, as one that calls a tool which the image lacks. The dump's own outcome tells.
#[tokio::test]
async fn a_container_that_docker_calls_unhealthy_is_tried() {
    let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "x" });
    let state = json!({ "Status": "running", "Health": { "Status": "unhealthy" } });
    for (exit, status) in [(0, 0), (1, 1)] {
        let world = World::new(move |_| Script::ends(b"-- a dump\n", exit)).await;
        world.docker.container_in_state("shop", labels.clone(), &[], state.clone());
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, status, "{}", ended.stderr);
        if exit == 0 {
            assert_eq!(world.manifests().len(), 1);
            let told = ended.logged("backed up though Docker calls its container unhealthy");
            assert_eq!(told.len(), 1, "{}", ended.stderr);
        } else {
            let reason = ended.reason();
            assert!(
                reason.ends_with("(Docker calls the container shop unhealthy: see `docker inspect shop`)"),
                "{reason}"
            );
        }
    }
}

#[tokio::test]
async fn an_image_nobody_knows_is_named_with_the_cure() {
    let world = world().await;
    world.docker.container("shop", json!({ "dumpcar.enable": "true" }), &[]);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    insta::assert_snapshot!(ended.reason(), @"container shop: cannot tell the database from the image example/image:1: set the label dumpcar.engine (postgresql, mariadb, mysql, redis, valkey, sqlite), or dumpcar.command for any other");
}

#[tokio::test]
async fn what_the_store_refuses_is_said_in_the_users_words() {
    let mut lines = Vec::new();
    for (status, code) in [
        (404, "NoSuchBucket"),
        (403, "InvalidAccessKeyId"),
        (403, "SignatureDoesNotMatch"),
        (403, "AccessDenied"),
        (403, "RequestTimeTooSkewed"),
        (400, "AuthorizationHeaderMalformed"),
        (400, "ExpiredToken"),
        (400, "SomethingNew"),
    ] {
        let s3 = FakeS3::with_faults(move |_| Some((status, code))).await;
        let endpoint = s3.endpoint.clone();
        let world = World::with_s3(s3, |_| Script::ends(DUMP, 0)).custom("shop");
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 1);
        lines.push(format!("{code}: {}", ended.reason().replace(&endpoint, "ENDPOINT")));
        assert!(world.docker.execs().is_empty(), "the database had no work");
        assert_no_manifest(&world);
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    NoSuchBucket: the bucket backups does not exist at ENDPOINT: create it, or correct DUMPCAR_STORE
    InvalidAccessKeyId: ENDPOINT does not know this access key: check AWS_ACCESS_KEY_ID (and that it belongs to this endpoint)
    SignatureDoesNotMatch: ENDPOINT refused the secret key: check AWS_SECRET_ACCESS_KEY
    AccessDenied: the keys may not list in the bucket backups: `dumpcar policy` prints the rights they need
    RequestTimeTooSkewed: ENDPOINT says this machine's clock is wrong (RequestTimeTooSkewed): set the host's time (NTP)
    AuthorizationHeaderMalformed: the bucket backups is in another region: set AWS_REGION to garage (Garage and R2 have names of their own: garage, auto)
    ExpiredToken: ENDPOINT refused the session token (ExpiredToken): renew AWS_SESSION_TOKEN
    SomethingNew: ENDPOINT could not list: SomethingNew: told to
    ");
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_is_named() {
    let world = world().await.custom("shop").set("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    insta::assert_snapshot!(ended.reason(), @"http://127.0.0.1:9 cannot be reached (Connection refused (os error 111)): check AWS_ENDPOINT_URL, DNS and the network");
}

#[tokio::test]
async fn an_exec_that_docker_refuses_is_quoted() {
    let world = world().await.custom("shop");
    world.docker.faults(|call, _| (call == Call::StartExec).then_some(Fault::Refuse(500, "told to refuse")));
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    insta::assert_snapshot!(ended.reason(), @"dump the target: Docker refused to start an exec (status 500): told to refuse");
}

#[tokio::test]
async fn a_custom_command_that_is_not_there_is_named() {
    let steps =
        vec![Step::Stderr(b"sh: 1: dump-it: not found\n".to_vec()), Step::Trailer(127), Step::AwaitRelease];
    let world = World::new(move |_| Script::plays(steps.clone(), Some(127))).await.custom("shop");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    insta::assert_snapshot!(ended.reason(), @"dump the target: the container cannot run the command of its label (exit status 127): sh: 1: dump-it: not found");
}

#[tokio::test]
async fn healthcheck_without_a_daemon_says_so() {
    let ended = world().await.run(&["healthcheck"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.stdout.contains("no dumpcar daemon answers"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_stopped_container_does_not_stand_in_the_way_of_the_one_that_replaced_it() {
    let world = world().await;
    let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "x", "dumpcar.name": "shop" });
    world.docker.container_in_state("old", labels.clone(), &[], json!({ "Status": "exited" }));
    world.docker.container("new", labels, &[]);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.manifests().len(), 1);
}

#[tokio::test]
async fn another_groups_mistakes_are_another_sidecars_to_report() {
    let world = world().await.custom("shop");
    world.docker.container(
        "blog",
        json!({ "dumpcar.enable": "true", "dumpcar.group": "b", "dumpcar.x": "y" }),
        &[],
    );
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let world = world.set("DUMPCAR_GROUP", "b");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("dumpcar.x: is not a known label"), "{}", ended.reason());
}

#[tokio::test]
async fn every_variable_can_be_a_file() {
    let world = world().await.custom("shop").unset("AWS_SECRET_ACCESS_KEY");
    let folder = tempfile::tempdir().unwrap();
    for (name, value) in [("AWS_SECRET_ACCESS_KEY", super::support::s3::SECRET_KEY), ("TZ", "Europe/Berlin")]
    {
        std::fs::write(folder.path().join(name), format!("{value}\n")).unwrap();
    }
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let world =
        world.set("AWS_SECRET_ACCESS_KEY_FILE", &path("AWS_SECRET_ACCESS_KEY")).set("TZ_FILE", &path("TZ"));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let shown = world.run(&["config"]).await.stdout;
    let zone = shown.lines().find(|line| line.starts_with("TZ ")).unwrap();
    assert_eq!(zone.split_whitespace().collect::<Vec<_>>(), ["TZ", "Europe/Berlin", "file"]);
}
