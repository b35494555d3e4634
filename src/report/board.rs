//! What is known of each target now, from the events so far: for whoever shows it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use super::event::{Change, End, Event, Notice, Recalled, Run};
use super::sink::Sink;
use crate::model::job::Job;
use crate::model::key::Stamp;
use crate::model::past_backup::{PastBackup, RecentPast};
use crate::model::past_drill::PastDrill;
use crate::model::retention::{Candidate, RetentionPolicy};
use crate::model::run::RunId;
use crate::model::schedule::Schedule;
use crate::model::target::TargetName;
use crate::model::trigger::Trigger;
use crate::outcome::{Summary, Verdict};
use crate::pipeline::Progress;
use crate::told;

/// How many of a target's backups and failures are kept.
const MOST_RECENT: usize = 200;

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
    /// It is known what was done before: the bucket was read, or cannot be.
    pub knows_past: bool,
    /// Why no container is a target, when that was so last.
    pub nothing: Option<String>,
    /// When the daemon's loop last turned; `None` in a command.
    pub alive: Option<Timestamp>,
}

/// The state of a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    pub condition: Condition,
    pub engine: Option<&'static str>,
    /// When it is backed up, and what is kept; `None` before its labels were read.
    pub rules: Option<Rules>,
    /// When its next backup and its next drill are due.
    pub next: Option<Timestamp>,
    pub drill_next: Option<Timestamp>,
    /// How many backups it has.
    pub backups: Option<usize>,
    pub newest: Option<Stamp>,
    pub newest_good: Option<Stamp>,
    /// Its last backup that this process has made or was told of, in numbers.
    pub summary: Option<Summary>,
    /// Its backups of the last days, the oldest first.
    pub recent: Vec<PastBackup>,
    /// Those of the last days that do not count: unreadable, unsigned.
    pub uncounted: Vec<Candidate>,
    /// How many older ones there are.
    pub older: usize,
    /// Backups of the last days that are deleted, the oldest first, as far as this process has seen them: their runs were made.
    pub deleted: VecDeque<PastBackup>,
    /// The runs that made no backup, the oldest first: this process's, because the bucket knows nothing of them.
    pub failures: VecDeque<Ended>,
    /// How its last run of each kind ended.
    pub backed_up: Option<Ended>,
    pub drilled: Option<Ended>,
    /// The last drill that has found something out.
    pub drill: Option<PastDrill>,
}

