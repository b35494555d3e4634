//! What a container is by its own name, state and labels, before any settings.

use std::collections::{BTreeMap, HashMap};

use crate::docker::{Bystander, Container};
use crate::engine::Engine;
use crate::model::run::ContainerRecord;
use crate::model::target::TargetName;

/// What a container says of itself if it is that of a drill, or a helper, of this sidecar or another one.
///
/// Its name has to say the same as its label: an image made of such a container (`docker commit`) has the label as well.
pub fn scratch_of(name: &str, labels: &HashMap<String, String>) -> Option<ContainerRecord> {
    let end = format!(".{}", ContainerRecord::LABEL);
    let labels = labels.iter().filter(|(label, _)| label.ends_with(&end));
    let mut named = labels.filter_map(|(_, json)| serde_json::from_str::<ContainerRecord>(json).ok());
    named.find(|scratch| ContainerRecord::is_name_of(&scratch.run, name))
}

/// Whether it is the container of a drill, whoever made it.
pub(super) fn is_scratch(name: &str, labels: &HashMap<String, String>) -> bool {
    let run = labels.get(ContainerRecord::MARK).and_then(|run| run.parse().ok());
    run.is_some_and(|run| ContainerRecord::is_name_of(&run, name)) || scratch_of(name, labels).is_some()
}

/// `docker compose run db psql` gives its one-off container the service's labels. Without the project, the label is the
/// image's, and the container as good as any.
pub(super) fn is_one_off(labels: &HashMap<String, String>) -> bool {
    let compose = |name: &str| labels.get(&format!("com.docker.compose.{name}"));
    compose("oneoff").is_some_and(|value| value == "True") && compose("project").is_some()
}

/// The containers of the same Compose project that look like databases, by their images.
pub(super) fn databases_beside(container: &Container, all: &[Bystander]) -> Vec<String> {
    let Some(project) = container.labels.get("com.docker.compose.project") else { return Vec::new() };
    let none = BTreeMap::new();
    let beside = all.iter().filter(|other| {
        other.project.as_ref() == Some(project)
            && other.name != container.name
            && Engine::detect(&other.image, &none).is_some_and(|engine| !engine.is_file())
    });
    beside.take(3).map(|other| other.name.clone()).collect()
}

/// Why a container cannot be backed up now; `None` when it can.
///
/// Whatever its health check says: that may be wrong (a tool that the image lacks), or about something else, and the dump's own
/// outcome tells.
pub(super) fn unavailable(container: &Container) -> Option<String> {
    let name = &container.name;
    match container.state.as_str() {
        "running" => None,
        "restarting" => Some(format!("container {name} keeps restarting: see `docker logs {name}`")),
        "paused" => Some(format!("container {name} is paused: `docker unpause {name}`")),
        state => Some(format!("container {name} is {state}: `docker start {name}`, or remove it")),
    }
}

/// The name a target has by itself: stable when the container is made anew.
pub(super) fn default_name(labels: &HashMap<String, String>, container: &str) -> TargetName {
    let label = |name: &str| labels.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let name = match (label("com.docker.compose.project"), label("com.docker.compose.service")) {
        (Some(project), Some(service)) => format!("{project}-{service}"),
        _ => label("com.docker.swarm.service.name").unwrap_or(container).to_owned(),
    };
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
        .take(100)
        .collect();
    let plain = plain.trim_start_matches(['.', '_', '-']);
    plain.parse().unwrap_or_else(|_| "unnamed".parse().expect("a plain word is a name"))
}
