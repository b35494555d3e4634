//! What Docker answers about containers, images and itself, as far as it is read.
//!
//! Read by types of our own, which know no more than is used, rather than by the client library's, which take any text for an
//! id. Docker is trusted with what it does, and its answers may come through a proxy, or be about an image's labels.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::container::{Container, Mount};
use crate::model::id::{ContainerId, IdError, ImageId, ImageIdError};
use crate::model::line::is_unsafe;

/// Why an answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    #[error("it is not what Docker answers ({0})")]
    Json(#[from] serde_json::Error),
    #[error("it is about another container")]
    Other,
    #[error("its container has no state")]
    NoState,
    #[error("a container's id {0}")]
    Id(#[from] IdError),
    #[error("an image's id {0}")]
    Image(#[from] ImageIdError),
}

/// One of the containers there are.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    /// Not parsed here: one that is wrong costs only itself.
    #[serde(rename = "Id", default)]
    pub(super) id: Option<String>,
    #[serde(rename = "Names", default)]
    pub(super) names: Option<Vec<String>>,
    #[serde(rename = "Labels", default)]
    pub(super) labels: Option<HashMap<String, String>>,
    #[serde(rename = "Image", default)]
    pub(super) image: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    name: Option<String>,
    image: Option<String>,
    args: Option<Vec<String>>,
    config: Option<Config>,
    host_config: Option<HostConfig>,
    mounts: Option<Vec<Mounted>>,
    state: Option<State>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Mounted {
    #[serde(rename = "Type")]
    kind: String,
    name: String,
    source: String,
    destination: String,
}

/// In Docker's unit.
const PROCESSOR: u64 = 1_000_000_000;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    network_mode: Option<String>,
    nano_cpus: Option<i64>,
    cpu_quota: Option<i64>,
    cpu_period: Option<i64>,
    cpuset_cpus: Option<String>,
}

impl HostConfig {
    /// See [`Container::processors`].
    fn processors(&self) -> Option<u64> {
        // 100 ms is the kernel's period unless another one is set.
        let set = |number: Option<i64>| {
            number.and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0)
        };
        let period = set(self.cpu_period).unwrap_or(100_000);
        let quota = set(self.cpu_quota).map(|quota| quota.saturating_mul(PROCESSOR) / period);
        let pinned =
            self.cpuset_cpus.as_deref().and_then(set_size).map(|count| count.saturating_mul(PROCESSOR));
        [set(self.nano_cpus).or(quota), pinned].into_iter().flatten().min()
    }
}

/// How many processors a set like `0-3,7` has; `None` where it names none.
fn set_size(set: &str) -> Option<u64> {
    let mut ranges = set.split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        last.checked_sub(first)?.checked_add(1)
    });
    ranges.try_fold(0_u64, |sum, count| sum.checked_add(count?))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    image: Option<String>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    labels: Option<HashMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    status: String,
    started_at: Option<String>,
    health: Option<Health>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Health {
    status: Option<String>,
}

/// What Docker says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Info {
    #[serde(rename = "ID", default)]
    pub(super) id: Option<String>,
    #[serde(rename = "Name", default)]
    pub(super) name: Option<String>,
    #[serde(rename = "MemTotal", default)]
    pub(super) memory: Option<i64>,
    #[serde(rename = "Swarm", default)]
    pub(super) swarm: Option<Swarm>,
}

/// What an engine is in a swarm.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Swarm {
    /// It is a manager.
    pub(super) control_available: bool,
}

