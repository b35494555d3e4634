//! Containers that are made to be thrown away.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::{
    CreateContainerOptions, LogsOptions, RemoveContainerOptions, StartContainerOptions,
};
use futures_util::StreamExt;

use super::client::nonsense;
use super::{Docker, DockerError, inspect};
use crate::model::id::{ContainerId, ContainerName, ImageId};

/// Its processes weigh half of everybody else's.
const CPU_SHARES: i64 = 512;
/// Enough for every server, and not for a fork bomb.
const PIDS: i64 = 2048;

/// What an image declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub id: ImageId,
    pub volumes: Vec<String>,
}

/// A container without a network, in which nothing is of use to anybody else.
#[derive(Debug, Clone)]
pub struct ScratchContainer {
    pub name: ContainerName,
    pub image: ImageId,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Behind the image's entry point; empty for the image's own.
    pub args: Vec<String>,
    /// Name and value.
    pub label: (String, String),
    /// In bytes, file systems in memory included.
    pub memory: u64,
    /// Paths that are file systems in memory, of this size in bytes.
    pub in_memory: Option<(Vec<String>, u64)>,
}

impl Docker {
    /// An image that is here; `None` when it is not.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn image(&self, id: &ImageId) -> Result<Option<Image>, DockerError> {
        let found = self.get::<inspect::Image>("inspect an image", &format!("/images/{id}/json")).await;
        match found {
            Ok(found) => Ok(Some(Image { id: id.clone(), volumes: found.volumes() })),
            Err(DockerError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The memory of the engine's machine in bytes, if it says so.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn memory(&self) -> Result<Option<u64>, DockerError> {
        let info: inspect::Info = self.get("tell its memory", "/info").await?;
        Ok(info.memory.and_then(|bytes| u64::try_from(bytes).ok()))
    }

    /// Makes the container and starts it. Returns its id.
    ///
    /// # Errors
    /// See [`DockerError`]. There may be a container all the same.
    pub async fn start_scratch(&self, scratch: &ScratchContainer) -> Result<ContainerId, DockerError> {
        let memory = i64::try_from(scratch.memory).ok();
        let in_memory =
            scratch.in_memory.iter().flat_map(|(paths, size)| paths.iter().map(move |path| (path, size)));
        let host = HostConfig {
            network_mode: Some("none".to_owned()),
            memory,
            // No swap: that would be a disk.
            memory_swap: memory,
            cpu_shares: Some(CPU_SHARES),
            pids_limit: Some(PIDS),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            tmpfs: Some(in_memory.map(|(path, size)| (path.clone(), format!("rw,size={size}"))).collect()),
            // Kept for the message about a server that does not start.
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(HashMap::from([
                    ("max-size".to_owned(), "256k".to_owned()),
                    ("max-file".to_owned(), "1".to_owned()),
                ])),
            }),
            ..HostConfig::default()
        };
        let body = ContainerCreateBody {
            image: Some(scratch.image.to_string()),
            env: Some(scratch.env.clone()),
            cmd: (!scratch.args.is_empty()).then(|| scratch.args.clone()),
            labels: Some(HashMap::from([scratch.label.clone()])),
            healthcheck: Some(HealthConfig {
                test: Some(vec!["NONE".to_owned()]),
                ..HealthConfig::default()
            }),
            host_config: Some(host),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptions { name: Some(scratch.name.to_string()), ..Default::default() };
        let created = self.ask("make a container", self.client.create_container(Some(options), body)).await?;
        let id: ContainerId = created.id.parse().map_err(|error| nonsense("make a container", &error))?;
        self.ask(
            "start a container",
            self.client.start_container(id.as_str(), None::<StartContainerOptions>),
        )
        .await?;
        Ok(id)
    }

    /// Removes a container, running or not, with its volumes. One that is gone, or going, counts as removed.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn remove(&self, container: &ContainerName) -> Result<(), DockerError> {
        let options = RemoveContainerOptions { v: true, force: true, link: false };
        match self
            .ask("remove a container", self.client.remove_container(container.as_str(), Some(options)))
            .await
        {
            Ok(()) | Err(DockerError::NotFound { .. } | DockerError::Refused { status: 409, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The last lines a container has printed, on one line; empty when Docker does not tell.
    pub async fn last_words(&self, container: &ContainerId) -> String {
        let options = LogsOptions { stdout: true, stderr: true, tail: "5".to_owned(), ..Default::default() };
        let logs = self.client.logs(container.as_str(), Some(options));
        let lines =
            logs.filter_map(async |line| Some(line.ok()?.to_string().trim().to_owned())).collect::<Vec<_>>();
        let lines = self.ask("show a log", async { Ok(lines.await) }).await.unwrap_or_default();
        lines.join(" / ").chars().filter(|c| !c.is_control()).take(600).collect()
    }
}
