//! What the daemon does when: a pure function of what it knows, what happened, and the time.
//!
//! It asks for work, and what comes of that is another event. So everything that time, Docker, the store and containers may do to a
//! daemon is a test without any of them. What it decides is reported as events.

mod act;
mod duty;
mod hear;
mod input;
mod memory;
mod next;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test answers what it is about")]
mod simulation;
mod target;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test answers what it is about")]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::trouble::Trouble;
use crate::model::job::Job;
use crate::model::schedule::Schedule;
use crate::model::target::TargetName;
use crate::report::{Change, Event, Notice, Wave};
use crate::text::log_time;
use duty::Duty;
pub(super) use input::{Action, Condition, DrillEnd, Input, Look, Refusal, Seen, VerifyEnd};
use target::Known;

pub(super) const RETRY: Duration = Duration::from_secs(15);

const RELOOK: Duration = Duration::from_secs(600);

/// The bucket is read this often, for what no container serves, and each of those is told.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A clock that goes back by more than this was set.
const CLOCK_SET: Duration = Duration::from_secs(60);

/// The settings that matter here.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) time_zone: TimeZone,
    /// That of targets whose labels have none, and of those that nobody serves.
    pub(super) schedule: Schedule,
    pub(super) drill_schedule: Schedule,
    pub(super) verify_schedule: Schedule,
    pub(super) jitter: Duration,
    pub(super) catch_up: bool,
    pub(super) on_start: bool,
    /// The keys may delete, so they may list as well.
    pub(super) prune: bool,
    /// Somebody looks at what was done, so it has to be known also where nothing is decided by it.
    pub(super) shows_past: bool,
    /// How many targets are backed up at the same time.
    pub(super) parallel: usize,
    pub(super) label_prefix: String,
    /// What to say when no container is a target.
    pub(super) nothing: String,
    pub(super) pauses: Pauses,
}

/// How long it is until something is asked again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pauses {
    /// A Docker or a store that did not answer.
    pub(super) retry: Duration,
    /// Docker, without any event, in case one was missed. While something is wrong that another process may have mended, the bucket
    /// is read as often.
    pub(super) relook: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { retry: RETRY, relook: RELOOK }
    }
}

/// Something that is asked for again and again, once at a time.
#[derive(Debug)]
struct Asked {
    next: Timestamp,
    is_in_flight: bool,
}

/// It is asked for as soon as possible.
const NOW: Asked = Asked { next: Timestamp::MIN, is_in_flight: false };

/// A target that the bucket has and no container serves. What is told of it depends on the bucket and the clock alone, so that a
/// restart neither clears an alarm nor makes one.
#[derive(Debug)]
struct Absent {
    newest: Timestamp,
    backups: usize,
    /// From then on a scheduled backup is missing.
    overdue_at: Option<Timestamp>,
    is_ours: bool,
    told: Option<Timestamp>,
}

/// What the daemon knows.
#[derive(Debug)]
pub(super) struct State {
    settings: Settings,
    known: BTreeMap<TargetName, Known>,
    absent: BTreeMap<TargetName, Absent>,
    /// What is served by others, or is served here.
    served: BTreeSet<TargetName>,
    others: BTreeSet<TargetName>,
    verify: Duty,
    verify_problem: Option<String>,
    /// When the last verification that is known was begun.
    verified_at: Option<Timestamp>,
    drilling: Option<TargetName>,
    look: Asked,
    /// The containers were looked at in this very turn.
    is_fresh: bool,
    is_first_look: bool,
    nothing_to_do: bool,
    read: Asked,
    /// When it began to be read.
    read_began: Timestamp,
    /// When the bucket was last read.
    last_read: Option<Timestamp>,
    /// The keys may only write.
    is_unreadable: bool,
    /// The bucket was asked what was done before, and has answered or not.
    is_planned: bool,
    /// Somebody wants a backup of all targets.
    is_backup_asked_for: bool,
    /// What killed processes have left is looked for, until that was done once.
    sweep: Asked,
    is_swept: bool,
    docker: Trouble,
    store: Trouble,
    wave: Wave,
    last_turn: Timestamp,
    is_stopping: bool,
    /// What is to be reported.
    events: Vec<Event>,
    /// What was reported to be wrong.
    reported: BTreeMap<String, String>,
    /// What was reported to be due next.
    reported_next: BTreeMap<(Job, Option<TargetName>), Option<Timestamp>>,
}

impl State {
    pub(super) fn new(settings: Settings, now: Timestamp) -> Self {
        let verify = Duty::new(settings.verify_schedule.clone(), Duration::ZERO, &settings.time_zone, now);
        Self {
            settings,
            known: BTreeMap::new(),
            absent: BTreeMap::new(),
            served: BTreeSet::new(),
            others: BTreeSet::new(),
            verify,
            verify_problem: None,
            verified_at: None,
            drilling: None,
            look: NOW,
            is_fresh: false,
            is_first_look: true,
            nothing_to_do: false,
            read: NOW,
            read_began: now,
            last_read: None,
            is_unreadable: false,
            is_planned: false,
            is_backup_asked_for: false,
            sweep: NOW,
            is_swept: false,
            docker: Trouble::default(),
            store: Trouble::default(),
            wave: Wave::default(),
            last_turn: now,
            is_stopping: false,
            events: Vec::new(),
            reported: BTreeMap::new(),
            reported_next: BTreeMap::new(),
        }
    }

