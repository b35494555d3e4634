use std::io::Write as _;

use serde_json::Value;

use super::support::docker::until;
use super::support::engine::Engine;
use super::support::servers::POSTGRESQL_17;
use super::support::world::World;

/// A container of podman's, removed with the test.
struct Target<'e> {
    engine: &'e Engine,
    id: String,
}

impl<'e> Target<'e> {
    fn new(engine: &'e Engine, world: &World, labels: &[(&str, &str)], command: &[&str]) -> Self {
        let labels = world.labels(labels);
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        let image = POSTGRESQL_17.image();
        let run = ["run", "-d", "--network=none", "-e", "POSTGRES_PASSWORD=secret"];
        let id = engine.docker(&[&run, labels.as_slice(), &[image.as_str()], command].concat());
        Self { engine, id }
    }

    fn sql(&self, sql: &str) -> Result<String, String> {
        let psql = "PGPASSWORD=secret exec psql -h127.0.0.1 -U postgres -XAtqc \"$1\"";
        self.engine.try_docker(&["exec", &self.id, "sh", "-c", psql, "sh", sql])
    }

    fn rows(&self) -> String {
        self.sql("SELECT count(*), sum(hashtext(word)) FROM words").unwrap()
    }
}

impl Drop for Target<'_> {
    fn drop(&mut self) {
        // Podman's forced removal asks the container to stop, and waits 10 s.
        drop(self.engine.try_docker(&["kill", &self.id]));
        drop(self.engine.try_docker(&["rm", "-f", &self.id]));
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn podman_does_what_docker_does() {
    let engine = match Engine::podman(&POSTGRESQL_17.image()) {
        Ok(engine) => engine,
        // Around the test's capture: a test that did nothing has to say so.
        Err(reason) => {
            writeln!(std::io::stderr(), "skipped, podman can run no container here: {reason}").unwrap();
            return;
        }
    };
    let world = World::new().set("DOCKER_HOST", &engine.host());
    let server = Target::new(&engine, &world, &[("name", "shop")], &[]);
    until("the server answers", || server.sql("SELECT 1").is_ok());
    server
        .sql("CREATE TABLE words AS SELECT g AS id, md5(g::text) AS word FROM generate_series(1, 20000) g")
        .unwrap();
    let before = server.rows();

    world.back_up();
    let verified = world.run(&["verify", "shop"]);
    assert_eq!(verified.status, 0, "{}", verified.stderr);
    server.sql("DROP TABLE words").unwrap();
    let restored = world.run(&["restore", "shop", "--yes"]);
    assert_eq!(restored.status, 0, "{}", restored.stderr);
    assert_eq!(server.rows(), before);
    let drilled = world.run(&["drill", "shop", "--json"]);
    assert_eq!(drilled.status, 0, "{}", drilled.stderr);
    let report: Value = serde_json::from_slice(&drilled.stdout).unwrap();
    assert_eq!(report["results"][0]["result"], "ok", "{report}");
    let drills = format!("label={}.scratch", world.prefix);
    assert_eq!(engine.docker(&["ps", "-aq", "--filter", &drills]), "");

    // A dump that breaks off is no backup, and one that is told to stop leaves no tool.
    let broken = Target::new(
        &engine,
        &world,
        &[("name", "broken"), ("command", "echo half; exit 3")],
        &["sleep", "infinity"],
    );
    let ended = world.run(&["backup", "broken"]);
    assert_ne!(ended.status, 0, "{}", ended.stderr);
    drop(broken);
    let endless =
        Target::new(&engine, &world, &[("name", "endless"), ("command", "yes")], &["sleep", "infinity"]);
    let running = || engine.docker(&["exec", &endless.id, "sh", "-c", "cat /proc/[0-9]*/comm"]);
    let dumpcar = world.start(&["backup", "endless"]);
    until("the tool runs", || running().lines().any(|name| name == "yes"));
    dumpcar.signal("TERM");
    assert_ne!(dumpcar.end().status, 0);
    until("the tool has ended", || running().lines().all(|name| name != "yes"));
    assert!(world.manifests().iter().all(|manifest| manifest["target"] == "shop"));
    drop(endless);

    // The daemon hears of containers that come and go.
    let daemon = world.start(&[]);
    let says = |name: &str, what: &str| {
        daemon.log().lines().any(|line| line.contains(&format!("\"{name}\"")) && line.contains(what))
    };
    until("the daemon knows the server", || says("shop", "planned"));
    let later = Target::new(&engine, &world, &[("name", "later"), ("command", "echo it is me")], &[]);
    until("the daemon knows the new one", || says("later", "planned"));
    drop(later);
    until("the daemon misses it", || says("later", "target disappeared"));
    daemon.signal("TERM");
    assert_eq!(daemon.end().status, 0);
}
