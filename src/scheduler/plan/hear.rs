//! Taking in what happened.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{error, info, warn};

use super::duty::Duty;
use super::event::{Action, Condition, DrillEnd, Event, Look, Refusal, Seen, VerifyEnd};
use super::target::Known;
use super::{Asked, State, after};
use crate::model::schedule::jitter;
use crate::model::target::TargetName;
use crate::outcome::{Outcome, Verdict};
use crate::scheduler::log;
use crate::scheduler::trouble::Saying;
use crate::told::{self, Job, Word};

impl Asked {
    pub(super) fn ask(&mut self, now: Timestamp) {
        self.next = self.next.min(now);
    }

    /// It has been answered; what was asked for meanwhile is asked for again.
    pub(super) fn answered(&mut self, next: Timestamp) {
        self.is_in_flight = false;
        self.next = self.next.min(next);
    }
}

impl State {
    pub(super) fn hear(&mut self, event: Event, now: Timestamp, actions: &mut Vec<Action>) {
        match event {
            Event::Tick => {}
            Event::Changed => self.look.ask(now),
            Event::Looked(Ok(look)) => self.looked(look, now),
            Event::Looked(Err(refusal)) => {
                self.look.answered(after(now, self.settings.pauses.retry));
                say(self.docker.refused(&refusal, now), &refusal);
            }
            Event::Swept(swept) => {
                self.is_swept = swept.is_ok();
                self.sweep.answered(after(now, self.settings.pauses.retry));
                if let Err(refusal) = swept {
                    say(self.store.refused(&refusal, now), &refusal);
                }
            }
            Event::Read(Ok(past)) => self.take_past(&past, now, actions),
            Event::Read(Err(refusal)) => self.not_read(&refusal, now),
            Event::Ended(outcome) => self.ended(&outcome, now, actions),
            Event::Drilled(name, ended) => self.drilled(&name, ended, now),
            Event::Verified(Ok(VerifyEnd { verified, problem })) => {
                self.verify.done();
                self.verified_at = self.verified_at.max(Some(verified.at));
                self.verify_problem = problem;
            }
            Event::Verified(Err(problem)) => {
                self.verify.failed(now);
                self.verify_problem = Some(problem);
            }
            Event::ByHand(word) => self.by_hand(&word, now),
            Event::BackUpNow => {
                info!("asked to back up now");
                self.is_backup_asked_for = true;
                self.look.ask(now);
            }
            Event::LookAgain => {
                info!("asked to look at the containers again");
                self.look.ask(now);
                self.read.ask(now);
            }
            Event::Stop => {
                info!(runs = self.running(), "stopping");
                self.is_stopping = true;
            }
        }
    }

    fn looked(&mut self, look: Look, now: Timestamp) {
        if let Some(lasted) = self.docker.answered(now) {
            info!(after = %lasts(lasted), "Docker answers again");
        }
        // Somebody asked for another look while this one was on its way.
        let is_outdated = self.look.next <= now;
        self.look.answered(after(now, self.settings.pauses.relook));
        self.is_fresh = true;
        self.nothing_to_do = look.targets.is_empty();
        let had_some = self.is_first_look || self.known.values().any(Known::is_present);
        if self.nothing_to_do && had_some {
            warn!("{}", self.settings.nothing);
        }
        self.others = look.others;
        self.served =
            look.targets.iter().flat_map(|one| one.was.iter().chain([&one.name])).cloned().collect();
        let Self { served, others, absent, .. } = self;
        absent.retain(|name, _| !served.contains(name) && !others.contains(name));
        self.part_with(&look.targets);
        for one in look.targets {
            self.meet(one, now);
        }
        if self.is_backup_asked_for && !is_outdated {
            self.is_backup_asked_for = false;
            // Those that have gone as well: that they cannot be backed up is the answer.
            self.known.values_mut().for_each(|known| known.backup.ask(now));
        }
        // What another process has mended shows in the bucket only.
        let is_old = self.last_read.is_none_or(|read| after(read, self.settings.pauses.relook) <= now);
        if is_old && self.may_read() && self.has_alarm(now) {
            self.read.ask(now);
        }
        self.is_first_look = false;
    }

