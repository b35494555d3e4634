//! What a drill could not find out says nothing about the backup, and what to do.

use serde_json::Value;

use super::drill::Image;
use super::support::docker::{Container, docker, tools, unique, until};
use super::support::servers::POSTGRESQL_17;
use super::support::world::World;

/// A drill that finds nothing out, and says this.
fn inconclusive(world: &World, words: &[&str]) {
    let ended = world.run(&["drill", "--json"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(report["results"][0]["result"], "inconclusive", "{report}");
    let problem = world.plain(report["results"][0]["problem"].as_str().unwrap());
    assert!(words.iter().all(|words| problem.contains(words)), "{problem}");
    assert!(
        !ended.stderr.contains("NOT good") && ended.stderr.contains("drill inconclusive"),
        "{}",
        ended.stderr
    );
    assert!(!world.keys().iter().any(|key| key.ends_with("/drill.json")), "{:?}", world.keys());
    assert_eq!(world.scratch(), "");
}

/// A target of an image that lacks a tool, and an extension, both of which its container got later.
#[test]
#[ignore = "needs Docker"]
fn what_the_drill_lacks_is_not_held_against_the_backup() {
    let world = World::new().set("DUMPCAR_DRILL_MEMORY", "64MiB");
    let base = Container::run(&["--entrypoint", "sleep", &POSTGRESQL_17.image(), "infinity"]);
    base.exec(&["sh", "-c", "mv /usr/lib/postgresql/17/bin/pg_dump /pg_dump && rm -f /usr/bin/pg_dump"]);
    let image = Image(unique());
    let entry = ["--change", r#"ENTRYPOINT ["docker-entrypoint.sh"]"#, "--change", r#"CMD ["postgres"]"#];
    docker(&[&["commit"], entry.as_slice(), &[&base.id, &image.0]].concat());
    let labels = [("name", "source"), ("engine", "postgresql"), ("databases", "shop")];
    let variables = ["-e", "POSTGRES_PASSWORD=x", "--tmpfs", POSTGRESQL_17.data()];
    let source = world.target(&image.0, &labels, &variables, &[]);
    source.exec(&[
        "sh",
        "-c",
        r#"cp /pg_dump /usr/lib/postgresql/17/bin/ && cd /usr/share/postgresql/17/extension &&
        echo "default_version = '1'" >only_here.control && echo 'SELECT 1;' >only_here--1.sql"#,
    ]);
    let sql = |database: &str, sql: &str| {
        source.exec(&["psql", "-U", "postgres", "-XAtq", "-d", database, "-v", "ON_ERROR_STOP=1", "-c", sql])
    };
    until("the server answers", || {
        source
            .try_exec(&["env", "PGPASSWORD=x", "psql", "-U", "postgres", "-h", "127.0.0.1", "-c", "SELECT 1"])
            .is_ok()
    });
    sql("postgres", "CREATE DATABASE shop");
    sql(
        "shop",
        "CREATE MATERIALIZED VIEW big AS SELECT length(a) + length(b) FROM \
         (SELECT repeat('x', 600000000) AS a, repeat('y', 600000000) AS b OFFSET 0) AS x",
    );
    world.back_up();
    inconclusive(&world, &["1.1 GiB of memory", "raise DUMPCAR_DRILL_MEMORY"]);
    sql("shop", "DROP MATERIALIZED VIEW big; CREATE EXTENSION only_here");
    until("a backup of another second", || world.run(&["backup"]).status == 0);
    inconclusive(&world, &["\"only_here\"", "dumpcar.drill.args"]);
    sql("shop", "DROP EXTENSION only_here");
    until("a backup of another second", || world.run(&["backup"]).status == 0);
    inconclusive(&world, &["has no pg_dump", &image.0]);
    // The image is gone, and the target with it.
    drop(source);
    drop(base);
    docker(&["rmi", "-f", &image.0]);
    inconclusive(&world, &["the image of the backup is gone: `docker pull "]);
}

/// What does not fit into memory, where it was put because it seemed to, is tried on the disk that is allowed.
#[test]
#[ignore = "needs Docker"]
fn data_that_outgrows_memory_goes_to_the_disk() {
    let world = World::new();
    let restore = "cat >/dev/null; dd if=/dev/zero of=/tmp/big bs=1M count=1100";
    let labels = [("name", "source"), ("command", "echo hello"), ("restore-command", restore)];
    let _source = world.target(&tools(), &labels, &[], &["sleep", "infinity"]);
    world.back_up();
    inconclusive(&world, &["no room is left", "set DUMPCAR_DRILL_DISK"]);
    let world = world.set("DUMPCAR_DRILL_DISK", "2GiB");
    let ended = world.run(&["drill"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("begins again, on Docker's disk"), "{}", ended.stderr);
    assert_eq!(world.scratch(), "");
}

/// An image that lets nobody in but with what only its target has: nothing is known of the backup.
#[test]
#[ignore = "needs Docker"]
fn a_login_that_the_image_refuses_is_not_held_against_the_backup() {
    let world = World::new();
    let base = Container::run(&["--entrypoint", "sleep", &POSTGRESQL_17.image(), "infinity"]);
    // It has its own rules for who may log in, whatever it is told.
    base.exec(&["sh", "-c", "echo 'local all all scram-sha-256' >/etc/closed.conf"]);
    let image = Image(unique());
    let entry = [
        "--change",
        r#"ENTRYPOINT ["docker-entrypoint.sh"]"#,
        "--change",
        r#"CMD ["postgres", "-c", "hba_file=/etc/closed.conf"]"#,
    ];
    docker(&[&["commit"], entry.as_slice(), &[&base.id, &image.0]].concat());
    let labels = [("name", "source"), ("engine", "postgresql")];
    let variables = ["-e", "POSTGRES_PASSWORD=x", "--tmpfs", POSTGRESQL_17.data()];
    let _source = world.target(&image.0, &labels, &variables, &[]);
    until("a backup", || world.run(&["backup"]).status == 0);
    inconclusive(&world, &["password", "dumpcar.drill.env"]);
}
