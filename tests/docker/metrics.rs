//! The metrics, read by a real Prometheus; and what `examples` has for it and for Grafana.

use std::path::Path;

use serde_json::Value;

use super::support::docker::{Container, docker, image, until};
use super::support::sidecar::{Sidecar, logged};
use super::support::world::World;

/// Of a healthy target, these have no value: nothing runs, nothing was drilled.
const EMPTY: [&str; 2] = ["dumpcar_running_", "dumpcar_last_drill_"];

fn examples() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").to_str().unwrap().to_owned()
}

/// A Prometheus on the sidecar's network that asks each second.
fn prometheus(sidecar: &Sidecar<'_>) -> Container {
    let mount = format!("{}:/examples:ro", examples());
    let script = "mkdir -p /tmp/p && cd /tmp/p && cp /examples/*.yml . && sed -i 's/: 1m/: 1s/' prometheus.yml \
                  && exec prometheus --config.file=prometheus.yml --storage.tsdb.path=data";
    let image = image("DUMPCAR_TEST_MONITORING", "dumpcar-test/monitoring:latest");
    Container::run(&["--network", &sidecar.network.id, "-v", &mount, &image, "sh", "-c", script])
}

/// The series of an expression.
fn query(prometheus: &Container, expression: &str) -> Vec<Value> {
    let query = format!("query={expression}");
    let answer = prometheus.exec(&[
        "curl",
        "-sS",
        "--retry",
        "20",
        "--retry-connrefused",
        "--retry-delay",
        "1",
        "http://localhost:9090/api/v1/query",
        "--data-urlencode",
        &query,
    ]);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["status"], "success", "{expression}: {answer}");
    answer["data"]["result"].as_array().unwrap().clone()
}

/// The expressions of the dashboard, with its variables in their places.
fn expressions() -> Vec<String> {
    let path = format!("{}/grafana-dashboard.json", examples());
    let dashboard: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    expressions.map(|text| text.replace("$instance", ".*").replace("$target", ".*")).collect()
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_prometheus_reads_the_metrics_and_the_examples_fit() {
    let world = World::new().set("DUMPCAR_SCHEDULE", "every 1h").set("DUMPCAR_LISTEN", "8080");
    let sidecar = Sidecar::new(&world);
    let _shop = world.custom("shop", "echo dump");
    let daemon = sidecar.daemon(&["--network-alias", "dumpcar"]);
    until("the target is planned", || logged(&daemon, "planned", "shop") == 1);
    docker(&["kill", "-s", "USR1", &daemon.id]);
    until("there is a backup", || logged(&daemon, "backup committed", "shop") == 1);

    let prometheus = prometheus(&sidecar);
    until("it has asked", || !query(&prometheus, "dumpcar_last_success_timestamp_seconds").is_empty());
    assert_eq!(query(&prometheus, "up{job='dumpcar'}")[0]["value"][1], "1");
    let counted = query(&prometheus, "dumpcar_runs_total{target='shop',action='backup',outcome='success'}");
    assert_eq!(counted[0]["value"][1], "1");
    let expressions = expressions();
    assert!(expressions.len() > 10);
    for expression in expressions {
        let is_empty = query(&prometheus, &expression).is_empty();
        assert_eq!(is_empty, EMPTY.iter().any(|name| expression.contains(name)), "{expression}");
    }
    // None of the alerts is about a host like this one.
    let alerts = query(&prometheus, "ALERTS{alertstate='firing'}");
    assert!(alerts.is_empty(), "{alerts:#?}");

    let (checked, said) =
        prometheus.feed(&["sh", "-c", "curl -sS http://dumpcar:8080/metrics | promtool check metrics"], b"");
    assert!(checked.is_ok() && said.is_empty(), "{said}");
    prometheus.exec(&["promtool", "check", "config", "/tmp/p/prometheus.yml"]);
    prometheus.exec(&["promtool", "test", "rules", "/examples/prometheus-rules.test.yml"]);
}
