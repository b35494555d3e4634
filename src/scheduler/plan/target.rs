//! A target as the daemon knows it.

use jiff::Timestamp;

use super::duty::Duty;
use super::input::{Condition, DrillEnd, Seen};
use crate::jobs::past::{Drilled, Newest, TargetPast};
use crate::model::key::Stamp;
use crate::model::retention::RetentionPolicy;
use crate::model::schedule::Schedule;
use crate::model::target::TargetName;
use crate::outcome::{Outcome, Verdict};
use crate::report::Change;

/// Drills in a row that have found nothing out. One may be bad luck.
const TOO_MANY: u32 = 2;

/// What was done wrong, or could not be done, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    at: Timestamp,
    text: String,
}

#[derive(Debug)]
pub(super) struct Known {
    /// The names it had before.
    pub(super) was: Vec<TargetName>,
    /// What decides about its backups, as far as that was read.
    rules: Option<(Schedule, RetentionPolicy)>,
    pub(super) condition: Condition,
    pub(super) backup: Duty,
    pub(super) drill: Duty,
    /// It was there when the daemon started, and `DUMPCAR_ON_START` asks for a backup.
    pub(super) on_start: bool,
    /// What is due was worked out, as far as it could be.
    pub(super) is_planned: bool,
    /// The bucket was asked when it was last backed up.
    pub(super) is_recalled: bool,
    /// When it was told that no container serves it.
    pub(super) told_gone: Option<Timestamp>,
    /// When it was first seen.
    since: Timestamp,
    /// When it was given another schedule.
    rescheduled: Option<Timestamp>,
    newest: Option<Newest>,
    newest_good: Option<Timestamp>,
    /// When it was last heard of a new backup otherwise than by reading the bucket.
    made_at: Option<Timestamp>,
    /// What `overdue_at` was worked out from.
    measured: Option<Timestamp>,
    /// From then on its newest good backup is older than its schedule allows.
    overdue_at: Option<Timestamp>,
    problem: Option<Problem>,
    /// The clock was set back while it was being backed up.
    is_begun_by_wrong_clock: bool,
    drilled: DrillState,
}

/// What drills have found so far, those of the schedule and those by hand.
#[derive(Debug, Default)]
struct DrillState {
    problem: Option<String>,
    /// When the drill was done that the bucket told of.
    at: Option<Timestamp>,
    /// The backup that is not good.
    bad: Option<Stamp>,
    /// How many in a row have found nothing out.
    unknown: u32,
}

impl Known {
    pub(super) fn new(one: &Seen, backup: Duty, drill: Duty, now: Timestamp) -> Self {
        let mut known = Self {
            was: one.was.clone(),
            rules: None,
            condition: one.condition.clone(),
            backup,
            drill,
            on_start: false,
            is_planned: false,
            is_recalled: false,
            told_gone: None,
            since: now,
            rescheduled: None,
            newest: None,
            newest_good: None,
            made_at: None,
            measured: None,
            overdue_at: None,
            problem: None,
            is_begun_by_wrong_clock: false,
            drilled: DrillState::default(),
        };
        known.measure();
        known
    }

    /// What decides about its backups from now on, if that is something else than before.
    pub(super) fn rules(&mut self, one: &Seen) -> Option<Change> {
        let rules = (one.schedule.clone(), one.retention?);
        let is_new = self.rules.as_ref() != Some(&rules);
        let (schedule, retention) = rules.clone();
        self.rules = Some(rules);
        is_new.then_some(Change::Rules { schedule, retention })
    }

