//! What all steps of a drill know.

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::discovery::Target;
use crate::docker::Docker;
use crate::model::id::ContainerName;
use crate::model::key::BackupKey;
use crate::model::manifest::Manifest;
use crate::model::run::RunId;
use crate::pipeline::Progress;

pub(super) struct Drill<'a> {
    pub(super) app: &'a App,
    pub(super) docker: Docker,
    pub(super) key: &'a BackupKey,
    pub(super) manifest: &'a Manifest,
    pub(super) target: Option<&'a Target>,
    pub(super) stop: &'a CancellationToken,
    pub(super) progress: &'a Progress,
    pub(super) run: RunId,
    /// Its name: known before Docker is asked, whose answer may not come.
    pub(super) container: Option<ContainerName>,
    /// Docker is just asked to make it.
    pub(super) is_being_made: bool,
    /// Its data did not fit into memory.
    pub(super) is_for_disk: bool,
}
