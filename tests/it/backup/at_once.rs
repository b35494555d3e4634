use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::assert_nothing_left;
use crate::support::docker::{ExecRequest, Script, Step};
use crate::support::world::{World, finish, signal, until};

const DUMP: &[u8] = b"-- PostgreSQL database dump complete\n";
const DOWN: &[u8] =
    b"pg_dump: error: connection to server failed: FATAL:  the database system is shutting down\n";

const AGAIN: &str = "the server went away under several dumps: dumping this one again, by itself";

fn database(exec: &ExecRequest) -> Option<&str> {
    let is_dump = exec.snippet().contains("exec pg_dump") && !exec.snippet().contains("pg_dumpall");
    let name = exec.env.iter().find_map(|pair| pair.strip_prefix("PGDATABASE="));
    name.filter(|_| is_dump)
}

/// A PostgreSQL with the databases `a` to `d`, whose dumps go as `play` says, so many of them at once.
async fn world(at_once: &str, play: impl Fn(&str) -> Script + Send + Sync + 'static) -> World {
    let postgresql = move |exec: &ExecRequest| match database(exec) {
        Some(database) => play(database),
        None if exec.snippet().contains("pg_dumpall") => {
            Script::ends(b"-- PostgreSQL database cluster dump complete\n", 0)
        }
        None => {
            let databases: String = (0xa..=0xd).map(|n| format!("database 6{:x} 1000\n", n - 9)).collect();
            Script::ends(format!("version 17.6\naccounts 1\n{databases}").as_bytes(), 0)
        }
    };
    let world =
        World::new(postgresql).await.set("DUMPCAR_PARALLEL_DATABASES", at_once).set("DUMPCAR_RETRIES", "0");
    world.docker.container("shop", json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" }), &[]);
    world
}

/// A dump that is held in its middle.
fn held() -> Script {
    let (start, end) = (Step::Stdout(b"-- a dump\n".to_vec()), Step::Stdout(DUMP.to_vec()));
    Script::plays(vec![start, Step::AwaitTest, end, Step::Trailer(0), Step::AwaitRelease], Some(0))
}

/// A dump that goes on until its tool is ended.
fn endless() -> Script {
    Script::plays(vec![Step::Stdout(b"-- a dump\n".to_vec()), Step::AwaitRelease], Some(0))
}

fn refuses(words: &[u8]) -> Script {
    Script::plays(vec![Step::Stderr(words.to_vec()), Step::Trailer(1), Step::AwaitRelease], Some(1))
}

/// The databases that are being dumped.
fn running(world: &World) -> Vec<String> {
    let execs = world.docker.execs();
    let running = execs.iter().filter(|exec| exec.running);
    running.filter_map(|exec| database(&exec.request).map(str::to_owned)).collect()
}

fn objects(world: &World) -> Vec<Value> {
    let manifest = world.manifests().pop().unwrap();
    manifest["objects"].as_array().unwrap().iter().map(|object| object["name"].clone()).collect()
}

#[tokio::test]
async fn as_many_databases_are_dumped_at_once_as_is_asked_for() {
    for (at_once, most) in [("1", 1), ("3", 3), ("16", 4)] {
        let world = world(at_once, |_| held()).await;
        let child = world.start(&["backup"]);
        for left in (1..=4).rev() {
            until("they are dumped", || running(&world).len() == most.min(left)).await;
            world.docker.let_go();
        }
        let ended = finish(child).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_eq!(
            objects(&world),
            ["globals.sql.xz", "a.sql.xz", "b.sql.xz", "c.sql.xz", "d.sql.xz"],
            "in the same order"
        );
    }
}

/// The first one ends last, and is the first in the manifest all the same.
#[tokio::test]
async fn those_that_end_early_make_room_for_the_next() {
    let world = world("2", |database| if database == "a" { held() } else { Script::ends(DUMP, 0) }).await;
    let child = world.start(&["backup"]);
    let stored = |name: &str| world.keys().iter().any(|key| key.ends_with(name));
    until("all others are stored", || stored("/b.sql.xz") && stored("/c.sql.xz") && stored("/d.sql.xz"))
        .await;
    assert_eq!(running(&world), ["a"]);
    world.docker.let_go();
    let ended = finish(child).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(objects(&world)[1], "a.sql.xz");
}

/// What costs the backup costs the other dumps their time no longer.
#[tokio::test]
async fn one_that_costs_the_backup_ends_the_others() {
    let world = world("2", |database| match database {
        "a" => endless(),
        "b" => Script::ends(DUMP, 0),
        _ => refuses(b"dumpcar: cannot find pg_dump in the container\n"),
    });
    let world = world.await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.reason().starts_with(r#"dump database "c": "#), "{}", ended.stderr);
    let execs = world.docker.execs();
    let a = execs.iter().find(|exec| database(&exec.request) == Some("a")).unwrap();
    assert!(!a.running && !a.released, "its tool was ended");
    assert!(
        execs.iter().all(|exec| database(&exec.request) != Some("d")),
        "what had not begun did not begin"
    );
    assert_nothing_left(&world);
}

#[tokio::test]
async fn a_stop_ends_them_all() {
    let world = world("3", |_| endless()).await;
    let child = world.start(&["backup"]);
    until("three are dumped", || running(&world).len() == 3).await;
    signal(&child, "TERM");
    let ended = finish(child).await;
    assert_ne!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(running(&world), Vec::<String>::new());
    assert!(world.docker.execs().iter().all(|exec| database(&exec.request).is_none() || !exec.released));
    assert_nothing_left(&world);
}

/// A server that is lost under several dumps is lost by one of them.
#[tokio::test]
async fn one_that_takes_the_server_down_is_the_only_one_missing() {
    let dumps = AtomicU32::new(0);
    let world = world("4", move |database| {
        let is_first = dumps.fetch_add(1, Ordering::SeqCst) < 4;
        if is_first || database == "b" { refuses(DOWN) } else { Script::ends(DUMP, 0) }
    });
    let world = world.await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert_eq!(ended.logged(AGAIN).len(), 4, "{}", ended.stderr);
    assert_eq!(objects(&world), ["globals.sql.xz", "a.sql.xz", "c.sql.xz", "d.sql.xz"]);
    let missing = world.manifests().pop().unwrap()["missing"].clone();
    assert_eq!((missing.as_array().unwrap().len(), &missing[0]["database"]), (1, &json!("b")), "{missing}");
}
