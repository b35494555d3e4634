//! What can happen, as values. A sink needs nothing else: no job and no scheduler.

use std::time::Duration;

use jiff::Timestamp;

use super::wave::Summary;
use crate::config::PingUrl;
use crate::model::drill::DrillResult;
use crate::model::job::Job;
use crate::model::key::{BackupKey, Stamp};
use crate::model::past_backup::RecentPast;
use crate::model::past_drill::PastDrill;
use crate::model::retention::RetentionPolicy;
use crate::model::run::RunId;
use crate::model::schedule::Schedule;
use crate::model::target::TargetName;
use crate::model::trigger::Trigger;
use crate::outcome::{Outcome, Verdict};
use crate::told::Message;

/// Something has happened: to a target, or to the daemon that serves all of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The daemon's loop has turned.
    Alive,
    Target {
        target: TargetName,
        change: Change,
    },
    /// When a job is due next. Only the verification has no target.
    Planned {
        job: Job,
        target: Option<TargetName>,
        next: Option<Timestamp>,
    },
    /// When a job is due next, each time that changes: `Planned` is what people are told of it.
    Next {
        job: Job,
        target: Option<TargetName>,
        next: Option<Timestamp>,
    },
    /// A run has begun. Each has exactly one end.
    Started(Run),
    Ended {
        run: Run,
        end: End,
    },
    /// It was due, or was asked for, and was not begun.
    Skipped {
        job: Job,
        target: TargetName,
        end: End,
    },
    /// Another process of this container does something by hand. Its own sinks have its runs.
    ByHand(Message),
    /// All targets that ran together have ended; it may have been one alone.
    AllEnded(Summary),
    /// Something is wrong from now on, or in other words than before; `None`: no longer. `about` is a target's name, or a
    /// name in parentheses.
    Problem {
        about: String,
        problem: Option<String>,
    },
    Daemon(Notice),
}

/// What is new about a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It can be backed up, and is seen for the first time.
    Found { engine: Option<&'static str>, container: String, schedule: Schedule },
    /// What its labels, and else the settings, say of its backups: when they were read first, and when they say something else.
    Rules { schedule: Schedule, retention: RetentionPolicy },
    /// It can be backed up again. Nothing was wrong with it for long.
    Ready,
    /// It cannot be backed up now: stopped, restarting, paused.
    Unavailable { reason: String },
    /// Its labels are wrong.
    Misconfigured { reason: String },
    /// No container serves it any more.
    Disappeared { next: Option<Timestamp> },
    /// A container serves it again.
    Returned { next: Option<Timestamp> },
    /// Another target has its history from now on.
    Renamed { now: TargetName },
    /// No container serves it, and it was not forgotten: told once a day. `stored`: how many backups there are, and when the newest
    /// one was made.
    Unserved { stored: Option<(usize, Timestamp)>, cure: String },
    /// Somebody has said that it is gone on purpose.
    Forgotten { by: Option<String> },
    /// A scheduled backup was missed, and is made up for.
    Missed,
    /// A scheduled time went by while it was being backed up.
    Overran,
    /// What the bucket says of it.
    Recalled(Box<Recalled>),
    /// Its labels name this address for pings of its own, or none any more.
    Pinged(Option<PingUrl>),
}

/// What was done before this process was there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recalled {
    pub backups: usize,
    pub newest: Option<Stamp>,
    pub newest_good: Option<Stamp>,
    /// When the newest backup that was drilled was, and why it is not good, if it is not.
    pub drilled: Option<(Timestamp, Option<String>)>,
    /// The same drill in numbers.
    pub drill: Option<PastDrill>,
    /// Its backups of the last days, the oldest first, and when the bucket was listed for them; `None` where nobody shows them.
    pub recent: Option<(Timestamp, RecentPast)>,
}

/// A job at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// New for each. Each attempt of a backup has, besides, a record with a name of its own.
    pub id: RunId,
    pub job: Job,
    /// `None`: it is about all of them.
    pub target: Option<TargetName>,
    pub trigger: Trigger,
    /// A command does it, whose user sees how far it is.
    pub is_by_hand: bool,
    pub started: Timestamp,
    pub engine: Option<&'static str>,
    /// The backup that it takes.
    pub backup: Option<BackupKey>,
    /// The container that is restored into.
    pub into: Option<String>,
    /// How often it was tried again: known at its end.
    pub retries: u64,
}

impl Run {
    pub fn new(
        id: RunId,
        job: Job,
        target: Option<TargetName>,
        trigger: Trigger,
        started: Timestamp,
    ) -> Self {
        Self {
            id,
            job,
            target,
            trigger,
            is_by_hand: false,
            started,
            engine: None,
            backup: None,
            into: None,
            retries: 0,
        }
    }

    /// The target's name, or the job's where it is about all targets.
    pub fn subject(&self) -> &str {
        self.target.as_ref().map_or(self.job.name(), TargetName::as_str)
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    Backup(Verdict),
    /// A drill has found out whether its backup is good. `detail` is what is wrong, in the words of the tools: never for the
    /// bucket.
    Drill {
        result: DrillResult,
        detail: Option<String>,
    },
    Verify {
        verified: usize,
        failed: usize,
        problem: Option<String>,
    },
    /// All is restored but what was left out.
    Restore {
        left_out: Vec<String>,
    },
    Prune {
        deleted: usize,
    },
    /// Of so many backups; and why not all of them are gone.
    Delete {
        deleted: usize,
        of: usize,
        problem: Option<String>,
    },
    /// Dumpcar was told to stop.
    Stopped {
        reason: String,
    },
    /// It could not be done. Of a drill, this says nothing about the backup.
    Failed {
        reason: String,
    },
}

impl End {
    /// What is wrong; `None` when nothing is.
    pub fn problem(&self, target: Option<&TargetName>) -> Option<String> {
        match self {
            Self::Backup(verdict) => target
                .and_then(|target| Outcome { target: target.clone(), verdict: verdict.clone() }.problem()),
            Self::Drill { detail: problem, .. }
            | Self::Verify { problem, .. }
            | Self::Delete { problem, .. } => problem.clone(),
            Self::Restore { left_out } => (!left_out.is_empty()).then(|| left_out.join("; ")),
            Self::Prune { .. } => None,
            Self::Stopped { reason } | Self::Failed { reason } => Some(reason.clone()),
        }
    }
}

/// What concerns all targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// No container is a target.
    NothingToDo {
        reason: String,
    },
    AskedToBackUp,
    AskedToLook,
    ClockSetBack,
    Stopping {
        runs: usize,
    },
    /// Docker or the store has refused something: said once, and again after growing pauses. `since`: for how long it has by then.
    Refused {
        what: &'static str,
        error: String,
        since: Option<Duration>,
    },
    /// It answers again.
    Answers {
        who: &'static str,
        after: Duration,
    },
    /// The keys may only write.
    Unreadable {
        problem: String,
    },
}
