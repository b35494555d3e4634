//! The daemon's own drills: `DUMPCAR_DRILL_SCHEDULE` and the label `dumpcar.drill`.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{CLOCK_SET, STEP};
use crate::app::App;
use crate::clock;
use crate::discovery::{Found, State, Target};
use crate::health::Health;
use crate::jobs::drill;
use crate::jobs::error::JobError;
use crate::jobs::good;
use crate::model::key::Stamp;
use crate::model::schedule::Schedule;
use crate::model::target::TargetName;
use crate::pipeline::Progress;

/// Drills the newest backup of each target on its schedule, one after the other, until told to stop.
///
/// A backup that is not good makes the daemon unhealthy until a later drill of the same target is good; so does a drill that has
/// found nothing out, from the second time in a row.
pub async fn run(
    app: &App,
    health: &Health,
    judge: &Judge,
    stop: &CancellationToken,
    mut targets: watch::Receiver<Schedules>,
) {
    let mut plan = Plan::default();
    let mut last_turn = Timestamp::MIN;
    loop {
        let now = clock::now();
        if last_turn > now + CLOCK_SET {
            // What was planned by the wrong time may be years away.
            plan = Plan::default();
        }
        last_turn = now;
        plan.meet(&targets.borrow_and_update(), app, now);
        for target in plan.due(app, now) {
            if stop.is_cancelled() {
                return;
            }
            // A panic is a bug, but the backups go on.
            let found = AssertUnwindSafe(drill_newest(app, &target, stop)).catch_unwind().await;
            let panicked = |_| {
                Ended::Failed(None, "Dumpcar itself failed: please report the panic in the log".to_owned())
            };
            judge.ended(health, &target, found.unwrap_or_else(panicked));
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Ok(()) = targets.changed() => {}
            () = tokio::time::sleep(STEP) => {}
        }
    }
}

/// The targets that were seen, and when each is to be drilled.
pub type Schedules = BTreeMap<TargetName, Schedule>;

/// What is said of drills where the targets were found.
pub fn schedules(app: &App, found: &[Found]) -> Schedules {
    let ready = found.iter().filter_map(|one| match &one.state {
        State::Ready(target) => Some(target),
        State::Unavailable { .. } | State::Invalid { .. } => None,
    });
    ready
        .map(|target| {
            let schedule = target.labels.drill.schedule.as_ref().unwrap_or(&app.config.drill_schedule);
            (target.name.clone(), schedule.clone())
        })
        .collect()
}

/// When each target is drilled next.
#[derive(Default)]
struct Plan(BTreeMap<TargetName, (Schedule, Option<Timestamp>)>);

impl Plan {
    /// Takes in the targets. One that is not there now keeps its time: its backup is as good or bad as before.
    fn meet(&mut self, targets: &Schedules, app: &App, now: Timestamp) {
        for (name, schedule) in targets {
            if self.0.get(name).is_some_and(|(known, _)| known == schedule) {
                continue;
            }
            let next = schedule.next_after(now, &app.config.time_zone);
            if let Some(next) = next {
                let next = next.to_zoned(app.config.time_zone.clone());
                info!(target = %name, next = %next.strftime("%Y-%m-%dT%H:%M:%S%:z"), "drill planned");
            }
            self.0.insert(name.clone(), (schedule.clone(), next));
        }
    }

    /// The targets whose time has come; their next one is planned from now.
    fn due(&mut self, app: &App, now: Timestamp) -> Vec<TargetName> {
        let mut due = Vec::new();
        for (name, (schedule, next)) in &mut self.0 {
            if next.is_some_and(|next| next <= now) {
                due.push(name.clone());
                *next = schedule.next_after(now, &app.config.time_zone);
            }
        }
        due
    }
}

/// What drills have found so far, those of the schedule and those by hand.
#[derive(Debug, Clone, Default)]
pub struct Judge(Arc<Mutex<Streaks>>);

impl Judge {
    fn ended(&self, health: &Health, target: &TargetName, ended: Ended) {
        let judged = self.0.lock().unwrap_or_else(PoisonError::into_inner).judge(target, ended);
        if let Some(problem) = judged {
            health.set_drill(target, problem);
        }
    }

    /// Somebody drilled the target's last good backup by hand.
    pub(super) fn take(
        &self,
        health: &Health,
        target: &TargetName,
        backup: Option<Stamp>,
        problem: Option<String>,
    ) {
        self.ended(
            health,
            target,
            problem.map_or(Ended::Good(backup), |problem| Ended::Failed(backup, problem)),
        );
    }
}

/// How a drill of a backup ended.
enum Ended {
    Good(Option<Stamp>),
    Failed(Option<Stamp>, String),
    Inconclusive(String),
    /// There was none.
    Stopped,
}

