//! The log's lines about what happens. Jobs write their own lines about what they do meanwhile.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::{debug, error, info, warn};

use super::event::{Change, End, Event, Notice, Run};
use super::sink::Sink;
use crate::model::job::Job;
use crate::model::key::BackupKey;
use crate::model::target::TargetName;
use crate::outcome::{Verdict, accept_it};
use crate::text::log_time;
use crate::told::{Message, Status};

/// The sink.
#[derive(Debug)]
pub(super) struct Log {
    time_zone: TimeZone,
}

impl Log {
    pub(super) fn new(time_zone: TimeZone) -> Self {
        Self { time_zone }
    }

    fn shown(&self, time: Option<Timestamp>) -> Option<String> {
        time.map(|time| log_time(time, &self.time_zone))
    }

    fn change(&self, target: &TargetName, change: &Change) {
        match change {
            Change::Found { engine, container, schedule } => {
                info!(%target, engine, container, %schedule, "target found");
            }
            Change::Unavailable { reason } => warn!(%target, %reason, "target cannot be backed up now"),
            Change::Misconfigured { reason } => error!(%target, %reason, "target is misconfigured"),
            Change::Disappeared { next } => info!(%target, next = self.shown(*next), "target disappeared"),
            Change::Returned { next } => info!(%target, next = self.shown(*next), "target is back"),
            Change::Renamed { now } => info!(%target, %now, "target has a new name"),
            Change::Unserved { stored, cure } => {
                let (backups, newest) = stored.unzip();
                let newest = self.shown(newest);
                error!(%target, backups, newest, "no container serves this target any more; {cure}");
            }
            Change::Forgotten { by } => info!(%target, by, "target is forgotten: its alarms end"),
            Change::Missed => info!(%target, "a scheduled backup was missed: catching up"),
            Change::Overran => info!(%target, "a scheduled time went by while it ran: skipped"),
            Change::Ready | Change::Rules { .. } | Change::Recalled(_) | Change::Pinged(_) => {}
        }
    }

    fn planned(&self, job: Job, target: Option<&TargetName>, next: Option<Timestamp>) {
        let (target, next) = (target.map(TargetName::as_str), self.shown(next));
        match job {
            Job::Backup => info!(target, next, "planned"),
            Job::Restore | Job::Drill | Job::Verify | Job::Prune | Job::Delete | Job::Forget => {
                info!(target, next, "{job} planned");
            }
        }
    }
}

impl Sink for Log {
    fn take(&self, event: &Event, at: Timestamp) {
        match event {
            Event::Target { target, change } => self.change(target, change),
            Event::Planned { job, target, next } => self.planned(*job, target.as_ref(), *next),
            Event::Started(run) => started(run),
            Event::Ended { run, end } => {
                let elapsed = Duration::try_from(at.duration_since(run.started)).unwrap_or_default();
                ended(run.job, run.target.as_ref(), Some(run), end, elapsed);
            }
            Event::Skipped { job, target, end } => ended(*job, Some(target), None, end, Duration::ZERO),
            Event::ByHand(message) => by_hand(message),
            Event::AllEnded(summary) if summary.is_of_several() => {
                info!("{}", summary.line(&self.time_zone));
            }
            Event::Daemon(notice) => noticed(notice),
            Event::Alive | Event::Next { .. } | Event::AllEnded(_) | Event::Problem { .. } => {}
        }
    }
}

fn started(run: &Run) {
    let Run { job, engine, trigger, .. } = run;
    let target = run.target.as_ref().map(TargetName::as_str);
    let backup = run.backup.as_ref().map(BackupKey::to_string);
    if run.is_by_hand {
        debug!(target, engine, backup, "{job} started");
        return;
    }
    match job {
        Job::Backup => info!(target, engine, trigger = trigger.name(), "{job} started"),
        Job::Restore | Job::Drill | Job::Verify | Job::Prune | Job::Delete | Job::Forget => {
            info!(target, backup, "{job} started");
        }
    }
}

