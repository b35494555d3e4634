use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::{Value, json};

use super::support::docker::{ExecRequest, Script, Step};
use super::support::world::{Ended, World};

const DUMP: &[u8] = b"-- PostgreSQL database dump complete\n";
const GLOBALS: &[u8] = b"-- PostgreSQL database cluster dump complete\n";
/// `aaa` and `shop`.
const SURVEY: &[u8] = b"version 17.6\naccounts 1\ndatabase 616161 1000\ndatabase 73686f70 1000\n";

/// A tool that ends with these words.
fn refuses(words: &str) -> Script {
    let steps = vec![Step::Stderr(words.as_bytes().to_vec()), Step::Trailer(1), Step::AwaitRelease];
    Script::plays(steps, Some(1))
}

/// What a tool is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Survey,
    Globals,
    Database(&'static str),
}

impl Part {
    fn of(exec: &ExecRequest) -> Self {
        let names = |name: &&&str| exec.env.contains(&format!("PGDATABASE={name}"));
        if exec.snippet().contains("pg_dumpall") {
            Self::Globals
        } else if exec.snippet().contains("exec pg_dump") {
            Self::Database(["aaa", "shop"].iter().find(names).unwrap())
        } else {
            Self::Survey
        }
    }

    fn goes_well(self) -> Script {
        match self {
            Self::Survey => Script::ends(SURVEY, 0),
            Self::Globals => Script::ends(GLOBALS, 0),
            Self::Database(_) => Script::ends(DUMP, 0),
        }
    }
}

/// A PostgreSQL target on which only what `fails` gives a script for goes wrong.
async fn world(labels: &Value, fails: impl Fn(Part) -> Option<Script> + Send + Sync + 'static) -> World {
    let play = move |exec: &ExecRequest| {
        let part = Part::of(exec);
        fails(part).unwrap_or_else(|| part.goes_well())
    };
    let world = World::new(play).await.set("DUMPCAR_RETRIES", "0");
    let mut all = json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" });
    all.as_object_mut().unwrap().extend(labels.as_object().unwrap().clone());
    world.docker.container("shop", all, &[]);
    world
}

/// The names of the objects, and what is missing.
fn saved(world: &World) -> (Vec<String>, Value) {
    let manifest = world.manifests().pop().unwrap();
    let objects = manifest["objects"].as_array().unwrap();
    let names = objects.iter().map(|object| object["name"].as_str().unwrap().to_owned());
    (names.collect(), manifest["missing"].clone())
}

