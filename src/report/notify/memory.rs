//! What receivers have been told, and what they are told next. Pure: events and times in, items of messages out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::digest::digest;
use super::kind::Kind;
use super::message::{Draft, Item};
use crate::config::Occasions;
use crate::model::job::Job;
use crate::model::schedule::Schedule;
use crate::model::target::TargetName;
use crate::outcome::{self as backup, Verdict};
use crate::report::board::{Condition, Status};
use crate::report::event::{End, Event};
use crate::report::wave::Summary;
use crate::text::bytes;
use crate::told;

/// A problem that lasts is told again after this long.
const AGAIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Whatever else still runs, nobody learns later of a problem.
const LONGEST_WAIT: Duration = Duration::from_secs(30 * 60);

/// When the digest is sent.
const DIGEST: &str = "0 8 * * 1";

/// The state of what is told.
#[derive(Debug)]
pub(super) struct Memory {
    on: Occasions,
    time_zone: TimeZone,
    /// What is wrong now, by what it is wrong with.
    wrong: BTreeMap<String, (Kind, String)>,
    told: BTreeMap<String, Told>,
    /// Good backups that are not told yet.
    good: Vec<Item>,
    seen: Seen,
    /// Targets are being backed up, and more may follow: what is told of them goes into one message.
    is_wave: bool,
    summary: Option<Summary>,
    /// Since when something waits.
    since: Option<Timestamp>,
    digest: Option<Timestamp>,
}

/// How runs have ended, by the target's name. A problem's text does not tell.
#[derive(Debug, Default)]
struct Seen {
    /// What was wrong with the last backup.
    backups: BTreeMap<String, Kind>,
    /// The last drill has found nothing out.
    inconclusive: BTreeSet<String>,
}

/// What receivers know of a problem.
#[derive(Debug)]
struct Told {
    kinds: BTreeSet<Kind>,
    at: Timestamp,
}

impl Memory {
    pub(super) fn new(on: Occasions, time_zone: TimeZone, now: Timestamp) -> Self {
        let mut memory = Self {
            on,
            time_zone,
            wrong: BTreeMap::new(),
            told: BTreeMap::new(),
            good: Vec::new(),
            seen: Seen::default(),
            is_wave: false,
            summary: None,
            since: None,
            digest: None,
        };
        memory.digest = memory.next_digest(now);
        memory
    }

    /// Takes an event in. `status` is how everything is after it. Returns the messages that are due.
    pub(super) fn take(
        &mut self,
        event: &Event,
        at: Timestamp,
        status: impl FnOnce() -> Status,
    ) -> Vec<Draft> {
        match event {
            Event::Alive => return self.tick(at, status),
            Event::Problem { about, problem: Some(text) } => {
                let kind = kind_of(about, &status(), &self.seen);
                self.wrong.insert(about.clone(), (kind, text.clone()));
                self.since.get_or_insert(at);
            }
            Event::Problem { about, problem: None } => {
                self.wrong.remove(about);
                self.since.get_or_insert(at);
            }
            Event::Started(run) => self.is_wave |= run.job == Job::Backup,
            Event::Ended { run, end } => self.ended(run.job, run.target.as_ref(), end, at),
            Event::Skipped { job, target, end } => {
                self.is_wave |= *job == Job::Backup;
                self.ended(*job, Some(target), end, at);
            }
            Event::AllEnded(summary) => {
                (self.is_wave, self.summary) = (false, Some(summary.clone()));
            }
            Event::ByHand(message) => self.by_hand(message),
            Event::Target { .. } | Event::Planned { .. } | Event::Next { .. } | Event::Daemon(_) => {}
        }
        Vec::new()
    }

    fn ended(&mut self, job: Job, target: Option<&TargetName>, end: &End, at: Timestamp) {
        let Some(target) = target else { return };
        match (job, end) {
            (Job::Drill, End::Failed { .. }) => self.seen.drill(target, true),
            (Job::Drill, End::Drill { .. }) => self.seen.drill(target, false),
            (Job::Backup, End::Backup(verdict)) => {
                self.seen.backup(target, wrong_with(verdict));
                if let (Verdict::Done(summary), true) = (verdict, self.on.success) {
                    self.good(target, summary, at);
                }
            }
            (
                Job::Backup
                | Job::Restore
                | Job::Drill
                | Job::Verify
                | Job::Prune
                | Job::Delete
                | Job::Forget,
                _,
            ) => {}
        }
    }

    fn good(&mut self, target: &TargetName, summary: &backup::Summary, at: Timestamp) {
        if wrong_with(&Verdict::Done(summary.clone())).is_none() {
            let stored = bytes(summary.stored_bytes);
            let text = format!("{stored} stored in {}s", summary.elapsed.as_secs());
            self.good.push(Item::new(Kind::BackupGood, target.as_str(), &text));
            self.since.get_or_insert(at);
        }
    }

