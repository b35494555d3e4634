//! Something that is to be done again and again: a target's backup, its drill, the verification of the bucket.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::schedule::Schedule;
use crate::model::trigger::Trigger;

/// The pause before the second try. Each one after that is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// No pause is longer, except after a try that itself took longer.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// One that is begun later than this was missed: the machine was suspended or off.
const LATE: Duration = Duration::from_secs(2 * 60);

/// A container that only keeps restarting is not tried again at once more often than this.
const QUICK_TRIES: u32 = 3;

/// It is late, and its container may be tried as soon as `not_before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owed {
    /// When it was due.
    pub(super) since: Timestamp,
    pub(super) trigger: Trigger,
    not_before: Timestamp,
    /// How often it was tried.
    pub(super) failures: u32,
    /// There was nothing that could be tried: nothing happens before that changes.
    pub(super) is_refused: bool,
}

/// When it is to be done, and how far it is.
#[derive(Debug)]
pub(super) struct Duty {
    pub(super) schedule: Schedule,
    /// Its times of day are later by so much.
    shift: Duration,
    time_zone: TimeZone,
    /// Times up to this one are dealt with: it was done then, or is owed.
    handled: Timestamp,
    /// It was never done: the shift spreads the first interval.
    is_first: bool,
    /// The first time after `handled`.
    pub(super) due: Option<Timestamp>,
    pub(super) owed: Option<Owed>,
    /// It is being done, since then.
    pub(super) running: Option<Timestamp>,
}

impl Duty {
    pub(super) fn new(schedule: Schedule, shift: Duration, time_zone: &TimeZone, now: Timestamp) -> Self {
        let time_zone = time_zone.clone();
        let (due, owed, running) = (None, None, None);
        let mut duty = Self { schedule, shift, time_zone, handled: now, is_first: true, due, owed, running };
        duty.plan();
        duty
    }

    fn plan(&mut self) {
        self.due = self.after(self.handled).and_then(|due| match (&self.schedule, self.is_first) {
            (Schedule::Every(_), true) => due.checked_add(self.shift).ok(),
            (Schedule::Every(_) | Schedule::Cron(_) | Schedule::Off, _) => Some(due),
        });
    }

    /// The first time after this one.
    pub(super) fn after(&self, time: Timestamp) -> Option<Timestamp> {
        self.schedule.next_after_shifted(time, &self.time_zone, self.shift)
    }

    /// From when on one is missing that was done at `last`.
    pub(super) fn overdue_at(&self, last: Timestamp) -> Option<Timestamp> {
        self.schedule.overdue_at(last, &self.time_zone, self.shift)
    }

    /// Takes another schedule. What that one has missed is made up for, unless `from` leaves it out.
    pub(super) fn reschedule(&mut self, schedule: Schedule, from: Option<Timestamp>) {
        self.schedule = schedule;
        self.handled = self.handled.max(from.unwrap_or(self.handled));
        self.plan();
    }

    /// It was last done at `last`, before this process was there. What came due since then is made up for, unless `from` leaves
    /// it out.
    pub(super) fn recall(&mut self, last: Timestamp, from: Option<Timestamp>) {
        self.settle(last);
        if self.running.is_none() && self.owed.is_none() {
            self.handled = last.max(from.unwrap_or(last));
            self.is_first = false;
            self.plan();
        }
    }

    /// Somebody else has done it at `last`.
    pub(super) fn was_done(&mut self, last: Timestamp) {
        self.settle(last);
        if last > self.handled {
            self.handled = last;
            self.is_first = false;
            self.plan();
        }
    }

    fn settle(&mut self, last: Timestamp) {
        if self.running.is_none() && self.owed.is_some_and(|owed| owed.since <= last) {
            self.owed = None;
        }
    }

    /// What has come due is owed from now on. Returns whether it has, though it is still being done for the time before.
    pub(super) fn pass(&mut self, now: Timestamp) -> bool {
        let Some(due) = self.due.filter(|due| *due <= now) else { return false };
        let is_running = self.running.is_some();
        if !is_running {
            let is_late = now.duration_since(due) > jiff::SignedDuration::try_from(LATE).unwrap_or_default();
            let trigger = if is_late { Trigger::CatchUp } else { Trigger::Schedule };
            self.owe(due, trigger, now);
        }
        self.handled = now;
        self.plan();
        is_running
    }

