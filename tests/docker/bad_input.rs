use insta::assert_snapshot;

use super::support::docker::{docker, tools, until};
use super::support::servers::{MARIADB_11_8, POSTGRESQL_17, Server};
use super::support::world::{Ended, World};

/// A target that would do well.
const GOOD: &str = "echo dump";

fn reason_in_the_store(name: &str, value: &str) -> String {
    let mut world = World::new();
    let _target = world.custom("t", GOOD);
    let value = value.replace("BUCKET", &world.bucket.name);
    world = world.set(name, &value);
    world.refused(1)
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_bucket_that_does_not_exist_is_named() {
    assert_snapshot!(reason_in_the_store("DUMPCAR_STORE", "s3://no-such-bucket/backups"), @"");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_refused_access_key_is_named() {
    assert_snapshot!(reason_in_the_store("AWS_ACCESS_KEY_ID", "GKffffffffffffffffffffffff"), @"");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_refused_secret_key_is_named() {
    assert_snapshot!(reason_in_the_store("AWS_SECRET_ACCESS_KEY", &"0".repeat(64)), @"");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_wrong_region_is_named() {
    assert_snapshot!(reason_in_the_store("AWS_REGION", "eu-west-1"), @"");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_store_that_is_not_there_is_named() {
    // Nobody listens on the port of a listener that has gone, and nobody gets it so soon.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let reason = reason_in_the_store("AWS_ENDPOINT_URL", &endpoint).replace(&endpoint, "ENDPOINT");
    assert_snapshot!(reason, @"");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_wrong_database_password_is_named() {
    let world = World::new();
    let labels = world.labels(&[("name", "t"), ("password-file", "/tmp/password")]);
    let server = Server::started(MARIADB_11_8, "right", &labels).wait();
    assert_snapshot!(world.refused(1), @"");
    server.container.exec(&["sh", "-c", "echo wrong >/tmp/password"]);
    assert_snapshot!(world.refused(1), @"");
    server.container.exec(&["sh", "-c", "echo right >/tmp/password"]);
    world.back_up();
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_password_that_was_changed_since_is_named() {
    let world = World::new();
    let mut args = world.labels(&[("name", "t")]);
    // Without it the image lets everybody in who is in the container.
    args.extend(["-e", "POSTGRES_INITDB_ARGS=--auth=scram-sha-256"].map(str::to_owned));
    let server = Server::started(POSTGRESQL_17, "first", &args).wait();
    server.sql("ALTER ROLE postgres PASSWORD 'second';");
    assert_snapshot!(world.refused(1), @"");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_dump_tool_that_is_missing_is_named() {
    let world = World::new();
    {
        let _target = world.custom("t", "mongodump --archive");
        assert_snapshot!(world.refused(1), @"");
    }
    let server = Server::target(&world, POSTGRESQL_17, "secret", &[("name", "t")]);
    server.container.exec(&["find", "/usr", "-name", "pg_dump", "-delete"]);
    assert_snapshot!(world.refused(1), @"");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_database_that_is_not_there_is_named() {
    let world = World::new();
    let _server =
        Server::target(&world, POSTGRESQL_17, "secret", &[("name", "t"), ("databases", "postgres,shpo")]);
    assert_snapshot!(world.refused(1), @"");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_database_that_is_dropped_after_it_was_listed_fails_the_run_and_not_the_next() {
    let world = World::new();
    let server = Server::target(&world, POSTGRESQL_17, "secret", &[("name", "t")]);
    server.sql("CREATE DATABASE doomed;");
    // In front of the real one on PATH: by then the databases are listed.
    let script = "#!/bin/sh\npsql -U postgres -d postgres -qc 'DROP DATABASE IF EXISTS doomed' >&2\nexec /usr/bin/pg_dump \"$@\"\n";
    server
        .container
        .feed(
            &["sh", "-c", "cat >/usr/local/bin/pg_dump && chmod 755 /usr/local/bin/pg_dump"],
            script.as_bytes(),
        )
        .0
        .unwrap();
    assert_snapshot!(world.refused(1), @"");
    server.container.exec(&["rm", "/usr/local/bin/pg_dump"]);
    world.back_up();
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_server_that_still_starts_is_waited_for() {
    let world = World::new();
    let mut args = world.labels(&[("name", "t"), ("engine", "postgresql")]);
    args.extend(["-e", "POSTGRES_PASSWORD=secret", "--entrypoint", "sh"].map(str::to_owned));
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let image = POSTGRESQL_17.image();
    let start = "until [ -e /tmp/go ]; do sleep 0.1; done; exec docker-entrypoint.sh postgres";
    let target =
        super::support::docker::Container::run(&[&args, &[image.as_str(), "-c", start][..]].concat());
    assert_snapshot!(world.refused(1), @"");

    let world = world.set("DUMPCAR_RETRIES", "3");
    let dumpcar = world.start(&["backup"]);
    until("it is to be tried again", || dumpcar.log().contains("trying again"));
    target.exec(&["touch", "/tmp/go"]);
    let ended = dumpcar.end();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.manifests().len(), 1);
}

/// Every reason why a target was not backed up, in their order.
fn skipped(ended: &Ended) -> Vec<String> {
    let lines = ended.lines();
    let skipped =
        lines.iter().filter(|line| line["message"] == "not backed up" || line["message"] == "backup failed");
    let texts = skipped.map(|line| {
        format!(
            "{}: {}: {}",
            line["target"].as_str().unwrap(),
            line["message"].as_str().unwrap(),
            line["reason"].as_str().unwrap()
        )
    });
    let mut texts: Vec<_> = texts.collect();
    texts.sort();
    texts
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_container_that_cannot_be_asked_is_reported_and_the_others_are_backed_up() {
    let world = World::new();
    let stopped = world.custom("a-stopped", GOOD);
    let paused = world.custom("b-paused", GOOD);
    let health = ["--health-cmd", "false", "--health-interval", "1s", "--health-retries", "1"];
    let sick =
        world.target(&tools(), &[("name", "c-sick"), ("command", GOOD)], &health, &["sleep", "infinity"]);
    docker(&["kill", &stopped.id]);
    docker(&["pause", &paused.id]);
    until("it is unhealthy", || sick.inspect("{{.State.Health.Status}}") == "unhealthy");
    let expected = |ended: &Ended| {
        let mut text = skipped(ended).join("\n");
        for (container, name) in [(&stopped, "STOPPED"), (&paused, "PAUSED"), (&sick, "SICK")] {
            text = text.replace(&container.name, name);
        }
        text
    };
    let ended = world.run(&["backup"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert_snapshot!(expected(&ended), @"");
    world.assert_nothing_is_stored();

    let _good = world.custom("d-good", GOOD);
    let with_a_good_one = world.run(&["backup"]);
    assert_eq!(with_a_good_one.status, 3, "{}", with_a_good_one.stderr);
    assert_eq!(expected(&with_a_good_one), expected(&ended));
    assert_eq!(world.manifests().len(), 1);
    docker(&["unpause", &paused.id]);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn two_containers_with_one_target_name_are_both_refused() {
    let world = World::new();
    let containers = [world.custom("same", GOOD), world.custom("same", GOOD)];
    let ended = world.run(&["backup"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    let mut names = containers.each_ref().map(|container| container.name.clone());
    names.sort();
    let text = skipped(&ended).join("\n").replace(&names[0], "ONE").replace(&names[1], "OTHER");
    assert_snapshot!(world.plain(&text), @"");
    world.assert_nothing_is_stored();
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn labels_that_match_nothing_are_named() {
    let world = World::new();
    assert_snapshot!(world.refused(4), @"");
    let target =
        world.target(&tools(), &[("comand", "echo dump"), ("keep-lsat", "3")], &[], &["sleep", "infinity"]);
    assert_snapshot!(world.refused(1).replace(&target.name, "CONTAINER"), @"");
    drop(target);
    let target = world.target(&tools(), &[], &[], &["sleep", "infinity"]);
    assert_snapshot!(world.refused(1).replace(&target.name, "CONTAINER"), @"");
    drop(target);

    let _target = world.custom("shop", GOOD);
    let ended = world.run(&["backup", "shpo"]);
    assert_eq!(ended.status, 4, "{}", ended.stderr);
    assert_snapshot!(ended.problem(), @"");
    world.assert_nothing_is_stored();
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_docker_socket_that_is_not_there_is_named() {
    let world = World::new().set("DOCKER_HOST", "unix:///var/run/no-such.sock");
    assert_snapshot!(world.refused(1), @"");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_container_that_goes_in_the_middle_of_its_dump_is_named() {
    let world = World::new();
    let target = world.custom("t", "sleep 1000");
    let dumpcar = world.start(&["backup"]);
    until("it is dumped", || target.processes().iter().any(|process| process == "sleep 1000"));
    drop(target);
    let ended = dumpcar.end();
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert_snapshot!(ended.problem(), @"");
    world.assert_nothing_is_stored();
}
