//! One run of a target at a time, over all Dumpcar processes of one container.
//!
//! `docker exec … dumpcar backup` is another process than the daemon. An abstract Unix socket is a lock that needs no
//! file (the image is read-only), is shared by all who share the network namespace, and is let go by the kernel when
//! its holder dies, however it dies.

use std::collections::BTreeSet;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use ring::digest;

/// Holds the lock until it is dropped.
#[derive(Debug)]
pub(crate) struct RunLock {
    _socket: UnixListener,
}

impl RunLock {
    /// Takes the lock of `target` in `store`; `None` while another process or task holds it.
    pub(crate) fn take(store: &str, target: &str) -> Option<Self> {
        let address = SocketAddr::from_abstract_name(name("run", &[store, target])).ok()?;
        UnixListener::bind_addr(&address).ok().map(|socket| Self { _socket: socket })
    }

    /// Takes the locks of several targets, each once.
    ///
    /// # Errors
    /// The first that another process or task holds. None of them is held then.
    pub(crate) fn take_all<'n>(store: &str, targets: &[&'n str]) -> Result<Vec<Self>, &'n str> {
        // In one order, so that of two who want the same ones the first gets them.
        let targets: BTreeSet<&str> = targets.iter().copied().collect();
        targets.into_iter().map(|target| Self::take(store, target).ok_or(target)).collect()
    }
}

/// An abstract socket name: short enough for the kernel (107 bytes), whatever it is made of.
pub(crate) fn name(purpose: &str, parts: &[&str]) -> String {
    let digest = digest::digest(&digest::SHA256, parts.join("\n").as_bytes());
    let digits = hex::encode(digest.as_ref());
    format!("dumpcar/{purpose}/{digits:.32}")
}

/// The name under which a daemon answers in its container. With `network_mode: host` several containers share the network
/// namespace, but not the PIDs. `daemon` tells daemons of one container apart.
pub(crate) fn of_daemon(purpose: &str, daemon: &str) -> String {
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    name(purpose, &[&namespace.to_string_lossy(), daemon])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_locked_until_the_holder_lets_go() {
        let store = format!("s3://test-{}/", std::process::id());
        let held = RunLock::take(&store, "shop").unwrap();
        assert!(RunLock::take(&store, "shop").is_none());
        let other = RunLock::take(&store, "blog").unwrap();
        drop(held);
        assert!(RunLock::take(&store, "shop").is_some());
        drop(other);
    }

    #[test]
    fn several_are_locked_all_or_none() {
        let store = format!("s3://several-{}/", std::process::id());
        let held = RunLock::take(&store, "shop").unwrap();
        assert_eq!(RunLock::take_all(&store, &["shop", "blog"]).unwrap_err(), "shop");
        drop(held);
        let both = RunLock::take_all(&store, &["shop", "blog", "shop"]).unwrap();
        assert_eq!(both.len(), 2);
        assert!(RunLock::take(&store, "blog").is_none() && RunLock::take(&store, "shop").is_none());
    }
}