    fn has_alarm(&self, now: Timestamp) -> bool {
        self.problems(now).keys().any(|name| name != "(dumpcar)")
    }

    /// Whether reading the bucket is of use now.
    pub(super) fn may_read(&self) -> bool {
        !self.is_unreadable && !self.store.is_there()
    }

    /// Takes leave of the targets that are not there any more.
    fn part_with(&mut self, targets: &[Seen]) {
        let time_zone = self.settings.time_zone.clone();
        self.known.retain(|name, known| {
            let is_present = targets.iter().any(|one| one.name == *name);
            let new = targets.iter().find(|one| one.was.contains(name));
            if let (false, Some(new)) = (is_present, new) {
                info!(target = %name, now = %new.name, "target has a new name");
                return false;
            }
            if known.is_present() && !is_present {
                // Not forgotten: when it is due and still gone, that is a failure.
                let next = known.backup.due.map(|due| log::shown(due, &time_zone));
                info!(target = %name, next, "target disappeared");
                known.condition = Condition::Gone;
            }
            true
        });
    }

    fn meet(&mut self, one: Seen, now: Timestamp) {
        let Some(known) = self.known.get_mut(&one.name) else {
            self.meet_new(&one, now);
            return;
        };
        let was = std::mem::replace(&mut known.condition, one.condition.clone());
        let is_back = was == Condition::Gone;
        match (&was, &one.condition) {
            (Condition::Ready { id: before, started: then }, Condition::Ready { id, started }) => {
                if (before, then) != (id, started) {
                    known.backup.returned(before != id, now);
                }
            }
            (_, Condition::Ready { .. }) => known.backup.returned(is_back, now),
            (Condition::Ready { .. } | Condition::Gone, Condition::Unavailable(reason)) => {
                warn!(target = %one.name, %reason, "target cannot be backed up now");
            }
            (
                Condition::Ready { .. } | Condition::Unavailable(_) | Condition::Gone,
                Condition::Invalid(reason),
            ) => {
                error!(target = %one.name, %reason, "target is misconfigured");
            }
            (_, _) => {}
        }
        if known.told_gone.take().is_some() {
            known.set_problem(None, now);
        }
        let is_other = known.was != one.was;
        known.was.clone_from(&one.was);
        if known.backup.schedule != one.schedule && !matches!(one.condition, Condition::Invalid(_)) {
            known.reschedule(&one, (!self.settings.catch_up).then_some(now), now);
            let next = known.backup.due.map(|due| log::shown(due, &self.settings.time_zone));
            info!(target = %one.name, next, "planned");
        }
        if let Some(schedule) = one.drill_schedule.filter(|schedule| known.drill.schedule != *schedule) {
            known.drill.reschedule(schedule, (!self.settings.catch_up).then_some(now));
        }
        if is_back {
            let next = known.backup.due.map(|due| log::shown(due, &self.settings.time_zone));
            info!(target = %one.name, next, "target is back");
        }
        // Somebody may have made backups of it meanwhile, or it has another history.
        if is_back || is_other {
            self.read.ask(now);
        }
    }

    fn meet_new(&mut self, one: &Seen, now: Timestamp) {
        match &one.condition {
            Condition::Ready { .. } => info!(
                target = %one.name, engine = one.engine, container = one.container, schedule = %one.schedule,
                "target found"
            ),
            Condition::Unavailable(reason) => {
                warn!(target = %one.name, %reason, "target cannot be backed up now");
            }
            Condition::Invalid(reason) => error!(target = %one.name, %reason, "target is misconfigured"),
            Condition::Gone => {}
        }
        let time_zone = &self.settings.time_zone;
        let shift = jitter(one.name.as_str(), self.settings.jitter);
        let backup = Duty::new(one.schedule.clone(), shift, time_zone, now);
        let drill = one.drill_schedule.clone().unwrap_or_else(|| self.settings.drill_schedule.clone());
        let drill = Duty::new(drill, Duration::ZERO, time_zone, now);
        let mut known = Known::new(one, backup, drill, now);
        known.on_start = self.is_first_look && self.settings.on_start;
        self.known.insert(one.name.clone(), known);
        self.read.ask(now);
    }

