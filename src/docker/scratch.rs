//! Containers that are made to be thrown away.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::{
    CreateContainerOptions, LogsOptions, RemoveContainerOptions, StartContainerOptions,
};
use futures_util::StreamExt;

use super::classify::nonsense;
use super::client::Docker;
use super::error::DockerError;
use super::inspect;
use crate::model::id::{ContainerId, ContainerName, ImageDigest, ImageId};

/// Its processes weigh half of everybody else's.
pub(super) const CPU_SHARES: i64 = 512;
/// The kernel ends this one first when the machine has no memory left.
const FIRST_TO_GO: i64 = 1000;
/// Enough for every server, and not for a fork bomb.
const PIDS: i64 = 2048;

/// A database's image makes its folders its user's own, and then becomes that user.
const CAPABILITIES: [&str; 5] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];

/// What an image declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub id: ImageId,
    /// What it is called in registries; empty for one that was built here.
    pub digests: Vec<ImageDigest>,
    pub volumes: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// Their names.
    pub labels: Vec<String>,
    /// What its entry point is given.
    pub command: Vec<String>,
}

/// How a container's process has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    pub exit_code: i64,
    /// The kernel has ended one of its processes, which had more memory than it may.
    pub out_of_memory: bool,
}

/// A container without a network, in which nothing is of use to anybody else, and which can do little to its host.
#[derive(Debug, Clone)]
pub struct ScratchContainer {
    pub name: ContainerName,
    pub image: ImageId,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Behind the image's entry point; empty for the image's own.
    pub args: Vec<String>,
    /// By name; over those of the image.
    pub labels: HashMap<String, String>,
    /// In bytes, file systems in memory included.
    pub memory: u64,
    /// Paths that are file systems in memory, and their sizes in bytes.
    pub in_memory: BTreeMap<String, u64>,
    /// Nothing but those can be written.
    pub is_read_only: bool,
}

impl Docker {
    /// An image that is here; `None` when it is not.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn image(&self, id: &ImageId) -> Result<Option<Image>, DockerError> {
        const WHAT: &str = "inspect an image";
        let found = self.get::<inspect::Image>(WHAT, &format!("/images/{id}/json")).await;
        match found {
            Ok(found) => {
                let digests = found.digests.unwrap_or_default();
                let inspect::ImageConfig { volumes, env, labels, cmd } = found.config.unwrap_or_default();
                if volumes.iter().flatten().any(|(path, _)| !inspect::is_path(path)) {
                    let reason = "it declares a volume at what is no path".to_owned();
                    return Err(DockerError::Nonsense { what: WHAT, reason });
                }
                Ok(Some(Image {
                    id: id.clone(),
                    digests: digests.iter().filter_map(|digest| digest.parse().ok()).collect(),
                    volumes: volumes.unwrap_or_default().into_keys().collect(),
                    env: inspect::variables(&env.unwrap_or_default()),
                    labels: labels.unwrap_or_default().into_keys().collect(),
                    command: cmd.unwrap_or_default(),
                }))
            }
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
            scratch.in_memory.iter().map(|(path, size)| (path.clone(), format!("rw,size={size}")));
        let host = HostConfig {
            network_mode: Some("none".to_owned()),
            memory,
            // No swap: that would be a disk.
            memory_swap: memory,
            // Whatever else runs there is worth more.
            oom_score_adj: Some(FIRST_TO_GO),
            // What servers share between their processes; it counts as memory.
            shm_size: memory.map(|memory| memory / 2),
            cpu_shares: Some(CPU_SHARES),
            pids_limit: Some(PIDS),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: Some(CAPABILITIES.map(str::to_owned).to_vec()),
            readonly_rootfs: Some(scratch.is_read_only),
            tmpfs: Some(in_memory.collect()),
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
            labels: Some(scratch.labels.clone()),
            healthcheck: Some(no_healthcheck()),
            host_config: Some(host),
            ..ContainerCreateBody::default()
        };
        self.start_new(&scratch.name, body).await
    }

    pub(super) async fn start_new(
        &self,
        name: &ContainerName,
        body: ContainerCreateBody,
    ) -> Result<ContainerId, DockerError> {
        let id = Box::pin(self.make(name, body)).await?;
        self.ask(
            "start a container",
            self.client.start_container(id.as_str(), None::<StartContainerOptions>),
        )
        .await?;
        Ok(id)
    }

    pub(super) async fn make(
        &self,
        name: &ContainerName,
        body: ContainerCreateBody,
    ) -> Result<ContainerId, DockerError> {
        let options = CreateContainerOptions { name: Some(name.to_string()), ..Default::default() };
        let created = self.ask("make a container", self.client.create_container(Some(options), body)).await?;
        created.id.parse().map_err(|error| nonsense("make a container", &error))
    }

    /// How a container's process has ended; `None` while it runs.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn death(&self, container: &ContainerId) -> Result<Option<Death>, DockerError> {
        let found: inspect::Fate =
            self.get("inspect a container", &format!("/containers/{container}/json")).await?;
        let inspect::Ended { status, exit_code, out_of_memory } = found.state;
        Ok((status != "running").then_some(Death { exit_code, out_of_memory }))
    }

    /// What a container has written to Docker's disk, in bytes, besides volumes.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn written(&self, container: &ContainerName) -> Result<u64, DockerError> {
        let path = format!("/containers/{container}/json?size=true");
        let found: inspect::Size = self.get("measure a container", &path).await?;
        Ok(found.layer.unwrap_or_default())
    }

    /// Removes a container, running or not, with its volumes. Whether there was one: that it is gone, or going, is no error.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn remove(&self, container: &ContainerName) -> Result<bool, DockerError> {
        let options = RemoveContainerOptions { v: true, force: true, link: false };
        match self
            .ask("remove a container", self.client.remove_container(container.as_str(), Some(options)))
            .await
        {
            Ok(()) | Err(DockerError::Refused { status: 409, .. }) => Ok(true),
            Err(DockerError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The last lines a container has printed, on one line; empty when Docker does not tell.
    pub async fn last_words(&self, container: &ContainerId) -> String {
        let options = LogsOptions { stdout: true, stderr: true, tail: "12".to_owned(), ..Default::default() };
        let logs = self.client.logs(container.as_str(), Some(options));
        let lines =
            logs.filter_map(async |line| Some(line.ok()?.to_string().trim().to_owned())).collect::<Vec<_>>();
        let lines = self.ask("show a log", async { Ok(lines.await) }).await.unwrap_or_default();
        lines.join(" / ").chars().filter(|c| !c.is_control()).take(4096).collect()
    }
}

pub(super) fn no_healthcheck() -> HealthConfig {
    HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }
}
