//! The connection to the Docker engine.

use std::collections::HashMap;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bollard::BollardRequest;
use bollard::errors::Error as BollardError;
use bollard::query_parameters::EventsOptions;
use futures_util::{Stream, StreamExt, stream};
use serde::de::DeserializeOwned;

use super::inspect::{self, Listed};
use super::transport::{Foreign, TooLong, Transport};
use super::{Container, DockerError};
use crate::model::certificate::{self, Cures};
use crate::model::id::{ContainerId, ContainerName};
use crate::model::line::Line;
use crate::model::run::RunId;

/// Docker answers these at once, or something is wrong; an engine that pulls or removes at full load stays under it.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Containers that are inspected at the same time: an answer takes Docker a few milliseconds, and there may be hundreds.
const INSPECTED_AT_ONCE: usize = 8;

/// Of so many containers at the most an answer may break off, or not come; with one more, it is Docker and not the containers.
const MOST_BROKEN: usize = 3;

/// A Docker engine, reached over its Unix socket or over `tcp://` (a socket proxy).
#[derive(Debug, Clone)]
pub struct Docker {
    pub(super) client: bollard::Docker,
    transport: Transport,
    pub(super) host: String,
    /// The run that commands are run for.
    pub(super) run: Option<RunId>,
    /// Of one of these commands nobody saw that it ended.
    pub(super) unseen_end: Arc<AtomicBool>,
}

/// What the engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineVersion {
    pub engine: Line,
    pub api: Line,
}