    pub(super) fn is_present(&self) -> bool {
        self.condition != Condition::Gone
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.condition, Condition::Ready { .. })
    }

    /// Works out from when on it is overdue.
    fn measure(&mut self) {
        // Another schedule is no reason to call what was made before too old.
        let base = self.newest_good.map_or(self.since, |good| good.max(self.rescheduled.unwrap_or(good)));
        if self.measured.replace(base) == Some(base) {
            return;
        }
        self.overdue_at = self.backup.overdue_at(base);
    }

    /// Its labels have another schedule.
    pub(super) fn reschedule(&mut self, one: &Seen, from: Option<Timestamp>, now: Timestamp) {
        self.backup.reschedule(one.schedule.clone(), from);
        (self.rescheduled, self.measured) = (Some(now), None);
        self.measure();
    }

    /// Takes in what the bucket said when it began to be read.
    pub(super) fn recall(&mut self, past: &TargetPast, from: Option<Timestamp>, began: Timestamp) {
        let newest = past.newest.as_ref().map(|newest| newest.stamp.timestamp());
        // A date in the future would put off all drills until then.
        let drilled = past.drilled.as_ref().map(|drilled| drilled.at).filter(|at| *at <= began);
        match (self.is_recalled, newest) {
            (false, Some(newest)) => self.backup.recall(newest, from),
            (true, Some(newest)) => self.backup.was_done(newest),
            (_, None) => {}
        }
        match (self.is_recalled, drilled) {
            (false, Some(drilled)) => self.drill.recall(drilled, from),
            (true, Some(drilled)) => self.drill.was_done(drilled),
            (_, None) => {}
        }
        // What went wrong before it is made up for by a good one.
        let is_mended = |problem: &Problem| newest.is_some_and(|newest| problem.at < newest);
        if past.newest.as_ref().is_some_and(|newest| newest.problem.is_none()) {
            self.problem = self.problem.take().filter(|problem| !is_mended(problem));
        }
        // What was made meanwhile may be missing.
        if self.made_at.is_none_or(|made| made < began) {
            self.newest.clone_from(&past.newest);
            self.newest_good = past.newest_good.map(Stamp::timestamp);
        }
        if let Some(drilled) = &past.drilled {
            self.drilled.recall(&Drilled { at: drilled.at.min(began), ..drilled.clone() });
        }
        self.is_recalled = true;
        self.measure();
    }

    /// What has come due is owed from now on, unless there is a later backup: the clock may have been wrong when it was made.
    /// Returns whether the one before is still being made.
    pub(super) fn pass(&mut self, now: Timestamp) -> bool {
        let newest = self.newest.as_ref().map(|newest| newest.stamp.timestamp());
        if let Some(newest) = newest.filter(|newest| *newest <= now) {
            self.backup.was_done(newest);
        }
        self.backup.pass(now)
    }

    /// A run of it has ended.
    pub(super) fn ended(&mut self, outcome: &Outcome, now: Timestamp) {
        let at = self.backup.running.unwrap_or(now);
        match &outcome.verdict {
            Verdict::Stopped => return self.backup.stopped(),
            Verdict::Done(summary) => {
                self.backup.done();
                let problem = summary.defect();
                self.made(summary.stamp, problem, now);
            }
            Verdict::Skipped { .. } | Verdict::Failed { .. } | Verdict::Busy { .. } => {
                self.backup.failed(now);
            }
        }
        // One that a wrong clock has begun was not due, and is not missing.
        let is_missing = !std::mem::take(&mut self.is_begun_by_wrong_clock);
        self.problem = outcome.problem().filter(|_| is_missing).map(|text| Problem { at, text });
    }

    /// There is a new backup, and why it is not good, if it is not.
    pub(super) fn made(&mut self, stamp: Stamp, problem: Option<String>, now: Timestamp) {
        self.made_at = Some(now);
        if problem.is_none() {
            self.newest_good = self.newest_good.max(Some(stamp.timestamp()));
        }
        if self.newest.as_ref().is_none_or(|newest| newest.stamp <= stamp) {
            self.newest = Some(Newest { stamp, problem });
        }
        self.measure();
    }

    /// Something is wrong with it, or nothing any more, as somebody has seen who did it by hand.
    pub(super) fn set_problem(&mut self, text: Option<String>, now: Timestamp) {
        self.problem = text.map(|text| Problem { at: now, text });
    }

    /// A drill of its newest backup has ended.
    pub(super) fn drilled(&mut self, ended: DrillEnd) {
        self.drilled.judge(ended);
    }

    pub(super) fn drill_problem(&self) -> Option<&String> {
        self.drilled.problem.as_ref()
    }

    /// When it will be overdue.
    pub(super) fn overdue_at(&self) -> Option<Timestamp> {
        self.overdue_at
    }

    /// What is wrong with it, in one line. `is_its_turn_coming`: others are being backed up before it.
    pub(super) fn problem(
        &self,
        is_its_turn_coming: bool,
        now: Timestamp,
        shown: impl Fn(Timestamp) -> String,
    ) -> Option<String> {
        if let Condition::Misconfigured(reason) = &self.condition {
            return Some(reason.clone());
        }
        if let Some(problem) = &self.problem {
            return Some(problem.text.clone());
        }
        if let Some(Newest { stamp, problem: Some(problem) }) = &self.newest {
            return Some(format!("its newest backup {stamp} is {problem}"));
        }
        let is_overdue = self.overdue_at.is_some_and(|at| at <= now);
        // One that is being made has its time.
        let has_its_time = self.backup.running.is_some() || is_its_turn_coming && self.backup.is_queued();
        (is_overdue && !has_its_time).then(|| match self.newest_good {
            Some(good) => format!(
                "no good backup in time: the newest is of {}, the schedule is {}",
                shown(good),
                self.backup.schedule
            ),
            None => format!("no good backup yet: the schedule is {}", self.backup.schedule),
        })
    }

    /// The clock was set back to `now`.
    pub(super) fn set_back(&mut self, now: Timestamp) {
        self.backup.set_back(now);
        self.drill.set_back(now);
        self.since = self.since.min(now);
        self.rescheduled = self.rescheduled.map(|at| at.min(now));
        self.made_at = self.made_at.map(|at| at.min(now));
        self.told_gone = self.told_gone.map(|told| told.min(now));
        // All of that was by the wrong clock. What is really due is worked out anew.
        self.problem = None;
        self.is_begun_by_wrong_clock = self.backup.running.is_some();
        (self.is_planned, self.is_recalled) = (false, false);
        self.measure();
    }
}

