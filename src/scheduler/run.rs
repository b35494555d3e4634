//! The loop: it hands the plan what happened, and does what the plan asks for, all of it at the same time. So it never waits for
//! anything but the next event, and a stop is heard at once, whatever is going on.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::plan::{Action, Condition, DrillEnd, Input, Look, Pauses, Refusal, Seen, Settings, State};
use super::{chores, watch};
use crate::app::App;
use crate::clock;
use crate::discovery::{Found, Readiness};
use crate::docker::DockerError;
use crate::jobs::backup::{self, Order};
use crate::jobs::error::{JobError, JobErrorKind};
use crate::jobs::{past, readme, record, sweep};
use crate::model::forgotten::Forgotten;
use crate::model::job::Job;
use crate::model::target::TargetName;
use crate::model::trigger::Trigger;
use crate::outcome::{Outcome, PANICKED, Verdict};
use crate::report::{Change, End, Event, Reporter, Run};
use crate::signals::Request;
use crate::store::{StoreError, StoreErrorKind};
use crate::told::{Heard, Listener};

/// The loop looks at the clock at least this often: sleeping until a time of day would miss a suspended machine or a
/// clock that was set.
const STEP: Duration = Duration::from_secs(20);

/// What comes of a task.
struct Came {
    input: Input,
    /// The containers that were seen.
    found: Option<BTreeMap<TargetName, Found>>,
}

impl From<Input> for Came {
    fn from(input: Input) -> Self {
        Self { input, found: None }
    }
}

/// The daemon.
#[derive(Debug)]
pub struct Scheduler {
    app: Arc<App>,
    reporter: Reporter,
    stop: CancellationToken,
    plan: State,
    /// The containers as they were at the last look.
    found: BTreeMap<TargetName, Found>,
    tasks: FuturesUnordered<LocalBoxFuture<'static, Came>>,
}

impl Scheduler {
    pub fn new(app: Arc<App>, reporter: Reporter, stop: CancellationToken) -> Self {
        let plan = State::new(settings(&app), clock::now());
        Self { app, reporter, stop, plan, found: BTreeMap::new(), tasks: FuturesUnordered::new() }
    }

