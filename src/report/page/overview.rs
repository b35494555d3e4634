//! The page of all targets.

use std::time::Instant;

use askama::Template;

use super::about::About;
use super::chart::Chart;
use super::frame::Frame;
use super::judge::{Level, judge};
use super::strip::Strip;
use super::words::{Clock, Piece, When, clean, count, sentence};
use crate::model::past_backup::PastBackup;
use crate::model::target::TargetName;
use crate::model::trend::Trend;
use crate::report::{Ended, Status, Target, Work};
use crate::text::{bytes, span, took};

/// The size of a target's line, in CSS pixels.
const SPARK: (u32, u32) = (96, 24);

#[derive(Debug, Template)]
#[template(path = "overview.html")]
pub(super) struct Overview<'a> {
    frame: Frame<'a>,
    headline: String,
    level: &'static str,
    /// What is wrong, the worst first.
    wrong: Vec<Wrong>,
    running: Vec<Running>,
    rows: Vec<Row>,
    /// What a container needs to become a target, if there is none.
    labels: Vec<String>,
    verified: Option<(When, Option<String>)>,
    verified_next: Option<When>,
    backups: String,
}

/// Something that is wrong.
#[derive(Debug)]
struct Wrong {
    level: &'static str,
    about: String,
    /// Whether `about` is a target, with a page of its own.
    is_target: bool,
    word: &'static str,
    problems: Vec<Vec<Piece>>,
}

/// What is done now.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) what: String,
    pub(super) stage: String,
    pub(super) progress: String,
}

/// A target.
#[derive(Debug)]
struct Row {
    name: String,
    level: &'static str,
    word: &'static str,
    engine: String,
    is_running: bool,
    /// The newest good backup.
    last: Option<When>,
    took: Option<String>,
    strip: Strip,
    chart: Option<Chart>,
    size: Option<String>,
    change: Option<String>,
    drill: Option<Drill>,
    next: Option<When>,
}

/// The last drill, in few words.
#[derive(Debug)]
pub(super) struct Drill {
    pub(super) level: &'static str,
    pub(super) word: String,
    pub(super) when: When,
}

impl<'a> Overview<'a> {
    pub(super) fn new(status: &Status, about: &'a About, clock: Clock<'_>) -> Self {
        let mut judged: Vec<_> =
            status.targets.iter().map(|(name, target)| (judge(name, target, status), name, target)).collect();
        // The names are in order already.
        judged.sort_by_key(|(judged, ..)| judged.level);
        // How to begin is told instead.
        let is_nothing = |problem: &String| judged.is_empty() && status.nothing.as_ref() == Some(problem);
        let of_daemon = status
            .problems
            .iter()
            .filter(|(about, problem)| !is_of_a_target(about, status) && !is_nothing(problem));
        let mut wrong: Vec<Wrong> =
            of_daemon.map(|(about, problem)| Wrong::of_daemon(about, problem)).collect();
        wrong.extend(judged.iter().filter(|(judged, ..)| !judged.problems.is_empty()).map(
            |(judged, name, _)| Wrong {
                level: judged.level.class(),
                about: name.to_string(),
                is_target: true,
                word: judged.word,
                problems: judged.problems.iter().map(|problem| sentence(problem)).collect(),
            },
        ));
        let level = match (wrong.iter().any(|wrong| wrong.level == Level::Failing.class()), wrong.is_empty())
        {
            (true, _) => Level::Failing,
            (false, false) => Level::Doubtful,
            (false, true) if judged.iter().any(|(judged, ..)| judged.level == Level::Good) => Level::Good,
            (false, true) => Level::Waiting,
        };
        let headline = headline(status, &wrong, level);
        let rows = judged.iter().map(|(judged, name, target)| Row {
            level: judged.level.class(),
            word: judged.word,
            is_running: status.running.iter().any(|work| work.run.target.as_ref() == Some(*name)),
            ..Row::of(name, target, clock)
        });
        let backups: usize = status.targets.values().map(|target| target.recent.len() + target.older).sum();
        Self {
            frame: Frame::new(headline.clone(), level, about, clock, ""),
            headline,
            level: level.class(),
            rows: rows.collect(),
            wrong,
            running: status.running.iter().map(Running::of).collect(),
            labels: labels(about),
            verified: status
                .verified
                .as_ref()
                .map(|Ended { at, problem }| (clock.when(*at), problem.as_deref().map(clean))),
            verified_next: status.verified_next.map(|next| clock.due(next)),
            backups: count(backups, "backup"),
        }
    }
}

/// Whether a problem is told in the row of a target.
fn is_of_a_target(about: &str, status: &Status) -> bool {
    let name = about.strip_prefix("(drill) ").unwrap_or(about);
    name.parse::<TargetName>().is_ok_and(|name| status.targets.contains_key(&name))
}

