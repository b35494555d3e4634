//! What the plan is told, and what it asks for.

use std::collections::BTreeSet;

use crate::jobs::error::JobError;
use crate::jobs::past::Past;
use crate::model::key::Stamp;
use crate::model::retention::RetentionPolicy;
use crate::model::schedule::Schedule;
use crate::model::target::TargetName;
use crate::model::trigger::Trigger;
use crate::model::verified::Verified;
use crate::outcome::Outcome;
use crate::told::Message;

/// Something has happened.
#[derive(Debug)]
pub(in crate::scheduler) enum Input {
    /// Time has gone by.
    Tick,
    /// Docker tells that something happened to a labelled container.
    Changed,
    /// The answer to [`Action::Look`].
    Looked(Result<Look, Refusal>),
    /// The answer to [`Action::Sweep`].
    Swept(Result<(), Refusal>),
    /// The answer to [`Action::Read`].
    Read(Result<Past, Refusal>),
    /// The end of [`Action::Start`].
    Ended(Outcome),
    /// The end of [`Action::Drill`].
    Drilled(TargetName, DrillEnd),
    /// The end of [`Action::Verify`].
    Verified(Result<VerifyEnd, JobError>),
    /// Somebody did something by hand in this container.
    ByHand(Message),
    /// SIGUSR1.
    BackUpNow,
    /// SIGHUP.
    LookAgain,
    /// SIGTERM.
    Stop,
}

/// Something is to be done. What comes of it is the [`Input`] of the same name; one at a time of each kind and target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scheduler) enum Action {
    /// Look at the containers.
    Look,
    /// Clean up after processes that were killed.
    Sweep,
    /// Read what the bucket says of these targets, each by its names, and of those that nobody serves.
    Read { served: Vec<Vec<TargetName>>, others: BTreeSet<TargetName> },
    /// Back up.
    Start(TargetName, Trigger),
    /// Restore the target's newest backup on trial.
    Drill(TargetName),
    /// Verify the newest backup of each target in the bucket.
    Verify,
    /// The target is served again: that it is forgotten ends.
    Remember(TargetName),
    /// There is a new backup, so `README.txt` is to be there.
    KeepReadme,
}

/// The labelled containers at one moment.
#[derive(Debug, Clone, Default)]
pub(in crate::scheduler) struct Look {
    pub(in crate::scheduler) targets: Vec<Seen>,
    /// Names that other sidecars serve.
    pub(in crate::scheduler) others: BTreeSet<TargetName>,
}

/// A target at that moment.
#[derive(Debug, Clone)]
pub(in crate::scheduler) struct Seen {
    pub(in crate::scheduler) name: TargetName,
    /// The names it had before.
    pub(in crate::scheduler) was: Vec<TargetName>,
    pub(in crate::scheduler) container: String,
    pub(in crate::scheduler) engine: Option<&'static str>,
    pub(in crate::scheduler) schedule: Schedule,
    /// What is kept of its backups, as far as that could be read.
    pub(in crate::scheduler) retention: Option<RetentionPolicy>,
    /// When it is drilled, as far as that could be read.
    pub(in crate::scheduler) drill_schedule: Option<Schedule>,
    pub(in crate::scheduler) condition: Condition,
}

/// Whether a target can be backed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scheduler) enum Condition {
    /// The container, and when it was started.
    Ready { id: String, started: String },
    /// Now is not the time: stopped, restarting, paused.
    Unavailable(String),
    /// Its labels are wrong.
    Misconfigured(String),
    /// No container has its name any more.
    Gone,
}

/// Why Docker or the store did not answer as hoped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scheduler) struct Refusal {
    pub(in crate::scheduler) text: String,
    /// What was to be done.
    pub(in crate::scheduler) what: &'static str,
    /// The same may go well a little later.
    pub(in crate::scheduler) may_pass: bool,
    /// The keys lack the right.
    pub(in crate::scheduler) is_denied: bool,
}

/// How a drill of a target's newest backup ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scheduler) enum DrillEnd {
    /// It is good; `None`: there was none.
    Good(Option<Stamp>),
    Failed(Option<Stamp>, String),
    /// It could not be done, which says nothing about the backup.
    Inconclusive(String),
    /// Dumpcar was told to stop.
    Stopped,
}

/// What a verification found.
#[derive(Debug, Clone)]
pub(in crate::scheduler) struct VerifyEnd {
    pub(in crate::scheduler) verified: Verified,
    /// What is wrong, in one line, in words that are not for the bucket.
    pub(in crate::scheduler) problem: Option<String>,
}
