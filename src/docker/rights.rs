//! What may be asked of Docker, tried without doing anything: a proxy in front of it refuses what it does not know.

use std::collections::HashMap;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::StartContainerOptions;

use super::client::Docker;
use super::error::DockerError;
use super::inspect;
use crate::model::id::{ContainerName, ImageId};
use crate::model::line::Line;

/// A request of Dumpcar's, and what allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// As the table in `docs/security.md` has it.
    pub request: &'static str,
    /// The variables of the usual socket proxies: those of `tecnativa/docker-socket-proxy` and `linuxserver/socket-proxy`.
    pub variables: &'static str,
}

/// What a request is for, as errors have it; the request; and the variables.
const ALLOWANCES: &[(&[&str], &str, &str)] = &[
    (&["tell its version"], "GET /version", "VERSION=1"),
    (&["tell its name", "tell its memory", "tell whether it manages a swarm"], "GET /info", "INFO=1"),
    (&["list containers"], "GET /containers/json", "CONTAINERS=1"),
    (&["inspect a container", "measure a container"], "GET /containers/{id}/json", "CONTAINERS=1"),
    (&["watch events"], "GET /events", "EVENTS=1"),
    (&["create an exec"], "POST /containers/{id}/exec", "CONTAINERS=1 and POST=1"),
    (&["start an exec"], "POST /exec/{id}/start", "EXEC=1 and POST=1"),
    (&["inspect an exec"], "GET /exec/{id}/json", "EXEC=1"),
    (&["inspect an image"], "GET /images/{image}/json", "IMAGES=1"),
    (&["make a container"], "POST /containers/create", "CONTAINERS=1 and POST=1"),
    (&["start a container"], "POST /containers/{id}/start", "CONTAINERS=1 and POST=1"),
    (&["show a log"], "GET /containers/{id}/logs", "CONTAINERS=1"),
    (&["remove a container"], "DELETE /containers/{id}", "CONTAINERS=1 and POST=1"),
    (&["list services"], "GET /services", "SERVICES=1"),
];

/// A service of a swarm that has labels no container has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledService {
    pub name: Line,
    /// The labels' names, sorted.
    pub labels: Vec<Line>,
}

impl DockerError {
    /// If something in front of Docker has refused it: the request, and what allows it.
    pub fn allowance(&self) -> Option<Allowance> {
        let Self::Forbidden { what, .. } = self else { return None };
        let (_, request, variables) = ALLOWANCES.iter().find(|(whats, ..)| whats.contains(what))?;
        Some(Allowance { request, variables })
    }
}

impl Docker {
    /// Whether events may be watched: awaits the beginning of the answer.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn may_watch(&self) -> Result<(), DockerError> {
        self.ask("watch events", self.transport.begin("/events")).await
    }

    /// Makes a container that is never started. It is to be removed.
    ///
    /// # Errors
    /// See [`DockerError`]. There may be a container all the same.
    pub async fn make_idle(
        &self,
        name: &ContainerName,
        image: &ImageId,
        labels: HashMap<String, String>,
    ) -> Result<(), DockerError> {
        let body = ContainerCreateBody {
            image: Some(image.to_string()),
            labels: Some(labels),
            ..ContainerCreateBody::default()
        };
        self.make(name, body).await.map(drop)
    }

    /// Whether containers may be removed, by one that is not there.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn may_remove(&self, absent: &ContainerName) -> Result<(), DockerError> {
        self.remove(absent).await.map(drop)
    }

    /// Whether containers may be started, by one that is not there.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn may_start(&self, absent: &ContainerName) -> Result<(), DockerError> {
        let started = self.client.start_container(absent.as_str(), None::<StartContainerOptions>);
        unless_absent(self.ask("start a container", started).await)
    }

    /// Whether the logs of containers may be read, by one that is not there.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn may_read_logs(&self, absent: &ContainerName) -> Result<(), DockerError> {
        let path = format!("/containers/{absent}/logs?stdout=true&tail=1");
        unless_absent(self.ask("show a log", self.transport.get(&path)).await.map(drop))
    }

    /// Whether the engine manages a swarm.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn manages_swarm(&self) -> Result<bool, DockerError> {
        let info: inspect::Info = self.get("tell whether it manages a swarm", "/info").await?;
        Ok(info.swarm.is_some_and(|swarm| swarm.control_available))
    }

    /// The services of the swarm with a label that begins so and that their containers do not get.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn labelled_services(&self, label_start: &str) -> Result<Vec<LabelledService>, DockerError> {
        let services: Vec<inspect::Service> = self.get("list services", "/services").await?;
        Ok(services.into_iter().filter_map(|service| labels_of_none(service.spec, label_start)).collect())
    }
}

