//! The daemon's loop: who is due, who runs, who has gone.

mod absent;
pub mod by_hand;
mod chore;
pub mod drill;
mod trouble;
pub mod verify;
mod wave;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::app::App;
use crate::clock;
use crate::discovery::{self, Found, State, Target, label_start};
use crate::docker::DockerError;
use crate::health::Health;
use crate::jobs::backup::{self, Order};
use crate::jobs::{good, readme, sweep};
use crate::model::schedule::{Schedule, jitter};
use crate::model::target::TargetName;
use crate::model::trigger::Trigger;
use crate::outcome::{Outcome, Verdict, accept_it};
use crate::pipeline::Progress;
use crate::signals::Request;
use crate::store::{Catalog, StoreError};
use crate::told::{Event, Job, Word};
use absent::Absent;
use trouble::{Saying, Trouble};
pub use wave::Wave;

/// The loop looks at the clock at least this often: sleeping until a time of day would miss a suspended machine or a
/// clock that was set.
const STEP: Duration = Duration::from_secs(20);

/// How long the loop waits for more Docker events before it looks: `compose up` makes many at once.
const SETTLE: Duration = Duration::from_millis(500);

/// How long the loop waits before it asks a Docker or a store again that did not answer.
const RETRY: Duration = Duration::from_secs(15);

/// Without any event the containers are looked at this often, in case one was missed.
const RELOOK: Duration = Duration::from_secs(600);

/// A target as the daemon remembers it.
#[derive(Debug)]
struct Known {
    /// The names it had before.
    was: Vec<TargetName>,
    schedule: Schedule,
    /// When it runs next; `None` while its schedule is off or not yet worked out.
    due: Option<Timestamp>,
    /// What makes it due then.
    trigger: Trigger,
    /// It was there at the last look.
    is_present: bool,
    /// Its schedule was worked out from the bucket.
    is_planned: bool,
    /// Its labels were wrong at the last look.
    is_invalid: bool,
    /// When it was reported that it is not there.
    reported: Option<Timestamp>,
    /// It was away, and is back since the last look.
    is_back: bool,
}

/// The daemon.
#[derive(Debug)]
pub struct Scheduler {
    app: Arc<App>,
    health: Health,
    stop: CancellationToken,
    known: BTreeMap<TargetName, Known>,
    running: BTreeSet<TargetName>,
    runs: JoinSet<Outcome>,
    slots: Arc<Semaphore>,
    /// Tells the drills' own loop what was seen: Docker is asked once for both.
    drills: watch::Sender<drill::Schedules>,
    /// When to look at the containers next.
    look_at: Timestamp,
    is_first_look: bool,
    /// What killed processes have left was looked for.
    is_swept: bool,
    absent: Absent,
    /// What is wrong with Docker, and with the store.
    docker: Trouble,
    store: Trouble,
    /// The store has refused something since the last look began.
    is_refused: bool,
    /// What became of the targets that run together.
    wave: Wave,
    /// The time of the last turn of the loop.
    last_turn: Timestamp,
}

/// A clock that goes back by more than this was set.
const CLOCK_SET: Duration = Duration::from_secs(60);

