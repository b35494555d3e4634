//! What each target is looked at with.

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::store::Catalog;

/// What is known besides the target.
pub(super) struct Around<'a> {
    pub(super) app: &'a App,
    /// What the bucket has; `None` where it cannot be listed.
    pub(super) catalog: Option<&'a Catalog>,
    /// Whether commands can be run in containers.
    pub(super) may_exec: bool,
    /// How long the bucket keeps what is deleted.
    pub(super) locked: Duration,
    pub(super) now: Timestamp,
    pub(super) stop: &'a CancellationToken,
}
