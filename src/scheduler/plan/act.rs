//! What is to be done now.

use jiff::Timestamp;

use super::input::{Action, Condition};
use super::{State, changed};
use crate::model::job::Job;
use crate::model::target::TargetName;
use crate::outcome::{Outcome, Verdict};
use crate::report::{Change, End, Event};

impl State {
    pub(super) fn act(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.pass(now);
        // Before anything is started, if that can be.
        let is_sweep_due = !self.is_swept && !self.is_first_look && self.sweep.next <= now;
        if is_sweep_due && !self.sweep.is_in_flight {
            (self.sweep.is_in_flight, self.sweep.next) = (true, Timestamp::MAX);
            actions.push(Action::Sweep);
        }
        if !self.sweep.is_in_flight {
            self.start(now, actions);
            self.drill(now, actions);
            self.read(now, actions);
        }
        if self.is_planned && self.verify.is_ready(now) {
            self.verify.begin(now);
            actions.push(Action::Verify);
        }
        self.look(now, actions);
        self.end_wave(now);
    }

    /// What has come due is owed from now on.
    fn pass(&mut self, now: Timestamp) {
        for (name, known) in self.known.iter_mut().filter(|(_, known)| known.is_planned) {
            let is_due = known.backup.due.is_some_and(|due| due <= now);
            if known.pass(now) {
                self.events.push(changed(name, Change::Overran));
            }
            if is_due && known.told_gone.is_some() {
                // That is told once a day.
                known.backup.refuse();
            } else if is_due && known.backup.is_missed() {
                self.events.push(changed(name, Change::Missed));
            }
            known.drill.pass(now);
        }
        if self.is_planned {
            self.verify.pass(now);
        }
    }

    /// The targets that can be backed up now, the one that waits for longest first.
    fn ready(&self, now: Timestamp) -> Vec<TargetName> {
        let mut ready: Vec<_> = self
            .known
            .iter()
            .filter(|(_, known)| known.is_planned && known.backup.is_ready(now))
            .map(|(name, known)| (known.backup.owed.map(|owed| owed.since), name.clone()))
            .collect();
        ready.sort();
        ready.into_iter().map(|(_, name)| name).collect()
    }

    fn start(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        // A container may have been replaced since the last look.
        if !self.is_fresh {
            return;
        }
        let mut running = self.running();
        for name in self.ready(now) {
            let cure = self.cure(&name);
            let Some(known) = self.known.get_mut(&name) else { continue };
            let verdict = match &known.condition {
                Condition::Ready { .. } if running >= self.settings.parallel => continue,
                Condition::Ready { .. } => {
                    running += 1;
                    actions.push(Action::Start(name, known.backup.begin(now)));
                    continue;
                }
                Condition::Unavailable(reason) => Verdict::Skipped { reason: reason.clone() },
                Condition::Misconfigured(reason) => Verdict::Failed { reason: reason.clone() },
                Condition::Gone => {
                    // From here on it is told once a day.
                    known.told_gone = Some(now);
                    Verdict::Skipped { reason: format!("its container disappeared; {cure}") }
                }
            };
            known.backup.refuse();
            let outcome = Outcome { target: name, verdict };
            known.set_problem(outcome.problem(), now);
            self.wave.take(&outcome);
            let Outcome { target, verdict } = outcome;
            self.events.push(Event::Skipped { job: Job::Backup, target, end: End::Backup(verdict) });
        }
    }

    /// One drill at a time, and none of a target whose backup is at work or is about to be.
    fn drill(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if self.drilling.is_some() {
            return;
        }
        let is_next = |known: &super::Known| {
            let is_quiet = known.backup.running.is_none() && !(known.backup.is_queued() && known.is_ready());
            known.is_planned && known.drill.is_ready(now) && is_quiet
        };
        if let Some((name, known)) = self.known.iter_mut().find(|(_, known)| is_next(known)) {
            known.drill.begin(now);
            self.drilling = Some(name.clone());
            actions.push(Action::Drill(name.clone()));
        }
    }

    fn read(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        // Another process may have made a backup that this one does not know.
        let times = self.known.values().filter_map(super::Known::overdue_at);
        let mut times = times.chain(self.absent.values().filter_map(|absent| absent.overdue_at));
        let is_unsure = |at: Timestamp| at <= now && self.last_read.is_none_or(|read| read < at);
        if self.may_read() && times.any(is_unsure) {
            self.read.ask(now);
        }
        if self.is_first_look || self.read.is_in_flight || self.read.next > now {
            return;
        }
        (self.read.is_in_flight, self.read.next, self.read_began) = (true, Timestamp::MAX, now);
        let names = |(name, known): (&TargetName, &super::Known)| {
            std::iter::once(name).chain(&known.was).cloned().collect()
        };
        let served = self.known.iter().map(names).collect();
        actions.push(Action::Read { served, others: self.others.clone() });
    }

    fn look(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let can_start = || self.running() < self.settings.parallel && !self.ready(now).is_empty();
        let is_wanted = self.look.next <= now
            || !self.docker.is_there() && !self.sweep.is_in_flight && !self.is_fresh && can_start();
        if is_wanted && !self.look.is_in_flight {
            (self.look.is_in_flight, self.look.next) = (true, Timestamp::MAX);
            actions.push(Action::Look);
        }
    }

    /// Says what became of those that ran together, once none runs any more.
    fn end_wave(&mut self, now: Timestamp) {
        // One that has failed before is part of it when it is tried again now, and not while it pauses.
        let waits = |known: &super::Known| known.backup.is_queued() || known.backup.is_ready(now);
        let is_waiting = self.known.values().any(|known| waits(known) && known.is_ready());
        if self.running() > 0 || is_waiting {
            return;
        }
        let next = self.known.values().filter_map(|known| known.backup.due).min();
        self.events.extend(std::mem::take(&mut self.wave).end(next).map(Event::AllEnded));
    }
}
