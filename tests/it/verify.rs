/// The command: what it reads, its exit statuses, its end.
mod command;
/// What is wrong with a backup, and where.
mod damage;
/// What else lies in the bucket, or comes and goes meanwhile.
mod neighbours;

use serde_json::Value;

use super::support::docker::Script;
use super::support::fault::Fault;
use super::support::s3::{Asked, FakeS3};
use super::support::world::{Ended, World};

const DUMP: &[u8] = b"-- a dump\n";
const OLD: &str = "2026-01-01T23-00-00Z";
const NEW: &str = "2026-01-02T23-00-00Z";
const WHOLE: &str = "CREATE TABLE t (a int);\n--\n-- PostgreSQL database dump complete\n--\n\n";

async fn world() -> World {
    World::new(|_| Script::ends(DUMP, 0)).await
}

async fn world_with(fault: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) -> World {
    World::with_s3(FakeS3::with_faults(fault).await, |_| Script::ends(DUMP, 0))
}

/// Verifies with `--json` and returns what was found, with the exit status.
async fn found(world: &World, args: &[&str]) -> (Vec<Value>, i32) {
    let ended = world.run(&[&["verify", "--json"], args].concat()).await;
    let rows = super::support::world::rows(&ended.stdout);
    (rows, ended.status)
}

/// The only problem of the only backup: state, object and reason.
async fn problem(world: &World) -> (String, String, String) {
    let (rows, status) = found(world, &[]).await;
    assert_eq!((rows.len(), status), (1, 1), "{rows:?}");
    let problems = rows[0]["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["state"], problems[0]["state"]);
    let text = |name: &str| problems[0][name].as_str().unwrap().to_owned();
    (text("state"), text("object"), text("reason"))
}

fn states(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["state"].as_str().unwrap()).collect()
}

/// The table without its times.
fn table(ended: &Ended) -> String {
    let is_time = |word: &&str| word.ends_with('s') && word.trim_end_matches('s').parse::<f64>().is_ok();
    let lines = ended.stdout.lines().map(|line| line.split_whitespace().filter(|word| !is_time(word)));
    lines.map(|words| words.collect::<Vec<_>>().join(" ") + "\n").collect()
}