    /// Takes in what happened, and says what is to be done now.
    pub(super) fn turn(&mut self, input: Input, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        self.events.clear();
        if self.last_turn > after(now, CLOCK_SET) {
            self.notice(Notice::ClockSetBack);
            self.set_back(now);
        }
        self.last_turn = now;
        self.hear(input, now, &mut actions);
        if !self.is_stopping {
            self.act(now, &mut actions);
        }
        self.is_fresh = false;
        self.report_problems(now);
        self.report_next();
        actions
    }

    /// What is to be reported of the last turn.
    pub(super) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn notice(&mut self, notice: Notice) {
        self.events.push(Event::Daemon(notice));
    }

    fn changed(&mut self, target: &TargetName, change: Change) {
        self.events.push(changed(target, change));
    }

    /// Reports what is wrong since the last turn, and what is no more.
    fn report_problems(&mut self, now: Timestamp) {
        let problems = self.problems(now);
        let is_new = |about: &&String| self.reported.get(*about) != problems.get(*about);
        let about: BTreeSet<&String> = self.reported.keys().chain(problems.keys()).filter(is_new).collect();
        self.events.extend(
            about
                .into_iter()
                .map(|about| Event::Problem { about: about.clone(), problem: problems.get(about).cloned() }),
        );
        self.reported = problems;
    }

    /// When there is something to do though nothing happens.
    pub(super) fn wake(&self, now: Timestamp) -> Option<Timestamp> {
        let duties = self.known.values().filter(|known| known.is_planned);
        let duties = duties.flat_map(|known| {
            // Of one that is gone, what is due was told.
            let backup = known.backup.wake().filter(|_| known.told_gone.is_none());
            backup.chain(known.drill.wake()).chain(known.overdue_at())
        });
        let sweep = Some(&self.sweep).filter(|_| !self.is_swept);
        let asked = [&self.look, &self.read].into_iter().chain(sweep).filter(|asked| !asked.is_in_flight);
        let absent = self.absent.values().filter_map(|absent| absent.overdue_at);
        let all = duties.chain(self.verify.wake()).chain(asked.map(|asked| asked.next)).chain(absent);
        all.filter(|time| *time > now).min()
    }

    /// The names of the targets that are being backed up.
    fn running(&self) -> usize {
        self.known.values().filter(|known| known.backup.running.is_some()).count()
    }

    /// What is wrong, each thing by its name; empty when all is well.
    pub(super) fn problems(&self, now: Timestamp) -> BTreeMap<String, String> {
        let mut problems = BTreeMap::new();
        let is_busy = self.running() > 0;
        for (name, known) in &self.known {
            if let Some(problem) = known.problem(is_busy, now, |time| self.shown(time)) {
                problems.insert(name.to_string(), problem);
            }
            if let Some(problem) = known.drill_problem() {
                problems.insert(format!("(drill) {name}"), problem.clone());
            }
        }
        for (name, absent) in self.absent.iter().filter(|(_, absent)| absent.told.is_some()) {
            let last = self.shown(absent.newest);
            let cure = self.cure(name);
            problems.insert(
                name.to_string(),
                format!("no container serves it any more, its newest backup is of {last}; {cure}"),
            );
        }
        if let Some(problem) = &self.verify_problem {
            problems.insert("(verify)".to_owned(), problem.clone());
        }
        let nothing = self.nothing_to_do.then_some(&self.settings.nothing);
        let daemon = self.docker.lasting(now).or_else(|| self.store.lasting(now)).or(nothing);
        if let Some(problem) = daemon {
            problems.insert("(dumpcar)".to_owned(), problem.clone());
        }
        problems
    }

    /// What to do about a target that disappeared.
    fn cure(&self, name: &TargetName) -> String {
        let prefix = &self.settings.label_prefix;
        format!(
            "if that is meant, run `dumpcar forget {name}`; if only its name changed, set the label {prefix}.was: {name} (and {prefix}.name, which keeps names)"
        )
    }

    fn shown(&self, time: Timestamp) -> String {
        log_time(time, &self.settings.time_zone)
    }

    /// What was planned by the wrong time may be years away.
    fn set_back(&mut self, now: Timestamp) {
        self.known.values_mut().for_each(|known| known.set_back(now));
        self.verify.set_back(now);
        self.docker.set_back(now);
        self.store.set_back(now);
        for absent in self.absent.values_mut() {
            absent.told = absent.told.map(|told| told.min(now));
        }
        self.last_read = self.last_read.map(|read| read.min(now));
        (self.look.next, self.read.next) = (now, now);
    }
}

fn changed(target: &TargetName, change: Change) -> Event {
    Event::Target { target: target.clone(), change }
}

fn planned(job: Job, target: Option<&TargetName>, next: Option<Timestamp>) -> Event {
    Event::Planned { job, target: target.cloned(), next }
}

/// `time` and then `later`.
fn after(time: Timestamp, later: Duration) -> Timestamp {
    time.checked_add(later).unwrap_or(Timestamp::MAX)
}