    pub(super) fn ended(&mut self, outcome: &Outcome, now: Timestamp, actions: &mut Vec<Action>) {
        if let Some(known) = self.known.get_mut(&outcome.target) {
            known.ended(outcome, now);
        }
        if matches!(outcome.verdict, Verdict::Done(_)) {
            // By the way: nothing waits for it.
            actions.push(Action::KeepReadme);
        }
        self.report(outcome);
    }

    /// Says how a run ended, or why there was none.
    pub(super) fn report(&mut self, outcome: &Outcome) {
        log::outcome(outcome);
        self.wave.take(outcome);
    }

    fn drilled(&mut self, name: &TargetName, ended: DrillEnd, now: Timestamp) {
        self.drilling = self.drilling.take().filter(|drilling| drilling != name);
        let Some(known) = self.known.get_mut(name) else { return };
        match &ended {
            DrillEnd::Good(_) | DrillEnd::Failed(..) => known.drill.done(),
            DrillEnd::Inconclusive(_) => known.drill.failed(now),
            DrillEnd::Stopped => known.drill.stopped(),
        }
        known.drilled(ended);
    }

    /// Somebody did something by hand in this container.
    fn by_hand(&mut self, word: &Word, now: Timestamp) {
        log::word(word);
        let Word { job, target, backup, event } = word;
        if matches!((job, event), (Job::Forget, told::Event::Good(_))) && self.forget(target, now) {
            info!(%target, "target is forgotten: its alarms end");
        }
        let Some(known) = self.known.get_mut(target) else { return };
        match (job, event) {
            (Job::Backup, told::Event::Good(_)) => {
                known.set_problem(None, now);
                if let Some(backup) = backup {
                    known.made(*backup, None, now);
                }
            }
            (Job::Backup, told::Event::Bad(problem)) => {
                known.set_problem(Some(problem.clone()), now);
                // What it is worth is in the bucket.
                self.read.next = if backup.is_some() { now } else { self.read.next };
            }
            (Job::Drill, told::Event::Good(_)) => known.drilled(DrillEnd::Good(*backup)),
            (Job::Drill, told::Event::Bad(problem)) => {
                known.drilled(DrillEnd::Failed(*backup, problem.clone()));
            }
            (Job::Delete, told::Event::Good(_)) => self.read.ask(now),
            (Job::Restore | Job::Delete, told::Event::Good(_) | told::Event::Bad(_))
            | (Job::Forget, _)
            | (_, told::Event::Started(_) | told::Event::Ended(_)) => {}
        }
        let is_backup = *job == Job::Backup && !matches!(event, told::Event::Started(_));
        if let (true, Some(backup)) = (is_backup, backup) {
            let before = known.backup.due;
            known.backup.was_done(backup.timestamp());
            if known.backup.due != before {
                let next = known.backup.due.map(|due| log::shown(due, &self.settings.time_zone));
                info!(%target, next, "planned");
            }
        }
    }
}

pub(super) fn say(saying: Saying, refusal: &Refusal) {
    let (error, what) = (&refusal.text, refusal.what);
    match saying {
        Saying::First => error!(error, "{what}"),
        Saying::Still(lasted) => error!(error, since = %lasts(lasted), "still {what}"),
        Saying::Nothing => {}
    }
}

/// A span of time in whole seconds, for the log.
pub(super) fn lasts(time: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(time.as_secs()))
}
