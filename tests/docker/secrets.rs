use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::support::bucket::{ACCESS_KEY, SECRET_KEY};
use super::support::docker::{api, docker, unique, until};
use super::support::s3_server::Kind as S3Kind;
use super::support::servers::{Kind, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_17, Product, Server};
use super::support::world::World;

/// Where a server's password is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `POSTGRES_PASSWORD` and its like.
    Variable,
    /// A file that `POSTGRES_PASSWORD_FILE` and its like name.
    File,
    /// A file that the label `dumpcar.password-file` names.
    Label,
}

/// No backup of this world may show any of these.
struct Secrets {
    password: String,
    session_token: String,
}

impl Secrets {
    fn new() -> Self {
        Self { password: format!("canary-{}", unique()), session_token: format!("canary-token-{}", unique()) }
    }

    fn world(&self) -> World {
        let world = World::new().set("DUMPCAR_LOG", "trace");
        match world.bucket.server.kind {
            // It refuses one that it has not issued. With tests/it/secrets.rs, the server takes any.
            S3Kind::SeaweedFs => world,
            S3Kind::Garage => world.set("AWS_SESSION_TOKEN", &self.session_token),
        }
    }

    fn assert_not_in(&self, place: &str, text: &str) {
        let all = [
            ("password", self.password.as_str()),
            ("session token", &self.session_token),
            ("secret key", SECRET_KEY),
            ("access key", ACCESS_KEY),
        ];
        for (what, secret) in all {
            assert!(!text.contains(secret), "the {what} is in {place}: {text}");
        }
    }
}

/// Docker's clock.
fn docker_time() -> String {
    docker(&["info", "--format", "{{.SystemTime}}"])
}

/// What Docker tells about a container, from its making on. Watched, because Docker remembers 256 events of all
/// containers together.
struct Events {
    watcher: Child,
    log: File,
}

impl Events {
    fn of(container: &str) -> Self {
        let log = tempfile::tempfile().unwrap();
        let filter = format!("container={container}");
        let mut watch = Command::new("docker");
        watch.args(["events", "--since", &docker_time(), "--filter", &filter, "--format", "{{json .}}"]);
        Self { watcher: watch.stdout(log.try_clone().unwrap()).spawn().unwrap(), log }
    }

