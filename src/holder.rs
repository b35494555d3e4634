//! Who this process is to others, and whether another one has ended.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use tokio::sync::OnceCell;

use crate::docker::{Docker, DockerError, EngineNames};
use crate::lock;
use crate::model::id::ContainerId;
use crate::model::line::Line;
use crate::model::run::{Fate, Holder, HolderContainer, ProcessName, Witness};
use crate::model::writers::{InstanceNames, NO_NAME};
use crate::random;

/// This process, as its run records name it.
///
/// Others see that it lives by an abstract socket, which the kernel takes away at its end, however it ends.
#[derive(Debug)]
pub struct Identity {
    names: InstanceNames,
    process: ProcessName,
    /// Nobody connects to it. `None` where the kernel refused it: then the record's age has to tell.
    socket: Option<UnixListener>,
    holder: OnceCell<Holder>,
}

impl Identity {
    pub fn new(names: InstanceNames) -> Self {
        let process: ProcessName = random::hex(ProcessName::BYTES)
            .parse()
            .expect("hexadecimal digits are what a process's name is made of");
        Self { names, socket: bind(process.as_str()).ok(), process, holder: OnceCell::new() }
    }

    /// What a record says of this process. Docker is asked once; what it does not tell is left out. Two containers that serve
    /// one engine, one after the other, are one instance: the engine's name is the same.
    pub async fn holder(&self, docker: &Docker) -> &Holder {
        self.holder
            .get_or_init(|| async {
                let EngineNames { id: engine, host } = docker.engine_names().await.unwrap_or_default();
                let InstanceNames { set, host: own } = &self.names;
                let set = set.as_deref().map(Line::clean);
                let instance = set.or(host).or_else(|| own.as_deref().map(Line::clean));
                let container = match own_container() {
                    // Its name may be another engine's: that one then does not know it.
                    Some(id) => docker.container(&id).await.ok(),
                    None => None,
                };
                Holder {
                    instance: instance.unwrap_or_else(|| Line::clean(NO_NAME)),
                    process: self.process.clone(),
                    boot: line_of("/proc/sys/kernel/random/boot_id"),
                    network: self.socket.as_ref().map(|_| link_of("/proc/self/ns/net")).unwrap_or_default(),
                    docker_engine: engine,
                    container: container
                        .map(|own| HolderContainer { id: own.id, started: Line::clean(&own.started) }),
                }
            })
            .await
    }

    /// What became of the process that `other` names. Of this process itself: alive.
    pub async fn fate_of(&self, other: &Holder, docker: &Docker) -> Fate {
        let own = self.holder(docker).await;
        if own.shares_sockets(other) {
            let is_held = bind(other.process.as_str()).is_err();
            return if is_held { Fate::Alive } else { Fate::Dead };
        }
        let witness = match &other.container {
            None => Witness::Silent,
            Some(container) => match docker.container(&container.id).await {
                Ok(found) => Witness::of(&found.state, &found.started),
                Err(DockerError::NotFound { .. }) => Witness::Missing,
                Err(_) => Witness::Silent,
            },
        };
        other.fate(own, &witness)
    }
}

fn bind(process: &str) -> std::io::Result<UnixListener> {
    UnixListener::bind_addr(&SocketAddr::from_abstract_name(lock::name("process", &[process]))?)
}

fn line_of(path: &str) -> Line {
    Line::clean(fs::read_to_string(path).unwrap_or_default().trim())
}

fn link_of(path: &str) -> Line {
    fs::read_link(path).map(|target| Line::clean(&target.to_string_lossy())).unwrap_or_default()
}

/// The container this process runs in.
fn own_container() -> Option<ContainerId> {
    container_in(&fs::read_to_string("/proc/self/mountinfo").ok()?)
}

/// Docker and podman mount files such as `/etc/hosts` from a folder that is named for the container:
/// `…/containers/<64 digits>/hosts`.
fn container_in(mounts: &str) -> Option<ContainerId> {
    let sources = mounts.lines().filter_map(|line| line.split(' ').nth(3));
    let mut names =
        sources.flat_map(|path| path.split("containers/").skip(1)).filter_map(|rest| rest.split('/').next());
    names.find_map(|name| name.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_seen_for_as_long_as_it_lives() {
        let identity = Identity::new(InstanceNames::default());
        assert!(bind(identity.process.as_str()).is_err());
        let name = identity.process.clone();
        drop(identity);
        assert!(bind(name.as_str()).is_ok());
    }

    #[test]
    fn the_own_container_is_found_among_the_mounts() {
        let id: ContainerId = "4be4f12a".repeat(8).parse().unwrap();
        let docker = format!(
            "22 1 0:20 / /proc rw - proc proc rw\n\
             95 90 254:1 /var/lib/docker/containers/{id}/hosts /etc/hosts rw - ext4 /dev/vda rw\n"
        );
        assert_eq!(container_in(&docker), Some(id.clone()));
        let podman = format!(
            "95 90 0:25 /containers/overlay-containers/{id}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw\n"
        );
        assert_eq!(container_in(&podman), Some(id));
        assert_eq!(
            container_in("22 1 0:20 /var/lib/docker/containers/x/hosts /etc/hosts rw - ext4 /dev/vda rw\n"),
            None
        );
        assert_eq!(container_in(""), None);
    }
}