    /// Runs until told to stop, and then until every run has cleaned up.
    pub async fn run(mut self, mut requests: mpsc::UnboundedReceiver<Request>, listener: Listener) {
        let (changed, mut changes) = mpsc::channel(1);
        let watcher = tokio::spawn(watch::containers(Arc::clone(&self.app), changed));
        let (hears, mut by_hand) = mpsc::channel(1);
        let ear = tokio::spawn(hear(listener, hears));
        let stop = self.stop.clone();
        self.turn(Input::Tick.into());
        loop {
            let wait = self.until_next(clock::now());
            // Whoever did something by hand waits until this is dropped.
            let mut heard = None;
            let came = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(request) = requests.recv() => match request {
                    Request::BackUpNow => Input::BackUpNow.into(),
                    Request::Rediscover => Input::LookAgain.into(),
                },
                Some(told) = by_hand.recv() => Input::ByHand(heard.insert(told).message.clone()).into(),
                Some(came) = self.tasks.next() => came,
                Some(()) = changes.recv() => Input::Changed.into(),
                () = tokio::time::sleep(wait) => Input::Tick.into(),
            };
            self.turn(came);
            drop(heard);
        }
        self.turn(Input::Stop.into());
        while let Some(came) = self.tasks.next().await {
            self.turn(came);
        }
        watcher.abort();
        ear.abort();
    }

    fn until_next(&self, now: Timestamp) -> Duration {
        let wake = self.plan.wake(now);
        let wait = wake.map_or(STEP, |wake| Duration::try_from(now.duration_until(wake)).unwrap_or_default());
        wait.clamp(Duration::from_millis(1), STEP)
    }

    fn turn(&mut self, came: Came) {
        let Came { input, found } = came;
        if let Some(found) = found {
            self.report_pings(&found);
            self.found = found;
        }
        let now = clock::now();
        let actions = self.plan.turn(input, now);
        self.plan.events().iter().for_each(|event| self.reporter.send(event));
        self.reporter.send(&Event::Alive);
        actions.into_iter().for_each(|action| self.begin(action));
    }

    /// Reports what targets want to be pinged for them, where it is news. Those that are gone keep theirs: that they are missing
    /// has to be told there.
    fn report_pings(&self, found: &BTreeMap<TargetName, Found>) {
        for (name, one) in found {
            let before = self.found.get(name).and_then(|known| known.ping.as_ref());
            if one.ping.as_ref() != before {
                let change = Change::Pinged(one.ping.clone());
                self.reporter.send(&Event::Target { target: name.clone(), change });
            }
        }
    }

    fn begin(&self, action: Action) {
        let (app, stop, reporter) = (Arc::clone(&self.app), self.stop.clone(), self.reporter.clone());
        match action {
            Action::Look => {
                self.spawn(
                    async move { look(&app).await },
                    Input::Looked(Err(panicked("cannot look at the containers"))),
                );
            }
            Action::Sweep => {
                let what = "cannot look for what killed runs have left";
                self.spawn(
                    async move {
                        let swept = sweep::sweep(&app, None, None).await;
                        Input::Swept(swept.map(drop).map_err(|error| refusal(&error, what))).into()
                    },
                    Input::Swept(Err(panicked(what))),
                );
            }
            Action::Read { served, others } => {
                let what = "cannot look into the bucket for what was backed up";
                self.spawn(
                    async move {
                        let read = past::read(&app, &served, &others, app.config.listen.is_some()).await;
                        Input::Read(read.map_err(|error| refusal(&error, what))).into()
                    },
                    Input::Read(Err(panicked(what))),
                );
            }
            Action::Start(name, trigger) => {
                let found = self.found.get(&name).cloned();
                let verdict = Verdict::Failed { reason: PANICKED.to_owned() };
                let broken = Outcome { target: name.clone(), verdict };
                let run =
                    async move { Input::Ended(run(app, &reporter, name, found, trigger, stop).await).into() };
                self.spawn_to_its_end(run, Input::Ended(broken));
            }
            Action::Drill(name) => {
                let broken = Input::Drilled(name.clone(), DrillEnd::Inconclusive(PANICKED.to_owned()));
                let drill = async move {
                    let ended = chores::drill(&app, &reporter, &name, &stop).await;
                    Input::Drilled(name, ended).into()
                };
                self.spawn_to_its_end(drill, broken);
            }
            Action::Verify => {
                self.spawn(
                    async move { Input::Verified(chores::verify(&app, &reporter).await).into() },
                    Input::Verified(Err(JobError::new(JobErrorKind::Internal, PANICKED))),
                );
            }
            Action::Remember(name) => {
                tokio::spawn(async move {
                    if let Err(error) = app.store.delete(&Forgotten::key(&name)).await {
                        warn!(target = %name, %error, "cannot take back that the target is forgotten");
                    }
                });
            }
            Action::KeepReadme => drop(tokio::spawn(async move { readme::keep(&app).await })),
        }
    }

    /// Does something that leaves nothing behind wherever it is ended: a stop ends it at once. If it panics, `broken` comes of it.
    fn spawn(&self, work: impl Future<Output = Came> + 'static, broken: Input) {
        let stop = self.stop.clone();
        self.spawn_to_its_end(
            async move { stop.run_until_cancelled(work).await.unwrap_or_else(|| Input::Tick.into()) },
            broken,
        );
    }

    /// Does something that hears of a stop by itself, and has to clean up.
    fn spawn_to_its_end(&self, work: impl Future<Output = Came> + 'static, broken: Input) {
        let guarded = AssertUnwindSafe(work).catch_unwind();
        self.tasks.push(guarded.map(|came| came.unwrap_or_else(|_| broken.into())).boxed_local());
    }
}