    /// It is to be done as soon as it can be.
    pub(super) fn owe(&mut self, since: Timestamp, trigger: Trigger, now: Timestamp) {
        self.owed = Some(Owed { since, trigger, not_before: now, failures: 0, is_refused: false });
    }

    /// Somebody asks for it now.
    pub(super) fn ask(&mut self, now: Timestamp) {
        match &mut self.owed {
            Some(owed) => (owed.not_before, owed.is_refused) = (now, false),
            None => self.owe(now, Trigger::Manual, now),
        }
    }

    /// Whether it can be tried now.
    pub(super) fn is_ready(&self, now: Timestamp) -> bool {
        self.running.is_none() && self.owed.is_some_and(|owed| !owed.is_refused && owed.not_before <= now)
    }

    /// Whether it is owed only because nobody was there to do it.
    pub(super) fn is_missed(&self) -> bool {
        self.owed.is_some_and(|owed| owed.trigger == Trigger::CatchUp)
    }

    /// Whether it waits for its turn, and nothing went wrong.
    pub(super) fn is_queued(&self) -> bool {
        self.running.is_none() && self.owed.is_some_and(|owed| !owed.is_refused && owed.failures == 0)
    }

    pub(super) fn begin(&mut self, now: Timestamp) -> Trigger {
        self.running = Some(now);
        let trigger = self.owed.map_or(Trigger::Schedule, |owed| owed.trigger);
        self.is_first &= trigger == Trigger::Start;
        // An interval counts from the start of the one before.
        if matches!(self.schedule, Schedule::Every(_)) {
            self.handled = now;
            self.plan();
        }
        trigger
    }

    pub(super) fn done(&mut self) {
        (self.running, self.owed) = (None, None);
    }

    /// It is tried again after a pause, unless somebody asked for it: that one has been told.
    pub(super) fn failed(&mut self, now: Timestamp) {
        let began = self.running.take().unwrap_or(now);
        if self.owed.is_some_and(|owed| owed.trigger == Trigger::Manual) {
            self.owed = None;
        }
        let Some(owed) = &mut self.owed else { return };
        let doubled = FIRST_PAUSE.saturating_mul(1 << owed.failures.min(6)).min(LONGEST_PAUSE);
        let took = Duration::try_from(now.duration_since(began)).unwrap_or_default();
        owed.failures = owed.failures.saturating_add(1);
        owed.not_before = now.checked_add(doubled.max(took)).unwrap_or(now);
    }

    /// It was broken off, and nothing follows from that.
    pub(super) fn stopped(&mut self) {
        self.running = None;
    }

    /// There is nothing that could be tried.
    pub(super) fn refuse(&mut self) {
        match &mut self.owed {
            Some(owed) if owed.trigger == Trigger::Manual => self.owed = None,
            Some(owed) => owed.is_refused = true,
            None => {}
        }
    }

    /// What it needs is there again: another one, or the same started anew.
    pub(super) fn returned(&mut self, is_another: bool, now: Timestamp) {
        if let Some(owed) = &mut self.owed
            && (owed.is_refused || is_another || owed.failures < QUICK_TRIES)
        {
            (owed.is_refused, owed.not_before) = (false, now);
        }
    }

    /// The clock was set back to `now`: what was planned by the wrong time may be years away.
    pub(super) fn set_back(&mut self, now: Timestamp) {
        self.handled = self.handled.min(now);
        self.running = self.running.map(|since| since.min(now));
        self.owed = None;
        self.plan();
    }

    /// When something of it comes up by itself.
    pub(super) fn wake(&self) -> impl Iterator<Item = Timestamp> {
        let owed = self.owed.filter(|owed| !owed.is_refused && self.running.is_none());
        self.due.into_iter().chain(owed.map(|owed| owed.not_before))
    }
}
