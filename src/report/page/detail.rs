//! The page of one target.

use askama::Template;

use super::about::About;
use super::chart::Chart;
use super::frame::Frame;
use super::judge::{Level, judge};
use super::overview::{Drill, Running, engine};
use super::retention::{Kept, decisions, words as rules_in_words};
use super::strip::Strip;
use super::words::{Clock, Piece, When, clean, count, grouped, sentence};
use crate::model::key::Stamp;
use crate::model::past_backup::PastBackup;
use crate::model::restore_command::restore_command;
use crate::model::retention::{Candidate, Standing};
use crate::model::target::TargetName;
use crate::report::{Condition, Status, Target};
use crate::text::{bytes, took};

/// The size of the line, in CSS pixels.
const CHART: (u32, u32) = (640, 96);

#[derive(Debug, Template)]
#[template(path = "detail.html")]
pub(super) struct Detail<'a> {
    frame: Frame<'a>,
    name: String,
    level: &'static str,
    word: &'static str,
    problems: Vec<Vec<Piece>>,
    running: Vec<Running>,
    facts: Vec<Fact>,
    strip: Strip,
    chart: Option<Chart>,
    drill: Option<DrillFacts>,
    /// The command that restores the last good backup.
    restore: Option<String>,
    /// Why nothing is deleted, where that is so.
    keeps_all: Option<&'static str>,
    rows: Vec<Row>,
    older: Option<String>,
    /// The runs that made no backup, the newest first.
    failures: Vec<(When, Vec<Piece>)>,
}

/// A name and a value.
#[derive(Debug)]
struct Fact {
    name: &'static str,
    value: String,
    when: Option<When>,
}

/// The last drill in full.
#[derive(Debug)]
struct DrillFacts {
    last: Drill,
    /// What is wrong.
    problem: Option<Vec<Piece>>,
    /// What was restored, when it is known.
    backup: Option<String>,
    remarks: Vec<String>,
}

/// A backup.
#[derive(Debug)]
struct Row {
    stamp: String,
    when: When,
    level: &'static str,
    word: &'static str,
    /// Why it is not good.
    reason: Option<String>,
    stored: String,
    dump: String,
    took: String,
    trigger: &'static str,
    databases: String,
    version: String,
    kept: Option<Kept>,
    restore: Option<String>,
}

impl<'a> Detail<'a> {
    pub(super) fn new(
        name: &TargetName,
        status: &Status,
        about: &'a About,
        clock: Clock<'_>,
    ) -> Option<Self> {
        let target = status.targets.get(name)?;
        let judged = judge(name, target, status);
        let has_container = target.condition != Condition::Gone;
        let decided = decisions(target, about, clock.now);
        let keeps_all = decided.as_ref().err().copied();
        let decided = decided.unwrap_or_default();
        let row = |row: Row, stamp: &Stamp| Row { kept: decided.get(stamp).cloned(), ..row };
        let counted =
            target.recent.iter().map(|one| (one.stamp, row(Row::of(one, name, target, clock), &one.stamp)));
        let uncounted =
            target.uncounted.iter().map(|one| (one.stamp, row(Row::of_uncounted(one, clock), &one.stamp)));
        let mut rows: Vec<(Stamp, Row)> = counted.chain(uncounted).collect();
        rows.sort_by_key(|(stamp, _)| std::cmp::Reverse(*stamp));
        let running = status.running.iter().filter(|work| work.run.target.as_ref() == Some(name));
        let failures = target.failures.iter().rev().map(|failure| {
            (clock.when(failure.at), sentence(failure.problem.as_deref().unwrap_or("no reason is known")))
        });
        Some(Self {
            frame: Frame::new(format!("{name}: {}", judged.word), judged.level, about, clock, "../"),
            name: name.to_string(),
            level: judged.level.class(),
            word: judged.word,
            problems: judged.problems.iter().map(|problem| sentence(problem)).collect(),
            running: running.map(Running::of).collect(),
            facts: facts(target, about, clock),
            strip: Strip::of(target, clock.now, clock.time_zone),
            chart: Chart::of(target.deleted.iter().chain(&target.recent), CHART),
            drill: DrillFacts::of(target, clock),
            restore: target.newest_good.map(|stamp| restore_command(name, stamp, has_container)),
            keeps_all,
            rows: rows.into_iter().map(|(_, row)| row).collect(),
            older: (target.older > 0).then(|| count(target.older, "older backup")),
            failures: failures.collect(),
        })
    }
}

