//! Every target: whether the next night's backup will work, and what it will cost.

use std::time::Duration;

use jiff::Timestamp;

use super::around::Around;
use super::growth;
use super::item::{Area, CheckItem, Mark};
use crate::config::Config;
use crate::discovery::{Found, Readiness, Target};
use crate::engine::{Login, Survey, Units};
use crate::jobs::diagnosis::diagnose;
use crate::jobs::error::{JobError, stoppable};
use crate::jobs::helper::{Access, Helper};
use crate::jobs::newest;
use crate::jobs::survey::survey_aloud;
use crate::model::manifest::Manifest;
use crate::model::schedule::{Schedule, jitter};
use crate::text::{bytes, local};

/// A server that takes longer to say what it has is not well.
const SURVEY_LIMIT: Duration = Duration::from_secs(120);

const TOOL_LIMIT: Duration = Duration::from_secs(30);

/// More databases are only counted.
const MOST_NAMED: usize = 5;

/// Looks at one target.
///
/// # Errors
/// It was stopped; nothing is left then.
pub(super) async fn check(around: &Around<'_>, found: &Found) -> Result<Vec<CheckItem>, JobError> {
    let target = match &found.state {
        Readiness::Ready(target) => target,
        Readiness::Misconfigured { reason } => {
            return Ok(vec![item("labels", Mark::Failure, reason.clone()).of(&found.name)]);
        }
        Readiness::Unavailable { reason, .. } => {
            let text = format!("its backups fail for as long as this is so: {reason}");
            return Ok(vec![item("container", Mark::Failure, text).of(&found.name)]);
        }
    };
    let mut items = vec![container(target), labels(target, &around.app.config)];
    let survey = if around.may_exec {
        inside(around, target, &mut items).await?
    } else {
        items.push(item("login", Mark::Untried, "not tried: no command can be run in it (see Docker above)"));
        None
    };
    let last = last(around, target).await?;
    items.push(next(&around.app.config, target, last.as_ref(), around.now));
    items.push(growth::check(around, target, survey.as_ref(), last.as_ref()));
    Ok(items.into_iter().map(|item| item.of(&target.name)).collect())
}

fn item(subject: &str, mark: Mark, text: impl Into<String>) -> CheckItem {
    CheckItem::new(Area::Targets, subject, mark, text)
}

fn container(target: &Target) -> CheckItem {
    let container = &target.container;
    let text = format!("{}, image {}: {}", container.name, container.image, target.engine);
    item("container", Mark::Ok, text)
}

/// Those that were understood: one that was not makes it no target.
fn labels(target: &Target, config: &Config) -> CheckItem {
    let start = format!("{}.", config.label_prefix);
    let labels = target.container.labels.keys();
    let mut names: Vec<&str> = labels.filter_map(|label| label.strip_prefix(&start)).collect();
    names.sort_unstable();
    item("labels", Mark::Ok, format!("understood: {}", names.join(", ")))
}

/// What is found by commands in the container: the tool, the login, the databases.
async fn inside(
    around: &Around<'_>,
    target: &Target,
    items: &mut Vec<CheckItem>,
) -> Result<Option<Survey>, JobError> {
    let Around { app, stop, .. } = around;
    if target.engine.is_defined_by_labels() {
        items.push(item(
            "login",
            Mark::Untried,
            "not tried: only the command of its label knows the database",
        ));
        return Ok(None);
    }
    if let Some(command) = target.engine.tool_version(&target.facts()) {
        let ran = app.docker.capture(target.tools(), &command, 4096, TOOL_LIMIT);
        match stoppable(stop, ran).await? {
            Ok(said) => items.push(tool(target, &said.stdout)),
            Err(error) => {
                let failed = diagnose(&app.docker, target, "find its dump tool", None, error).await;
                items.push(item("tool", Mark::Failure, failed.to_string()));
                return Ok(None);
            }
        }
    }
    let helper = match Helper::start(app, target, &[], Access::Read).await {
        Ok(helper) => helper,
        Err(error) => {
            items.push(item("files", Mark::Failure, error.to_string()));
            return Ok(None);
        }
    };
    let at = helper.as_ref().map_or(target, |helper| &helper.target);
    let surveyed = stoppable(stop, survey_aloud(&app.docker, at, SURVEY_LIMIT)).await;
    if let Some(helper) = helper {
        helper.end().await;
    }
    match surveyed? {
        Ok((survey, words)) => {
            items.push(login(target, &survey));
            items.push(databases(target, &survey));
            items.extend(notes(target, &survey, words));
            Ok(Some(survey))
        }
        Err(error) => {
            items.push(item("login", Mark::Failure, error.to_string()));
            Ok(None)
        }
    }
}

fn tool(target: &Target, stdout: &[u8]) -> CheckItem {
    let said = target.container.redact(&String::from_utf8_lossy(stdout));
    let line: String = said.lines().next().unwrap_or_default().trim().chars().take(120).collect();
    item("tool", Mark::Ok, line)
}

fn login(target: &Target, survey: &Survey) -> CheckItem {
    let version = &survey.server_version;
    let text = match target.engine.login(&target.facts()) {
        None => format!("{} {version}: its files can be read", target.engine),
        Some(login) => format!("{} {version} lets in {}", target.engine, who(&login)),
    };
    item("login", Mark::Ok, text)
}

