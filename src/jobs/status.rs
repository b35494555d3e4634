//! How each target is, from the bucket and the containers: what somebody wants to know who looks once.
//!
//! Another process may be the daemon. What it remembers alone, a run that failed a moment ago, is no part of this.

mod table;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::app::App;
use crate::discovery::{Found, Readiness};
use crate::jobs::past::{Past, TargetPast};
use crate::model::key::Stamp;
use crate::model::past_backup::PastBackup;
use crate::model::past_drill::PastDrill;
use crate::model::schedule::{Schedule, jitter};
use crate::model::target::TargetName;
use crate::model::trend::Trend;
use crate::outcome::{accept_it, as_seconds};
use crate::text::local;
pub use table::text;

/// A target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub target: TargetName,
    pub state: TargetState,
    /// What is wrong, and what to do about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// How many backups there are.
    pub backups: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Stamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_good: Option<LastGood>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drill: Option<LastDrill>,
    /// When the next backup and the next drill are due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drill_next: Option<Timestamp>,
}

/// How a target is. The worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetState {
    Misconfigured,
    /// No container serves it.
    Unserved,
    Overdue,
    DrillFailed,
    /// The newest backup is suspicious, incomplete or unreadable.
    NotGood,
    /// It cannot be backed up now, and nothing is missing yet.
    NotRunning,
    NoBackup,
    Good,
}

impl TargetState {
    pub fn is_bad(self) -> bool {
        match self {
            Self::Misconfigured | Self::Unserved | Self::Overdue | Self::DrillFailed | Self::NotGood => true,
            Self::NotRunning | Self::NoBackup | Self::Good => false,
        }
    }

    /// For people.
    fn word(self) -> &'static str {
        match self {
            Self::Misconfigured => "misconfigured",
            Self::Unserved => "no container",
            Self::Overdue => "overdue",
            Self::DrillFailed => "drill failed",
            Self::NotGood => "not good",
            Self::NotRunning => "not running",
            Self::NoBackup => "no backup",
            Self::Good => "good",
        }
    }
}

/// The newest good backup.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastGood {
    pub backup: Stamp,
    #[serde(rename = "seconds", serialize_with = "as_seconds")]
    pub elapsed: Duration,
    pub plain_bytes: u64,
    pub stored_bytes: u64,
    /// The median of the sizes of the target's other backups of the last days; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual_bytes: Option<u64>,
}

/// The newest drill that has found something out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastDrill {
    pub backup: Stamp,
    pub at: Timestamp,
    pub remarks: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What is known of the containers.
#[derive(Debug, Clone, Copy)]
pub enum Served<'a> {
    /// Docker does not answer.
    Unknown,
    /// No container serves the target.
    Nobody,
    By(&'a Found),
}

/// A target, by what the bucket and the containers say of it.
pub fn row(app: &App, name: &TargetName, past: &TargetPast, served: Served<'_>, now: Timestamp) -> Row {
    let config = &app.config;
    let shift = jitter(name.as_str(), config.jitter);
    let (schedule, drill_schedule) = match served {
        Served::By(found) => (&found.schedule, drill_schedule(app, found)),
        Served::Unknown => (&config.schedule, &config.drill_schedule),
        Served::Nobody => (&Schedule::Off, &Schedule::Off),
    };
    let facts = Facts { name, past, served, schedule, shift, now };
    let problems = facts.problems(app);
    let state = problems.iter().map(|(state, _)| *state).min().unwrap_or_else(|| facts.quiet());
    let last = past.newest.as_ref().map(|newest| newest.stamp.timestamp());
    let drilled = past.drilled.as_ref().map(|drilled| drilled.at);
    Row {
        target: name.clone(),
        state,
        problems: problems.into_iter().map(|(_, problem)| problem).collect(),
        backups: past.backups,
        newest: past.newest.as_ref().map(|newest| newest.stamp),
        last_good: past.last_good.as_ref().map(|backup| LastGood::of(backup, &past.sizes)),
        drill: past.drill.as_ref().map(LastDrill::of),
        next: next(schedule, last, now, |after| schedule.next_after_shifted(after, &config.time_zone, shift)),
        drill_next: next(drill_schedule, drilled, now, |after| {
            drill_schedule.next_after(after, &config.time_zone)
        }),
    }
}

/// The targets that are to be shown, and what is known of each: those that a container serves, and those that only have backups.
/// One that was forgotten on purpose is left out.
pub fn rows(app: &App, found: Option<&[Found]>, past: &Past, now: Timestamp) -> Vec<Row> {
    let none = TargetPast::default();
    let mut rows: Vec<Row> = Vec::new();
    for one in found.into_iter().flatten() {
        rows.push(row(app, &one.name, past.targets.get(&one.name).unwrap_or(&none), Served::By(one), now));
    }
    let is_served = |name: &TargetName| found.into_iter().flatten().any(|one| one.serves(name));
    let unserved = past.targets.iter().filter(|(name, past)| past.newest.is_some() && !is_served(name));
    for (name, past_of) in unserved.filter(|(name, _)| !past.forgotten.contains_key(*name)) {
        let served = if found.is_some() { Served::Nobody } else { Served::Unknown };
        rows.push(row(app, name, past_of, served, now));
    }
    rows.sort_by(|one, other| (one.state, &one.target).cmp(&(other.state, &other.target)));
    rows
}

