use std::collections::BTreeMap;

use super::*;
use crate::docker::Unreadable;
use serde_json::json;

fn found(name: &str, labels: &[(&str, &str)]) -> Vec<String> {
    let config = Config::from_pairs([("DUMPCAR_STORE".to_owned(), "s3://bucket".to_owned())], &|_| {
        Err(std::io::ErrorKind::NotFound.into())
    });
    let container = container(name, labels);
    let found = discover(
        Looked { containers: vec![container], unreadable: Vec::new(), all: Vec::new() },
        &config.unwrap(),
    );
    found.iter().map(|one| format!("{} {}", one.name, matches!(one.state, Readiness::Ready(_)))).collect()
}

fn container(name: &str, labels: &[(&str, &str)]) -> Container {
    let opted_in = [("dumpcar.enable", "true"), ("dumpcar.command", "true")];
    Container {
        id: "0".repeat(64).parse().unwrap(),
        name: name.to_owned(),
        image: String::new(),
        image_id: format!("sha256:{}", "0".repeat(64)).parse().unwrap(),
        labels: opted_in
            .iter()
            .chain(labels)
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        command: Vec::new(),
        arguments: Vec::new(),
        processors: None,
        shares_network: false,
        mounts: Vec::new(),
        env: BTreeMap::new(),
        state: "running".to_owned(),
        started: String::new(),
        health: None,
    }
}

#[test]
fn a_drills_container_is_no_target_whatever_its_image_says() {
    let run = "00000000deadbeef";
    let holder = json!({ "instance": "", "process": "0".repeat(32), "boot": "", "network": "" });
    let label = json!({ "run": run, "created": "2026-11-23T23:00:00Z", "holder": holder }).to_string();
    let name = format!("dumpcar-drill-{run}");
    let none: [&str; 0] = [];
    assert_eq!(found(&name, &[("dumpcar.scratch", &label)]), none);
    // Of a sidecar with labels of its own.
    assert_eq!(found(&name, &[("other.scratch", &label)]), none);
    // A label alone would be a way to lose a target in silence: an image has it, or it was committed.
    assert_eq!(found("shop", &[("dumpcar.scratch", &label)]), ["shop false"]);
    assert_eq!(found("shop", &[("other.scratch", &label)]), ["shop true"]);
    assert_eq!(found(&name, &[("dumpcar.scratch", "")]), [format!("{name} true")]);
}

/// Swarm keeps the containers of a service's earlier tasks.
#[test]
fn a_container_that_cannot_be_looked_at_takes_no_others_name() {
    let labels = |name: &str| {
        HashMap::from(["enable", "name"].map(|label| {
            (format!("dumpcar.{label}"), if label == "name" { name.to_owned() } else { "true".to_owned() })
        }))
    };
    let unreadable = |name: &str| Unreadable {
        name: format!("{name}.1"),
        labels: labels(name),
        reason: "Docker refused".to_owned(),
    };
    let config = Config::from_pairs([("DUMPCAR_STORE".to_owned(), "s3://bucket".to_owned())], &|_| {
        Err(std::io::ErrorKind::NotFound.into())
    });
    let mut shop = container("shop.2", &[]);
    shop.labels.extend(labels("shop"));
    let looked = Looked {
        containers: vec![shop],
        unreadable: vec![unreadable("shop"), unreadable("blog")],
        all: Vec::new(),
    };
    let found = discover(looked, &config.unwrap());
    let found: Vec<_> =
        found.iter().map(|one| (one.name.as_str(), matches!(one.state, Readiness::Ready(_)))).collect();
    assert_eq!(found, [("blog", false), ("shop", true)]);
}

#[test]
fn a_one_off_is_composes_own() {
    let oneoff = ("com.docker.compose.oneoff", "True");
    assert_eq!(found("shop", &[oneoff, ("com.docker.compose.project", "shop")]), [""; 0]);
    assert_eq!(found("shop", &[oneoff]), ["shop true"]);
}
