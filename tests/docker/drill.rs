//! A drill restores a backup into a server of its own and finds out whether everything came back.

use ring::digest;
use serde_json::{Value, json};

use super::support::docker::{Container, LIMIT, docker, holds_within, tools, try_docker, unique, until};
use super::support::random::drills;
use super::support::servers::{
    MARIADB_10_11, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_15, POSTGRESQL_17, Product, Server,
};
use super::support::world::World;

pub(crate) fn result(world: &World) -> Value {
    let keys = world.keys();
    let key = keys.iter().rfind(|key| key.ends_with("/drill.json")).expect("the result is in the bucket");
    serde_json::from_slice(&world.read(key)).unwrap()
}

fn everything_comes_back(product: Product) {
    comes_back(&World::new(), product);
}

pub(crate) fn comes_back(world: &World, product: Product) {
    let source = Server::target(world, product, "secret", &[("name", "source")]);
    source.fill();
    world.back_up();
    let mut ended = None;
    for _ in 0..drills() {
        let drilled = world.run(&["drill", "source", "--json"]);
        assert_eq!(drilled.status, 0, "{}", drilled.stderr);
        ended = Some(drilled);
    }
    let ended = ended.unwrap();
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(report["results"][0]["result"], "ok", "{report}");
    let result = result(world);
    let mut shown = result.clone();
    shown.as_object_mut().unwrap().retain(|name, _| !["version", "target", "stamp"].contains(&name.as_str()));
    assert_eq!(report["results"][0]["drill"], shown);
    let manifests = world.manifests();
    let objects = manifests[0]["objects"].as_array().unwrap();
    let sum = |what: &str| objects.iter().filter_map(|object| object["content"][what].as_u64()).sum::<u64>();
    assert_eq!(
        (result["tables"].as_u64(), result["rows"].as_u64()),
        (Some(sum("tables")), Some(sum("rows")))
    );
    assert!(sum("tables") > 5 && sum("rows") > 10, "{manifests:?}");
    assert_eq!(world.scratch(), "");
}

/// What `list` shows of the newest backup.
fn newest(world: &World) -> String {
    let shown = String::from_utf8(world.run(&["list"]).stdout).unwrap();
    shown.lines().skip(2).collect()
}

/// Writes another dump into a backup, with sizes and digests that are right.
pub(crate) fn replace_dump(world: &World, change: impl Fn(&str) -> String) {
    replace_object(world, "shop.sql", change);
}