fn reason(ended: &Ended) -> String {
    let logged = ended.logged("the backup is incomplete");
    assert_eq!(logged.len(), 1, "{}", ended.stderr);
    assert_eq!(logged[0]["level"], "ERROR");
    logged[0]["reason"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_database_that_cannot_be_dumped_costs_only_itself() {
    let broken = |part| (part == Part::Database("aaa")).then(|| refuses("pg_dump: error: it is broken\n"));
    let world = world(&json!({}), broken).await;
    let ended = world.run(&["backup", "--json"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let why = r#"exit status 1: pg_dump: error: it is broken"#;
    assert_eq!(reason(&ended), format!(r#"database "aaa": {why}"#));
    let outcomes = super::support::world::rows(&ended.stdout);
    assert_eq!(outcomes[0]["incomplete"], format!(r#"database "aaa": {why}"#));
    let (objects, missing) = saved(&world);
    assert_eq!(objects, ["globals.sql.xz", "shop.sql.xz"]);
    assert_eq!(missing, json!([{ "database": "aaa", "reason": why }]));
    assert_eq!(world.keys().len(), 3, "nothing of the broken one: {:?}", world.keys());
    // It is taken only by its name.
    let shown = world.run(&["cat", "shop", "--database=shop"]).await;
    assert_eq!((shown.status, shown.stdout.as_str()), (1, ""), "{}", shown.stderr);
    let said = "there is no good backup: the newest backup, ";
    assert!(shown.stderr.contains(said) && shown.stderr.contains("Pass --at"), "{}", shown.stderr);
    let shown = world.run(&["cat", "shop", "--database=shop", "--at", "2100-01-01T00:00:00Z"]).await;
    assert_eq!(shown.status, 1, "{}", shown.stderr);
    let stamp = outcomes[0]["backup"].as_str().unwrap();
    let shown = world.run(&["cat", "shop", "--database=shop", "--at", stamp]).await;
    assert_eq!(shown.status, 0, "{}", shown.stderr);
    assert!(shown.stderr.contains("this backup is incomplete: database"), "{}", shown.stderr);
    assert!(world.run(&["list", "shop"]).await.stdout.contains(r#"incomplete: database "aaa": "#));
    assert!(world.run(&["backup"]).await.stdout.contains(" incomplete "));
}

#[tokio::test]
async fn roles_that_cannot_be_read_cost_only_themselves() {
    let refused = "pg_dumpall: error: query failed: ERROR:  permission denied for table pg_authid\n";
    let world = world(&json!({}), |part| (part == Part::Globals).then(|| refuses(refused))).await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert!(reason(&ended).starts_with("roles and users: user "), "{}", ended.stderr);
    assert_eq!(saved(&world).0, ["aaa.sql.xz", "shop.sql.xz"]);
}

#[tokio::test]
async fn a_database_that_labels_name_and_nobody_has_costs_only_itself() {
    let world = world(&json!({ "dumpcar.databases": "shop, shpo" }), |_| None).await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert!(reason(&ended).ends_with("correct the label dumpcar.databases"), "{}", ended.stderr);
    let (objects, missing) = saved(&world);
    assert_eq!(objects, ["globals.sql.xz", "shop.sql.xz"]);
    assert_eq!(missing[0]["database"], "shpo");
}

/// Of many objects only one is left, whose size nobody has asked for yet.
#[tokio::test]
async fn what_is_left_is_confirmed_by_the_store() {
    let fails = |part| match part {
        Part::Globals | Part::Database("aaa") => Some(refuses("ERROR:  permission denied\n")),
        Part::Survey | Part::Database(_) => None,
    };
    let world = world(&json!({}), fails).await;
    assert_eq!(world.run(&["backup"]).await.status, 3);
    let (objects, missing) = saved(&world);
    assert_eq!((objects.len(), missing.as_array().unwrap().len()), (1, 2));
    let asked = world.s3.asked();
    let manifest = asked.iter().position(|one| one.operation() == "PutObject" && one.is_manifest()).unwrap();
    let object = asked.iter().position(|one| one.key().ends_with("/shop.sql.xz")).unwrap();
    let between = &asked[object + 1..manifest];
    assert!(between.iter().any(|one| one.query.starts_with("list-type")), "{between:?}");
}

#[tokio::test]
async fn what_concerns_the_server_fails_the_run() {
    const DOWN: &str =
        "pg_dump: error: connection to server failed: FATAL:  the database system is shutting down\n";
    for (words, comes_back, status) in
        [(DOWN, false, 1), (DOWN, true, 3), ("dumpcar: cannot find pg_dump in the container\n", true, 1)]
    {
        let is_down = AtomicBool::new(false);
        let fails = move |part| match part {
            Part::Database("shop") => {
                is_down.store(!comes_back, Ordering::SeqCst);
                Some(refuses(words))
            }
            Part::Survey => is_down.load(Ordering::SeqCst).then(|| refuses(DOWN)),
            Part::Globals | Part::Database(_) => None,
        };
        let world = world(&json!({}), fails).await;
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, status, "{}", ended.stderr);
        assert!(world.s3.operations().contains(&"PutObject"), "the others were stored before");
        assert_eq!(world.keys().is_empty(), status == 1, "{:?}", world.keys());
    }
}

#[tokio::test]
async fn where_no_database_can_be_dumped_the_run_fails() {
    let fails = |part| matches!(part, Part::Database(_)).then(|| refuses("ERROR:  it is broken\n"));
    let world = world(&json!({}), fails).await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.reason().starts_with(r#"dump database "aaa": "#), "{}", ended.stderr);
    assert_eq!(world.keys(), Vec::<String>::new(), "roles alone are no backup");
}

/// What may pass is tried again, for all; only what stays is left out.
#[tokio::test]
async fn a_database_is_missing_only_when_all_tries_are_used_up() {
    let words = "pg_dump: error: query failed: ERROR:  canceling statement due to lock timeout\n";
    for (failures, status) in [(1, 0), (2, 3)] {
        let tries = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&tries);
        let fails = move |part| {
            let is_it = part == Part::Database("aaa");
            (is_it && counted.fetch_add(1, Ordering::SeqCst) < failures).then(|| refuses(words))
        };
        let world = world(&json!({}), fails).await.set("DUMPCAR_RETRIES", "1");
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, status, "{}", ended.stderr);
        assert_eq!(tries.load(Ordering::SeqCst), 2);
        let (objects, missing) = saved(&world);
        assert_eq!((objects.len(), missing.is_null()), if status == 0 { (3, true) } else { (2, false) });
    }
}

/// Five nights with a broken database do not push out the backup that has it.
#[tokio::test]
async fn incomplete_ones_do_not_push_out_the_last_good_one() {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let fails = move |part| {
        let is_it = part == Part::Database("aaa");
        (is_it && counted.fetch_add(1, Ordering::SeqCst) > 0).then(|| refuses("ERROR:  it is broken\n"))
    };
    for alert in ["50%", "off"] {
        tries.store(0, Ordering::SeqCst);
        let fails = fails.clone();
        let world = world(&json!({}), fails).await;
        let world = world.set("DUMPCAR_KEEP_LAST", "2").set("DUMPCAR_SHRINK_ALERT", alert);
        assert_eq!(world.run(&["backup"]).await.status, 0);
        let good = world.manifests()[0]["stamp"].clone();
        for _ in 0..3 {
            assert_eq!(world.run(&["backup"]).await.status, 3);
        }
        let stamps: Vec<Value> = world.manifests().iter().map(|manifest| manifest["stamp"].clone()).collect();
        assert_eq!(stamps.len(), 4, "three that do not count, and the good one: {stamps:?}");
        assert!(stamps.contains(&good), "{alert}: {stamps:?}");
        assert!(world.manifests().iter().all(|manifest| manifest.get("suspicious").is_none()));
    }
}
