//! What came of it, for whoever reads the output of the tests.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use super::scene::Scene;
use crate::support::world::Ended;

/// What a run was at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    BeforeTheDump,
    InADump,
    BetweenObjects,
    Manifest,
    Pruning,
    AfterTheEnd,
}

const STAGES: [(Stage, &str); 6] = [
    (Stage::BeforeTheDump, "before the dump"),
    (Stage::InADump, "in a dump"),
    (Stage::BetweenObjects, "between objects"),
    (Stage::Manifest, "manifest"),
    (Stage::Pruning, "pruning"),
    (Stage::AfterTheEnd, "after the end"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// Ended with the victim.
    Killed,
    Done,
    /// There is a backup, but not everything after it went well.
    DoneWithProblem,
    Failed,
}

pub(super) struct Table {
    what: &'static str,
    rows: BTreeMap<(Stage, Outcome), u32>,
    left: BTreeMap<(Stage, String), u32>,
    reasons: BTreeMap<String, u32>,
    undisturbed: Vec<Duration>,
}

impl Table {
    pub(super) fn new(what: &'static str) -> Self {
        Self {
            what,
            rows: BTreeMap::new(),
            left: BTreeMap::new(),
            reasons: BTreeMap::new(),
            undisturbed: Vec::new(),
        }
    }

    pub(super) fn undisturbed(&mut self, takes: Duration) {
        self.undisturbed.push(takes);
    }

    /// One turn. `left` is what the next start found to do.
    pub(super) fn count(&mut self, stage: Stage, outcome: Outcome, left: &[String]) {
        *self.rows.entry((stage, outcome)).or_default() += 1;
        for what in left {
            *self.left.entry((stage, what.clone())).or_default() += 1;
        }
    }

    /// The words of a failure, without what differs from run to run.
    pub(super) fn reasons(&mut self, ended: &Ended, scene: &Scene) {
        for reason in ended.reasons() {
            let reason = scene.world.plain(&reason).replace(&scene.server.container.name, "TARGET");
            let digits_masked: String =
                reason.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
            *self.reasons.entry(digits_masked).or_default() += 1;
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        other.rows.into_iter().for_each(|(row, count)| *self.rows.entry(row).or_default() += count);
        other.left.into_iter().for_each(|(what, count)| *self.left.entry(what).or_default() += count);
        other.reasons.into_iter().for_each(|(what, count)| *self.reasons.entry(what).or_default() += count);
        self.undisturbed.extend(other.undisturbed);
    }

    /// Past the test harness, which would keep it to itself as long as all is well.
    pub(super) fn print(&self, took: Duration) {
        let sum = |stage: Option<Stage>, outcomes: &[Outcome]| -> u32 {
            let rows = self.rows.iter().filter(|((row, outcome), _)| {
                stage.is_none_or(|stage| stage == *row) && outcomes.contains(outcome)
            });
            rows.map(|(_, count)| count).sum()
        };
        const ALL: [Outcome; 4] = [Outcome::Killed, Outcome::Done, Outcome::DoneWithProblem, Outcome::Failed];
        let takes: Vec<_> =
            self.undisturbed.iter().map(|takes| format!("{:.1} s", takes.as_secs_f64())).collect();
        let mut text = format!(
            "{}, ended at {} instants of a run that takes {} (in {:.0} s):\n{:18}{:>10}{:>10}{:>10}{:>15}{:>10}  left for the next start\n",
            self.what,
            sum(None, &ALL),
            takes.join(" or "),
            took.as_secs_f64(),
            "  stage",
            "instants",
            "killed",
            "done",
            "done, unclean",
            "failed",
        );
        for (stage, name) in STAGES {
            text += &format!("  {name:16}{:>10}", sum(Some(stage), &ALL));
            for (outcome, width) in ALL.into_iter().zip([10, 10, 15, 10]) {
                text += &format!("{:>width$}", sum(Some(stage), &[outcome]));
            }
            let left = self.left.iter().filter(|((row, _), _)| *row == stage);
            let left: Vec<_> = left.map(|((_, what), count)| format!("{count} × {what}")).collect();
            text += &format!("  {}\n", left.join(", "));
        }
        for (reason, count) in &self.reasons {
            text += &format!("  {count} × {reason}\n");
        }
        drop(std::io::stderr().write_all(text.as_bytes()));
    }
}