    fn so_far(&self) -> Vec<Value> {
        let mut text = vec![0; usize::try_from(self.log.metadata().unwrap().len()).unwrap()];
        // Not from where the file stands: Docker writes there.
        self.log.read_exact_at(&mut text, 0).unwrap();
        let text = String::from_utf8(text).unwrap();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Those of Dumpcar's execs, when all have ended. Those of the test itself are left out: they hold the password.
    fn of_execs(&self) -> Vec<Value> {
        let action = |event: &Value| event["Action"].as_str().unwrap_or_default().to_owned();
        let count = |events: &[Value], what: &str| {
            events.iter().filter(|event| action(event).starts_with(what)).count()
        };
        let mut events = Vec::new();
        until("all execs have ended", || {
            events = self.so_far();
            let created = count(&events, "exec_create");
            created > 0 && created == count(&events, "exec_die")
        });
        events.retain(|event| action(event).contains("dumpcar-"));
        events
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        drop(self.watcher.kill());
        drop(self.watcher.wait());
    }
}

/// A file that everybody may read, for a mount.
fn secret_file(folder: &Path, content: &str) -> String {
    let file = folder.join("password");
    fs::write(&file, format!("{content}\n")).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    format!("{}:/run/secrets/password:ro", file.to_str().unwrap())
}

/// A target whose password is there, and is needed on the socket as well.
fn server(world: &World, product: Product, password: &str, place: Place, mount: &str) -> Server {
    let variable = match product.kind {
        Kind::Postgresql => "POSTGRES_PASSWORD",
        Kind::Mariadb => "MARIADB_ROOT_PASSWORD",
        Kind::Mysql => "MYSQL_ROOT_PASSWORD",
    };
    let mut labels = vec![("name", "t")];
    let mut args: Vec<String> = Vec::new();
    match place {
        Place::Variable => args.extend(["-e".to_owned(), format!("{variable}={password}")]),
        Place::File => args.extend(["-e".to_owned(), format!("{variable}_FILE=/run/secrets/password")]),
        Place::Label => {
            labels.push(("password-file", "/run/secrets/password"));
            args.extend(["-e".to_owned(), format!("{variable}={password}")]);
        }
    }
    args.extend(["-v", mount, "-e", "POSTGRES_INITDB_ARGS=--auth=scram-sha-256"].map(str::to_owned));
    args.extend(world.labels(&labels));
    Server::with(product, password, &args.iter().map(String::as_str).collect::<Vec<_>>()).wait()
}

/// Backs up a server and looks everywhere.
fn stays_secret(product: Product, place: Place, fill: &str, dump_tool: &str) {
    let secrets = Secrets::new();
    let world = secrets.world();
    let folder = tempfile::tempdir().unwrap();
    let mount = secret_file(folder.path(), &secrets.password);
    let server = server(&world, product, &secrets.password, place, &mount);
    server.sql(fill);
    let log_before = server.container.logs().len();
    let events = Events::of(&server.container.id);

    let mut dumpcar = world.start(&["backup"]);
    let mut seen = String::new();
    while !seen.contains(dump_tool) {
        assert!(!dumpcar.has_ended(), "too short a dump");
        // While nobody reads, the tool cannot end: the dump is larger than what is under way.
        dumpcar.signal("STOP");
        // The arguments are for everybody who is on the machine.
        let processes = server.container.processes().join("\n");
        dumpcar.signal("CONT");
        seen.push_str(&processes);
        thread::sleep(Duration::from_millis(10));
    }
    let ended = dumpcar.end();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    secrets.assert_not_in("the log", &ended.stderr);
    secrets.assert_not_in("standard output", &String::from_utf8_lossy(&ended.stdout));
    secrets.assert_not_in("docker top", &seen);

    // Its server gets the administrator's password back from the backup, wherever the target has it from.
    for command in [&["drill", "t"][..], &["restore", "t", "--globals", "--yes"]] {
        let ended = world.run(command);
        assert_eq!(ended.status, 0, "{command:?}: {}", ended.stderr);
        secrets.assert_not_in(&format!("the log of {command:?}"), &ended.stderr);
        secrets.assert_not_in(&format!("what {command:?} prints"), &String::from_utf8_lossy(&ended.stdout));
    }

    let execs = events.of_execs();
    let created = execs.iter().filter(|event| event["Action"].as_str().unwrap().starts_with("exec_create"));
    let ids: Vec<&str> =
        created.map(|event| event["Actor"]["Attributes"]["execID"].as_str().unwrap()).collect();
    assert!(ids.len() >= 3, "a survey, the accounts and a dump: {execs:?}");
    for event in &execs {
        secrets.assert_not_in("docker events", &event.to_string());
    }
    let mut tools = String::new();
    for id in ids {
        let exec = api(&format!("/exec/{id}/json"));
        assert_eq!(exec["ID"], id);
        tools.push_str(&exec["ProcessConfig"]["arguments"].to_string());
        secrets.assert_not_in("an exec's inspection", &exec.to_string());
    }
    assert!(tools.contains(dump_tool), "{tools}");

    let manifests = world.manifests();
    assert_eq!(manifests.len(), 1);
    secrets.assert_not_in("the manifest", &manifests[0].to_string());
    secrets.assert_not_in("the keys", &world.keys().join("\n"));
    let drill = world.keys().into_iter().find(|key| key.ends_with("/drill.json")).unwrap();
    secrets.assert_not_in("a drill's result", &String::from_utf8_lossy(&world.read(&drill)));
    for command in [&["config"][..], &["list", "--json"], &["prune", "--dry-run"], &["healthcheck"]] {
        let ended = world.run(command);
        secrets.assert_not_in(&command.join(" "), &String::from_utf8_lossy(&ended.stdout));
        secrets.assert_not_in(&format!("the log of {command:?}"), &ended.stderr);
    }
    secrets.assert_not_in("the server's log", &server.container.logs()[log_before..]);
}

const POSTGRESQL_FILL: &str =
    "CREATE TABLE t AS SELECT repeat(md5(g::text), 50) FROM generate_series(1, 30000) g;";
const MARIADB_FILL: &str =
    "CREATE DATABASE d; CREATE TABLE d.t AS SELECT REPEAT(MD5(seq), 50) FROM d.seq_1_to_30000;";
const MYSQL_FILL: &str = "CREATE DATABASE d; USE d; SET cte_max_recursion_depth = 40000; CREATE TABLE d.t AS \
    WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 30000) SELECT REPEAT(SHA2(n, 256), 25) AS x FROM g;";

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn passwords_and_keys_of_a_postgresql_backup_appear_nowhere() {
    stays_secret(POSTGRESQL_17, Place::Variable, POSTGRESQL_FILL, "pg_dump");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_postgresql_password_in_a_file_appears_nowhere() {
    stays_secret(POSTGRESQL_17, Place::File, POSTGRESQL_FILL, "pg_dump");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn passwords_and_keys_of_a_mariadb_backup_appear_nowhere() {
    stays_secret(MARIADB_11_8, Place::Variable, MARIADB_FILL, "mariadb-dump");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_mariadb_password_in_the_file_of_a_label_appears_nowhere() {
    stays_secret(MARIADB_11_8, Place::Label, MARIADB_FILL, "mariadb-dump");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn passwords_and_keys_of_a_mysql_backup_appear_nowhere() {
    stays_secret(MYSQL_9_7, Place::Variable, MYSQL_FILL, "mysqldump");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_mysql_password_in_a_file_appears_nowhere() {
    stays_secret(MYSQL_9_7, Place::File, MYSQL_FILL, "mysqldump");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_refused_password_is_not_quoted() {
    for product in [POSTGRESQL_17, MARIADB_11_8] {
        let secrets = Secrets::new();
        let world = secrets.world();
        let folder = tempfile::tempdir().unwrap();
        // The file has the wrong one.
        let mount = secret_file(folder.path(), &secrets.password);
        let server = server(&world, product, "right", Place::Label, &mount);
        let events = Events::of(&server.container.id);
        let ended = world.run(&["backup"]);
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        secrets.assert_not_in("the log", &ended.stderr);
        secrets.assert_not_in("standard output", &String::from_utf8_lossy(&ended.stdout));
        for event in events.of_execs() {
            secrets.assert_not_in("docker events", &event.to_string());
        }
        assert!(ended.problem().contains("/run/secrets/password"), "{}", ended.stderr);
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn keys_that_a_real_store_refuses_are_not_quoted() {
    let secrets = Secrets::new();
    let unknown = format!("GK{}", "c".repeat(24));
    for (name, value) in [("AWS_ACCESS_KEY_ID", unknown.as_str()), ("AWS_SECRET_ACCESS_KEY", "canary-wrong")]
    {
        let world = secrets.world().set(name, value);
        let _target = world.custom("t", "echo dump");
        for command in [&["backup"][..], &["list"]] {
            let ended = world.run(command);
            assert_eq!(ended.status, 1, "{}", ended.stderr);
            secrets.assert_not_in("the log", &ended.stderr);
            assert!(!ended.stderr.contains(value), "{}", ended.stderr);
        }
    }
}
