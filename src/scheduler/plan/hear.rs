//! Taking in what happened.

use std::time::Duration;

use jiff::Timestamp;

use super::duty::Duty;
use super::input::{Action, Condition, DrillEnd, Input, Look, Refusal, Seen, VerifyEnd};
use super::target::Known;
use super::{Asked, State, after, changed, planned};
use crate::model::job::Job;
use crate::model::schedule::jitter;
use crate::model::target::TargetName;
use crate::outcome::{Outcome, Verdict};
use crate::report::{Change, Event, Notice};
use crate::scheduler::trouble::Saying;
use crate::told::{self, Message};

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
    pub(super) fn hear(&mut self, input: Input, now: Timestamp, actions: &mut Vec<Action>) {
        match input {
            Input::Tick => {}
            Input::Changed => self.look.ask(now),
            Input::Looked(Ok(look)) => self.looked(look, now),
            Input::Looked(Err(refusal)) => {
                self.look.answered(after(now, self.settings.pauses.retry));
                let saying = self.docker.refused(&refusal, now);
                self.say(&saying, &refusal);
            }
            Input::Swept(swept) => {
                self.is_swept = swept.is_ok();
                self.sweep.answered(after(now, self.settings.pauses.retry));
                if let Err(refusal) = swept {
                    let saying = self.store.refused(&refusal, now);
                    self.say(&saying, &refusal);
                }
            }
            Input::Read(Ok(past)) => self.take_past(&past, now, actions),
            Input::Read(Err(refusal)) => self.not_read(&refusal, now),
            Input::Ended(outcome) => self.ended(&outcome, now, actions),
            Input::Drilled(name, ended) => self.drilled(&name, ended, now),
            Input::Verified(Ok(VerifyEnd { verified, problem })) => {
                self.verify.done();
                self.verified_at = self.verified_at.max(Some(verified.at));
                self.verify_problem = problem;
            }
            Input::Verified(Err(error)) => {
                self.verify.failed(now);
                self.verify_problem = Some(error.to_string());
            }
            Input::ByHand(message) => self.by_hand(&message, now),
            Input::BackUpNow => {
                self.notice(Notice::AskedToBackUp);
                self.is_backup_asked_for = true;
                self.look.ask(now);
            }
            Input::LookAgain => {
                self.notice(Notice::AskedToLook);
                self.look.ask(now);
                self.read.ask(now);
            }
            Input::Stop => {
                self.notice(Notice::Stopping { runs: self.running() });
                self.is_stopping = true;
            }
        }
    }

    fn looked(&mut self, look: Look, now: Timestamp) {
        if let Some(lasted) = self.docker.answered(now) {
            self.notice(Notice::Answers { who: "Docker", after: lasted });
        }
        // Somebody asked for another look while this one was on its way.
        let is_outdated = self.look.next <= now;
        self.look.answered(after(now, self.settings.pauses.relook));
        self.is_fresh = true;
        self.nothing_to_do = look.targets.is_empty();
        let had_some = self.is_first_look || self.known.values().any(Known::is_present);
        if self.nothing_to_do && had_some {
            self.notice(Notice::NothingToDo { reason: self.settings.nothing.clone() });
        }
        self.others = look.others;
        self.served =
            look.targets.iter().flat_map(|one| one.was.iter().chain([&one.name])).cloned().collect();
        let Self { served, others, absent, .. } = self;
        absent.retain(|name, _| !served.contains(name) && !others.contains(name));
        self.note_absent(&look.targets);
        for one in look.targets {
            self.update(one, now);
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

    /// Notes the targets that are not there any more.
    fn note_absent(&mut self, targets: &[Seen]) {
        let events = &mut self.events;
        self.known.retain(|name, known| {
            let is_present = targets.iter().any(|one| one.name == *name);
            let new = targets.iter().find(|one| one.was.contains(name));
            if let (false, Some(new)) = (is_present, new) {
                events.push(changed(name, Change::Renamed { now: new.name.clone() }));
                return false;
            }
            if known.is_present() && !is_present {
                // Not forgotten: when it is due and still gone, that is a failure.
                events.push(changed(name, Change::Disappeared { next: known.backup.due }));
                known.condition = Condition::Gone;
            }
            true
        });
    }

    /// Takes in how a target is now.
    fn update(&mut self, one: Seen, now: Timestamp) {
        let Some(known) = self.known.get_mut(&one.name) else {
            self.add(&one, now);
            return;
        };
        let was = std::mem::replace(&mut known.condition, one.condition.clone());
        let is_back = was == Condition::Gone;
        let events = &mut self.events;
        match (&was, &one.condition) {
            (Condition::Ready { id: before, started: then }, Condition::Ready { id, started }) => {
                if (before, then) != (id, started) {
                    known.backup.returned(before != id, now);
                }
            }
            (_, Condition::Ready { .. }) => {
                known.backup.returned(is_back, now);
                events.push(changed(&one.name, Change::Ready));
            }
            (Condition::Ready { .. } | Condition::Gone, Condition::Unavailable(reason)) => {
                events.push(changed(&one.name, Change::Unavailable { reason: reason.clone() }));
            }
            (
                Condition::Ready { .. } | Condition::Unavailable(_) | Condition::Gone,
                Condition::Misconfigured(reason),
            ) => {
                events.push(changed(&one.name, Change::Misconfigured { reason: reason.clone() }));
            }
            (_, _) => {}
        }
        if known.told_gone.take().is_some() {
            known.set_problem(None, now);
        }
        events.extend(known.rules(&one).map(|change| changed(&one.name, change)));
        let is_other = known.was != one.was;
        known.was.clone_from(&one.was);
        if known.backup.schedule != one.schedule && !matches!(one.condition, Condition::Misconfigured(_)) {
            known.reschedule(&one, (!self.settings.catch_up).then_some(now), now);
            events.push(planned(Job::Backup, Some(&one.name), known.backup.due));
        }
        if let Some(schedule) = one.drill_schedule.filter(|schedule| known.drill.schedule != *schedule) {
            known.drill.reschedule(schedule, (!self.settings.catch_up).then_some(now));
        }
        if is_back {
            events.push(changed(&one.name, Change::Returned { next: known.backup.due }));
        }
        // Somebody may have made backups of it meanwhile, or it has another history.
        if is_back || is_other {
            self.read.ask(now);
        }
    }

    fn add(&mut self, one: &Seen, now: Timestamp) {
        let change = match &one.condition {
            Condition::Ready { .. } => Some(Change::Found {
                engine: one.engine,
                container: one.container.clone(),
                schedule: one.schedule.clone(),
            }),
            Condition::Unavailable(reason) => Some(Change::Unavailable { reason: reason.clone() }),
            Condition::Misconfigured(reason) => Some(Change::Misconfigured { reason: reason.clone() }),
            Condition::Gone => None,
        };
        self.events.extend(change.map(|change| changed(&one.name, change)));
        let time_zone = &self.settings.time_zone;
        let shift = jitter(one.name.as_str(), self.settings.jitter);
        let backup = Duty::new(one.schedule.clone(), shift, time_zone, now);
        let drill = one.drill_schedule.clone().unwrap_or_else(|| self.settings.drill_schedule.clone());
        let drill = Duty::new(drill, Duration::ZERO, time_zone, now);
        let mut known = Known::new(one, backup, drill, now);
        self.events.extend(known.rules(one).map(|change| changed(&one.name, change)));
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
    fn by_hand(&mut self, message: &Message, now: Timestamp) {
        self.events.push(Event::ByHand(message.clone()));
        let Message { job, target, backup, status } = message;
        if matches!((job, status), (Job::Forget, told::Status::Good(_))) && self.forget(target, now) {
            self.changed(target, Change::Forgotten { by: None });
        }
        let is_over = !matches!(status, told::Status::Started(_));
        if self.settings.shows_past && is_over && matches!(job, Job::Backup | Job::Drill | Job::Prune) {
            self.read.ask(now);
        }
        let Some(known) = self.known.get_mut(target) else { return };
        match (job, status) {
            (Job::Backup, told::Status::Good(_)) => {
                known.set_problem(None, now);
                if let Some(backup) = backup {
                    known.made(*backup, None, now);
                }
            }
            (Job::Backup, told::Status::Bad(problem)) => {
                known.set_problem(Some(problem.clone()), now);
                // What it is worth is in the bucket.
                self.read.next = if backup.is_some() { now } else { self.read.next };
            }
            (Job::Drill, told::Status::Good(_)) => known.drilled(DrillEnd::Good(*backup)),
            (Job::Drill, told::Status::Bad(problem)) => {
                known.drilled(DrillEnd::Failed(*backup, problem.clone()));
            }
            (Job::Delete, told::Status::Good(_)) => self.read.ask(now),
            (Job::Restore | Job::Delete, told::Status::Good(_) | told::Status::Bad(_))
            | (Job::Verify | Job::Prune | Job::Forget, _)
            | (_, told::Status::Started(_) | told::Status::Ended(_)) => {}
        }
        let is_backup = *job == Job::Backup && !matches!(status, told::Status::Started(_));
        if let (true, Some(backup)) = (is_backup, backup) {
            let before = known.backup.due;
            known.backup.was_done(backup.timestamp());
            if known.backup.due != before {
                let next = known.backup.due;
                self.events.push(planned(Job::Backup, Some(target), next));
            }
        }
    }

    pub(super) fn say(&mut self, saying: &Saying, refusal: &Refusal) {
        let since = match saying {
            Saying::First => None,
            Saying::Still(lasted) => Some(*lasted),
            Saying::Nothing => return,
        };
        self.notice(Notice::Refused { what: refusal.what, error: refusal.text.clone(), since });
    }
}