/// The end of a run, or of one that was never begun.
fn ended(job: Job, target: Option<&TargetName>, run: Option<&Run>, end: &End, elapsed: Duration) {
    let backup = run.and_then(|run| run.backup.as_ref()).map(BackupKey::to_string);
    let container = run.and_then(|run| run.into.as_deref());
    match (job, end) {
        (_, End::Backup(verdict)) => target.into_iter().for_each(|target| backed_up(target, verdict)),
        (_, End::Drill { result, detail: None }) => {
            for remark in &result.remarks {
                info!(backup, %remark, "drill: a remark");
            }
            let (databases, tables, rows) = (result.databases, result.tables, result.rows);
            let (seconds, result) = (result.seconds, result.verdict());
            info!(backup, %result, databases, tables, rows, seconds, "drill: the backup was restored and checked");
        }
        (_, End::Drill { detail: Some(problem), .. }) => {
            error!(backup, %problem, "drill: the backup is NOT good");
        }
        (_, End::Verify { .. }) if run.is_some_and(|run| run.is_by_hand) => {}
        (_, End::Verify { verified, failed, .. }) => info!(verified, failed, "verification ended"),
        (_, End::Restore { left_out }) => {
            let elapsed_ms = millis(elapsed);
            info!(backup, container, elapsed_ms, "restored");
            for what in left_out {
                error!(backup, container, "not restored: {what}; all else is");
            }
        }
        (_, End::Prune { deleted }) => info!(target = target.map(TargetName::as_str), deleted, "pruned"),
        (_, End::Delete { problem: None, .. }) => {}
        (_, End::Delete { deleted, of, problem: Some(problem) }) => {
            error!(target = target.map(TargetName::as_str), deleted, of, "cannot delete all: {problem}");
        }
        (Job::Restore, End::Stopped { reason } | End::Failed { reason }) => {
            error!(backup, container, "not restored: {reason}");
        }
        (Job::Verify, End::Failed { reason }) => error!(error = reason, "cannot list the bucket"),
        (Job::Drill, End::Stopped { reason }) => info!(backup, problem = reason, "drill stopped"),
        (Job::Drill, End::Failed { reason }) => {
            let target = target.filter(|_| backup.is_none()).map(TargetName::as_str);
            error!(target, backup, problem = reason, "drill inconclusive");
        }
        (_, End::Stopped { reason }) => {
            info!(target = target.map(TargetName::as_str), reason, "{job} stopped");
        }
        (_, End::Failed { reason }) => {
            error!(target = target.map(TargetName::as_str), reason, "{job} failed");
        }
    }
}

fn backed_up(target: &TargetName, verdict: &Verdict) {
    match verdict {
        Verdict::Done(summary) => {
            info!(
                %target, backup = %summary.stamp, objects = summary.objects, plain_bytes = summary.plain_bytes,
                bytes = summary.stored_bytes, pruned = summary.pruned, elapsed_ms = millis(summary.elapsed),
                "backup committed"
            );
            if let Some(missing) = &summary.incomplete {
                error!(%target, backup = %summary.stamp, reason = missing, "the backup is incomplete");
            }
            if let Some(reason) = &summary.suspicious {
                error!(%target, backup = %summary.stamp, %reason, "the backup is suspicious; {}", accept_it(target));
            }
            if let Some(replaced) = summary.accepted_smaller_than {
                info!(%target, backup = %summary.stamp, %replaced, "the smaller backup is accepted; the one before it stays for a week");
            }
            for problem in &summary.problems {
                error!(%target, %problem, "the backup is good, but something else went wrong");
            }
        }
        Verdict::Skipped { reason } => error!(%target, %reason, "not backed up"),
        Verdict::Failed { reason } | Verdict::Busy { reason } => error!(%target, %reason, "backup failed"),
        Verdict::Stopped => warn!(%target, "backup stopped before it was done"),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What somebody did by hand in this container.
fn by_hand(message: &Message) {
    let (target, job) = (&message.target, message.job);
    let backup = message.backup.map(|stamp| stamp.to_string());
    let said = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    match &message.status {
        Status::Started(detail) => info!(%target, backup, detail = said(detail), "{job} by hand started"),
        Status::Good(detail) => info!(%target, backup, detail = said(detail), "{job} by hand done"),
        // There is one, and something about it is to be known: it is suspicious, or somebody else writes there, too.
        Status::Bad(problem) if job == Job::Backup && backup.is_some() => {
            error!(%target, backup, problem, "{job} by hand done, with a problem");
        }
        Status::Bad(problem) => error!(%target, backup, problem, "{job} by hand failed"),
        Status::Ended(detail) => info!(%target, backup, detail = said(detail), "{job} by hand ended"),
    }
}

fn noticed(notice: &Notice) {
    match notice {
        Notice::NothingToDo { reason } => error!("{reason}"),
        Notice::AskedToBackUp => info!("asked to back up now"),
        Notice::AskedToLook => info!("asked to look at the containers again"),
        Notice::ClockSetBack => warn!("the clock was set back: rescheduling"),
        Notice::Stopping { runs } => info!(runs, "stopping"),
        Notice::Refused { what, error, since: None } => error!(error, "{what}"),
        Notice::Refused { what, error, since: Some(since) } => {
            error!(error, since = %whole_seconds(*since), "still {what}");
        }
        Notice::Answers { who, after } => info!(after = %whole_seconds(*after), "{who} answers again"),
        Notice::Unreadable { problem } => debug!(problem, "the bucket cannot be read"),
    }
}

fn whole_seconds(time: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(time.as_secs()))
}
