//! What all steps of a restore know.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::planned::Plan;
use crate::app::App;
use crate::docker::Docker;
use crate::jobs::error::JobError;
use crate::model::content::Content;
use crate::model::run::RunId;
use crate::pipeline::Progress;
use crate::store::Store;

/// What the short commands may print; what they say is on standard error.
pub(super) const ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// A server that is asked for its databases, or to make or rename one, is done within this time or not well.
pub(in crate::jobs) const ANSWER_LIMIT: Duration = Duration::from_secs(300);

/// Why nothing was restored, or not all of it.
#[derive(Debug, thiserror::Error)]
#[error("{error}; {state}")]
pub struct Failure {
    pub error: JobError,
    /// What the databases are like now.
    pub state: String,
}

pub(super) const UNTOUCHED: &str = "nothing was changed";

/// What was in the dumps that were loaded, by the names of their objects.
pub(in crate::jobs) type Loaded = BTreeMap<String, Content>;

pub(super) struct Restore<'a> {
    pub(super) app: &'a App,
    /// Nobody exchanges an object between its check and its use.
    pub(super) store: Store,
    pub(super) docker: Docker,
    pub(super) plan: &'a Plan,
    pub(super) run: RunId,
    pub(super) stop: &'a CancellationToken,
    pub(super) progress: &'a Progress,
    /// Where to say what was loaded: for a drill only.
    pub(super) loaded: Option<&'a Mutex<Loaded>>,
    /// What this server cannot have, while all else is restored.
    pub(super) left_out: Mutex<Vec<String>>,
}

impl JobError {
    /// What a failed step means for the databases is for its caller to say.
    pub(super) fn with_state(self, state: impl Into<String>) -> Failure {
        let error = if self.is_stopped() { self.in_words(|_| "stopped".to_owned()) } else { self };
        Failure { error, state: state.into() }
    }
}

/// A database, for people.
pub(super) fn what(database: &str) -> String {
    if database.is_empty() { "the target's content".to_owned() } else { format!("database {database:?}") }
}