#[derive(Debug, Default)]
struct Streaks {
    /// How many drills in a row have found nothing out.
    unknown: BTreeMap<TargetName, u32>,
    /// The backups that are not good.
    bad: BTreeMap<TargetName, Stamp>,
}

impl Streaks {
    /// What the health is to say of the target now; `None` where that stays what it was.
    fn judge(&mut self, target: &TargetName, ended: Ended) -> Option<Option<String>> {
        /// Once may be bad luck.
        const TOO_MANY: u32 = 2;
        let is_older = |stamp: Option<Stamp>| {
            stamp.is_some_and(|stamp| self.bad.get(target).is_some_and(|bad| stamp < *bad))
        };
        let problem = match ended {
            Ended::Stopped => return None,
            // That of an older one says nothing about the newer.
            Ended::Good(stamp) | Ended::Failed(stamp, _) if is_older(stamp) => return None,
            Ended::Inconclusive(problem) => {
                let streak = self.unknown.entry(target.clone()).or_default();
                *streak = streak.saturating_add(1);
                return (*streak >= TOO_MANY).then(|| Some(format!("{problem} ({streak} times in a row)")));
            }
            Ended::Failed(stamp, problem) => {
                if let Some(stamp) = stamp {
                    self.bad.insert(target.clone(), stamp);
                }
                Some(problem)
            }
            Ended::Good(_) => {
                self.bad.remove(target);
                None
            }
        };
        self.unknown.remove(target);
        Some(problem)
    }
}

async fn drill_newest(app: &App, name: &TargetName, stop: &CancellationToken) -> Ended {
    drill::sweep(app).await;
    let unknown = |error: JobError| {
        error!(target = %name, problem = %error, "drill inconclusive");
        Ended::Inconclusive(format!("drill of its newest backup inconclusive: {error}"))
    };
    let target = app.target(name).await;
    let names = target.as_ref().map_or_else(|| vec![name.clone()], Target::names);
    let key = match app.store.catalog_of(&names).await {
        // That there is none is for the backups' own schedule to say.
        Ok(catalog) => match good::newest_signed(&app.store, &catalog.history(&names)).await {
            Ok(Some(newest)) => newest,
            Ok(None) => return Ended::Good(None),
            Err(error) => return unknown(error.into()),
        },
        Err(error) => return unknown(error.into()),
    };
    let manifest = match app.store.manifest(&key).await {
        Ok(manifest) => manifest,
        Err(error) => return unknown(error.into()),
    };
    info!(backup = %key, "drill started");
    let progress = Progress::default();
    match Box::pin(drill::run(app, &key, &manifest, target.as_ref(), stop, &progress)).await {
        Ok(drilled) => {
            drill::log(&key, &drilled);
            let bad = drilled.detail.map(|problem| format!("the backup {key} is not good: {problem}"));
            bad.map_or(Ended::Good(Some(key.stamp)), |problem| Ended::Failed(Some(key.stamp), problem))
        }
        Err(error) if error.is_stopped() => Ended::Stopped,
        Err(error) => unknown(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_second_inconclusive_drill_in_a_row_is_unhealthy() {
        let target: TargetName = "shop".parse().unwrap();
        let mut streaks = Streaks::default();
        let mut judge = |ended| streaks.judge(&target, ended);
        let unknown = || Ended::Inconclusive("no memory".to_owned());
        // The first one changes nothing.
        assert_eq!(judge(unknown()), None);
        assert_eq!(judge(unknown()), Some(Some("no memory (2 times in a row)".to_owned())));
        assert_eq!(judge(Ended::Stopped), None);
        assert_eq!(judge(unknown()), Some(Some("no memory (3 times in a row)".to_owned())));
        assert_eq!(judge(Ended::Good(None)), Some(None));
        assert_eq!(judge(unknown()), None);
        assert_eq!(judge(Ended::Failed(None, "lost".to_owned())), Some(Some("lost".to_owned())));
        // What is known to be bad stays so.
        assert_eq!(judge(unknown()), None);
    }
    #[test]
    fn a_good_drill_of_an_older_backup_clears_nothing() {
        let target: TargetName = "shop".parse().unwrap();
        let mut streaks = Streaks::default();
        let mut judge = |ended| streaks.judge(&target, ended);
        let stamp = |day: u32| Some(format!("2026-11-{day:02}T23-00-00Z").parse().unwrap());
        let lost = || "lost".to_owned();
        assert_eq!(judge(Ended::Failed(stamp(20), lost())), Some(Some(lost())));
        assert_eq!(judge(Ended::Good(stamp(19))), None);
        assert_eq!(judge(Ended::Failed(stamp(18), "old".to_owned())), None);
        assert_eq!(judge(Ended::Good(stamp(20))), Some(None));
        assert_eq!(judge(Ended::Good(stamp(19))), Some(None));
    }
}