/// What the engine calls itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineNames {
    /// The same one is the same engine, unless its machine was cloned.
    pub id: Option<Line>,
    /// The name of its machine.
    pub host: Option<Line>,
}

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
    /// Prepares a connection to `host` (`unix:///path` or `tcp://host:port`). Nothing is sent yet, and the socket may be missing:
    /// many commands need the bucket only. With `certificates`, a folder as Docker's client has it, `tcp://` is spoken in TLS.
    ///
    /// # Errors
    /// The client cannot be set up; a file of certificates is missing or wrong.
    pub fn new(host: &str, certificates: Option<&Path>) -> Result<Self, DockerError> {
        let transport = Transport::new(host, certificates)?;
        let sender = transport.clone();
        let send = move |request: BollardRequest| {
            let sender = sender.clone();
            async move { sender.send(request).await }
        };
        let client = bollard::Docker::connect_with_custom_transport(
            send,
            // Only its path matters.
            Some("http://localhost"),
            ANSWER_LIMIT.as_secs(),
            bollard::API_DEFAULT_VERSION,
        );
        let client = client.map_err(|error| classify(host, "connect", error))?;
        Ok(Self { client, transport, host: host.to_owned(), run: None, unseen_end: Arc::default() })
    }

    /// Makes sure that there is a socket to ask.
    ///
    /// # Errors
    /// It does not exist.
    pub fn require_socket(&self) -> Result<(), DockerError> {
        match self.host.strip_prefix("unix://") {
            Some(path) if !Path::new(path).exists() => Err(no_socket(self.host.clone())),
            Some(_) | None => Ok(()),
        }
    }

    /// The same engine; the commands it runs carry the name of this run, by which [`Docker::end_runs`] finds them.
    pub fn on_behalf_of(&self, run: &RunId) -> Self {
        Self { run: Some(run.clone()), unseen_end: Arc::default(), ..self.clone() }
    }

    /// Which engine it is.
    ///
    /// # Errors
    /// See [`DockerError`]; a socket proxy may refuse this one.
    pub async fn engine_names(&self) -> Result<EngineNames, DockerError> {
        let info = self.get::<inspect::Info>("tell its name", "/info").await?;
        let line = |text: Option<String>| text.filter(|text| !text.is_empty()).map(|text| Line::clean(&text));
        Ok(EngineNames { id: line(info.id), host: line(info.name) })
    }

    /// Asks for the engine's version: the cheapest proof that it answers.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn version(&self) -> Result<EngineVersion, DockerError> {
        let version: inspect::Version = self.get("tell its version", "/version").await?;
        Ok(EngineVersion {
            engine: Line::clean(&version.version.unwrap_or_default()),
            api: Line::clean(&version.api_version.unwrap_or_default()),
        })
    }

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

    /// Asks for what is at `path`, and reads it.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        what: &'static str,
        path: &str,
    ) -> Result<T, DockerError> {
        let answer = self.ask(what, self.transport.get(path)).await?;
        serde_json::from_slice(&answer).map_err(|error| nonsense(what, &error))
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

/// An answer that says nothing.
pub(super) fn nonsense(what: &'static str, error: &dyn std::error::Error) -> DockerError {
    DockerError::Nonsense { what, reason: one_line(&error.to_string()) }
}

/// Turns the client's error into what the user can do about it.
pub(super) fn classify(host: &str, what: &'static str, error: BollardError) -> DockerError {
    if let BollardError::DockerResponseServerError { status_code, message } = error {
        let message = one_line(&message);
        return match status_code {
            400 if message.contains("HTTP request to an HTTPS server") => DockerError::Untrusted(format!(
                "Docker at {host} speaks TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder with its certificates"
            )),
            404 => DockerError::NotFound { message },
            // Docker itself knows no rights; a proxy or a plugin does.
            403 => DockerError::Forbidden { what, host: host.to_owned(), message },
            status => DockerError::Refused { what, status, message },
        };
    }
    // The one mistake in the use of the HTTP client that an answer can make look like one.
    if let BollardError::HyperResponseError { err } = &error
        && err.is_user()
    {
        return DockerError::NotUpgraded { host: host.to_owned() };
    }
    if let Some(too_long) = cause::<TooLong>(&error) {
        return DockerError::Nonsense { what, reason: too_long.to_string() };
    }
    if let Some(foreign) = cause::<Foreign>(&error) {
        return DockerError::Foreign { what, reason: foreign.to_string() };
    }
    if matches!(error, BollardError::RequestTimeoutError) {
        return DockerError::Timeout { what, seconds: ANSWER_LIMIT.as_secs() };
    }
    from_io(host, &error)
}

/// What a message says, short enough for a log: a proxy answers with a page of HTML.
fn one_line(message: &str) -> String {
    let mut words = String::new();
    let mut is_tag = false;
    for c in message.chars() {
        match c {
            // Docker's own messages have no tags, but an image name may be `<none>`.
            '<' if message.trim_start().starts_with('<') => is_tag = true,
            '>' if is_tag => {
                is_tag = false;
                words.push(' ');
            }
            _ if is_tag => {}
            c => words.push(if c.is_control() { ' ' } else { c }),
        }
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

/// The client's error as the first of its causes: where it is only around an I/O error, that one.
fn first(error: &BollardError) -> &(dyn std::error::Error + 'static) {
    if let BollardError::IOError { err } = error { err } else { error }
}

/// An error of this type among the causes; an error inside of an I/O error is none of its causes.
fn cause<T: std::error::Error + 'static>(error: &BollardError) -> Option<&T> {
    let mut next = Some(first(error));
    while let Some(error) = next {
        let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let found = error.downcast_ref::<T>().or_else(|| inside?.downcast_ref::<T>());
        if found.is_some() {
            return found;
        }
        next = error.source();
    }
    None
}

fn no_socket(host: String) -> DockerError {
    DockerError::Unreachable {
        host,
        reason: "there is no such socket; mount it (-v /var/run/docker.sock:/var/run/docker.sock), or set DOCKER_HOST".into(),
    }
}

/// Looks for the operating system's reason below the layers of the HTTP client.
fn from_io(host: &str, error: &BollardError) -> DockerError {
    use std::io::ErrorKind;
    let mut innermost = first(error);
    let mut kind = None;
    loop {
        kind = innermost.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or(kind);
        match innermost.source() {
            Some(source) => innermost = source,
            None => break,
        }
    }
    if let Some(words) = untrusted(host, &innermost.to_string()) {
        return DockerError::Untrusted(words);
    }
    let host = host.to_owned();
    let is_socket = host.starts_with("unix://");
    match kind {
        Some(ErrorKind::PermissionDenied) => {
            let uid = own_uid();
            let cure = cure_of_denied(&host, uid);
            DockerError::Denied { host, uid, cure }
        }
        Some(ErrorKind::NotFound) if is_socket => no_socket(host),
        Some(ErrorKind::ConnectionRefused) => DockerError::Unreachable {
            host,
            reason: "connection refused; is Docker (or the proxy) running?".into(),
        },
        Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof) => {
            DockerError::Broken { reason: innermost.to_string() }
        }
        Some(_) | None => DockerError::Broken { reason: innermost.to_string() },
    }
}

/// What is wrong with one side's certificate.
fn untrusted(host: &str, words: &str) -> Option<String> {
    let server = format!("Docker at {host}");
    let cures = Cures { authority: "ca.pem in DOCKER_CERT_PATH", name: "DOCKER_HOST" };
    if let Some(text) = certificate::refused(&server, words, cures) {
        return Some(text);
    }
    if certificate::is_plain(words) {
        return Some(format!(
            "{server} does not speak TLS there: remove DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, or correct the port"
        ));
    }
    let alert = words.split_once("received fatal alert: ")?.1;
    Some(format!(
        "{server} refused the client's certificate ({alert}): cert.pem and key.pem in DOCKER_CERT_PATH must be there, valid, and \
         signed by the authority that the engine was given (--tlscacert)"
    ))
}

/// What lets this process use the socket. Who owns it can be seen by everybody.
fn cure_of_denied(host: &str, uid: u32) -> String {
    use std::os::unix::fs::MetadataExt;
    if uid == 0 {
        return "that is root, so it is something else than the socket's owner. SELinux: add security_opt: [\"label:disable\"]. \
                User-namespace remapping (userns-remap): add userns_mode: host. A rootless engine: mount its own socket \
                ($XDG_RUNTIME_DIR/docker.sock) as /var/run/docker.sock"
            .to_owned();
    }
    let group =
        host.strip_prefix("unix://").and_then(|path| std::fs::metadata(path).ok()).map(|meta| meta.gid());
    match group {
        // A group that everybody in the container would have.
        Some(0) | None => "run as root (user: \"0\"), or give the socket a group of its own".to_owned(),
        Some(group) => format!(
            "the socket belongs to the group {group}: run as root, or add group_add: [\"{group}\"] to the container (docker run --group-add {group})"
        ),
    }
}

/// The process's user, for the message about a socket it may not use.
fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").map(|own| own.uid()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
