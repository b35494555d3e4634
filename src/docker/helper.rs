//! Containers of Dumpcar's own image that read and write a target's files.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig, Mount as DockerMount, MountType};

use super::client::Docker;
use super::container::Mount;
use super::error::DockerError;
use super::scratch::{CPU_SHARES, no_healthcheck};
use crate::model::id::{ContainerId, ContainerName, ImageId};

/// A file's owner is mostly another user, and what is made beside it gets the same.
const CAPABILITIES: [&str; 3] = ["CHOWN", "DAC_OVERRIDE", "FOWNER"];

/// What is read passes through it.
const MEMORY: i64 = 256 << 20;

/// Enough for process 1 and a few commands.
const PIDS: i64 = 64;

/// A container of Dumpcar's own image without a network, which has some of a target's files.
#[derive(Debug, Clone)]
pub struct HelperContainer {
    pub name: ContainerName,
    pub image: ImageId,
    /// Behind the image's entry point.
    pub args: Vec<String>,
    pub labels: HashMap<String, String>,
    pub mounts: Vec<Mount>,
    /// Whether it may write there, and nowhere else.
    pub writes: bool,
}

impl Docker {
    /// Makes a helper container and starts it. It removes itself when its process 1 ends. Returns its id.
    ///
    /// # Errors
    /// See [`DockerError`]. There may be a container all the same.
    pub async fn start_helper(&self, helper: &HelperContainer) -> Result<ContainerId, DockerError> {
        let mount = |Mount { kind, source, path }: &Mount| DockerMount {
            typ: Some(if kind == "volume" { MountType::VOLUME } else { MountType::BIND }),
            source: Some(source.clone()),
            target: Some(path.clone()),
            read_only: Some(!helper.writes),
            ..DockerMount::default()
        };
        let host = HostConfig {
            network_mode: Some("none".to_owned()),
            auto_remove: Some(true),
            memory: Some(MEMORY),
            memory_swap: Some(MEMORY),
            cpu_shares: Some(CPU_SHARES),
            pids_limit: Some(PIDS),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: Some(CAPABILITIES.map(str::to_owned).to_vec()),
            readonly_rootfs: Some(true),
            mounts: Some(helper.mounts.iter().map(mount).collect()),
            ..HostConfig::default()
        };
        let body = ContainerCreateBody {
            image: Some(helper.image.to_string()),
            cmd: Some(helper.args.clone()),
            labels: Some(helper.labels.clone()),
            // Whatever user the image has: files belong to anybody.
            user: Some("0".to_owned()),
            healthcheck: Some(no_healthcheck()),
            host_config: Some(host),
            ..ContainerCreateBody::default()
        };
        self.start_new(&helper.name, body).await
    }
}
