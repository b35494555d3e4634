//! The connection to the Docker engine.

use std::collections::HashMap;
use std::time::Duration;

use bollard::errors::Error as BollardError;
use bollard::query_parameters::{EventsOptions, InspectContainerOptions, ListContainersOptions};
use futures_util::{Stream, StreamExt};

use super::{Container, DockerError};
use crate::model::run::RunId;

/// Docker answers these at once, or something is wrong; an engine that pulls or removes at full load stays under it.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A Docker engine, reached over its Unix socket or over `tcp://` (a socket proxy).
#[derive(Debug, Clone)]
pub struct Docker {
    pub(super) client: bollard::Docker,
    pub(super) host: String,
    /// The run that commands are run for.
    pub(super) run: Option<RunId>,
}

/// What the engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineVersion {
    pub engine: String,
    pub api: String,
}

impl Docker {
    /// Prepares a connection to `host` (`unix:///path` or `tcp://host:port`). Nothing is sent yet.
    ///
    /// # Errors
    /// The socket does not exist.
    pub fn new(host: &str) -> Result<Self, DockerError> {
        let seconds = ANSWER_LIMIT.as_secs();
        let client = match host.strip_prefix("unix://") {
            Some(path) => bollard::Docker::connect_with_unix(path, seconds, bollard::API_DEFAULT_VERSION),
            None => bollard::Docker::connect_with_http(host, seconds, bollard::API_DEFAULT_VERSION),
        };
        let client = client.map_err(|error| classify(host, "connect", error))?;
        Ok(Self { client, host: host.to_owned(), run: None })
    }

    /// The same engine; the commands it runs carry the name of this run, by which [`Docker::end_runs`] finds them.
    pub fn on_behalf_of(&self, run: &RunId) -> Self {
        Self { run: Some(run.clone()), ..self.clone() }
    }

    /// What the engine calls itself: the same name is the same engine, unless its machine was cloned.
    ///
    /// # Errors
    /// See [`DockerError`]; a socket proxy may refuse this one.
    pub async fn engine_id(&self) -> Result<Option<String>, DockerError> {
        Ok(self.ask("tell its name", self.client.info()).await?.id)
    }

    /// Asks for the engine's version: the cheapest proof that it answers.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn version(&self) -> Result<EngineVersion, DockerError> {
        let version = self.ask("tell its version", self.client.version()).await?;
        Ok(EngineVersion {
            engine: version.version.unwrap_or_default(),
            api: version.api_version.unwrap_or_default(),
        })
    }

    /// Every container with a label that begins so, stopped ones included: one list, and one inspect for each.
    ///
    /// A container that goes away in between is left out.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn labelled_containers(&self, label_start: &str) -> Result<Vec<Container>, DockerError> {
        // Docker's own filters know only whole labels.
        let options = ListContainersOptions { all: true, ..Default::default() };
        let listed = self.ask("list containers", self.client.list_containers(Some(options))).await?;
        let mut containers = Vec::new();
        for summary in listed {
            let is_labelled =
                summary.labels.iter().flatten().any(|(label, _)| label.starts_with(label_start));
            let Some(id) = summary.id.as_deref() else { continue };
            if !is_labelled {
                continue;
            }
            match self.container(id).await {
                Ok(container) => containers.push(container),
                Err(DockerError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(containers)
    }

    /// One container as it is now.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn container(&self, id: &str) -> Result<Container, DockerError> {
        let options = None::<InspectContainerOptions>;
        let found = self.ask("inspect a container", self.client.inspect_container(id, options)).await?;
        let config = found.config.unwrap_or_default();
        let state = found.state.unwrap_or_default();
        let health = state.health.and_then(|health| health.status).map(|status| status.to_string());
        Ok(Container {
            id: found.id.unwrap_or_else(|| id.to_owned()),
            name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            image: config.image.unwrap_or_default(),
            image_id: found.image.unwrap_or_default(),
            labels: config.labels.unwrap_or_default(),
            env: config
                .env
                .unwrap_or_default()
                .iter()
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            state: state.status.map(|status| status.to_string()).unwrap_or_default(),
            started: state.started_at.unwrap_or_default(),
            health: health.filter(|health| !health.is_empty() && health != "none"),
        })
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

    /// Awaits a short answer, within [`ANSWER_LIMIT`]: bollard bounds only the wait for the response's head.
    pub(super) async fn ask<T>(
        &self,
        what: &'static str,
        answer: impl Future<Output = Result<T, BollardError>>,
    ) -> Result<T, DockerError> {
        // Boxed: the client library's futures take 16 KiB each.
        match tokio::time::timeout(ANSWER_LIMIT, Box::pin(answer)).await {
            Ok(result) => result.map_err(|error| classify(&self.host, what, error)),
            Err(_) => Err(DockerError::Timeout { what, seconds: ANSWER_LIMIT.as_secs() }),
        }
    }
}

/// Turns the client's error into what the user can do about it.
pub(super) fn classify(host: &str, what: &'static str, error: BollardError) -> DockerError {
    if let BollardError::DockerResponseServerError { status_code, message } = error {
        let message = message.trim().to_owned();
        return match status_code {
            404 => DockerError::NotFound { message },
            status => DockerError::Refused { what, status, message },
        };
    }
    if matches!(error, BollardError::RequestTimeoutError) {
        return DockerError::Timeout { what, seconds: ANSWER_LIMIT.as_secs() };
    }
    from_io(host, &error)
}

/// Looks for the operating system's reason below the layers of the HTTP client.
fn from_io(host: &str, error: &BollardError) -> DockerError {
    use std::io::ErrorKind;
    let mut innermost: &(dyn std::error::Error + 'static) = error;
    let mut kind = None;
    loop {
        kind = innermost.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or(kind);
        match innermost.source() {
            Some(source) => innermost = source,
            None => break,
        }
    }
    let host = host.to_owned();
    let is_socket = host.starts_with("unix://");
    match kind {
        Some(ErrorKind::PermissionDenied) => DockerError::Denied {
            host,
            uid: own_uid(),
            cure: "run as root, or give the container the socket's group (group_add, or user: \"UID:GID\" with that group)",
        },
        Some(ErrorKind::NotFound) if is_socket => DockerError::Unreachable {
            host,
            reason: "there is no such socket; mount it (-v /var/run/docker.sock:/var/run/docker.sock), or set DOCKER_HOST".into(),
        },
        Some(ErrorKind::ConnectionRefused) => {
            DockerError::Unreachable { host, reason: "connection refused; is Docker (or the proxy) running?".into() }
        }
        Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof) => {
            DockerError::Broken { reason: innermost.to_string() }
        }
        _ if matches!(error, BollardError::SocketNotFoundError(_)) => DockerError::Unreachable {
            host,
            reason: "there is no such socket; mount it (-v /var/run/docker.sock:/var/run/docker.sock), or set DOCKER_HOST".into(),
        },
        Some(_) | None => DockerError::Broken { reason: innermost.to_string() },
    }
}

/// The process's user, for the message about a socket it may not use.
fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").map(|own| own.uid()).unwrap_or_default()
}
