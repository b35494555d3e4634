//! What all steps of an attempt know.

use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::order::Order;
use crate::app::App;
use crate::discovery::Target;
use crate::docker::Docker;
use crate::jobs::record::Entry;
use crate::model::id::ImageDigest;
use crate::model::key::BackupKey;
use crate::model::line::Line;
use crate::model::manifest::Manifest;
use crate::model::writers::{Clash, Writer};
use crate::pipeline::Progress;

/// What Docker says of where a backup comes from.
pub(super) struct Origin {
    pub(super) image_digest: Option<ImageDigest>,
    pub(super) docker_engine: Option<Line>,
    pub(super) instance: Line,
}

impl Origin {
    pub(super) fn writer(&self) -> Option<Writer> {
        Writer::new(self.docker_engine.as_ref(), &self.instance)
    }
}

/// One attempt's surroundings.
pub(super) struct AttemptContext<'a> {
    pub(super) app: &'a App,
    pub(super) docker: &'a Docker,
    pub(super) target: &'a Target,
    pub(super) order: Order,
    pub(super) origin: Origin,
    pub(super) last_good: Option<&'a Manifest>,
    /// Somebody else makes backups of the target as well.
    pub(super) clash: Option<&'a Clash>,
    /// What cannot be dumped now is not tried again.
    pub(super) is_last_try: bool,
    /// Whether dumps are compressed inside the target.
    pub(super) compresses_inside: AtomicBool,
    pub(super) stop: &'a CancellationToken,
    pub(super) progress: &'a Progress,
    pub(super) entry: &'a Entry<'a>,
    pub(super) key: BackupKey,
    pub(super) started: Timestamp,
}
