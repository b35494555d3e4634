//! What is known of each target now, from the events so far: for whoever shows it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use super::event::{Change, End, Event, Recalled, Run};
use super::sink::Sink;
use crate::model::job::Job;
use crate::model::key::Stamp;
use crate::model::run::RunId;
use crate::model::target::TargetName;
use crate::outcome::{Summary, Verdict};
use crate::pipeline::Progress;
use crate::told;

/// The sink. Clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<Status>>);

/// The state of everything at one moment.
#[derive(Debug, Clone, Default)]
pub struct Status {
    pub targets: BTreeMap<TargetName, Target>,
    /// What is done now, in the order in which it began.
    pub running: Vec<Work>,
    /// How the last verification of all targets ended.
    pub verified: Option<Ended>,
    pub verified_next: Option<Timestamp>,
    /// All that is wrong, by what it is wrong with.
    pub problems: BTreeMap<String, String>,
    /// When the daemon's loop last turned; `None` in a command.
    pub alive: Option<Timestamp>,
}

/// The state of a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    pub condition: Condition,
    pub engine: Option<&'static str>,
    /// When its next backup and its next drill are due.
    pub next: Option<Timestamp>,
    pub drill_next: Option<Timestamp>,
    pub newest: Option<Stamp>,
    pub newest_good: Option<Stamp>,
    /// Its last backup that this process has made or was told of, in numbers.
    pub summary: Option<Summary>,
    /// How its last run of each kind ended.
    pub backed_up: Option<Ended>,
    pub drilled: Option<Ended>,
}

/// Whether a target can be backed up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nobody has looked.
    #[default]
    Unknown,
    Ready,
    Unavailable(String),
    Misconfigured(String),
    /// No container serves it.
    Gone,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub at: Timestamp,
    /// What was wrong; `None` when nothing was.
    pub problem: Option<String>,
}

/// A run at work.
#[derive(Debug, Clone)]
pub struct Work {
    pub run: Run,
    pub progress: Arc<Progress>,
    /// A clock that is set does not change how long it has lasted.
    pub since: Instant,
}

impl Board {
    /// As it is now.
    pub fn status(&self) -> Status {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The progress of a run that has begun.
    pub(super) fn progress(&self, run: &RunId) -> Arc<Progress> {
        let status = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let work = status.running.iter().find(|work| work.run.id == *run);
        work.map(|work| Arc::clone(&work.progress)).unwrap_or_default()
    }
}

impl Sink for Board {
    fn take(&self, event: &Event, at: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(event, at);
    }
}

impl Status {
    fn take(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Alive => self.alive = Some(at),
            Event::Target { target, change: Change::Renamed { .. } | Change::Forgotten { .. } } => {
                self.targets.remove(target);
            }
            Event::Target { target, change } => self.target(target).change(change),
            Event::Planned { job: Job::Backup, target: Some(target), next } => {
                self.target(target).next = *next;
            }
            Event::Planned { job: Job::Drill, target: Some(target), next } => {
                self.target(target).drill_next = *next;
            }
            Event::Planned { job: Job::Verify, next, .. } => self.verified_next = *next,
            Event::Started(run) => {
                let progress = Arc::new(Progress::default());
                self.running.push(Work { run: run.clone(), progress, since: Instant::now() });
            }
            Event::Ended { run, end } => {
                self.running.retain(|work| work.run.id != run.id);
                self.ended(run.job, run.target.as_ref(), end, at);
            }
            Event::Skipped { job, target, end } => self.ended(*job, Some(target), end, at),
            Event::ByHand(message) => self.by_hand(message, at),
            Event::Problem { about, problem: Some(problem) } => {
                self.problems.insert(about.clone(), problem.clone());
            }
            Event::Problem { about, problem: None } => {
                self.problems.remove(about);
            }
            Event::Planned { .. } | Event::AllEnded(_) | Event::Daemon(_) => {}
        }
    }

    fn target(&mut self, name: &TargetName) -> &mut Target {
        self.targets.entry(name.clone()).or_default()
    }

    fn ended(&mut self, job: Job, target: Option<&TargetName>, end: &End, at: Timestamp) {
        let ended = Ended { at, problem: end.problem(target) };
        match (job, target) {
            (Job::Backup, Some(name)) => {
                let target = self.target(name);
                target.backed_up = Some(ended);
                if let End::Backup(Verdict::Done(summary)) = end {
                    target.made(summary.stamp, summary.defect().is_none());
                    target.summary = Some(summary.clone());
                }
            }
            // One that was stopped has found nothing out.
            (Job::Drill, Some(name)) if !matches!(end, End::Stopped { .. }) => {
                self.target(name).drilled = Some(ended);
            }
            (Job::Verify, _) => self.verified = Some(ended),
            (Job::Backup | Job::Restore | Job::Drill | Job::Prune | Job::Delete | Job::Forget, _) => {}
        }
    }

    fn by_hand(&mut self, message: &told::Message, at: Timestamp) {
        let told::Message { job, target, backup, status } = message;
        let problem = match status {
            told::Status::Good(_) => None,
            told::Status::Bad(problem) => Some(problem.clone()),
            told::Status::Started(_) | told::Status::Ended(_) => return,
        };
        let is_good = problem.is_none();
        let ended = Some(Ended { at, problem });
        match job {
            Job::Backup => {
                let target = self.target(target);
                target.backed_up = ended;
                backup.iter().for_each(|stamp| target.made(*stamp, is_good));
            }
            Job::Drill => self.target(target).drilled = ended,
            Job::Restore | Job::Verify | Job::Prune | Job::Delete | Job::Forget => {}
        }
    }
}

impl Target {
    fn change(&mut self, change: &Change) {
        match change {
            Change::Found { engine, .. } => {
                (self.condition, self.engine) = (Condition::Ready, *engine);
            }
            Change::Ready => self.condition = Condition::Ready,
            Change::Unavailable { reason } => self.condition = Condition::Unavailable(reason.clone()),
            Change::Misconfigured { reason } => self.condition = Condition::Misconfigured(reason.clone()),
            Change::Disappeared { next } => (self.condition, self.next) = (Condition::Gone, *next),
            Change::Unserved { .. } => self.condition = Condition::Gone,
            Change::Returned { next } => self.next = *next,
            Change::Recalled(Recalled { newest, newest_good, drilled, .. }) => {
                (self.newest, self.newest_good) = (*newest, *newest_good);
                let known = self.drilled.as_ref().map(|drilled| drilled.at);
                if let Some((at, problem)) = drilled
                    && known.is_none_or(|known| known < *at)
                {
                    self.drilled = Some(Ended { at: *at, problem: problem.clone() });
                }
            }
            Change::Missed
            | Change::Overran
            | Change::Renamed { .. }
            | Change::Forgotten { .. }
            | Change::Pinged(_) => {}
        }
    }

    fn made(&mut self, stamp: Stamp, is_good: bool) {
        self.newest = self.newest.max(Some(stamp));
        if is_good {
            self.newest_good = self.newest_good.max(Some(stamp));
        }
    }
}

#[cfg(test)]
mod tests;