impl Scheduler {
    pub fn new(
        app: Arc<App>,
        health: Health,
        stop: CancellationToken,
        drills: watch::Sender<drill::Schedules>,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(app.config.parallel.try_into().unwrap_or(1)));
        Self {
            app,
            health,
            stop,
            known: BTreeMap::new(),
            running: BTreeSet::new(),
            runs: JoinSet::new(),
            slots,
            drills,
            look_at: Timestamp::MIN,
            is_first_look: true,
            is_swept: false,
            absent: Absent::default(),
            docker: Trouble::default(),
            store: Trouble::default(),
            is_refused: false,
            wave: Wave::default(),
            last_turn: Timestamp::MIN,
        }
    }

    /// Runs until told to stop, and then until every run has cleaned up.
    pub async fn run(
        mut self,
        mut requests: mpsc::UnboundedReceiver<Request>,
        mut by_hand: mpsc::UnboundedReceiver<Word>,
    ) {
        let (changed, mut changes) = mpsc::channel(1);
        let watcher = tokio::spawn(watch_containers(Arc::clone(&self.app), changed, self.stop.clone()));
        let stop = self.stop.clone();
        loop {
            let now = clock::now();
            if self.last_turn > now + CLOCK_SET {
                // What was planned by the wrong time may be years away.
                warn!("the clock was set back: planning anew");
                self.known.values_mut().for_each(|known| known.is_planned = false);
                self.look_at = Timestamp::MIN;
            }
            self.last_turn = now;
            if now >= self.look_at {
                self.look(now).await;
            }
            self.start_due(clock::now()).await;
            self.end_wave();
            let wait = self.until_next(clock::now());
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(request) = requests.recv() => self.take_request(request).await,
                Some(word) = by_hand.recv() => self.take_word(&word).await,
                Some(ended) = self.runs.join_next() => self.take_outcome(ended),
                Some(()) = changes.recv() => {
                    tokio::time::sleep(SETTLE).await;
                    self.look_at = Timestamp::MIN;
                }
                () = tokio::time::sleep(wait) => {}
            }
        }
        info!(runs = self.running.len(), "stopping");
        while let Some(ended) = self.runs.join_next().await {
            self.take_outcome(ended);
        }
        watcher.abort();
    }

    async fn take_request(&mut self, request: Request) {
        match request {
            Request::BackUpNow => {
                info!("asked to back up now");
                let now = clock::now();
                self.look(now).await;
                // Those that have gone as well: that they cannot be backed up is the answer.
                for known in self.known.values_mut() {
                    (known.due, known.trigger) = (Some(now), Trigger::Manual);
                }
            }
            Request::Rediscover => {
                info!("asked to look at the containers again");
                self.look(clock::now()).await;
            }
        }
    }

    /// Somebody did something by hand in this container.
    async fn take_word(&mut self, word: &Word) {
        match (word.job, &word.event, word.backup) {
            (Job::Backup, Event::Good(_) | Event::Bad(_), Some(backup)) => {
                // An interval counts from the newest backup, whichever process made it.
                if let Some(known) = self.known.get_mut(&word.target)
                    && matches!(known.schedule, Schedule::Every(_))
                {
                    let after = backup.timestamp();
                    known.due = next_due(&known.schedule, &word.target, after, &self.app);
                    known.trigger = Trigger::Schedule;
                    let next = known.due.map(|due| shown(due, &self.app));
                    info!(target = %word.target, next, "planned");
                }
            }
            // What the bucket says of it now ends the alarms for good.
            (Job::Forget, Event::Good(_), _) => self.look(clock::now()).await,
            _ => {}
        }
    }

    fn until_next(&self, now: Timestamp) -> Duration {
        let due = self
            .known
            .iter()
            .filter(|(name, _)| !self.running.contains(*name))
            .filter_map(|(_, known)| known.due);
        let next = due.chain([self.look_at]).min().unwrap_or(now);
        Duration::try_from(now.duration_until(next)).unwrap_or_default().clamp(Duration::from_millis(1), STEP)
    }

    /// Looks at the containers, and plans the targets that are new.
    async fn look(&mut self, now: Timestamp) {
        let (found, others) = match self.app.discover_all().await {
            Ok(found) => found,
            Err(error) => {
                self.docker_refused(&error);
                self.look_at = now + RETRY;
                return;
            }
        };
        self.docker_answered();
        self.is_refused = false;
        self.look_at = now + RELOOK;
        let mut served = others;
        served.extend(found.iter().flat_map(|one| discovery::names(&one.name, &one.was)));
        self.absent.welcome(&served, &self.health);
        let nothing = found.is_empty().then(|| self.app.nothing_labelled());
        if let (Some(nothing), true) =
            (&nothing, self.is_first_look || self.known.values().any(|known| known.is_present))
        {
            warn!("{nothing}");
        }
        self.health.set_daemon(nothing);
        self.forget_gone(&found);
        self.drills.send_replace(drill::schedules(&self.app, &found));
        for one in found {
            self.meet(one);
        }
        self.sweep().await;
        let catalog = self.plan_new(now).await;
        self.tell_absent(catalog.as_ref(), &served, now).await;
        if !self.is_refused
            && let Some(lasted) = self.store.answered(Instant::now())
        {
            info!(after = %lasts(lasted), "the store answers again");
        }
        self.is_first_look = false;
    }

    fn docker_refused(&mut self, error: &DockerError) {
        match self.docker.refused(Instant::now()) {
            Saying::First => error!(%error, "cannot look at the containers"),
            Saying::Still(lasted) => {
                error!(%error, since = %lasts(lasted), "still cannot look at the containers");
            }
            Saying::Nothing => {}
        }
        self.health.set_daemon(Some(error.to_string()));
    }

    fn docker_answered(&mut self) {
        if let Some(lasted) = self.docker.answered(Instant::now()) {
            info!(after = %lasts(lasted), "Docker answers again");
        }
    }

    /// The first refusal of a look speaks for all of them.
    fn store_refused(&mut self, error: &StoreError, what: &str) {
        if std::mem::replace(&mut self.is_refused, true) {
            return;
        }
        match self.store.refused(Instant::now()) {
            Saying::First => error!(%error, "{what}"),
            Saying::Still(lasted) => error!(%error, since = %lasts(lasted), "still {what}"),
            Saying::Nothing => {}
        }
    }

    /// Cleans up after processes that were killed, whatever their targets; once, before anything is started.
    async fn sweep(&mut self) {
        if self.is_swept {
            return;
        }
        match self.stop.run_until_cancelled(sweep::sweep(&self.app, None, None)).await {
            Some(Ok(_)) => self.is_swept = true,
            Some(Err(error)) => self.store_refused(&error, "cannot look for what killed runs have left"),
            None => {}
        }
    }

    fn forget_gone(&mut self, found: &[Found]) {
        let Self { known, health, app, .. } = self;
        known.retain(|name, known| {
            let is_present = found.iter().any(|one| one.name == *name);
            let new_name = found.iter().find(|one| one.name != *name && one.serves(name));
            if let (false, Some(new)) = (is_present, new_name) {
                info!(target = %name, now = %new.name, "target has a new name");
                health.set_target(name, None);
                return false;
            }
            if known.is_present && !is_present {
                // Not forgotten: when it is due and still gone, that is a failure.
                let next = known.due.map(|due| shown(due, app));
                info!(target = %name, next, "target disappeared");
            }
            known.is_present &= is_present;
            true
        });
    }

    /// Tells once a day what the bucket has and no container serves, and drops what somebody has forgotten on purpose.
    async fn tell_absent(
        &mut self,
        catalog: Option<&Catalog>,
        served: &BTreeSet<TargetName>,
        now: Timestamp,
    ) {
        let gone = self.known.iter().filter(|(_, known)| !known.is_present);
        let gone = gone.map(|(name, known)| (name.clone(), known.reported)).collect();
        let looked = self.absent.look(&self.app, &self.health, catalog, served, &gone, now);
        match self.stop.run_until_cancelled(Box::pin(looked)).await {
            Some(Ok(forgotten)) => self.known.retain(|name, _| !forgotten.contains(name)),
            Some(Err(error)) => {
                self.store_refused(
                    &error,
                    "cannot look into the bucket for targets that no container serves",
                );
            }
            None => {}
        }
    }

    fn meet(&mut self, one: Found) {
        let is_new = self.known.get(&one.name).is_none_or(|known| !known.is_present);
        // One that is back is told when it is planned.
        let is_unknown = !self.known.contains_key(&one.name);
        match &one.state {
            State::Ready(target) if is_unknown => info!(
                target = %one.name, engine = target.engine.name(), container = target.container.name,
                schedule = %one.schedule, "target found"
            ),
            State::Unavailable { reason, .. } if is_new => {
                warn!(target = %one.name, %reason, "target cannot be backed up now");
            }
            State::Invalid { reason } => {
                let was_invalid = self.known.get(&one.name).is_some_and(|known| known.is_invalid);
                if is_new || !was_invalid {
                    error!(target = %one.name, %reason, "target is misconfigured");
                }
                self.health.set_target(&one.name, Some(reason.clone()));
            }
            State::Ready(_) | State::Unavailable { .. } => {}
        }
        let is_invalid = matches!(one.state, State::Invalid { .. });
        let name = one.name.clone();
        let known = self.known.entry(one.name).or_insert_with(|| Known {
            was: Vec::new(),
            schedule: one.schedule.clone(),
            due: None,
            trigger: Trigger::Schedule,
            is_present: true,
            is_planned: false,
            is_invalid: false,
            reported: None,
            is_back: false,
        });
        if !known.is_present {
            (known.is_back, known.is_planned) = (true, false);
            if known.reported.take().is_some() && !is_invalid {
                self.health.set_target(&name, None);
            }
        }
        known.is_present = true;
        known.was = one.was;
        if known.is_invalid && !is_invalid {
            self.health.set_target(&name, None);
        }
        known.is_invalid = is_invalid;
        if known.schedule != one.schedule {
            known.schedule = one.schedule;
            known.is_planned = false;
        }
    }

    /// Works out when new targets run: now after a missed run, else by their schedule. Returns what was listed for that.
    async fn plan_new(&mut self, now: Timestamp) -> Option<Catalog> {
        if self.known.values().all(|known| known.is_planned) {
            return None;
        }
        let app = Arc::clone(&self.app);
        let config = &app.config;
        let on_start = config.on_start && self.is_first_look;
        let mut is_certain = true;
        let listed = match config.catch_up {
            true => self.app.store.catalog(None).await.map(Some),
            false => Ok(None),
        };
        let catalog = match listed {
            Ok(catalog) => catalog,
            // Keys that may only write cannot tell what was missed.
            Err(error) if !config.prune && error.is_denied() => None,
            Err(error) => {
                // After a reboot the network may come later than this process. Until then the schedule goes on, and the
                // next look asks again what was missed.
                self.store_refused(&error, "cannot look into the bucket for missed backups");
                self.health.set_daemon(Some(error.to_string()));
                self.look_at = now + RETRY;
                is_certain = false;
                None
            }
        };
        let mut refused = None;
        for (name, known) in &mut self.known {
            if known.is_planned {
                continue;
            }
            // One dated in the future (a clock that was wrong) says nothing about what was missed.
            let names = discovery::names(name, &known.was);
            let mut backups = catalog.as_ref().map(|catalog| catalog.history(&names)).unwrap_or_default();
            backups.retain(|backup| backup.key.stamp.timestamp() <= now);
            let newest = match good::newest_signed(&app.store, &backups).await {
                Ok(newest) => newest.map(|key| key.stamp.timestamp()),
                Err(error) => {
                    refused = Some(error);
                    self.look_at = now + RETRY;
                    is_certain = false;
                    None
                }
            };
            known.is_planned = is_certain;
            let missed =
                newest.is_some_and(|newest| known.schedule.is_missed(newest, now, &config.time_zone));
            let due_before = known.due;
            known.trigger = match (missed, on_start) {
                (true, _) => Trigger::CatchUp,
                (false, true) => Trigger::Start,
                (false, false) => Trigger::Schedule,
            };
            known.due = if on_start || missed {
                if missed {
                    info!(target = %name, "a scheduled backup was missed: catching up");
                }
                Some(now)
            } else {
                // An interval counts from the newest backup, whichever process made it.
                let anchor = match known.schedule {
                    Schedule::Every(_) if config.catch_up => newest.unwrap_or(now),
                    Schedule::Every(_) | Schedule::Cron(_) | Schedule::Off => now,
                };
                next_due(&known.schedule, name, anchor, &app)
            };
            if std::mem::take(&mut known.is_back) {
                let next = known.due.map(|due| shown(due, &app));
                info!(target = %name, next, "target is back");
            } else if let Some(due) = known.due.filter(|_| known.due != due_before) {
                info!(target = %name, next = shown(due, &app), "planned");
            }
        }
        if let Some(error) = refused {
            self.store_refused(&error, "cannot tell whether a backup was missed");
        }
        catalog
    }

    /// Starts every target that is due, unless it is already running.
    async fn start_due(&mut self, now: Timestamp) {
        let due: BTreeSet<TargetName> = self
            .known
            .iter()
            .filter(|(name, known)| known.due.is_some_and(|due| due <= now) && !self.running.contains(*name))
            .map(|(name, _)| name.clone())
            .collect();
        if due.is_empty() {
            return;
        }
        // Fresh: a container may have been replaced since the last look.
        let mut found = match self.app.discover().await {
            Ok(found) => found,
            Err(error) => {
                self.docker_refused(&error);
                self.look_at = self.look_at.min(now + RETRY);
                for (_, known) in self.known.iter_mut().filter(|(name, _)| due.contains(*name)) {
                    known.due = Some(now + RETRY);
                }
                return;
            }
        };
        for name in due {
            let Some(known) = self.known.get_mut(&name) else { continue };
            let trigger = std::mem::replace(&mut known.trigger, Trigger::Schedule);
            known.due = next_due(&known.schedule, &name, now, &self.app);
            let verdict =
                match found.iter().position(|one| one.name == name).map(|at| found.swap_remove(at).state) {
                    Some(State::Ready(target)) => {
                        self.running.insert(name.clone());
                        let (app, slots) = (Arc::clone(&self.app), Arc::clone(&self.slots));
                        let run = run_one(app, slots, *target, trigger, self.stop.clone());
                        self.runs.spawn(run);
                        continue;
                    }
                    Some(State::Unavailable { reason, .. }) => Verdict::Skipped { reason },
                    Some(State::Invalid { reason }) => Verdict::Failed { reason },
                    None => {
                        // From here on it is told once a day.
                        (known.reported, known.due) = (Some(now), None);
                        let prefix = &self.app.config.label_prefix;
                        Verdict::Skipped {
                            reason: format!("its container disappeared; {}", absent::cure(&name, prefix)),
                        }
                    }
                };
            self.report(&Outcome { target: name, verdict });
        }
    }

    fn take_outcome(&mut self, ended: Result<Outcome, tokio::task::JoinError>) {
        let outcome = match ended {
            Ok(outcome) => outcome,
            Err(error) => {
                error!(%error, "a run broke off");
                return;
            }
        };
        self.running.remove(&outcome.target);
        let now = clock::now();
        if let Some(known) = self.known.get_mut(&outcome.target)
            && known.due.is_some_and(|due| due <= now)
        {
            info!(target = %outcome.target, "a scheduled time went by while it ran: skipped");
            known.due = next_due(&known.schedule, &outcome.target, now, &self.app);
            known.trigger = Trigger::Schedule;
        }
        if matches!(outcome.verdict, Verdict::Done(_)) {
            // By the way: nothing waits for it.
            let app = Arc::clone(&self.app);
            tokio::spawn(async move { readme::keep(&app).await });
        }
        self.report(&outcome);
    }

    fn report(&mut self, outcome: &Outcome) {
        log_outcome(outcome);
        self.wave.take(outcome);
        if outcome.verdict != Verdict::Stopped {
            self.health.record(outcome);
        }
    }

    /// Says what became of those that ran together, once none runs any more.
    fn end_wave(&mut self) {
        if !self.running.is_empty() {
            return;
        }
        let next = self.known.values().filter_map(|known| known.due).min();
        if let Some(line) = std::mem::take(&mut self.wave).end(next, &self.app.config.time_zone) {
            info!("{line}");
        }
    }
}