fn facts(target: &Target, about: &About, clock: Clock<'_>) -> Vec<Fact> {
    let fact = |name, value: String| Fact { name, value, when: None };
    let at = |name, when: When| Fact { name, value: String::new(), when: Some(when) };
    let newest = target.recent.last();
    let server = newest.and_then(|backup| backup.facts.as_ref());
    let mut facts = Vec::new();
    facts.extend(target.newest_good.map(|stamp| at("Last good backup", clock.when(stamp.timestamp()))));
    facts.extend(target.next.map(|next| at("Next backup", clock.due(next))));
    facts.extend(target.drill_next.map(|next| at("Next drill", clock.due(next))));
    let schedule = target.rules.as_ref().map(|rules| rules.schedule.to_string());
    facts.extend(schedule.map(|schedule| fact("Schedule", format!("{schedule} ({})", about.zone()))));
    facts.extend(target.rules.as_ref().map(|rules| fact("Keeps", rules_in_words(rules.retention.rules()))));
    if !engine(target).is_empty() {
        facts.push(fact("Server", engine(target)));
    }
    if let Some(server) = server {
        facts.push(fact("Image", clean(&server.image)));
        facts.push(fact("Databases", server.databases.to_string()));
        facts.push(fact("Made by", clean(&server.instance)));
    }
    facts
}

impl Row {
    fn of(backup: &PastBackup, name: &TargetName, target: &Target, clock: Clock<'_>) -> Self {
        let (level, word) = match &backup.defect {
            None => (Level::Good, "good"),
            Some(defect) if defect.starts_with("suspicious") => (Level::Doubtful, "suspicious"),
            Some(_) => (Level::Doubtful, "incomplete"),
        };
        let reason = backup.defect.as_deref().map(|defect| {
            let told = defect.strip_prefix(word).and_then(|rest| rest.strip_prefix(": "));
            clean(told.unwrap_or(defect))
        });
        let facts = backup.facts.as_ref();
        let databases = facts.map(|facts| facts.databases).filter(|databases| *databases > 0);
        Self {
            stamp: backup.stamp.to_string(),
            when: clock.when(backup.stamp.timestamp()),
            level: level.class(),
            word,
            reason,
            stored: bytes(backup.stored_bytes),
            dump: bytes(backup.plain_bytes),
            took: took(backup.elapsed),
            trigger: backup.trigger.name(),
            databases: databases.map(|databases| count(databases, "database")).unwrap_or_default(),
            version: facts.map(|facts| clean(&facts.server_version)).unwrap_or_default(),
            kept: None,
            restore: Some(restore_command(name, backup.stamp, target.condition != Condition::Gone)),
        }
    }

    /// One whose manifest does not count.
    fn of_uncounted(backup: &Candidate, clock: Clock<'_>) -> Self {
        let word = match &backup.standing {
            Standing::Unsigned(_) => "unsigned",
            Standing::Unknown(_) | Standing::Counts { .. } | Standing::Aside { .. } => "unreadable",
        };
        let defect = backup.standing.defect().unwrap_or_default();
        let told = defect.strip_prefix(word).and_then(|rest| rest.strip_prefix(": "));
        Self {
            stamp: backup.stamp.to_string(),
            when: clock.when(backup.stamp.timestamp()),
            level: Level::Doubtful.class(),
            word,
            reason: Some(clean(told.unwrap_or(defect))),
            stored: String::new(),
            dump: String::new(),
            took: String::new(),
            trigger: "",
            databases: String::new(),
            version: String::new(),
            kept: None,
            restore: None,
        }
    }
}

impl DrillFacts {
    fn of(target: &Target, clock: Clock<'_>) -> Option<Self> {
        let last = Drill::of(target, clock)?;
        let drill = target.drill.as_ref();
        let backup = drill.map(|drill| {
            let numbers = [(drill.databases, "database"), (drill.tables, "table"), (drill.rows, "row")];
            let parts: Vec<String> = numbers
                .into_iter()
                .filter(|(number, _)| *number > 0)
                .map(|(number, what)| grouped(number, what))
                .collect();
            let compared =
                if parts.is_empty() { String::new() } else { format!(" with {}", parts.join(", ")) };
            format!("{}{compared}, restored and compared in {}", drill.backup, took(drill.elapsed))
        });
        Some(Self {
            last,
            problem: target.drilled.as_ref().and_then(|ended| ended.problem.as_deref()).map(sentence),
            backup,
            remarks: drill
                .map(|drill| drill.remarks.iter().map(|remark| clean(remark)).collect())
                .unwrap_or_default(),
        })
    }
}