impl DrillState {
    fn recall(&mut self, drilled: &Drilled) {
        if self.at.is_some_and(|at| drilled.at <= at) {
            return;
        }
        self.at = Some(drilled.at);
        // What this process has seen of a newer backup counts more.
        if self.bad.is_some_and(|bad| drilled.backup < bad) {
            return;
        }
        // The words of the drill itself say more than what it has put into the bucket.
        if drilled.problem.is_none() || self.bad != Some(drilled.backup) {
            self.bad = drilled.problem.as_ref().map(|_| drilled.backup);
            self.problem.clone_from(&drilled.problem);
        }
    }

    fn judge(&mut self, ended: DrillEnd) {
        let is_older =
            |stamp: Option<Stamp>| stamp.is_some_and(|stamp| self.bad.is_some_and(|bad| stamp < bad));
        match ended {
            DrillEnd::Stopped => {}
            // That of an older one says nothing about the newer.
            DrillEnd::Good(stamp) | DrillEnd::Failed(stamp, _) if is_older(stamp) => {}
            DrillEnd::Inconclusive(problem) => {
                self.unknown = self.unknown.saturating_add(1);
                if self.unknown >= TOO_MANY {
                    self.problem = Some(format!("{problem} ({} times in a row)", self.unknown));
                }
            }
            DrillEnd::Failed(stamp, problem) => {
                self.unknown = 0;
                self.bad = stamp.or(self.bad);
                self.problem = Some(problem);
            }
            DrillEnd::Good(_) => *self = Self { at: self.at, ..Self::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(day: u32) -> Option<Stamp> {
        Some(format!("2026-11-{day:02}T23-00-00Z").parse().unwrap())
    }

    #[test]
    fn only_the_second_inconclusive_drill_in_a_row_is_unhealthy() {
        let mut drills = DrillState::default();
        let mut judge = |ended| {
            drills.judge(ended);
            drills.problem.clone()
        };
        let unknown = || DrillEnd::Inconclusive("no memory".to_owned());
        assert_eq!(judge(unknown()), None);
        assert_eq!(judge(unknown()).unwrap(), "no memory (2 times in a row)");
        assert_eq!(judge(DrillEnd::Stopped).unwrap(), "no memory (2 times in a row)");
        assert_eq!(judge(unknown()).unwrap(), "no memory (3 times in a row)");
        assert_eq!(judge(DrillEnd::Good(None)), None);
        assert_eq!(judge(unknown()), None);
        assert_eq!(judge(DrillEnd::Failed(None, "lost".to_owned())).unwrap(), "lost");
        // What is known to be bad stays so.
        assert_eq!(judge(unknown()).unwrap(), "lost");
    }

    #[test]
    fn a_good_drill_of_an_older_backup_clears_nothing() {
        let mut drills = DrillState::default();
        let mut judge = |ended| {
            drills.judge(ended);
            drills.problem.clone()
        };
        let lost = || "lost".to_owned();
        assert_eq!(judge(DrillEnd::Failed(stamp(20), lost())), Some(lost()));
        assert_eq!(judge(DrillEnd::Good(stamp(19))), Some(lost()));
        assert_eq!(judge(DrillEnd::Failed(stamp(18), "old".to_owned())), Some(lost()));
        assert_eq!(judge(DrillEnd::Good(stamp(20))), None);
        assert_eq!(judge(DrillEnd::Good(stamp(19))), None);
    }

    #[test]
    fn what_the_bucket_says_of_a_drill_is_taken_once() {
        let mut drills = DrillState::default();
        let at = |day: u32| format!("2026-11-{day:02}T05:00:00Z").parse().unwrap();
        let failed = Drilled { backup: stamp(20).unwrap(), at: at(21), problem: Some("bad".to_owned()) };
        drills.recall(&failed);
        assert_eq!(drills.problem.as_deref(), Some("bad"));
        // Drilled again here; the bucket is read again with what it said before.
        drills.judge(DrillEnd::Good(stamp(20)));
        drills.recall(&failed);
        assert_eq!(drills.problem, None);
        drills.recall(&Drilled { at: at(22), ..failed });
        assert_eq!(drills.problem.as_deref(), Some("bad"));
    }
}