fn headline(status: &Status, wrong: &[Wrong], level: Level) -> String {
    let (targets, of_targets) = (status.targets.len(), wrong.iter().filter(|wrong| wrong.is_target).count());
    match (targets, of_targets, level) {
        (0, _, Level::Failing | Level::Doubtful) => "Dumpcar needs attention".to_owned(),
        (0, _, Level::Waiting | Level::Good) => "No target yet".to_owned(),
        (_, 0, Level::Failing | Level::Doubtful) => "Dumpcar needs attention".to_owned(),
        (1, 1.., _) => "The target needs attention".to_owned(),
        (_, 1, _) => format!("1 of {targets} targets needs attention"),
        (_, 2.., _) => format!("{of_targets} of {targets} targets need attention"),
        (1, 0, Level::Good) => "The target is backed up".to_owned(),
        (_, 0, Level::Good) if status.targets.values().all(|target| target.newest_good.is_some()) => {
            format!("All {targets} targets are backed up")
        }
        (_, 0, Level::Good) => "Nothing is wrong".to_owned(),
        (_, 0, Level::Waiting) => "Waiting for the first backup".to_owned(),
    }
}

/// The labels that make a container a target.
fn labels(about: &About) -> Vec<String> {
    let prefix = clean(&about.label_prefix);
    let group = about.group.as_ref().map(|group| format!("{prefix}.group: {}", clean(group)));
    std::iter::once(format!("{prefix}.enable: \"true\"")).chain(group).collect()
}

impl Wrong {
    /// What concerns no target that is known.
    fn of_daemon(about: &str, problem: &str) -> Self {
        let (word, about) = match about {
            "(verify)" => ("verification", String::new()),
            "(dumpcar)" => ("Dumpcar", String::new()),
            other => ("no container", clean(other)),
        };
        let problems = vec![sentence(problem)];
        Self { level: Level::Failing.class(), about, is_target: false, word, problems }
    }
}

impl Running {
    pub(super) fn of(work: &Work) -> Self {
        let (plain, stored) = (work.progress.plain_bytes(), work.progress.stored_bytes());
        let elapsed = Instant::now().duration_since(work.since).as_secs();
        let parts = [
            (plain > 0).then(|| format!("{} read", bytes(plain))),
            // What only reads stores nothing.
            (stored > 0).then(|| format!("{} stored", bytes(stored))),
            Some(format!("for {}", span(i64::try_from(elapsed).unwrap_or(i64::MAX)))),
        ];
        let what = match &work.run.target {
            Some(target) => format!("{} of {target}", work.run.job),
            None => work.run.job.to_string(),
        };
        let progress = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        Self { what, stage: clean(&work.progress.stage()), progress }
    }
}

impl Row {
    /// What is known of a target, but how it is.
    fn of(name: &TargetName, target: &Target, clock: Clock<'_>) -> Self {
        let good: Vec<&PastBackup> = target.recent.iter().filter(|backup| backup.is_good()).collect();
        let newest = good.last().filter(|backup| Some(backup.stamp) == target.newest_good);
        let sizes: Vec<u64> = good.iter().map(|backup| backup.stored_bytes).collect();
        let drawn = target.deleted.iter().chain(&target.recent);
        Self {
            name: name.to_string(),
            level: "",
            word: "",
            engine: engine(target),
            is_running: false,
            last: target.newest_good.map(|stamp| clock.when(stamp.timestamp())),
            took: newest.map(|backup| took(backup.elapsed)),
            strip: Strip::of(target, clock.now, clock.time_zone),
            chart: Chart::of(drawn, SPARK),
            size: newest.map(|backup| bytes(backup.stored_bytes)),
            change: newest.and(Trend::of(&sizes)).and_then(Trend::words),
            drill: Drill::of(target, clock),
            next: target.next.map(|next| clock.due(next)),
        }
    }
}

/// `postgresql 17.6`, as far as it is known.
pub(super) fn engine(target: &Target) -> String {
    let facts = target.recent.iter().rev().find_map(|backup| backup.facts.as_ref());
    match (facts, target.engine) {
        (Some(facts), _) => clean(format!("{} {}", facts.engine, facts.server_version).trim_end()),
        (None, Some(engine)) => engine.to_owned(),
        (None, None) => String::new(),
    }
}

impl Drill {
    pub(super) fn of(target: &Target, clock: Clock<'_>) -> Option<Self> {
        let ended = target.drilled.as_ref()?;
        let found = target.drill.as_ref().filter(|drill| drill.at >= ended.at || ended.problem.is_none());
        let (level, word) = match (&ended.problem, found) {
            (None, Some(drill)) if !drill.remarks.is_empty() => {
                (Level::Good, format!("ok, {}", count(drill.remarks.len(), "remark")))
            }
            (None, _) => (Level::Good, "ok".to_owned()),
            (Some(_), Some(_)) => (Level::Failing, "failed".to_owned()),
            (Some(_), None) => (Level::Doubtful, "not good".to_owned()),
        };
        Some(Self { level: level.class(), word, when: clock.when(ended.at) })
    }
}