/// A service of a swarm.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Service {
    pub(super) spec: ServiceSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ServiceSpec {
    pub(super) name: String,
    /// Those under `deploy:`, of the service alone.
    pub(super) labels: Option<BTreeMap<String, String>>,
    pub(super) task_template: TaskTemplate,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct TaskTemplate {
    pub(super) container_spec: Option<ContainerSpec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ContainerSpec {
    /// Those that its containers get.
    pub(super) labels: Option<BTreeMap<String, String>>,
}

/// What an image declares.
#[derive(Debug, Deserialize)]
pub(super) struct Image {
    /// Not parsed here: a strange one costs only itself.
    #[serde(rename = "RepoDigests", default)]
    pub(super) digests: Option<Vec<String>>,
    #[serde(rename = "Config", default)]
    pub(super) config: Option<ImageConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ImageConfig {
    /// The paths; what is behind them means nothing.
    pub(super) volumes: Option<BTreeMap<String, IgnoredAny>>,
    pub(super) env: Option<Vec<String>>,
    pub(super) labels: Option<HashMap<String, String>>,
    pub(super) cmd: Option<Vec<String>>,
}

/// How a container's process fares.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Fate {
    pub(super) state: Ended,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Ended {
    pub(super) status: String,
    #[serde(default)]
    pub(super) exit_code: i64,
    #[serde(rename = "OOMKilled", default)]
    pub(super) out_of_memory: bool,
}

/// Whether something can be mounted there. It becomes a part of a request.
pub(super) fn is_path(text: &str) -> bool {
    let is_plain = !text.chars().any(is_unsafe) && !text.split('/').any(|part| part == "..");
    is_plain && text.starts_with('/') && !text.trim_matches('/').is_empty()
}

/// What a container has written.
#[derive(Debug, Deserialize)]
pub(super) struct Size {
    /// In bytes, in its own layer.
    #[serde(rename = "SizeRw", default)]
    pub(super) layer: Option<u64>,
}

/// `NAME=value` pairs.
pub(super) fn variables(pairs: &[String]) -> BTreeMap<String, String> {
    let pairs = pairs.iter().filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Version {
    pub(super) version: Option<String>,
    pub(super) api_version: Option<String>,
}

/// Reads the answer about a container. `asked` is the id it was asked for by, if it was not asked for by its name: an answer
/// about another one says nothing.
///
/// # Errors
/// See [`AnswerError`].
pub(crate) fn container(answer: &[u8], asked: Option<&ContainerId>) -> Result<Container, AnswerError> {
    let found: Inspected = serde_json::from_slice(answer)?;
    let id: ContainerId = found.id.parse()?;
    if asked.is_some_and(|asked| *asked != id) {
        return Err(AnswerError::Other);
    }
    let state = found.state.filter(|state| !state.status.is_empty()).ok_or(AnswerError::NoState)?;
    let config = found.config.unwrap_or_default();
    let host = found.host_config.unwrap_or_default();
    let processors = host.processors();
    let network = host.network_mode.unwrap_or_default();
    let health = state.health.and_then(|health| health.status);
    Ok(Container {
        id,
        name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image: config.image.unwrap_or_default(),
        image_id: image_id(&found.image.unwrap_or_default())?,
        labels: config.labels.unwrap_or_default(),
        command: config.cmd.unwrap_or_default(),
        arguments: found.args.unwrap_or_default(),
        processors,
        shares_network: network == "host" || network.starts_with("container:"),
        mounts: found.mounts.unwrap_or_default().into_iter().filter_map(mount).collect(),
        env: variables(&config.env.unwrap_or_default()),
        state: state.status,
        started: state.started_at.unwrap_or_default(),
        health: health.filter(|health| !health.is_empty() && health != "none"),
    })
}

/// One that cannot be asked for again is none.
fn mount(mounted: Mounted) -> Option<Mount> {
    let Mounted { kind, name, source, destination: path } = mounted;
    let source = if kind == "volume" { name } else { source };
    (is_path(&path) && !source.chars().any(is_unsafe)).then_some(Mount { kind, source, path })
}

/// Podman leaves out what kind of digest it is.
fn image_id(text: &str) -> Result<ImageId, ImageIdError> {
    text.parse().or_else(|_| format!("sha256:{text}").parse())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn id(digit: &str) -> String {
        digit.repeat(64)
    }

    fn answer() -> Value {
        json!({
            "Id": id("a"), "Name": "/shop-db-1", "Image": format!("sha256:{}", id("b")),
            "Path": "docker-entrypoint.sh", "Args": ["postgres", "-p", "5433"],
            "HostConfig": { "NetworkMode": "shop_default" },
            "Config": { "Image": "postgres:17", "Labels": { "x": "y" }, "Env": ["A=b=c", "nothing"], "Cmd": null },
            "State": { "Status": "running", "StartedAt": "2026-11-23T23:00:00Z", "Health": { "Status": "none" } },
        })
    }

    fn read(answer: &Value) -> Result<Container, AnswerError> {
        container(answer.to_string().as_bytes(), Some(&id("a").parse().unwrap()))
    }

    #[test]
    fn a_container_is_read() {
        let found = read(&answer()).unwrap();
        assert_eq!((found.id.as_str(), found.name.as_str()), (id("a").as_str(), "shop-db-1"));
        assert_eq!((found.state.as_str(), found.started.as_str()), ("running", "2026-11-23T23:00:00Z"));
        assert_eq!(found.env.get("A").map(String::as_str), Some("b=c"));
        assert_eq!((found.env.len(), found.health), (1, None));
        assert_eq!(found.arguments, ["postgres", "-p", "5433"]);
        for (mode, is_shared) in [
            ("shop_default", false),
            ("bridge", false),
            ("host", true),
            (&format!("container:{}", id("c")), true),
        ] {
            let mut with = answer();
            with["HostConfig"]["NetworkMode"] = mode.into();
            assert_eq!(read(&with).unwrap().shares_network, is_shared, "{mode}");
        }
        let mut without = answer();
        without["HostConfig"] = Value::Null;
        assert!(!read(&without).unwrap().shares_network);
        // As podman says it.
        let mut podman = answer();
        podman["Image"] = id("b").into();
        assert_eq!(read(&podman).unwrap().image_id, found.image_id);
    }

    #[test]
    fn only_a_path_is_mounted() {
        for path in ["/data", "/var/lib/postgresql/data", "/a..b", "/données"] {
            assert!(is_path(path), "{path}");
        }
        for path in ["", "/", "//", "data", "/../etc", "/a/..", "/a\n", "/\u{1b}[31m", "/\u{202e}"] {
            assert!(!is_path(path), "{path:?}");
        }
    }

    #[test]
    fn an_answer_that_is_about_nothing_known_is_none() {
        for (pointer, value) in [
            ("/Id", json!(id("c"))),
            ("/Id", json!("../info#")),
            ("/Id", Value::Null),
            ("/State", Value::Null),
            ("/State/Status", json!("")),
            ("/State", json!({})),
            ("/Image", json!("postgres:17")),
            ("/Image", Value::Null),
            ("/Config/Labels", json!(["x"])),
        ] {
            let mut wrong = answer();
            *wrong.pointer_mut(pointer).unwrap() = value.clone();
            assert!(read(&wrong).is_err(), "{pointer} {value}");
        }
        // What `GET /info` answers was once taken for a container that has stopped.
        assert!(read(&json!({ "ID": "ENGI:NEOF", "Containers": 3 })).is_err());
        assert!(container(b"", None).is_err());
    }

    #[test]
    fn the_strictest_limit_of_the_processors_counts() {
        for (host, processors) in [
            (r#"{}"#, None),
            (r#"{"NanoCpus": 0, "CpuQuota": 0, "CpuPeriod": 0, "CpusetCpus": ""}"#, None),
            (r#"{"NanoCpus": null, "CpuQuota": -1, "CpusetCpus": null}"#, None),
            (r#"{"NanoCpus": 1900000000}"#, Some(1_900_000_000)),
            (r#"{"CpuQuota": 150000}"#, Some(1_500_000_000)),
            (r#"{"CpuQuota": 50000, "CpuPeriod": 10000}"#, Some(5_000_000_000)),
            (r#"{"CpusetCpus": "0"}"#, Some(1_000_000_000)),
            (r#"{"CpusetCpus": "0-3,7"}"#, Some(5_000_000_000)),
            (r#"{"CpusetCpus": "0-3", "NanoCpus": 500000000}"#, Some(500_000_000)),
            (r#"{"CpusetCpus": "3-0"}"#, None),
            (r#"{"CpusetCpus": "0-18446744073709551615"}"#, None),
        ] {
            let host: HostConfig = serde_json::from_str(host).unwrap();
            assert_eq!(host.processors(), processors);
        }
    }
}
