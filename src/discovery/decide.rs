//! What a container is to this sidecar: a target, one that is unavailable or wrong, or nothing.

use super::container::{databases_beside, default_name, is_one_off, is_scratch, unavailable};
use super::files::with_paths;
use super::found::{Found, Readiness};
use super::target::Target;
use crate::config::Config;
use crate::config::labels::TargetLabels;
use crate::docker::{Bystander, Container, Unreadable};
use crate::engine::{Engine, Units};
use crate::model::retention::RetentionPolicy;
use crate::model::schedule::Schedule;
use crate::model::suspicion::ShrinkAlert;
use crate::model::target::TargetName;

pub(super) fn decide(container: Container, config: &Config, all: &[Bystander]) -> Option<Found> {
    // Its image may have the labels of a target.
    if is_scratch(&container.name, &container.labels) {
        return None;
    }
    if is_one_off(&container.labels) {
        return None;
    }
    let beside = databases_beside(&container, all);
    let fallback = default_name(&container.labels, &container.name);
    let invalid = |name: Option<TargetName>, reason: String| {
        Some(Found {
            name: name.unwrap_or_else(|| fallback.clone()),
            was: Vec::new(),
            container: container.name.clone(),
            schedule: config.schedule.clone(),
            ping: None,
            state: Readiness::Misconfigured { reason: format!("container {}: {reason}", container.name) },
        })
    };
    // Before the rest is read: another group's mistakes are another sidecar's to report.
    if container.labels.get(&format!("{}.group", config.label_prefix)).filter(|group| !group.is_empty())
        != config.group.as_ref()
    {
        return None;
    }
    let labels = match TargetLabels::parse(&container.labels, &config.label_prefix) {
        Ok(Some(labels)) => labels,
        Ok(None) => return None,
        Err(errors) => return invalid(None, errors.to_string().replace('\n', "; ")),
    };
    let name = labels.name.clone().unwrap_or_else(|| fallback.clone());
    let was = labels.was.clone();
    if was.contains(&name) {
        let prefix = &config.label_prefix;
        let reason =
            format!("{prefix}.was names the target itself: it is for names that the target had before");
        return invalid(Some(name), reason);
    }
    let schedule = labels.schedule.clone().unwrap_or_else(|| config.schedule.clone());
    let retention = match labels.retention.or(config.retention).policy() {
        Ok(retention) => retention,
        Err(error) => {
            return invalid(
                Some(name),
                format!("the {}.keep-* labels together: {error}", config.label_prefix),
            );
        }
    };
    if let Some(reason) = unavailable(&container) {
        let is_stopped = !matches!(container.state.as_str(), "running" | "restarting" | "paused");
        return Some(Found {
            name,
            was,
            container: container.name,
            schedule,
            ping: labels.ping,
            state: Readiness::Unavailable { reason, is_stopped },
        });
    }
    // Only files have a path.
    let of_files = || Engine::all().find(|engine| engine.is_file() && !labels.paths.is_empty());
    let of_image = || Engine::detect(&container.image, &container.env);
    let Some(engine) = labels.engine.or_else(of_files).or_else(of_image) else {
        let image = &container.image;
        let prefix = &config.label_prefix;
        let meant = match beside.as_slice() {
            [] => String::new(),
            names => format!(
                "; or does {} have the database? Then its container gets the labels",
                names.join(" or ")
            ),
        };
        return invalid(
            Some(name),
            format!(
                "cannot tell the database from the image {image}: set the label {prefix}.engine ({}), or {prefix}.command for any other{meant}",
                Engine::names()
            ),
        );
    };
    let names_databases = !labels.databases.is_empty() || !labels.exclude.is_empty();
    if names_databases && engine.units() == Units::Whole {
        let prefix = &config.label_prefix;
        let reason = format!(
            "the labels {prefix}.databases and {prefix}.exclude have no effect on {engine}, which is dumped as a whole: remove them"
        );
        return invalid(Some(name), reason);
    }
    let labels = match with_paths(labels, engine, &container.image, &config.label_prefix) {
        Ok(labels) => labels,
        Err(reason) => return invalid(Some(name), reason),
    };
    let target = Target {
        name: name.clone(),
        engine,
        helper: None,
        beside,
        schedule: schedule.clone(),
        retention,
        shrink_alert: labels.shrink_alert.unwrap_or(config.shrink_alert),
        compression: labels.compression.unwrap_or(config.compression),
        transport: labels.transport.unwrap_or(config.transport),
        timeout: labels.timeout.unwrap_or(config.timeout),
        labels,
        container,
    };
    Some(Found {
        name,
        was,
        container: target.container.name.clone(),
        ping: target.labels.ping.clone(),
        schedule,
        state: Readiness::Ready(Box::new(target)),
    })
}

