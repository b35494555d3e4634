use serde_json::{Value, json};

use super::support::docker::{Script, id_of};
use super::support::hostile::verdicts::Verdicts;
use super::support::hostile::{NASTY, records};
use super::support::witness::Witness;
use super::support::world::{World, finish};

/// The label of a scratch container whose drill was killed.
fn scratch(holder: Value) -> Value {
    json!({ "run": "00000000deadbeef", "created": "2026-11-01T23:00:00Z", "holder": holder })
}

/// Whoever sets labels (or commits a scratch container to an image) must not have containers removed, volumes and all.
#[tokio::test]
async fn only_what_a_drill_has_made_is_removed() {
    let world = World::new(|_| Script::ends(b"-- a dump\n", 0)).await.custom("shop");
    let dead = || records::record(0)["holder"].clone();
    let elsewhere = json!({
        "instance": "e", "process": "00".repeat(16), "boot": "x", "network": "y",
        "container": { "id": "../info#", "started": "1" },
    });
    let others = [
        ("stranger", scratch(dead()).to_string()),
        ("dumpcar-drill-0000000000000001", scratch(dead()).to_string()),
        ("dumpcar-drill-00000000deadbee", scratch(dead()).to_string()),
        ("a-dumpcar-drill-00000000deadbeef", scratch(dead()).to_string()),
        (
            "dumpcar-drill-0000000000000002",
            scratch(elsewhere.clone()).to_string().replace("00000000deadbeef", "0000000000000002"),
        ),
        ("dumpcar-drill-0000000000000003", "{}".to_owned()),
        ("dumpcar-drill-0000000000000004", NASTY.to_owned()),
        ("dumpcar-drill-0000000000000005", "x".repeat(1_000_000)),
        ("dumpcar-drill-0000000000000006", "[".repeat(100_000)),
        ("dumpcar-drill-0000000000000007", String::new()),
    ];
    for (name, label) in &others {
        world.docker.container(name, json!({ "dumpcar.scratch": label }), &[]);
    }
    // One that is what it says.
    let left = "dumpcar-drill-00000000deadbeef";
    world.docker.container(left, json!({ "dumpcar.scratch": scratch(dead()).to_string() }), &[]);
    let witness = Witness::before(world.docker.socket());
    let world = world.set("DOCKER_HOST", &witness.host());
    let mut verdicts = Verdicts::default();
    for (args, format) in [(&["backup"][..], "text"), (&["backup"], "json"), (&["drill", "nobody"], "json")] {
        let ended = finish(world.start_with(args, &[("DUMPCAR_LOG_FORMAT", format)])).await;
        let what = format!("{args:?} ({format})");
        let is_right = if args[0] == "backup" { ended.status == 0 } else { ended.status == 4 };
        verdicts.expect(&what, is_right, || format!("{} {}", ended.status, ended.stderr));
        verdicts.harmless(&what, &ended, format == "json");
    }
    let removals: Vec<_> = witness.heard().into_iter().filter(|heard| heard.method == "DELETE").collect();
    let is_left = |target: &str| target.contains(&id_of(left)) || target.contains(&format!("/{left}?"));
    verdicts.expect("backup", removals.iter().all(|heard| is_left(&heard.target)), || {
        format!("removed {removals:?}")
    });
    verdicts
        .expect("backup", !removals.is_empty(), || "what a killed drill has left is still there".to_owned());
    verdicts.innocent("backup", &witness, &[]);
    verdicts.end();
}