fn settings(app: &App) -> Settings {
    let config = &app.config;
    Settings {
        time_zone: config.time_zone.clone(),
        schedule: config.schedule.clone(),
        drill_schedule: config.drill_schedule.clone(),
        verify_schedule: config.verify_schedule.clone(),
        jitter: config.jitter,
        catch_up: config.catch_up,
        on_start: config.on_start,
        prune: config.prune,
        shows_past: config.listen.is_some(),
        parallel: usize::try_from(config.parallel).unwrap_or(1),
        label_prefix: config.label_prefix.clone(),
        nothing: app.nothing_labelled(),
        pauses: Pauses::default(),
    }
}

/// Hands on what is told, for as long as somebody takes it.
async fn hear(listener: Listener, hears: mpsc::Sender<Heard>) {
    while hears.send(listener.next().await).await.is_ok() {}
}

async fn look(app: &App) -> Came {
    match app.discover_all().await {
        Ok((found, others)) => {
            let targets = found.iter().map(|one| seen(app, one)).collect();
            let found = found.into_iter().map(|one| (one.name.clone(), one)).collect();
            Came { input: Input::Looked(Ok(Look { targets, others })), found: Some(found) }
        }
        Err(error) => Input::Looked(Err(docker_refusal(&error))).into(),
    }
}

fn seen(app: &App, one: &Found) -> Seen {
    let (engine, drill_schedule, retention, condition) = match &one.state {
        Readiness::Ready(target) => {
            let schedule = target.labels.drill.schedule.as_ref().unwrap_or(&app.config.drill_schedule);
            let (id, started) = (target.container.id.to_string(), target.container.started.clone());
            let retention = Some(target.retention);
            (Some(target.engine.name()), Some(schedule.clone()), retention, Condition::Ready { id, started })
        }
        Readiness::Unavailable { reason, .. } => (None, None, None, Condition::Unavailable(reason.clone())),
        Readiness::Misconfigured { reason } => (None, None, None, Condition::Misconfigured(reason.clone())),
    };
    Seen {
        name: one.name.clone(),
        was: one.was.clone(),
        container: one.container.clone(),
        engine,
        schedule: one.schedule.clone(),
        drill_schedule,
        retention,
        condition,
    }
}

async fn run(
    app: Arc<App>,
    reporter: &Reporter,
    name: TargetName,
    found: Option<Found>,
    trigger: Trigger,
    stop: CancellationToken,
) -> Outcome {
    let Some(Readiness::Ready(target)) = found.map(|found| found.state) else {
        let verdict = Verdict::Skipped { reason: "its container went away just now".to_owned() };
        let end = End::Backup(verdict.clone());
        reporter.send(&Event::Skipped { job: Job::Backup, target: name.clone(), end });
        return Outcome { target: name, verdict };
    };
    let run = Run::new(record::new_run(), Job::Backup, Some(name.clone()), trigger, clock::now());
    let running = reporter.begin(Run { engine: Some(target.engine.name()), ..run });
    let progress = Arc::clone(running.progress());
    let verdict = backup::run_guarded(app, *target, Order::of(trigger), stop, progress).await;
    running.end(End::Backup(verdict.clone()));
    Outcome { target: name, verdict }
}

fn docker_refusal(error: &DockerError) -> Refusal {
    let what = "cannot look at the containers";
    Refusal { text: error.to_string(), what, may_pass: error.is_transient(), is_denied: false }
}

fn refusal(error: &StoreError, what: &'static str) -> Refusal {
    let may_pass = matches!(error.kind, StoreErrorKind::Transient | StoreErrorKind::Lost);
    Refusal { text: error.to_string(), what, may_pass, is_denied: error.is_denied() }
}

fn panicked(what: &'static str) -> Refusal {
    Refusal { text: PANICKED.to_owned(), what, may_pass: false, is_denied: false }
}
