use std::process::Command;

use super::support::docker::{docker, unique, until};
use super::support::servers::{MARIADB_11_8, POSTGRESQL_17, Product, Server};
use super::support::world::World;

/// Words that no other text has, in every place a secret is in.
fn stays_secret(product: Product, fill: &str, dump_tool: &str) {
    let password = format!("canary-{}", unique());
    let world = World::new().set("DUMPCAR_LOG", "trace").set("AWS_SESSION_TOKEN", "");
    let secret_key = world.env("AWS_SECRET_ACCESS_KEY").to_owned();
    let access_key = world.env("AWS_ACCESS_KEY_ID").to_owned();
    let before = docker(&["info", "--format", "{{.SystemTime}}"]);
    let server = Server::target(&world, product, &password, &[("name", "t")]);
    server.sql(fill);

    let mut dumpcar = world.start(&["backup"]);
    let mut seen = String::new();
    until("the dump tool was seen", || {
        // With all environments it may see: only root sees them, and the arguments are for all.
        let processes = server.container.processes().join("\n");
        let is_there = processes.contains(dump_tool);
        seen.push_str(&processes);
        assert!(is_there || !dumpcar.has_ended(), "too short a dump");
        is_there
    });
    let ended = dumpcar.end();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let now = docker(&["info", "--format", "{{.SystemTime}}"]);
    let filter = format!("container={}", server.container.id);
    let events = docker(&["events", "--since", &before, "--until", &now, "--filter", &filter]);
    assert!(events.contains("exec_create") && events.contains(dump_tool), "{events}");
    // Those of this test are not those of Dumpcar.
    let own = format!("sh {password}");
    let events: String = events.lines().filter(|line| !line.contains(&own)).collect();
    let manifests = world.manifests();
    assert_eq!(manifests.len(), 1);
    let config = world.run(&["config"]);
    let texts = [
        ("the log", &ended.stderr),
        ("standard output", &String::from_utf8_lossy(&ended.stdout).into_owned()),
        ("docker events", &events),
        ("docker top", &seen),
        ("the manifest", &manifests[0].to_string()),
        ("dumpcar config", &String::from_utf8_lossy(&config.stdout).into_owned()),
    ];
    for (place, text) in texts {
        for (what, secret) in [("password", &password), ("secret key", &secret_key)] {
            assert!(!text.contains(secret.as_str()), "the {what} is in {place}: {text}");
        }
        assert!(
            place == "dumpcar config" || !text.contains(&access_key),
            "the access key is in {place}: {text}"
        );
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn passwords_and_keys_of_a_postgresql_backup_appear_nowhere() {
    let fill = "CREATE TABLE t AS SELECT repeat(md5(g::text), 50) FROM generate_series(1, 30000) g;";
    stays_secret(POSTGRESQL_17, fill, "pg_dump");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn passwords_and_keys_of_a_mariadb_backup_appear_nowhere() {
    let fill = "CREATE DATABASE d; CREATE TABLE d.t AS SELECT REPEAT(MD5(seq), 50) FROM d.seq_1_to_30000;";
    stays_secret(MARIADB_11_8, fill, "mariadb-dump");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_refused_password_is_not_quoted() {
    let world = World::new().set("DUMPCAR_LOG", "trace");
    let wrong = format!("canary-{}", unique());
    let server =
        Server::started(MARIADB_11_8, "right", &world.labels(&[("password-file", "/tmp/password")])).wait();
    let mut write = Command::new("docker");
    write.args(["exec", &server.container.id, "sh", "-c", &format!("echo {wrong} >/tmp/password")]);
    assert!(write.status().unwrap().success());
    let ended = world.run(&["backup"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(!ended.stderr.contains(&wrong), "{}", ended.stderr);
    assert!(ended.problem().contains("/tmp/password"), "{}", ended.stderr);
}