/// Writes something else into an object of a backup, with sizes and digests that are right.
pub(crate) fn replace_object(world: &World, name: &str, change: impl Fn(&str) -> String) {
    let mut manifest = world.manifests().pop().unwrap();
    let folder = format!("{}/{}", manifest["target"].as_str().unwrap(), manifest["stamp"].as_str().unwrap());
    let objects = manifest["objects"].as_array_mut().unwrap();
    let object = objects.iter_mut().find(|object| object["name"] == name).unwrap();
    let key = format!("{folder}/{}", object["name"].as_str().unwrap());
    let dump = String::from_utf8(world.read(&key)).unwrap();
    let changed = change(&dump);
    assert_ne!(changed, dump);
    let digest = digest::digest(&digest::SHA256, changed.as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    for form in ["plain", "stored"] {
        object[format!("{form}_bytes")] = changed.len().into();
        object[format!("{form}_sha256")] = digest.clone().into();
    }
    world.write(&key, changed.as_bytes());
    world.write(&format!("{folder}/manifest.json"), &serde_json::to_vec(&manifest).unwrap());
}

/// A dump that is whole, loads without an error, and lacks something: only a comparison can tell.
#[test]
#[ignore = "needs Docker"]
fn a_dump_that_lacks_something_fails_loudly() {
    let world = World::new();
    let labels = [("name", "source"), ("compression", "none")];
    let source = Server::target(&world, POSTGRESQL_17, "secret", &labels);
    source.sql("CREATE DATABASE shop;\n");
    source.load(
        "shop",
        b"CREATE TABLE orders AS SELECT generate_series(1, 100) AS id;\n\
          CREATE TABLE customers AS SELECT generate_series(1, 100) AS id;\n",
    );
    type Change = fn(&str) -> String;
    let changes: [(&str, Value, Change); 3] = [
        (
            "table public.customers is missing",
            json!({ "kind": "table_missing", "table": "public.customers" }),
            |dump| {
                let parts = dump.split("\n--\n-- ").filter(|part| !part.contains("Name: customers;"));
                parts.collect::<Vec<_>>().join("\n--\n-- ")
            },
        ),
        (
            "table public.customers has 99 rows instead of 100",
            json!({ "kind": "rows", "table": "public.customers", "expected": 100, "found": 99 }),
            |dump| dump.replacen("\n50\n", "\n", 1),
        ),
        (
            "table public.customers has as many rows, with other values",
            json!({ "kind": "values", "table": "public.customers" }),
            |dump| dump.replacen("\n50\n", "\n51\n", 1),
        ),
    ];
    for (problem, difference, change) in changes {
        world.back_up();
        let restores = world.run(&["drill", "source"]);
        assert_eq!(restores.status, 0, "{}", restores.stderr);
        assert!(newest(&world).contains("  ok "), "{}", newest(&world));
        replace_dump(&world, change);
        let ended = world.run(&["drill", "source"]);
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        assert!(ended.stderr.contains(problem), "{}", ended.stderr);
        let in_bucket = json!({ "kind": "content", "database": "shop", "differences": [difference] });
        assert_eq!(result(&world)["problem"], in_bucket);
        assert!(newest(&world).contains("FAILED in its drill: content differs"), "{}", newest(&world));
        assert_eq!(world.scratch(), "");
    }
}

/// A server that is no server: a file, and the question what is in it.
fn custom(world: &World, name: &str, query: &str, expect: &str) -> Container {
    let labels = [
        ("name", name),
        ("command", "echo hello"),
        ("restore-command", "cat >/tmp/restored"),
        ("drill.query", query),
        ("drill.expect", expect),
    ];
    world.target(&tools(), &labels, &[], &["sleep", "infinity"])
}

#[test]
#[ignore = "needs Docker"]
fn the_users_own_question_decides() {
    let world = World::new();
    let source = custom(&world, "source", "cat /tmp/restored", "hello");
    world.back_up();
    let good = world.run(&["drill"]);
    assert_eq!(good.status, 0, "{}", good.stderr);
    drop(source);
    let _other = custom(&world, "source", "cat /tmp/restored", "goodbye");
    let bad = world.run(&["drill"]);
    assert_eq!(bad.status, 1, "{}", bad.stderr);
    assert!(
        world.plain(&bad.stderr).contains(r#"dumpcar.drill.query says \"hello\" instead of \"goodbye\""#),
        "{}",
        bad.stderr
    );
}

/// What a drill's container is allowed, as Docker itself says it.
#[test]
#[ignore = "needs Docker"]
fn twenty_drills_leave_nothing_behind_also_when_killed() {
    let world = World::new();
    let _quick = custom(&world, "quick", "cat /tmp/restored", "hello");
    // Long enough to be killed in.
    let _slow = custom(&world, "slow", "sleep 60; cat /tmp/restored", "hello");
    world.back_up();
    for round in 0..20 {
        if round % 4 != 3 {
            let ended = world.run(&["drill", "quick"]);
            assert_eq!(ended.status, 0, "{}", ended.stderr);
            assert_eq!(world.scratch(), "", "round {round}");
            continue;
        }
        let mut killed = world.start(&["drill", "slow"]);
        let id = world.await_scratch();
        let look = |what: &str| docker(&["inspect", "-f", what, &id]);
        assert_eq!(look("{{.HostConfig.NetworkMode}} {{len .Mounts}}"), "none 0");
        assert!(
            look("{{json .HostConfig.Tmpfs}}").contains(r#""/tmp":"rw,size="#),
            "{}",
            look("{{json .HostConfig}}")
        );
        let limits = look("{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}}");
        let limits: Vec<u64> = limits.split(' ').map(|number| number.parse().unwrap()).collect();
        assert!(limits[0] == limits[1] && limits.iter().all(|limit| *limit > 0), "{limits:?}");
        let rights = look("{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}}");
        assert_eq!(rights, "true [ALL] [CHOWN DAC_OVERRIDE FOWNER SETGID SETUID]");
        if round == 3 {
            // One that is told to stop cleans up by itself.
            killed.signal("TERM");
            assert_eq!(killed.end().status, 143);
        } else {
            killed.kill();
            assert_eq!(world.scratch(), id, "nobody was there to remove it");
            world.back_up();
        }
        assert_eq!(world.scratch(), "", "round {round}");
    }
}

/// A server that dies in a drill says nothing about the backup.
#[test]
#[ignore = "needs Docker"]
fn a_drill_that_could_not_be_done_is_not_held_against_the_backup() {
    let world = World::new();
    let _slow = custom(&world, "slow", "sleep 60; cat /tmp/restored", "hello");
    world.back_up();
    let drill = world.start(&["drill"]);
    until("the drill has restored", || drill.log().contains("object restored"));
    docker(&["kill", &world.scratch()]);
    let ended = drill.end();
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("drill inconclusive"), "{}", ended.stderr);
    assert!(!world.keys().iter().any(|key| key.ends_with("/drill.json")), "{:?}", world.keys());
    assert_eq!(world.scratch(), "");
}

/// An image that goes when this goes.
pub(crate) struct Image(pub(crate) String);

impl Drop for Image {
    fn drop(&mut self) {
        drop(try_docker(&["rmi", &self.0]));
    }
}

/// While an image sets a server up, that server answers, and is stopped again.
#[test]
#[ignore = "needs Docker"]
fn a_server_that_is_still_being_set_up_is_waited_for() {
    let world = World::new();
    let name = unique();
    let container = Container::run(&[
        "--entrypoint",
        "sh",
        &POSTGRESQL_17.image(),
        "-c",
        "\
        mkdir -p /docker-entrypoint-initdb.d && echo 'sleep 5' >/docker-entrypoint-initdb.d/slow.sh; sleep infinity",
    ]);
    until("the image has a script", || {
        container.try_exec(&["test", "-s", "/docker-entrypoint-initdb.d/slow.sh"]).is_ok()
    });
    let entry = ["--change", "ENTRYPOINT [\"docker-entrypoint.sh\"]", "--change", "CMD [\"postgres\"]"];
    docker(&[&["commit"], entry.as_slice(), &[container.id.as_str(), name.as_str()]].concat());
    let image = Image(name);
    // Longer than the image takes.
    let query = ("drill.query", "SELECT 'asleep' FROM pg_sleep(6)");
    let labels = [("name", "source"), ("engine", "postgresql"), query, ("drill.expect", "asleep")];
    let target = world.target(
        &image.0,
        &labels,
        &["-e", "POSTGRES_PASSWORD=x", "--tmpfs", "/var/lib/postgresql/data"],
        &[],
    );
    until("the server answers", || {
        target.try_exec(&["psql", "-U", "postgres", "-h", "127.0.0.1", "-c", "SELECT 1"]).is_ok()
            || target.logs().contains("init process complete")
    });
    until("a backup is made", || world.run(&["backup"]).status == 0);
    let ended = world.run(&["drill"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    drop(target);
}

/// By itself, by a label, and loud when something is wrong.
#[test]
#[ignore = "needs Docker"]
fn the_daemon_drills_on_schedule_and_is_unhealthy_when_a_backup_is_not_good() {
    let world = World::new().set("DUMPCAR_SCHEDULE", "off");
    let labels = [
        ("name", "source"),
        ("command", "echo hello"),
        ("restore-command", "cat >/tmp/restored"),
        ("drill", "every 1m"),
        ("drill.query", "cat /tmp/restored"),
        ("drill.expect", "goodbye"),
    ];
    let _source = world.target(&tools(), &labels, &[], &["sleep", "infinity"]);
    world.back_up();
    let daemon = world.start(&[]);
    let is_told = || daemon.log().contains("drill: the backup is NOT good");
    assert!(holds_within(3 * LIMIT, is_told), "{}", daemon.log());
    until("the daemon is unhealthy", || world.run(&["healthcheck"]).status == 1);
    let health = String::from_utf8(world.run(&["healthcheck"]).stdout).unwrap();
    assert!(health.starts_with("(drill) source: the backup source/"), "{health}");
    daemon.signal("TERM");
    assert_eq!(daemon.end().status, 0);
    assert_eq!(world.scratch(), "");
}

#[test]
#[ignore = "needs Docker"]
fn everything_in_postgresql_15_comes_back() {
    everything_comes_back(POSTGRESQL_15);
}

#[test]
#[ignore = "needs Docker"]
fn everything_in_postgresql_17_comes_back() {
    everything_comes_back(POSTGRESQL_17);
}

#[test]
#[ignore = "needs Docker"]
fn everything_in_mariadb_10_11_comes_back() {
    everything_comes_back(MARIADB_10_11);
}

#[test]
#[ignore = "needs Docker"]
fn everything_in_mariadb_11_8_comes_back() {
    everything_comes_back(MARIADB_11_8);
}

#[test]
#[ignore = "needs Docker"]
fn everything_in_mysql_9_7_comes_back() {
    everything_comes_back(MYSQL_9_7);
}