/// A target of which nothing is known but its labels.
pub(super) fn decide_unreadable(container: Unreadable, config: &Config) -> Option<Found> {
    let Unreadable { name, labels, reason } = container;
    let group = labels.get(&format!("{}.group", config.label_prefix)).filter(|group| !group.is_empty());
    if group != config.group.as_ref() || is_scratch(&name, &labels) {
        return None;
    }
    let own = match TargetLabels::parse(&labels, &config.label_prefix) {
        Ok(Some(own)) => own,
        Ok(None) => return None,
        Err(_) => TargetLabels::default(),
    };
    Some(Found {
        name: own.name.unwrap_or_else(|| default_name(&labels, &name)),
        was: own.was,
        container: name.clone(),
        schedule: own.schedule.unwrap_or_else(|| config.schedule.clone()),
        ping: own.ping,
        // As far as anybody can tell: when another one has its name, it costs that one nothing.
        state: Readiness::Unavailable { reason: format!("container {name}: {reason}"), is_stopped: true },
    })
}

/// What a container is as the place to restore into: any one, with its labels if it has some. An unhealthy one may be just
/// the one that needs it.
///
/// # Errors
/// It does not run, its labels are wrong, or it is not known which database it is.
pub fn destination(mut container: Container, config: &Config) -> Result<Target, String> {
    let prefix = &config.label_prefix;
    let group = format!("{prefix}.group");
    container.labels.retain(|label, _| {
        *label != group && label != "com.docker.compose.oneoff" && *label != format!("{prefix}.enabled")
    });
    container.labels.extend(config.group.clone().map(|value| (group, value)));
    container.labels.insert(format!("{prefix}.enable"), "true".to_owned());
    container.health = None;
    match decide(container, config, &[]).map(|found| found.state) {
        Some(Readiness::Ready(target)) => Ok(*target),
        Some(Readiness::Unavailable { reason, .. } | Readiness::Misconfigured { reason }) => Err(reason),
        None => Err("it is no container that Dumpcar could restore into".to_owned()),
    }
}

/// The target that a container is by its own labels, whatever its health; or why it can be none now. `None` when it is none of
/// this sidecar's.
pub fn labelled(container: Container, config: &Config) -> Option<Result<Target, String>> {
    Some(match decide(Container { health: None, ..container }, config, &[])?.state {
        Readiness::Ready(target) => Ok(*target),
        Readiness::Unavailable { reason, .. } | Readiness::Misconfigured { reason } => Err(reason),
    })
}

/// A drill's container as what it stands in for.
pub fn scratch(
    container: Container,
    name: &TargetName,
    engine: Engine,
    labels: TargetLabels,
    config: &Config,
) -> Target {
    Target {
        name: name.clone(),
        engine,
        helper: None,
        beside: Vec::new(),
        schedule: Schedule::Off,
        retention: RetentionPolicy::default(),
        shrink_alert: ShrinkAlert::OFF,
        compression: config.compression,
        transport: config.transport,
        timeout: labels.timeout.unwrap_or(config.timeout),
        labels,
        container,
    }
}
