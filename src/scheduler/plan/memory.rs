//! Taking in what the bucket says, and what no container serves.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::input::{Action, Refusal};
use super::{Absent, DAY, State, after, changed, planned};
use crate::jobs::past::{Past, TargetPast};
use crate::model::job::Job;
use crate::model::schedule::Schedule;
use crate::model::target::TargetName;
use crate::model::trigger::Trigger;
use crate::report::{Change, Notice, Recalled};

impl State {
    /// The bucket says what was done before.
    pub(super) fn take_past(&mut self, past: &Past, now: Timestamp, actions: &mut Vec<Action>) {
        if let Some(lasted) = self.store.answered(now) {
            self.notice(Notice::Answers { who: "the store", after: lasted });
        }
        self.read.answered(after(now, DAY));
        self.last_read = Some(now);
        self.is_unreadable = false;
        let from = (!self.settings.catch_up).then_some(now);
        let none = TargetPast::default();
        for (name, known) in &mut self.known {
            let past = past.targets.get(name).unwrap_or(&none);
            known.recall(past, from, self.read_began);
            self.events.push(changed(name, Change::Recalled(Box::new(recalled(past, self.read_began)))));
        }
        match &past.verified {
            Some(verified) if self.verified_at.is_none_or(|at| at < verified.at) => {
                self.verified_at = Some(verified.at);
                self.verify_problem = verified.problem();
                match self.is_planned {
                    false => self.verify.recall(verified.at, from),
                    true => self.verify.was_done(verified.at),
                }
            }
            Some(_) | None => {}
        }
        self.plan_new(now);
        self.take_absent(past, now);
        self.take_forgotten(past, now, actions);
        self.tell_absent(now);
    }

    pub(super) fn not_read(&mut self, refusal: &Refusal, now: Timestamp) {
        self.is_unreadable = refusal.is_denied && !self.settings.prune;
        if self.is_unreadable {
            // Keys that may only write cannot tell what was missed.
            self.notice(Notice::Unreadable { problem: refusal.text.clone() });
            self.read.answered(after(now, DAY));
        } else {
            // After a reboot the network may come later than this process. Until then the schedule goes on, and what was missed
            // is asked again.
            self.read.answered(after(now, self.settings.pauses.retry));
            let saying = self.store.refused(refusal, now);
            self.say(&saying, refusal);
        }
        self.plan_new(now);
    }

    /// What is due of those that are new, as far as it can be known.
    fn plan_new(&mut self, now: Timestamp) {
        let events = &mut self.events;
        for (name, known) in self.known.iter_mut().filter(|(_, known)| !known.is_planned) {
            known.is_planned = true;
            known.pass(now);
            if known.backup.is_missed() {
                events.push(changed(name, Change::Missed));
            }
            if std::mem::take(&mut known.on_start) && known.backup.owed.is_none() {
                known.backup.owe(now, Trigger::Start, now);
            }
            if let Some(due) = known.backup.due {
                events.push(planned(Job::Backup, Some(name), Some(due)));
            }
            if let Some(due) = known.drill.due {
                events.push(planned(Job::Drill, Some(name), Some(due)));
            }
        }
        if !std::mem::replace(&mut self.is_planned, true)
            && let Some(due) = self.verify.due
        {
            events.push(planned(Job::Verify, None, Some(due)));
        }
    }

    fn take_absent(&mut self, past: &Past, now: Timestamp) {
        let before = std::mem::take(&mut self.absent);
        let is_absent = |name: &TargetName| {
            !self.served.contains(name) && !self.others.contains(name) && !self.known.contains_key(name)
        };
        let absent = past.targets.iter().filter(|(name, _)| is_absent(name)).filter_map(|(name, past)| {
            let newest = past.newest.as_ref()?.stamp.timestamp().min(now);
            // Where nothing is scheduled for all, a day is enough.
            let overdue_at = match &self.settings.schedule {
                Schedule::Off => newest.checked_add(DAY).ok(),
                scheduled @ (Schedule::Cron(_) | Schedule::Every(_)) => {
                    scheduled.next_after(newest, &self.settings.time_zone)
                }
            };
            let told = before.get(name).and_then(|absent| absent.told);
            let absent = Absent { newest, backups: past.backups, overdue_at, is_ours: past.is_ours, told };
            Some((name.clone(), absent))
        });
        self.absent = absent.collect();
    }

    fn take_forgotten(&mut self, past: &Past, now: Timestamp, actions: &mut Vec<Action>) {
        for (name, by) in &past.forgotten {
            if self.served.contains(name) {
                // Whoever is served again can disappear again.
                if self.settings.prune {
                    actions.push(Action::Remember(name.clone()));
                }
                continue;
            }
            if self.forget(name, now) {
                self.changed(name, Change::Forgotten { by: Some(by.clone()) });
            }
        }
    }

    /// Drops a target that no container serves. Returns whether there was an alarm.
    pub(super) fn forget(&mut self, name: &TargetName, now: Timestamp) -> bool {
        let had_alarm = self.problems(now).keys().any(|problem| *problem == name.as_str());
        self.absent.remove(name);
        if self.known.get(name).is_some_and(|known| !known.is_present()) {
            self.known.remove(name);
        }
        had_alarm
    }

    /// Tells once a day what no container serves.
    fn tell_absent(&mut self, now: Timestamp) {
        let is_due = |told: Option<Timestamp>| told.is_none_or(|told| after(told, DAY) <= now);
        let mut gone = BTreeSet::new();
        for (name, absent) in &mut self.absent {
            let is_overdue = absent.overdue_at.is_some_and(|at| at <= now);
            if absent.is_ours && is_overdue && is_due(absent.told) {
                absent.told = Some(now);
                gone.insert((name.clone(), Some((absent.backups, absent.newest))));
            }
        }
        for (name, known) in &mut self.known {
            if known.told_gone.is_some() && is_due(known.told_gone) {
                known.told_gone = Some(now);
                gone.insert((name.clone(), None));
            }
        }
        for (name, stored) in gone {
            let cure = self.cure(&name);
            self.changed(&name, Change::Unserved { stored, cure });
        }
    }
}

fn recalled(past: &TargetPast, began: Timestamp) -> Recalled {
    Recalled {
        backups: past.backups,
        newest: past.newest.as_ref().map(|newest| newest.stamp),
        newest_good: past.newest_good,
        drilled: past.drilled.as_ref().map(|drilled| (drilled.at, drilled.problem.clone())),
        drill: past.drill.clone(),
        recent: past.recent.clone().map(|recent| (began, recent)),
    }
}
