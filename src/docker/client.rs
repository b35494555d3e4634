//! The connection to the Docker engine.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bollard::BollardRequest;
use bollard::errors::Error as BollardError;
use serde::de::DeserializeOwned;

use super::classify::{ANSWER_LIMIT, classify, no_socket, nonsense};
use super::error::DockerError;
use super::inspect;
use super::transport::Transport;
use crate::model::line::Line;
use crate::model::run::RunId;

/// A Docker engine, reached over its Unix socket or over `tcp://` (a socket proxy).
#[derive(Debug, Clone)]
pub struct Docker {
    pub(super) client: bollard::Docker,
    pub(super) transport: Transport,
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

    /// Asks for what is at `path`, and reads it.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        what: &'static str,
        path: &str,
    ) -> Result<T, DockerError> {
        let answer = self.ask(what, self.transport.get(path)).await?;
        serde_json::from_slice(&answer).map_err(|error| nonsense(what, &error))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn docker_may_take_half_a_minute_to_answer() {
        let docker = Docker::new("tcp://127.0.0.1:9", None).unwrap();
        let late = async {
            tokio::time::sleep(ANSWER_LIMIT - Duration::from_secs(1)).await;
            Ok(())
        };
        docker.ask("create an exec", late).await.unwrap();
        let begun = tokio::time::Instant::now();
        let error = docker.ask("create an exec", std::future::pending::<Result<(), _>>()).await.unwrap_err();
        assert_eq!(error.to_string(), "Docker did not answer within 30 s when asked to create an exec");
        assert!(error.is_transient());
        assert!(begun.elapsed() < ANSWER_LIMIT + Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}