    /// Somebody did something by hand, and the daemon's health has it.
    fn by_hand(&mut self, message: &told::Message) {
        let told::Message { job, target, backup, status } = message;
        let problem = match status {
            told::Status::Good(_) => None,
            told::Status::Bad(_) if backup.is_some() => Some(Kind::BackupProblem),
            told::Status::Bad(_) => Some(Kind::BackupFailed),
            told::Status::Started(_) | told::Status::Ended(_) => return,
        };
        match job {
            Job::Backup => self.seen.backup(target, problem),
            Job::Drill => self.seen.drill(target, false),
            Job::Restore | Job::Verify | Job::Prune | Job::Delete | Job::Forget => {}
        }
    }

    fn tick(&mut self, at: Timestamp, status: impl FnOnce() -> Status) -> Vec<Draft> {
        let waits_too_long = self.since.is_some_and(|since| is_over(since, LONGEST_WAIT, at));
        if self.is_wave && !waits_too_long {
            return Vec::new();
        }
        let news = self.news(at);
        let is_due = self.digest.is_some_and(|due| due <= at);
        let digest = is_due.then(|| {
            self.digest = self.next_digest(at);
            digest(&status(), at, &self.time_zone)
        });
        news.into_iter().chain(digest).collect()
    }

    /// What nobody was told of yet.
    pub(super) fn news(&mut self, at: Timestamp) -> Option<Draft> {
        self.since = None;
        let problems = self.problems(at);
        let mut recovered = self.recovered();
        let mut good = std::mem::take(&mut self.good);
        for item in &mut recovered {
            // That it is good again says that it is good.
            if let Some(found) = good.iter().position(|good| good.about == item.about) {
                item.text = good.remove(found).text;
            }
        }
        let summary = self.summary.take().filter(|_| !self.is_wave && self.on.failure);
        let items: Vec<Item> = problems.into_iter().chain(recovered).chain(good).collect();
        let footer = summary.filter(Summary::is_of_several).map(|summary| summary.line(&self.time_zone));
        (!items.is_empty()).then_some(Draft { items, footer })
    }

    fn problems(&mut self, at: Timestamp) -> Vec<Item> {
        if !self.on.failure {
            return Vec::new();
        }
        let mut items = Vec::new();
        for (about, (kind, text)) in &self.wrong {
            let told = self.told.entry(about.clone()).or_insert_with(|| Told { kinds: BTreeSet::new(), at });
            let is_new = told.kinds.insert(*kind);
            if is_new || is_over(told.at, AGAIN, at) {
                told.at = at;
                items.push(Item::new(*kind, about, text));
            }
        }
        items
    }

    fn recovered(&mut self) -> Vec<Item> {
        let is_over = |about: &String| !self.wrong.contains_key(about);
        let over: Vec<String> = self.told.keys().filter(|about| is_over(about)).cloned().collect();
        for about in &over {
            self.told.remove(about);
        }
        over.iter().map(|about| Item::new(Kind::Recovered, about, "")).collect()
    }

    fn next_digest(&self, now: Timestamp) -> Option<Timestamp> {
        let schedule: Schedule = DIGEST.parse().ok()?;
        schedule.next_after(now, &self.time_zone).filter(|_| self.on.digest)
    }
}

impl Seen {
    fn backup(&mut self, target: &TargetName, problem: Option<Kind>) {
        match problem {
            Some(problem) => self.backups.insert(target.to_string(), problem),
            None => self.backups.remove(target.as_str()),
        };
    }

    fn drill(&mut self, target: &TargetName, is_inconclusive: bool) {
        if is_inconclusive {
            self.inconclusive.insert(target.to_string());
        } else {
            self.inconclusive.remove(target.as_str());
        }
    }
}

/// What is wrong with a backup that ended so. One that was stopped says nothing.
fn wrong_with(verdict: &Verdict) -> Option<Kind> {
    match verdict {
        Verdict::Done(summary) if summary.defect().is_some() => Some(Kind::BackupNotGood),
        Verdict::Done(summary) if !summary.problems.is_empty() => Some(Kind::BackupProblem),
        Verdict::Done(_) | Verdict::Stopped => None,
        Verdict::Skipped { .. } | Verdict::Failed { .. } | Verdict::Busy { .. } => Some(Kind::BackupFailed),
    }
}

fn is_over(since: Timestamp, span: Duration, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(since)).is_ok_and(|passed| passed >= span)
}

/// What a problem is, by the state of what it is about.
fn kind_of(about: &str, status: &Status, seen: &Seen) -> Kind {
    match about {
        "(dumpcar)" => return Kind::Daemon,
        "(verify)" => return Kind::VerificationFailed,
        _ => {}
    }
    if let Some(name) = about.strip_prefix("(drill) ") {
        return if seen.inconclusive.contains(name) { Kind::DrillInconclusive } else { Kind::DrillFailed };
    }
    let target = status.targets.iter().find(|(name, _)| name.as_str() == about).map(|(_, target)| target);
    // The bucket has it, and no container ever served it.
    let Some(target) = target else { return Kind::TargetGone };
    match target.condition {
        Condition::Gone => Kind::TargetGone,
        Condition::Misconfigured(_) => Kind::TargetMisconfigured,
        Condition::Unknown | Condition::Ready | Condition::Unavailable(_) => {
            let made =
                if target.newest_good < target.newest { Kind::BackupNotGood } else { Kind::BackupOverdue };
            seen.backups.get(about).copied().unwrap_or(made)
        }
    }
}

#[cfg(test)]
mod tests;
