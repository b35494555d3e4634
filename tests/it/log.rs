use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::support::docker::{ExecRequest, Script};
use super::support::world::World;

const PAGE: &str = include_str!("../../docs/log.md");

/// As many as an old terminal has.
const SCREEN: usize = 24;

fn lines(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[tokio::test]
async fn a_good_night_of_five_targets_fits_on_a_screen() {
    let mut world = World::new(|_| Script::ends(b"-- a dump\n", 0)).await.set("DUMPCAR_SCHEDULE", "off");
    for number in 1..=5 {
        world = world.custom(&format!("shop-{number}"));
    }
    let daemon = world.daemon();
    daemon.logs("target found", 5).await;
    daemon.tell("USR1");
    daemon.logs("backup committed", 5).await;
    let ended = daemon.stop().await;
    let lines = lines(&ended.stderr);
    let night = lines.iter().skip_while(|line| line["message"] != "asked to back up now");
    let night: Vec<_> = night.take_while(|line| line["message"] != "stopping").collect();
    assert!((11..SCREEN).contains(&night.len()), "{}", ended.stderr);
    assert!(lines.iter().all(|line| line["level"] == "INFO"), "nobody has to act: {}", ended.stderr);
}

/// The lines that people's tools look for have the level and the fields that the page says.
#[tokio::test]
async fn lines_to_rely_on_are_as_their_page_has_them() {
    let play = |exec: &ExecRequest| match exec.snippet() {
        snippet if snippet.contains("break-it") => Script::ends(b"", 1),
        _ => Script::ends(b"-- a dump\n", 0),
    };
    let world = World::new(play).await.set("DUMPCAR_SCHEDULE", "every 100d").set("DUMPCAR_RETRIES", "0");
    let world = world.custom("shop");
    let target = |label: &str, value: &str| json!({ "dumpcar.enable": "true", label: value });
    world.docker.container("broken", target("dumpcar.command", "break-it"), &[]);
    world.docker.container("wrong", target("dumpcar.shedule", "off"), &[]);
    let paused = json!({ "Status": "paused", "Running": true, "Paused": true });
    world.docker.container_in_state("paused", target("dumpcar.command", "dump-it"), &[], paused);
    let labels =
        json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it", "dumpcar.after": "break-it" });
    world.docker.container("after", labels, &[]);
    let daemon = world.daemon();
    daemon.logs("planned", 3).await;
    daemon.tell("USR1");
    for message in ["backup failed", "not backed up"] {
        daemon.logs(message, 1).await;
    }
    daemon.logs("backup committed", 2).await;
    daemon.logs("the backup is good, but something else went wrong", 1).await;
    let ended = daemon.stop().await;
    let mut seen = BTreeSet::new();
    for line in lines(&ended.stderr) {
        let message = line["message"].as_str().unwrap();
        let row = PAGE.lines().find(|row| row.starts_with(&format!("| `{message}` |")));
        let Some(row) = row else { continue };
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        assert_eq!(line["level"], cells[2], "{line}");
        let without_notes =
            cells[3].split('(').map(|part| part.split_once(')').map_or(part, |(_, rest)| rest));
        let told: String = without_notes.collect();
        let told: BTreeSet<&str> = told.split('`').skip(1).step_by(2).collect();
        let fields = line.as_object().unwrap().keys().map(String::as_str);
        let fields: BTreeSet<&str> =
            fields.filter(|name| !["timestamp", "level", "message"].contains(name)).collect();
        assert_eq!(fields, told, "{line}");
        seen.insert(message.to_owned());
    }
    assert!(seen.len() >= 11, "{seen:?} of {}", ended.stderr);
}
