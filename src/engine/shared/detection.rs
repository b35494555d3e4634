//! How a container's engine is known when no label says so.

use std::collections::BTreeMap;

/// By what an engine is known. `Engine::detect` asks them all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Detection {
    /// Images by the last part of their name, which does not have the engine's.
    pub images: &'static [&'static str],
    /// Words that, as a part of an image's last name between dashes, dots and underscores, name the engine.
    pub words: &'static [&'static str],
    /// Variables that images of this engine set.
    pub set: &'static [&'static str],
    /// Variables that they read.
    pub read: &'static [&'static str],
}

/// Words that make an image a tool for a database instead of one.
const NO_SERVER: [&str; 16] = [
    "exporter",
    "backup",
    "client",
    "admin",
    "pgadmin",
    "bouncer",
    "pooler",
    "proxy",
    "router",
    "operator",
    "repmgr-client",
    "shell",
    "pgpool",
    "sentinel",
    "commander",
    "insight",
];

impl Detection {
    /// Whether it is called so. `image`: `[host[:port]/][path/]name[:tag][@digest]`.
    pub(in crate::engine) fn is_named(&self, image: &str) -> bool {
        let Some(name) = name_of(image) else { return false };
        if self.images.contains(&name.as_str()) {
            return true;
        }
        let mut parts = name.split(['-', '_', '.']);
        parts.clone().all(|part| !NO_SERVER.contains(&part)) && parts.any(|part| self.words.contains(&part))
    }

    pub(in crate::engine) fn is_set_in(&self, env: &BTreeMap<String, String>) -> bool {
        self.set.iter().any(|name| env.contains_key(*name))
    }

    pub(in crate::engine) fn is_read_in(&self, env: &BTreeMap<String, String>) -> bool {
        self.read.iter().any(|name| env.contains_key(*name))
    }
}

fn name_of(image: &str) -> Option<String> {
    let path = image.split('@').next()?;
    let last = path.rsplit('/').next()?;
    Some(last.split(':').next()?.to_ascii_lowercase())
}
