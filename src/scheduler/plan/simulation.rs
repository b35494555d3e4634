//! Weeks of a daemon whose world fails at random, of which only the seed is known. Time is a number here, so that thousands of
//! them take seconds.
//!
//! `DUMPCAR_TEST_WEEK` repeats one of them, and `DUMPCAR_TEST_WEEKS` says how many there are.

mod outages;

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::tests::{done, failed, seen, settings};
use super::*;
use crate::jobs::past::{Newest, Past, TargetPast};
use crate::model::key::Stamp;
use crate::outcome::Outcome;
use outages::{Outages, Random, WEEK};

/// A run is over by then, well or not.
const LONGEST_RUN: i64 = 20 * 60;

/// So much later than the end of an outage everything is made up for: the longest pause between two tries, one look, and the runs of
/// all targets one after the other.
const RECOVERY: i64 = 60 * 60 + 7200 + 4 * LONGEST_RUN;

struct Target {
    name: TargetName,
    schedule: Schedule,
    interval: i64,
    away: Outages,
    /// When it began to run, what is being made, and when that is over.
    run: Option<(i64, Stamp, i64)>,
    /// By the daemon's clock.
    backups: Vec<Timestamp>,
    /// The same, in true time.
    newest: i64,
    /// When the next one is due after which one: cron is slow.
    due: std::cell::Cell<Option<(Timestamp, Timestamp)>>,
    /// Since when it is called unhealthy though it is not.
    false_since: std::cell::Cell<Option<i64>>,
    starts: u32,
}

/// The world, by true time.
struct World {
    seed: u64,
    time: i64,
    docker: Outages,
    store: Outages,
    /// The daemon itself does not run.
    down: Outages,
    /// The clock is wrong by so much then.
    clock: Option<(Outages, i64)>,
    targets: Vec<Target>,
    settings: Settings,
    daemon: Option<State>,
    asked: Vec<(i64, Action)>,
    /// When the daemon began, or its clock was set.
    begun: i64,
}