fn who(login: &Login) -> String {
    format!("{}, with {}", login.who(), login.password.origin())
}

fn databases(target: &Target, survey: &Survey) -> CheckItem {
    const SUBJECT: &str = "databases";
    let wanted = &target.labels.databases;
    let is_missing = |name: &&String| survey.databases.iter().all(|database| database.name != **name);
    let missing: Vec<String> = wanted.iter().filter(is_missing).map(|name| format!("{name:?}")).collect();
    if !missing.is_empty() {
        let text = format!("the label names {}, and the server has no such database", missing.join(", "));
        return item(SUBJECT, Mark::Failure, text).with_cure("correct the label `databases`");
    }
    let mut all: Vec<_> = survey.databases.iter().filter(|database| target.wants(&database.name)).collect();
    let left_out = survey.databases.len() - all.len();
    if all.is_empty() && target.engine.units() == Units::Databases {
        let has_accounts = target.engine.first_database().is_none() && left_out == 0;
        let mark = if has_accounts { Mark::Warning } else { Mark::Failure };
        let text = match left_out {
            0 => target.engine.nothing(&target.facts()),
            count => format!("the labels leave out all {count} databases"),
        };
        return item(SUBJECT, mark, text);
    }
    if target.engine.units() == Units::Whole {
        return item(SUBJECT, Mark::Ok, "the server is dumped as a whole");
    }
    all.sort_by_key(|database| std::cmp::Reverse(database.size_hint));
    let named = all.iter().take(MOST_NAMED).map(|database| match database.size_hint {
        Some(size) => format!("{} {}", database.name, bytes(size)),
        None => database.name.clone(),
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let more = match all.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        count => format!(" and {count} more; {} in all", bytes(size_of(target, survey))),
    };
    let left_out = if left_out > 0 { format!(" ({left_out} left out by labels)") } else { String::new() };
    item(SUBJECT, Mark::Ok, format!("{}: {named}{more}{left_out}", all.len()))
}

/// About how many bytes the databases have on disk.
fn size_of(target: &Target, survey: &Survey) -> u64 {
    let wanted = survey.databases.iter().filter(|database| target.wants(&database.name));
    wanted.filter_map(|database| database.size_hint).fold(0, u64::saturating_add)
}

/// What a run would warn of.
fn notes(target: &Target, survey: &Survey, words: Option<String>) -> Vec<CheckItem> {
    let login = target.engine.login(&target.facts()).map(|login| login.notes).unwrap_or_default();
    let hints =
        survey.hints.iter().filter(|(database, _)| target.wants(database)).map(|(_, hint)| hint.clone());
    let leftovers = survey.leftovers.iter().map(|name| {
        format!("database {name:?} is of a restore that runs, or was interrupted, and is not backed up")
    });
    let words = words.map(|words| format!("the client says: {words}"));
    let all = login.into_iter().chain(survey.notes.clone()).chain(hints).chain(leftovers).chain(words);
    all.map(|note| item("note", Mark::Warning, note)).collect()
}

/// The last good backup, if the bucket can be asked.
async fn last(around: &Around<'_>, target: &Target) -> Result<Option<Manifest>, JobError> {
    let Around { app, catalog, stop, .. } = around;
    let Some(catalog) = catalog else { return Ok(None) };
    let names = target.names();
    let found = stoppable(stop, newest::last_good(&app.store, &app.backup_cache, catalog, &names)).await?;
    // That it cannot be read is told with the store.
    Ok(found.ok().flatten())
}

/// When the daemon backs it up, and drills it.
fn next(config: &Config, target: &Target, last: Option<&Manifest>, now: Timestamp) -> CheckItem {
    const SUBJECT: &str = "next run";
    let shown = |time: Timestamp| local(time, &config.time_zone);
    let Some(time) = due(&target.schedule, config, target, last, now) else {
        let text = "none: it has no schedule, and is backed up by hand only";
        return item(SUBJECT, Mark::Warning, text)
            .with_cure(format!("set DUMPCAR_SCHEDULE, or the label {}.schedule", config.label_prefix));
    };
    let drill = target.labels.drill.schedule.as_ref().unwrap_or(&config.drill_schedule);
    let drill = match due(drill, config, target, None, now) {
        Some(drill) => format!("; next drill {}", shown(drill)),
        None => "; no drills on a schedule".to_owned(),
    };
    item(SUBJECT, Mark::Ok, format!("{} ({}){drill}", shown(time), target.schedule))
}

/// An interval counts from the last time; what is overdue is due now.
fn due(
    schedule: &Schedule,
    config: &Config,
    target: &Target,
    last: Option<&Manifest>,
    now: Timestamp,
) -> Option<Timestamp> {
    let shift = jitter(target.name.as_str(), config.jitter);
    match schedule {
        Schedule::Every(_) => {
            let from = last.map_or(now, |last| last.started);
            Some(schedule.next_after(from, &config.time_zone)?.max(now))
        }
        Schedule::Cron(_) | Schedule::Off => schedule.next_after_shifted(now, &config.time_zone, shift),
    }
}
