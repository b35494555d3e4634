//! The containers there are: as they are listed, as they are inspected, and that one has changed.

use std::collections::HashMap;
use std::pin::pin;

use bollard::query_parameters::EventsOptions;
use futures_util::{Stream, StreamExt, stream};

use super::classify::{classify, nonsense};
use super::client::Docker;
use super::container::Container;
use super::error::DockerError;
use super::inspect::{self, Listed};
use crate::model::id::{ContainerId, ContainerName};
use crate::model::line::Line;

/// Containers that are inspected at the same time: an answer takes Docker a few milliseconds, and there may be hundreds.
const INSPECTED_AT_ONCE: usize = 8;

/// Of so many containers at the most an answer may break off, or not come; with one more, it is Docker and not the containers.
const MOST_BROKEN: usize = 3;

/// The containers with a label, as they are now.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    pub containers: Vec<Container>,
    pub unreadable: Vec<Unreadable>,
    /// All there are, as they are listed.
    pub all: Vec<Bystander>,
}

/// A container as it is listed: whoever has labelled the wrong one may have meant it.
#[derive(Debug, Clone)]
pub struct Bystander {
    /// Without the leading slash.
    pub name: String,
    pub image: String,
    /// Of Compose.
    pub project: Option<String>,
}

/// A container of which Docker says nothing that can be used.
#[derive(Debug, Clone)]
pub struct Unreadable {
    /// Without the leading slash.
    pub name: String,
    pub labels: HashMap<String, String>,
    pub reason: String,
}

impl Docker {
    /// Every container with a label that begins so, stopped ones included: one list, and one inspect for each.
    ///
    /// A container that goes away in between is left out. One that Docker refuses to show costs only itself.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn labelled_containers(&self, label_start: &str) -> Result<Looked, DockerError> {
        // Docker's own filters know only whole labels.
        let listed: Vec<Listed> = self.get("list containers", "/containers/json?all=true").await?;
        let all: Vec<Bystander> = listed.iter().map(Bystander::of).collect();
        // Capitals are a mistake that is told.
        let is_ours = |label: &str| label.to_ascii_lowercase().starts_with(&label_start.to_ascii_lowercase());
        let labelled = listed
            .into_iter()
            .filter(|listed| listed.labels.iter().flatten().any(|(label, _)| is_ours(label)));
        let look = async |listed: Listed| {
            let found = match listed.id.as_deref().unwrap_or_default().parse::<ContainerId>() {
                Ok(id) => self.container(&id).await,
                Err(error) => Err(nonsense("list containers", &error)),
            };
            (listed, found)
        };
        let mut inspected = pin!(stream::iter(labelled).map(look).buffer_unordered(INSPECTED_AT_ONCE));
        let mut looked = Looked { all, ..Looked::default() };
        let mut broken = Vec::new();
        while let Some((listed, found)) = inspected.next().await {
            match found {
                Ok(container) => looked.containers.push(container),
                Err(DockerError::NotFound { .. }) => {}
                Err(error @ (DockerError::Refused { .. } | DockerError::Nonsense { .. })) => {
                    looked.unreadable.push(Unreadable::new(listed, &error));
                }
                Err(error) if broken.len() == MOST_BROKEN => return Err(error),
                Err(error) => broken.push((listed, error)),
            }
        }
        // While Docker answers about others, what breaks off is the answer about this one.
        for (listed, error) in broken {
            if looked.containers.is_empty() {
                return Err(error);
            }
            looked.unreadable.push(Unreadable::new(listed, &error));
        }
        looked.containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(looked)
    }

    /// One container as it is now.
    ///
    /// # Errors
    /// See [`DockerError`]. [`DockerError::Nonsense`] when the answer is about another one, or does not say its state.
    pub async fn container(&self, id: &ContainerId) -> Result<Container, DockerError> {
        self.inspect(id.as_str(), Some(id)).await
    }

    /// The container that has this name now.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn container_named(&self, name: &ContainerName) -> Result<Container, DockerError> {
        self.inspect(name.as_str(), None).await
    }

    async fn inspect(&self, name: &str, asked: Option<&ContainerId>) -> Result<Container, DockerError> {
        const WHAT: &str = "inspect a container";
        let path = format!("/containers/{name}/json");
        let answer = self.ask(WHAT, self.transport.get(&path)).await?;
        inspect::container(&answer, asked).map_err(|error| nonsense(WHAT, &error))
    }

    /// Says that something happened to a container with a label that begins so; ends when the connection does.
    ///
    /// Only changes that can matter to a backup: created, started, stopped, removed, health.
    pub fn changes(&self, label_start: &str) -> impl Stream<Item = Result<(), DockerError>> + Send + use<> {
        const KINDS: [&str; 8] =
            ["create", "start", "die", "destroy", "pause", "unpause", "rename", "health_status"];
        let filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("event".to_owned(), KINDS.map(str::to_owned).to_vec()),
        ]);
        let (host, label_start) = (self.host.clone(), label_start.to_owned());
        let events = self.client.events(Some(EventsOptions { filters: Some(filters), ..Default::default() }));
        events.filter_map(move |event| {
            let change = match event {
                Ok(event) => {
                    let attributes = event.actor.and_then(|actor| actor.attributes).unwrap_or_default();
                    attributes.keys().any(|label| label.starts_with(&label_start)).then_some(Ok(()))
                }
                Err(error) => Some(Err(classify(&host, "watch events", error))),
            };
            std::future::ready(change)
        })
    }
}

impl Bystander {
    fn of(listed: &Listed) -> Self {
        let name = listed.names.iter().flatten().next().map_or("", |name| name.trim_start_matches('/'));
        let labels = listed.labels.as_ref();
        Self {
            name: Line::<256>::clean(name).to_string(),
            image: listed.image.clone().unwrap_or_default(),
            project: labels.and_then(|labels| labels.get("com.docker.compose.project")).cloned(),
        }
    }
}

impl Unreadable {
    fn new(listed: Listed, error: &DockerError) -> Self {
        let name = listed.names.unwrap_or_default().into_iter().next().unwrap_or_default();
        Self {
            name: name.trim_start_matches('/').to_owned(),
            labels: listed.labels.unwrap_or_default(),
            reason: error.to_string(),
        }
    }
}
