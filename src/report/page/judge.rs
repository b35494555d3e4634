//! How a target is, in one word, and what is wrong with it.

use crate::model::past_backup::PastBackup;
use crate::model::target::TargetName;
use crate::report::{Condition, Status, Target};

/// How a target is. The worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Failing,
    Doubtful,
    Waiting,
    Good,
}

impl Level {
    /// What the stylesheet and the symbols call it.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Doubtful => "doubtful",
            Self::Waiting => "waiting",
            Self::Good => "good",
        }
    }
}

/// How one target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) level: Level,
    pub(super) word: &'static str,
    /// What is wrong, as the daemon says it.
    pub(super) problems: Vec<String>,
}

/// What the problem of a target's drills is filed under.
fn about_drill(name: &TargetName) -> String {
    format!("(drill) {name}")
}

/// How a target is. What is wrong with it decides the scheduler alone; this finds the word for it.
pub(super) fn judge(name: &TargetName, target: &Target, status: &Status) -> Judged {
    let backup = status.problems.get(name.as_str());
    let drill = status.problems.get(&about_drill(name));
    let (level, word) = match (backup, drill) {
        (Some(_), _) => of_problem(target),
        (None, Some(_)) if target.drill.as_ref().is_some_and(|drill| drill.problem.is_none()) => {
            (Level::Doubtful, "drill inconclusive")
        }
        (None, Some(_)) => (Level::Failing, "drill failed"),
        (None, None) => quiet(target),
    };
    Judged { level, word, problems: backup.into_iter().chain(drill).cloned().collect() }
}

fn of_problem(target: &Target) -> (Level, &'static str) {
    match target.condition {
        Condition::Misconfigured(_) => return (Level::Failing, "misconfigured"),
        Condition::Gone => return (Level::Failing, "no container"),
        Condition::Unknown | Condition::Ready | Condition::Unavailable(_) => {}
    }
    let newest = target.recent.last().filter(|backup| Some(backup.stamp) == target.newest);
    let last_failure = target.failures.back().map(|failure| failure.at);
    match newest {
        Some(backup) if last_failure.is_none_or(|failed| failed < backup.ended()) => {
            of_backup(backup, target)
        }
        Some(_) => (Level::Failing, "failed"),
        None if last_failure.is_none() && !target.uncounted.is_empty() => (Level::Doubtful, "not counted"),
        None if last_failure.is_none() => (Level::Failing, "overdue"),
        None => (Level::Failing, "failed"),
    }
}

/// The newest backup is there, and something is wrong.
fn of_backup(backup: &PastBackup, target: &Target) -> (Level, &'static str) {
    match &backup.defect {
        Some(defect) if defect.starts_with("suspicious") => (Level::Doubtful, "suspicious"),
        Some(_) => (Level::Doubtful, "incomplete"),
        // Besides: a clean-up, a second writer.
        None if target.backed_up.as_ref().is_some_and(|run| run.problem.is_some()) => {
            (Level::Doubtful, "good, with a problem")
        }
        None => (Level::Failing, "overdue"),
    }
}

fn quiet(target: &Target) -> (Level, &'static str) {
    match &target.condition {
        Condition::Gone => (Level::Waiting, "no container"),
        Condition::Misconfigured(_) => (Level::Failing, "misconfigured"),
        Condition::Unavailable(_) => (Level::Waiting, "not running"),
        Condition::Unknown | Condition::Ready if target.newest.is_none() => (Level::Waiting, "no backup yet"),
        Condition::Unknown | Condition::Ready => (Level::Good, "good"),
    }
}