/// Three days before summer time begins: 2026-03-26T00:00:00Z.
fn epoch() -> Timestamp {
    Timestamp::constant(1_774_483_200, 0)
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut base = settings("0 23 * * *", "Europe/Berlin");
        base.pauses = Pauses { retry: Duration::from_secs(600), relook: Duration::from_secs(7200) };
        base.parallel = 1 + usize::try_from(random.below(2)).unwrap();
        base.jitter = Duration::from_secs(if random.below(2) == 0 { 0 } else { 900 });
        let targets = ["shop", "blog", "wiki"].into_iter().map(|name| {
            let (schedule, interval) = match random.below(4) {
                0 => ("30 2 * * *", 25 * 3600),
                1 => ("0 */6 * * *", 7 * 3600),
                2 => ("every 8h", 8 * 3600),
                _ => ("0 23 * * *", 25 * 3600),
            };
            Target {
                name: name.parse().unwrap(),
                schedule: schedule.parse().unwrap(),
                interval,
                away: Outages::random(&mut random, 3),
                run: None,
                backups: vec![epoch()],
                newest: 0,
                due: std::cell::Cell::new(None),
                false_since: std::cell::Cell::new(None),
                starts: 0,
            }
        });
        let targets = targets.collect();
        let docker = Outages::random(&mut random, 3);
        let store = Outages::random(&mut random, 3);
        let down = Outages::random(&mut random, 4);
        let clock = (random.below(3) == 0).then(|| {
            let wrong = [-2 * 3600, 3 * 3600, 400 * 24 * 3600][usize::try_from(random.below(3)).unwrap()];
            (Outages::random(&mut random, 1), wrong)
        });
        Self {
            seed,
            time: 0,
            docker,
            store,
            down,
            clock,
            targets,
            settings: base,
            daemon: None,
            asked: Vec::new(),
            begun: 0,
        }
    }

    fn now(&self) -> Timestamp {
        self.clock_at(self.time)
    }

    fn clock_at(&self, time: i64) -> Timestamp {
        let wrong = self.clock.as_ref().filter(|(when, _)| when.is_on(time)).map_or(0, |(_, wrong)| *wrong);
        epoch() + SignedDuration::from_secs(time + wrong)
    }

    /// Everything that can be in the way of a target.
    fn was_hindered(&self, target: &Target, since: i64, until: i64) -> bool {
        [&self.docker, &self.store, &self.down, &target.away].iter().any(|one| one.was_on(since, until))
    }

    /// Lets the daemon have an event, and takes note of what it wants. Each answer takes a second.
    fn tell(&mut self, input: Input) {
        let now = self.now();
        let Some(daemon) = &mut self.daemon else { return };
        for action in daemon.turn(input, now) {
            match action {
                Action::Start(name, _) => self.start(&name),
                Action::KeepReadme | Action::Remember(_) => {}
                // Most answers come at once.
                other => self.asked.push((self.time + i64::from(self.time % 7 == 0) * 20, other)),
            }
        }
    }

    fn start(&mut self, name: &TargetName) {
        let (time, now, seed) = (self.time, self.now(), self.seed);
        let most = self.settings.parallel;
        let target = self.targets.iter_mut().find(|target| target.name == *name).unwrap();
        assert!(target.run.is_none(), "seed {seed}: two runs of {name} at once at {now}");
        let lasts = 1 + i64::from(target.starts) * 7919 % LONGEST_RUN;
        target.starts += 1;
        target.run = Some((time, Stamp::new(now), time + lasts));
        let running = self.targets.iter().filter(|target| target.run.is_some()).count();
        assert!(running <= most, "seed {seed}: {running} runs at once at {now}");
    }

    fn answer(&mut self, action: &Action) {
        let refusal =
            || Refusal { text: "away".to_owned(), what: "cannot", may_pass: true, is_denied: false };
        let (is_docker, is_store) = (!self.docker.is_on(self.time), !self.store.is_on(self.time));
        let input = match action {
            Action::Look if is_docker => {
                let targets = self.targets.iter().map(|target| {
                    let away = Condition::Unavailable("stopped".to_owned());
                    // Started anew after each outage.
                    let id = target.away.0.iter().filter(|(_, until)| *until <= self.time).count();
                    let ready = Condition::Ready { id: "id".to_owned(), started: id.to_string() };
                    let condition = if target.away.is_on(self.time) { away } else { ready };
                    Seen {
                        schedule: target.schedule.clone(),
                        ..seen(target.name.as_str(), &self.settings, condition)
                    }
                });
                Input::Looked(Ok(Look { targets: targets.collect(), others: BTreeSet::new() }))
            }
            Action::Look => Input::Looked(Err(refusal())),
            Action::Sweep => Input::Swept(if is_store { Ok(()) } else { Err(refusal()) }),
            Action::Read { .. } if is_store => {
                let now = self.now();
                let targets = self.targets.iter().map(|target| {
                    let newest = target.backups.iter().filter(|backup| **backup <= now).max();
                    let newest = newest.map(|newest| Stamp::new(*newest));
                    let past = TargetPast {
                        newest: newest.map(|stamp| Newest { stamp, problem: None }),
                        newest_good: newest,
                        backups: target.backups.len(),
                        is_ours: true,
                        ..TargetPast::default()
                    };
                    (target.name.clone(), past)
                });
                Input::Read(Ok(Past {
                    targets: targets.collect(),
                    forgotten: BTreeMap::new(),
                    verified: None,
                }))
            }
            Action::Read { .. } => Input::Read(Err(refusal())),
            other => panic!("seed {}: {other:?}", self.seed),
        };
        self.tell(input);
    }

    /// Ends the runs whose time has come, or whose container has gone.
    fn end_runs(&mut self) {
        for at in 0..self.targets.len() {
            let target = &self.targets[at];
            let Some((since, stamp, until)) = target.run else { continue };
            let is_lost =
                [&self.docker, &self.store, &target.away].iter().any(|one| one.was_on(since, self.time));
            if !is_lost && until > self.time {
                continue;
            }
            let target = &mut self.targets[at];
            target.run = None;
            let outcome: Outcome = if is_lost {
                failed(&target.name)
            } else {
                target.newest = since;
                target.backups.push(stamp.timestamp());
                done(&target.name, stamp.timestamp())
            };
            self.tell(Input::Ended(outcome));
        }
    }

    /// The next moment at which something happens.
    fn next(&self) -> i64 {
        let wake = self.daemon.as_ref().and_then(|daemon| daemon.wake(self.now()));
        // As the loop does, it never sleeps by the clock for long; an hour here, for speed.
        let wake = wake.map_or(3600, |wake| (wake.duration_since(self.now()).as_secs() + 1).clamp(1, 3600));
        let runs = self.targets.iter().filter_map(|target| target.run.map(|(_, _, until)| until));
        let edges = self.targets.iter().flat_map(|target| target.away.edges());
        let edges = edges.chain(self.docker.edges()).chain(self.store.edges()).chain(self.down.edges());
        let clock = self.clock.iter().flat_map(|(when, _)| when.edges());
        let asked = self.asked.iter().map(|(at, _)| *at);
        let all = runs.chain(edges).chain(clock).chain(asked).filter(|time| *time > self.time);
        all.chain([self.time + wake]).min().unwrap()
    }

    fn step(&mut self) {
        let before = self.time;
        self.time = self.next();
        if self.clock.as_ref().is_some_and(|(when, _)| when.is_on(before) != when.is_on(self.time)) {
            self.begun = self.time;
        }
        match (self.down.is_on(self.time), self.daemon.is_some()) {
            (true, true) => {
                // Killed: nothing of it is left.
                self.daemon = None;
                self.asked.clear();
                self.targets.iter_mut().for_each(|target| target.run = None);
            }
            (false, false) => {
                self.daemon = Some(State::new(self.settings.clone(), self.now()));
                self.begun = self.time;
            }
            (true, false) | (false, true) => {}
        }
        self.end_runs();
        let is_edge = |outages: &Outages| outages.edges().any(|edge| edge > before && edge <= self.time);
        // Docker tells of containers while it is there, and that it was away once it is back.
        if self.targets.iter().any(|target| is_edge(&target.away)) || is_edge(&self.docker) {
            self.tell(Input::Changed);
        }
        self.tell(Input::Tick);
        let mut answers = 0;
        while let Some(at) = self.asked.iter().position(|(at, _)| *at <= self.time) {
            let (_, action) = self.asked.remove(at);
            self.answer(&action);
            answers += 1;
            assert!(answers < 100, "seed {}: it asks all the time, at {}", self.seed, self.now());
        }
        self.check();
    }

    /// The promises.
    fn check(&self) {
        let (now, seed, time) = (self.now(), self.seed, self.time);
        let is_clock_right = self.clock.is_none();
        for target in &self.targets {
            // Since it could last be done in peace, it was done.
            let latest =
                target.newest + target.interval + i64::try_from(self.settings.jitter.as_secs()).unwrap();
            let since = latest.max(time - RECOVERY);
            let had_its_chance = time - latest >= RECOVERY && !self.was_hindered(target, since, time);
            assert!(
                !(is_clock_right && had_its_chance),
                "seed {seed}: {} not backed up in time at {now}",
                target.name
            );
        }
        let Some(daemon) = &self.daemon else { return };
        // Its first looks take a while.
        if time < self.begun + 660 {
            return;
        }
        let problems = daemon.problems(now);
        let is_calm = !self.docker.was_on(time - 660, time) && !self.store.was_on(time - 660, time);
        if is_calm {
            assert!(!problems.contains_key("(dumpcar)"), "seed {seed}: {problems:?} at {now}");
        }
        for target in &self.targets {
            let newest = target.backups.iter().filter(|backup| **backup <= now).max().copied();
            let Some(newest) = newest else { continue };
            let due = match target.due.get() {
                Some((after, due)) if after == newest => due,
                _ => {
                    let shift = crate::model::schedule::jitter(target.name.as_str(), self.settings.jitter);
                    target.schedule.next_after_shifted(newest, &self.settings.time_zone, shift).unwrap()
                }
            };
            target.due.set(Some((newest, due)));
            let problem = problems.get(target.name.as_str());
            // Never unhealthy when nothing is overdue. What was dated ahead comes of age unseen: the next reading of the bucket finds it.
            let is_false = due > now && problem.is_some();
            let since = is_false.then(|| target.false_since.get().unwrap_or(time));
            target.false_since.set(since);
            let patience = if is_clock_right { 0 } else { 3 * self.settings.pauses.relook.as_secs() };
            assert!(
                since.is_none_or(|since| time - since <= i64::try_from(patience).unwrap()),
                "seed {seed}: {} is called {problem:?} at {now}",
                target.name
            );
            // Never healthy when something is: unless it is being made, or about to be.
            let is_at_work = self.targets.iter().any(|target| target.run.is_some());
            let is_overdue = due + SignedDuration::from_secs(3600) < now;
            // A clock that jumps ahead makes everything overdue in one moment.
            assert!(
                !is_overdue || problem.is_some() || is_at_work || !is_calm || self.clock.is_some(),
                "seed {seed}: {} is overdue since {due} and nobody says so at {now}: {daemon:#?}",
                target.name
            );
        }
    }
}

fn week(seed: u64) {
    let mut world = World::new(seed);
    let mut steps = 0;
    while world.time < WEEK {
        world.step();
        steps += 1;
        // Each is at least a second long; a daemon that turns all the time would be found here.
        assert!(steps < 50_000, "seed {seed}: it turns all the time, at {}", world.now());
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a setting of this test, not of the program")]
fn a_week_of_outages_costs_no_night_and_health_tells_the_truth() {
    let seed = std::env::var("DUMPCAR_TEST_WEEK").ok().and_then(|seed| seed.parse().ok());
    if let Some(seed) = seed {
        return week(seed);
    }
    let weeks =
        std::env::var("DUMPCAR_TEST_WEEKS").ok().and_then(|weeks| weeks.parse().ok()).unwrap_or(1_000);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|worker| scope.spawn(move || (0..weeks).filter(|seed| seed % 2 == worker).for_each(week)))
            .collect();
        for worker in workers {
            worker.join().expect("the message before names the seed");
        }
    });
}