/// What decides about a target's backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub schedule: Schedule,
    pub retention: RetentionPolicy,
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

    /// Whether it is known what was done before.
    pub fn knows_past(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).knows_past
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
            Event::Target { target, change } => {
                self.knows_past |= matches!(change, Change::Recalled(_));
                self.target(target).change(change);
            }
            Event::Planned { job: Job::Backup, target: Some(target), next }
            | Event::Next { job: Job::Backup, target: Some(target), next } => {
                self.target(target).next = *next;
            }
            Event::Planned { job: Job::Drill, target: Some(target), next }
            | Event::Next { job: Job::Drill, target: Some(target), next } => {
                self.target(target).drill_next = *next;
            }
            Event::Planned { job: Job::Verify, next, .. } | Event::Next { job: Job::Verify, next, .. } => {
                self.verified_next = *next;
            }
            Event::Started(run) => {
                let progress = Arc::new(Progress::default());
                self.running.push(Work { run: run.clone(), progress, since: Instant::now() });
            }
            Event::Ended { run, end } => {
                self.running.retain(|work| work.run.id != run.id);
                self.ended(run.job, run.target.as_ref(), run.trigger, end, at);
            }
            Event::Skipped { job, target, end } => {
                self.ended(*job, Some(target), Trigger::Schedule, end, at);
            }
            Event::ByHand(message) => self.by_hand(message, at),
            Event::Problem { about, problem: Some(problem) } => {
                self.problems.insert(about.clone(), problem.clone());
            }
            Event::Problem { about, problem: None } => {
                self.problems.remove(about);
            }
            Event::Daemon(Notice::NothingToDo { reason }) => {
                self.knows_past = true;
                self.nothing = Some(reason.clone());
            }
            Event::Daemon(Notice::Unreadable { .. }) => self.knows_past = true,
            Event::Planned { .. } | Event::Next { .. } | Event::AllEnded(_) | Event::Daemon(_) => {}
        }
    }

    fn target(&mut self, name: &TargetName) -> &mut Target {
        self.targets.entry(name.clone()).or_default()
    }

    fn ended(&mut self, job: Job, target: Option<&TargetName>, trigger: Trigger, end: &End, at: Timestamp) {
        let ended = Ended { at, problem: end.problem(target) };
        if let (Some(name), End::Drill { result, .. }) = (target, end) {
            self.target(name).drill = Some(PastDrill::from(result));
        }
        match (job, target) {
            (Job::Backup, Some(name)) => self.target(name).backed_up(ended, trigger, end),
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
            Change::Rules { schedule, retention } => {
                self.rules = Some(Rules { schedule: schedule.clone(), retention: *retention });
            }
            Change::Ready => self.condition = Condition::Ready,
            Change::Unavailable { reason } => self.condition = Condition::Unavailable(reason.clone()),
            Change::Misconfigured { reason } => self.condition = Condition::Misconfigured(reason.clone()),
            Change::Disappeared { next } => (self.condition, self.next) = (Condition::Gone, *next),
            Change::Unserved { .. } => self.condition = Condition::Gone,
            Change::Returned { next } => self.next = *next,
            Change::Recalled(recalled) => {
                let Recalled { backups, newest, newest_good, drilled, drill, recent } = &**recalled;
                (self.backups, self.newest, self.newest_good) = (Some(*backups), *newest, *newest_good);
                recent.iter().for_each(|(listed, recent)| self.recall(*listed, recent));
                if drill.as_ref().map(|drill| drill.at) > self.drill.as_ref().map(|drill| drill.at) {
                    self.drill.clone_from(drill);
                }
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

    fn backed_up(&mut self, ended: Ended, trigger: Trigger, end: &End) {
        match end {
            End::Backup(Verdict::Done(summary)) => {
                self.made(summary.stamp, summary.defect().is_none());
                self.summary = Some(summary.clone());
                self.backups = self.backups.map(|backups| (backups + 1).saturating_sub(summary.pruned));
                self.recent.retain(|backup| backup.stamp != summary.stamp);
                self.recent.push(PastBackup {
                    stamp: summary.stamp,
                    trigger,
                    elapsed: summary.elapsed,
                    plain_bytes: summary.plain_bytes,
                    stored_bytes: summary.stored_bytes,
                    defect: summary.defect(),
                    standing: summary.standing(trigger),
                    writer: summary.made.writer.clone(),
                    facts: summary.made.facts.clone(),
                });
                self.drop_all(|backup| summary.made.pruned.contains(&backup.stamp));
                let surplus = self.recent.len().saturating_sub(MOST_RECENT);
                self.recent.drain(..surplus);
            }
            // Whoever stopped it knows, and another run tells of itself.
            End::Backup(Verdict::Stopped | Verdict::Busy { .. }) | End::Stopped { .. } => {}
            End::Backup(Verdict::Skipped { .. } | Verdict::Failed { .. })
            | End::Failed { .. }
            | End::Drill { .. }
            | End::Verify { .. }
            | End::Restore { .. }
            | End::Prune { .. }
            | End::Delete { .. } => {
                self.failures.push_back(ended.clone());
                if self.failures.len() > MOST_RECENT {
                    self.failures.pop_front();
                }
            }
        }
        self.backed_up = Some(ended);
    }

    /// What the bucket had when it was listed, and what this process has made since.
    fn recall(&mut self, listed: Timestamp, recent: &RecentPast) {
        let is_listed = |backup: &PastBackup| recent.backups.iter().any(|known| known.stamp == backup.stamp);
        self.drop_all(|backup| backup.ended() < listed && !is_listed(backup));
        self.recent.retain(|backup| !is_listed(backup));
        self.recent.splice(..0, recent.backups.iter().cloned());
        self.deleted.retain(|backup| !is_listed(backup));
        self.uncounted.clone_from(&recent.uncounted);
        self.older = recent.older;
    }

    /// These are no longer there.
    fn drop_all(&mut self, is_gone: impl Fn(&PastBackup) -> bool) {
        self.deleted.extend(self.recent.extract_if(.., |backup| is_gone(backup)));
        let surplus = self.deleted.len().saturating_sub(MOST_RECENT);
        self.deleted.drain(..surplus);
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
