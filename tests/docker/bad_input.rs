use insta::assert_snapshot;

use super::support::docker::{docker, pause, tools, until};
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
    assert_snapshot!(reason_in_the_store("DUMPCAR_STORE", "s3://no-such-bucket/backups"), @"backup failed: the bucket no-such-bucket does not exist at ENDPOINT: create it, or correct DUMPCAR_STORE");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_refused_access_key_is_named() {
    assert_snapshot!(reason_in_the_store("AWS_ACCESS_KEY_ID", "GKffffffffffffffffffffffff"), @"backup failed: ENDPOINT does not know this access key: check AWS_ACCESS_KEY_ID (and that it belongs to this endpoint)");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_store_that_is_not_there_is_named() {
    // Nobody listens on the port of a listener that has gone, and nobody gets it so soon.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let reason = reason_in_the_store("AWS_ENDPOINT_URL", &endpoint).replace(&endpoint, "ENDPOINT");
    assert_snapshot!(reason, @"backup failed: ENDPOINT cannot be reached (Connection refused (os error 111)): check AWS_ENDPOINT_URL, DNS and the network");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_wrong_database_password_is_named() {
    let world = World::new();
    let labels = world.labels(&[("name", "t"), ("password-file", "/tmp/password")]);
    let server = Server::started(MARIADB_11_8, "right", &labels).wait();
    assert_snapshot!(world.refused(1), @"backup failed: list its databases: cannot read /tmp/password in the container: it is missing, or the container's user may not read it (labels dumpcar.password-file and dumpcar.exec-user)");
    server.container.exec(&["sh", "-c", "echo wrong >/tmp/password"]);
    assert_snapshot!(world.refused(1), @r#"backup failed: list its databases: the server refused user "root" with the password in /tmp/password: variables only say what the password was at the first start; name today's login by the labels dumpcar.user and dumpcar.password-file (ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: YES))"#);
    server.container.exec(&["sh", "-c", "printf 'right\\r\\n' >/tmp/password"]);
    assert_snapshot!(world.refused(1), @r#"backup failed: list its databases: the server refused user "root" with the password in /tmp/password, which ends in a carriage return: the file was written on Windows; write it again without one (`tr -d '\r'`) (ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: YES))"#);
    server.container.exec(&["sh", "-c", "echo right >/tmp/password"]);
    world.back_up();
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn an_exec_user_that_is_not_there_is_named() {
    let world = World::new();
    let labels = world.labels(&[("name", "t"), ("exec-user", "nosuch")]);
    let server = Server::started(POSTGRESQL_17, "right", &labels).wait();
    let refused = world.refused(1).replace(&server.container.name, "CONTAINER");
    assert_snapshot!(refused, @r#"backup failed: list its databases: the label dumpcar.exec-user names "nosuch", and the container CONTAINER has no such user: correct the label, or take the number of a user (unable to find user nosuch: no matching entries in passwd file)"#);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_password_that_was_changed_since_is_named() {
    let world = World::new();
    let mut args = world.labels(&[("name", "t")]);
    // Without it the image lets everybody in who is in the container.
    args.extend(["-e", "POSTGRES_INITDB_ARGS=--auth=scram-sha-256"].map(str::to_owned));
    let server = Server::started(POSTGRESQL_17, "initial-secret", &args).wait();
    server.sql("ALTER ROLE postgres PASSWORD 'other-secret';");
    assert_snapshot!(world.refused(1), @r#"backup failed: list its databases: the server refused user "postgres" with the password in POSTGRES_PASSWORD: variables only say what the password was at the first start; name today's login by the labels dumpcar.user and dumpcar.password-file (psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  password authentication failed for user "postgres")"#);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_dump_tool_that_is_missing_is_named() {
    let world = World::new();
    {
        let _target = world.custom("t", "mongodump --archive");
        assert_snapshot!(world.refused(1), @"backup failed: dump the target: the container cannot run the command of its label (exit status 127): sh: 2: mongodump: not found");
    }
    let server = Server::target(&world, POSTGRESQL_17, "secret", &[("name", "t")]);
    server.container.exec(&["find", "/usr", "-name", "pg_dump", "-delete"]);
    assert_snapshot!(world.refused(1), @"backup failed: dump roles and users: the container has no pg_dump: is it postgresql? Say what it is by the label dumpcar.engine, or what dumps it by dumpcar.command");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_database_that_is_not_there_is_named() {
    let world = World::new();
    let _server = Server::target(&world, POSTGRESQL_17, "secret", &[("name", "t"), ("databases", "shpo")]);
    assert_snapshot!(world.refused(1), @r#"backup failed: there is no database "shpo": correct the label dumpcar.databases"#);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_database_that_is_dropped_after_it_was_listed_costs_only_itself() {
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
    assert_eq!(world.run(&["backup"]).status, 3);
    let missing = &world.manifests()[0]["missing"];
    assert_eq!(
        (missing.as_array().unwrap().len(), &missing[0]["database"]),
        (1, &"doomed".into()),
        "{missing}"
    );
    let reason = missing[0]["reason"].as_str().unwrap();
    assert!(reason.starts_with(r#"database "doomed" is gone since it was listed: "#), "{reason}");
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
    assert_snapshot!(world.refused(1), @r#"backup failed: list its databases: nothing listens where the server was looked for, the usual socket folder, port 5432: psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: No such file or directory; if it runs and listens elsewhere, say where by the labels dumpcar.socket, or dumpcar.host and dumpcar.port"#);

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
    docker(&["kill", &stopped.id]);
    pause(&paused.id);
    let expected = |ended: &Ended| {
        let mut text = skipped(ended).join("\n");
        for (container, name) in [(&stopped, "STOPPED"), (&paused, "PAUSED")] {
            text = text.replace(&container.name, name);
        }
        text
    };
    let ended = world.run(&["backup"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert_snapshot!(expected(&ended), @"
    a-stopped: not backed up: container STOPPED is exited: `docker start STOPPED`, or remove it
    b-paused: not backed up: container PAUSED is paused: `docker unpause PAUSED`
    ");
    world.assert_nothing_is_stored();

    let _good = world.custom("d-good", GOOD);
    let with_a_good_one = world.run(&["backup"]);
    assert_eq!(with_a_good_one.status, 3, "{}", with_a_good_one.stderr);
    assert_eq!(expected(&with_a_good_one), expected(&ended));
    assert_eq!(world.manifests().len(), 1);
    docker(&["unpause", &paused.id]);
}

/// As with `healthcheck: mysqladmin ping` in an image without `mysqladmin`.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_container_whose_health_check_fails_is_backed_up() {
    let world = World::new();
    let health = ["--health-cmd", "mysqladmin ping", "--health-interval", "1s", "--health-retries", "1"];
    let sick =
        world.target(&tools(), &[("name", "sick"), ("command", GOOD)], &health, &["sleep", "infinity"]);
    until("it is unhealthy", || sick.inspect("{{.State.Health.Status}}") == "unhealthy");
    let ended = world.run(&["backup"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.manifests().len(), 1);
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
    assert_snapshot!(world.plain(&text), @"
    same: backup failed: the containers ONE and OTHER have the same target name same: give each its own label dumpcar.name
    same: backup failed: the containers ONE and OTHER have the same target name same: give each its own label dumpcar.name
    ");
    world.assert_nothing_is_stored();
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn labels_that_match_nothing_are_named() {
    let world = World::new();
    assert_snapshot!(world.refused(4), @"no container has the label dumpcar.enable=true: there is nothing to back up");
    let target =
        world.target(&tools(), &[("comand", "echo dump"), ("keep-lsat", "3")], &[], &["sleep", "infinity"]);
    assert_snapshot!(world.refused(1).replace(&target.name, "CONTAINER"), @"backup failed: container CONTAINER: dumpcar.comand: is not a known label; did you mean dumpcar.command?; dumpcar.keep-lsat: is not a known label; did you mean dumpcar.keep-last?");
    drop(target);
    let target = world.target(&tools(), &[], &[], &["sleep", "infinity"]);
    assert_snapshot!(world.refused(1).replace(&target.name, "CONTAINER").replace(&tools(), "TOOLS"), @"backup failed: container CONTAINER: cannot tell the database from the image TOOLS: set the label dumpcar.engine (postgresql, mariadb, mysql, redis, valkey, sqlite), or dumpcar.command for any other");
    drop(target);

    let _target = world.custom("shop", GOOD);
    let ended = world.run(&["backup", "shpo"]);
    assert_eq!(ended.status, 4, "{}", ended.stderr);
    assert_snapshot!(ended.problem(), @"there is no such target; there are shop");
    world.assert_nothing_is_stored();
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_docker_socket_that_is_not_there_is_named() {
    let world = World::new().set("DOCKER_HOST", "unix:///var/run/no-such.sock");
    assert_snapshot!(world.refused(1), @"Docker does not answer at unix:///var/run/no-such.sock: there is no such socket; mount it (-v /var/run/docker.sock:/var/run/docker.sock), or set DOCKER_HOST");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_container_that_goes_in_the_middle_of_its_dump_is_named() {
    let world = World::new();
    let target = world.custom("t", "sleep 1000");
    let dumpcar = world.start(&["backup"]);
    until("it is dumped", || target.processes().iter().any(|process| process == "sleep 1000"));
    let name = target.name.clone();
    drop(target);
    let ended = dumpcar.end();
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    // Docker may still be at it: what it says of the container is one thing or the other.
    let problem = ended.problem().replace(&name, "CONTAINER");
    let known = [
        "container CONTAINER ",
        "the output was cut before its end (did the container stop, or the connection to Docker break?)",
    ];
    assert!(
        known.iter().any(|reason| problem.starts_with(&format!("backup failed: dump the target: {reason}"))),
        "{problem}"
    );
    world.assert_nothing_is_stored();
}
