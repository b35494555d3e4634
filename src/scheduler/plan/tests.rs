mod due;
mod past;

use super::*;
use crate::jobs::past::{Drilled, Newest, Past, TargetPast};
use crate::model::job::Job;
use crate::model::retention::RetentionPolicy;
use crate::model::trigger::Trigger;
use crate::outcome::{Outcome, Summary, Verdict};
use crate::report::{End, Recalled};
use crate::told::{self, Message};

/// A daemon in a world that is as a test says, and its clock.
struct Daemon {
    state: State,
    now: Timestamp,
    /// What it has asked for and not been answered.
    asked: Vec<Action>,
    seen: Vec<Seen>,
    past: Past,
    /// When `shop` was backed up by this daemon.
    made: Vec<Timestamp>,
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn name(text: &str) -> TargetName {
    text.parse().unwrap()
}

fn stamp(time: &str) -> crate::model::key::Stamp {
    crate::model::key::Stamp::new(at(time))
}

pub(super) fn settings(schedule: &str, zone: &str) -> Settings {
    Settings {
        time_zone: TimeZone::get(zone).unwrap(),
        schedule: schedule.parse().unwrap(),
        drill_schedule: Schedule::Off,
        verify_schedule: Schedule::Off,
        jitter: Duration::ZERO,
        catch_up: true,
        on_start: false,
        prune: true,
        shows_past: false,
        parallel: 1,
        label_prefix: "dumpcar".to_owned(),
        nothing: "nothing to do".to_owned(),
        pauses: Pauses::default(),
    }
}

fn ready(id: &str) -> Condition {
    Condition::Ready { id: id.to_owned(), started: "then".to_owned() }
}

pub(super) fn seen(target: &str, settings: &Settings, condition: Condition) -> Seen {
    Seen {
        name: name(target),
        was: Vec::new(),
        container: target.to_owned(),
        engine: Some("custom"),
        schedule: settings.schedule.clone(),
        drill_schedule: Some(settings.drill_schedule.clone()),
        retention: Some(RetentionPolicy::default()),
        condition,
    }
}

pub(super) fn done(target: &TargetName, at: Timestamp) -> Outcome {
    let verdict = Verdict::Done(Summary {
        stamp: crate::model::key::Stamp::new(at),
        objects: 1,
        plain_bytes: 1,
        stored_bytes: 1,
        elapsed: Duration::from_secs(1),
        pruned: 0,
        incomplete: None,
        suspicious: None,
        accepted_smaller_than: None,
        problems: Vec::new(),
        made: Box::default(),
    });
    Outcome { target: target.clone(), verdict }
}

pub(super) fn failed(target: &TargetName) -> Outcome {
    Outcome { target: target.clone(), verdict: Verdict::Failed { reason: "exit status 1".to_owned() } }
}

fn backed_up(time: &str) -> TargetPast {
    let newest = Some(Newest { stamp: stamp(time), problem: None });
    TargetPast { newest, newest_good: Some(stamp(time)), backups: 1, is_ours: true, ..TargetPast::default() }
}

fn refusal(may_pass: bool) -> Refusal {
    Refusal { text: "no answer".to_owned(), what: "cannot look", may_pass, is_denied: !may_pass }
}

impl Daemon {
    /// One of one target, `shop`, that is there and was backed up at `last`.
    fn new(settings: Settings, now: &str, last: Option<&str>) -> Self {
        let seen = vec![seen("shop", &settings, ready("one"))];
        let mut past = Past::default();
        past.targets.extend(last.map(|last| (name("shop"), backed_up(last))));
        let (state, now, asked) = (State::new(settings, at(now)), at(now), Vec::new());
        Self { state, now, asked, seen, past, made: Vec::new() }
    }

    fn tell(&mut self, input: Input) {
        self.asked.extend(self.state.turn(input, self.now));
    }

    /// Answers what is asked of Docker and the store, and returns what is to be done besides.
    fn settle(&mut self) -> Vec<Action> {
        let mut rest = Vec::new();
        while !self.asked.is_empty() {
            match self.asked.remove(0) {
                Action::Look => {
                    let look = Look { targets: self.seen.clone(), others: BTreeSet::new() };
                    self.tell(Input::Looked(Ok(look)));
                }
                Action::Sweep => self.tell(Input::Swept(Ok(()))),
                Action::Read { .. } => {
                    let made = self.made.iter().filter(|made| **made <= self.now).max();
                    if let Some(made) = made {
                        let shop = self.past.targets.entry(name("shop")).or_default();
                        *shop = TargetPast { drilled: shop.drilled.clone(), ..backed_up(&made.to_string()) };
                    }
                    self.tell(Input::Read(Ok(self.past.clone())));
                }
                Action::KeepReadme => {}
                other => rest.push(other),
            }
        }
        rest
    }

    /// Lets time go by until `until`, and returns what was begun and when. All of it is answered at once by `work`.
    fn run(
        &mut self,
        until: &str,
        work: impl Fn(&Action, Timestamp) -> Option<Input>,
    ) -> Vec<(String, Action)> {
        let (until, mut begun) = (at(until), Vec::new());
        loop {
            self.tell(Input::Tick);
            loop {
                let actions = self.settle();
                if actions.is_empty() {
                    break;
                }
                for action in actions {
                    if let Some(input) = work(&action, self.now) {
                        if let Input::Ended(Outcome { target, verdict: Verdict::Done(summary) }) = &input {
                            assert_eq!(*target, name("shop"));
                            self.made.push(summary.stamp.timestamp());
                        }
                        self.tell(input);
                    }
                    begun.push((self.now.strftime("%d %H:%M").to_string(), action));
                }
            }
            match self.state.wake(self.now) {
                Some(next) if next <= until => self.now = next,
                _ => {
                    self.now = until;
                    return begun;
                }
            }
        }
    }

    /// The same, of backups that all go well; only when and why.
    fn backups(&mut self, until: &str) -> Vec<(String, Trigger)> {
        let begun = self.run(until, |action, now| match action {
            Action::Start(name, _) => Some(Input::Ended(done(name, now))),
            Action::Drill(name) => Some(Input::Drilled(name.clone(), DrillEnd::Good(None))),
            _ => None,
        });
        let starts = begun.into_iter().filter_map(|(time, action)| match action {
            Action::Start(_, trigger) => Some((time, trigger)),
            _ => None,
        });
        starts.collect()
    }

    fn health(&self) -> Vec<String> {
        self.state.problems(self.now).into_iter().map(|(key, problem)| format!("{key}: {problem}")).collect()
    }

    fn set(&mut self, condition: Condition) {
        self.seen[0].condition = condition;
        self.tell(Input::Changed);
    }
}

fn times(begun: &[(String, Trigger)]) -> Vec<&str> {
    begun.iter().map(|(time, _)| time.as_str()).collect()
}