fn drill_schedule<'a>(app: &'a App, found: &'a Found) -> &'a Schedule {
    match &found.state {
        Readiness::Ready(target) => {
            target.labels.drill.schedule.as_ref().unwrap_or(&app.config.drill_schedule)
        }
        Readiness::Unavailable { .. } | Readiness::Misconfigured { .. } => &app.config.drill_schedule,
    }
}

/// When something is due next that was done at `last`. What is due already is due now.
fn next(
    schedule: &Schedule,
    last: Option<Timestamp>,
    now: Timestamp,
    after: impl Fn(Timestamp) -> Option<Timestamp>,
) -> Option<Timestamp> {
    match schedule {
        // An interval counts from the last time.
        Schedule::Every(_) => after(last.unwrap_or(now)).map(|due| due.max(now)),
        Schedule::Cron(_) | Schedule::Off => after(now),
    }
}

/// What a state is found out from.
struct Facts<'a> {
    name: &'a TargetName,
    past: &'a TargetPast,
    served: Served<'a>,
    schedule: &'a Schedule,
    shift: Duration,
    now: Timestamp,
}

impl Facts<'_> {
    fn problems(&self, app: &App) -> Vec<(TargetState, String)> {
        let drill = self.past.drilled.as_ref().and_then(|drilled| drilled.problem.clone());
        let all = [
            self.container(),
            self.newest(),
            self.overdue(app),
            drill.map(|problem| (TargetState::DrillFailed, problem)),
        ];
        all.into_iter().flatten().collect()
    }

    fn container(&self) -> Option<(TargetState, String)> {
        match self.served {
            Served::By(Found { state: Readiness::Misconfigured { reason }, .. }) => {
                Some((TargetState::Misconfigured, reason.clone()))
            }
            // Another host's target has its container there.
            Served::Nobody if self.past.is_ours => {
                let name = self.name;
                let cure = format!("if that is meant, run `dumpcar forget {name}`");
                Some((TargetState::Unserved, format!("no container serves it any more; {cure}")))
            }
            Served::By(_) | Served::Nobody | Served::Unknown => None,
        }
    }

    fn newest(&self) -> Option<(TargetState, String)> {
        let newest = self.past.newest.as_ref()?;
        let problem = newest.problem.as_ref()?;
        let cure = if problem.starts_with("suspicious") {
            format!("; {}", accept_it(self.name))
        } else {
            String::new()
        };
        Some((TargetState::NotGood, format!("the newest backup {} is {problem}{cure}", newest.stamp)))
    }

    fn overdue(&self, app: &App) -> Option<(TargetState, String)> {
        let good = self.past.newest_good?.timestamp();
        let (tz, schedule) = (&app.config.time_zone, self.schedule);
        let overdue_at = schedule.overdue_at(good, tz, self.shift)?;
        (overdue_at <= self.now).then(|| {
            let newest = local(good, tz);
            (
                TargetState::Overdue,
                format!("no good backup in time: the newest is of {newest}, the schedule is {schedule}"),
            )
        })
    }

    /// Nothing is wrong.
    fn quiet(&self) -> TargetState {
        match self.served {
            Served::By(Found { state: Readiness::Unavailable { .. }, .. }) => TargetState::NotRunning,
            Served::By(_) | Served::Nobody | Served::Unknown if self.past.newest_good.is_none() => {
                TargetState::NoBackup
            }
            Served::By(_) | Served::Nobody | Served::Unknown => TargetState::Good,
        }
    }
}

impl LastGood {
    fn of(backup: &PastBackup, sizes: &[u64]) -> Self {
        let usual = Trend::of(sizes).map(|trend| trend.usual);
        Self {
            backup: backup.stamp,
            elapsed: backup.elapsed,
            plain_bytes: backup.plain_bytes,
            stored_bytes: backup.stored_bytes,
            usual_bytes: usual,
        }
    }

    /// By how much it is larger than usual, for people.
    fn change(&self) -> Option<String> {
        Trend { newest: self.stored_bytes, usual: self.usual_bytes? }.words()
    }
}

impl LastDrill {
    fn of(drill: &PastDrill) -> Self {
        let PastDrill { backup, at, remarks, problem, .. } = drill;
        Self { backup: *backup, at: *at, remarks: remarks.len(), problem: problem.clone() }
    }
}

#[cfg(test)]
mod tests;