fn labels_of_none(spec: inspect::ServiceSpec, label_start: &str) -> Option<LabelledService> {
    let inspect::ServiceSpec { name, labels, task_template } = spec;
    let container = task_template.container_spec.unwrap_or_default();
    let given = container.labels.unwrap_or_default();
    let labels = labels.unwrap_or_default().into_keys();
    let missing = labels.filter(|label| label.starts_with(label_start) && !given.contains_key(label));
    let mut labels: Vec<Line> = missing.map(|label| Line::clean(&label)).collect();
    labels.sort();
    (!labels.is_empty()).then(|| LabelledService { name: Line::clean(&name), labels })
}

/// What Docker itself answers, nobody has refused.
fn unless_absent(answer: Result<(), DockerError>) -> Result<(), DockerError> {
    match answer {
        Err(DockerError::NotFound { .. }) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::docker::guard::FORMS;

    #[test]
    fn each_request_has_its_allowance() {
        let known: BTreeSet<String> =
            FORMS.iter().map(|form| format!("{} {}", form.method, form.path)).collect();
        let allowed: BTreeSet<String> =
            ALLOWANCES.iter().map(|(_, request, _)| (*request).to_owned()).collect();
        assert_eq!(allowed, known);
    }

    /// The table is what an operator sets up a proxy by.
    #[test]
    fn the_page_names_the_variables_of_each_request() {
        let page = include_str!("../../docs/security.md");
        for (_, request, variables) in ALLOWANCES {
            let row = page.lines().find(|line| line.contains(&format!("`{request}`"))).unwrap();
            for variable in variables.split(" and ") {
                let name = variable.trim_end_matches("=1");
                assert!(row.contains(&format!("`{name}`")), "{request}: {variable}");
            }
        }
    }

    #[test]
    fn a_refusal_names_its_request() {
        let refused = |what| DockerError::Forbidden { what, host: String::new(), message: String::new() };
        let allowance = refused("start an exec").allowance().unwrap();
        assert_eq!((allowance.request, allowance.variables), ("POST /exec/{id}/start", "EXEC=1 and POST=1"));
        assert_eq!(refused("do something else").allowance(), None);
        assert_eq!(DockerError::Broken { reason: String::new() }.allowance(), None);
    }

    #[test]
    fn only_labels_that_no_container_gets_are_told() {
        let read = |labels: serde_json::Value, given: serde_json::Value| {
            let service = serde_json::json!({ "Spec": {
                "Name": "shop_db", "Labels": labels, "TaskTemplate": { "ContainerSpec": { "Labels": given } }
            } });
            let service: inspect::Service = serde_json::from_value(service).unwrap();
            labels_of_none(service.spec, "dumpcar.").map(|found| found.labels.len())
        };
        let both =
            serde_json::json!({ "dumpcar.enable": "true", "dumpcar.name": "x", "traefik.enable": "true" });
        assert_eq!(read(both.clone(), serde_json::json!(null)), Some(2));
        assert_eq!(read(both.clone(), serde_json::json!({ "dumpcar.enable": "true" })), Some(1));
        assert_eq!(read(both.clone(), both), None);
        assert_eq!(read(serde_json::json!({ "traefik.enable": "true" }), serde_json::json!({})), None);
    }
}