/// A span of time in whole seconds, for the log.
fn lasts(time: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(time.as_secs()))
}

/// A time as the log has it.
fn shown(time: Timestamp, app: &App) -> String {
    time.to_zoned(app.config.time_zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn next_due(schedule: &Schedule, name: &TargetName, after: Timestamp, app: &App) -> Option<Timestamp> {
    let next = schedule.next_after(after, &app.config.time_zone)?;
    Some(next + jitter(name.as_str(), app.config.jitter))
}

async fn run_one(
    app: Arc<App>,
    slots: Arc<Semaphore>,
    target: Target,
    trigger: Trigger,
    stop: CancellationToken,
) -> Outcome {
    let name = target.name.clone();
    let slot = tokio::select! {
        biased;
        () = stop.cancelled() => return Outcome { target: name, verdict: Verdict::Stopped },
        slot = slots.acquire_owned() => slot,
    };
    info!(target = %name, engine = target.engine.name(), trigger = trigger.name(), "backup started");
    let (order, progress) = (Order::of(trigger), Arc::new(Progress::default()));
    let verdict = backup::run_guarded(app, target, order, stop, progress).await;
    drop(slot);
    Outcome { target: name, verdict }
}

/// One line for the end of a run.
pub fn log_outcome(outcome: &Outcome) {
    let target = &outcome.target;
    match &outcome.verdict {
        Verdict::Done(summary) => {
            info!(
                %target, backup = %summary.stamp, objects = summary.objects, plain_bytes = summary.plain_bytes,
                bytes = summary.stored_bytes, pruned = summary.pruned,
                elapsed_ms = u64::try_from(summary.elapsed.as_millis()).unwrap_or(u64::MAX), "backup committed"
            );
            if let Some(missing) = &summary.incomplete {
                error!(%target, backup = %summary.stamp, reason = missing, "the backup is incomplete");
            }
            if let Some(reason) = &summary.suspicious {
                error!(%target, backup = %summary.stamp, %reason, "the backup is suspicious; {}", accept_it(target));
            }
            if let Some(replaced) = summary.accepted_smaller_than {
                info!(%target, backup = %summary.stamp, %replaced, "the smaller backup is accepted; the one before it stays for a week");
            }
            for problem in &summary.problems {
                error!(%target, %problem, "the backup is good, but something else went wrong");
            }
        }
        Verdict::Skipped { reason } => error!(%target, %reason, "not backed up"),
        Verdict::Failed { reason } => error!(%target, %reason, "backup failed"),
        Verdict::Stopped => warn!(%target, "backup stopped before it was done"),
    }
}

/// Reports that something happened to a labelled container, for as long as the process runs.
///
/// After every break in the connection it reports once, since events may have been missed.
async fn watch_containers(app: Arc<App>, changed: mpsc::Sender<()>, stop: CancellationToken) {
    let label_start = label_start(&app.config.label_prefix);
    while !stop.is_cancelled() {
        let mut changes = pin!(app.docker.changes(&label_start));
        while let Some(Ok(_)) = changes.next().await {
            report_change(&changed);
        }
        tokio::time::sleep(RETRY).await;
        report_change(&changed);
    }
}

fn report_change(changed: &mpsc::Sender<()>) {
    // Full means that a report is waiting already, and one is enough.
    if let Err(mpsc::error::TrySendError::Closed(())) = changed.try_send(()) {
        tracing::debug!("nobody waits for changes any more");
    }
}
