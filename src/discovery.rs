//! From containers to targets.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::config::Config;
use crate::config::labels::{TargetLabels, forgotten_enable};
use crate::docker::{Bystander, Container, Looked, Unreadable};
use crate::engine::{Engine, Facts, Units};
use crate::model::compression::Compression;
use crate::model::id::ContainerId;
use crate::model::retention::RetentionPolicy;
use crate::model::run::Scratch;
use crate::model::schedule::Schedule;
use crate::model::suspicion::ShrinkAlert;
use crate::model::target::TargetName;

/// A database container that opted in, with everything that is decided about it.
#[derive(Debug, Clone)]
pub struct Target {
    pub name: TargetName,
    pub container: Container,
    pub engine: Engine,
    /// The helper container that its engine's commands run in, once it has one.
    pub helper: Option<ContainerId>,
    /// Containers of the same Compose project that look like databases.
    pub beside: Vec<String>,
    pub labels: TargetLabels,
    pub schedule: Schedule,
    pub retention: RetentionPolicy,
    pub shrink_alert: ShrinkAlert,
    pub compression: Compression,
    /// The longest a run may take.
    pub timeout: Duration,
}

/// A labelled container, and whether it can be backed up.
#[derive(Debug, Clone)]
pub struct Found {
    /// The target's name; the container's when the labels give none that is valid.
    pub name: TargetName,
    /// The names it had before, as far as its labels could be read.
    pub was: Vec<TargetName>,
    /// The container's name.
    pub container: String,
    pub schedule: Schedule,
    pub state: State,
}

impl Found {
    /// Whether the backups of this name are its own.
    pub fn serves(&self, name: &TargetName) -> bool {
        self.name == *name || self.was.contains(name)
    }
}

#[derive(Debug, Clone)]
pub enum State {
    Ready(Box<Target>),
    /// It is a target, and now is not the time: stopped, restarting, paused.
    Unavailable {
        reason: String,
        /// It does not run at all.
        is_stopped: bool,
    },
    /// Its labels are wrong, or it is not known how to back it up.
    Invalid {
        reason: String,
    },
}

impl Target {
    /// What the engine wants to know.
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            image: &self.container.image,
            arguments: &self.container.arguments,
            shares_network: self.container.shares_network,
            env: &self.container.env,
            user: self.labels.user.as_deref(),
            password_file: self.labels.password_file.as_deref(),
            host: self.labels.host.as_deref(),
            port: self.labels.port,
            socket: self.labels.socket.as_deref(),
            paths: &self.labels.paths,
            exec_user: self.labels.exec_user.as_deref(),
            args: &self.labels.args,
            command: self.labels.custom.as_ref().map(|custom| custom.dump.as_str()),
            restore_command: self.labels.custom.as_ref().and_then(|custom| custom.restore.as_deref()),
            extension: self.labels.custom.as_ref().map(|custom| custom.extension.as_str()),
        }
    }

    /// The container that its engine's commands run in.
    pub fn tools(&self) -> &ContainerId {
        self.helper.as_ref().unwrap_or(&self.container.id)
    }

    /// The names under which its backups are: its own first, then those it had before.
    pub fn names(&self) -> Vec<TargetName> {
        names(&self.name, &self.labels.was)
    }

    /// Whether the labels ask for this database.
    pub fn wants(&self, database: &str) -> bool {
        let listed =
            self.labels.databases.is_empty() || self.labels.databases.iter().any(|name| name == database);
        listed && !self.labels.exclude.iter().any(|pattern| pattern.matches(database))
    }
}

/// A target's name, and those it had before.
pub fn names(name: &TargetName, was: &[TargetName]) -> Vec<TargetName> {
    std::iter::once(name).chain(was).cloned().collect()
}

/// What the names of Dumpcar's labels begin with. Not only `enable` is looked for: a misspelt one is reported.
pub fn label_start(prefix: &str) -> String {
    format!("{prefix}.")
}

/// Decides about every labelled container. Containers of another group are left out.
pub fn discover(looked: Looked, config: &Config) -> Vec<Found> {
    let Looked { containers, unreadable, all } = looked;
    let mut found: Vec<Found> =
        containers.into_iter().filter_map(|container| decide(container, config, &all)).collect();
    found.extend(unreadable.into_iter().filter_map(|container| decide_unreadable(container, config)));
    found.sort_by(|a, b| a.name.cmp(&b.name));
    drop_replaced(&mut found);
    refuse_shared_names(&mut found, &config.label_prefix);
    refuse_shared_histories(&mut found, &config.label_prefix);
    found
}

/// The targets of other groups, by the names they have and had: they are served, though not by this sidecar.
pub fn of_other_groups(looked: &Looked, config: &Config) -> BTreeSet<TargetName> {
    let prefix = &config.label_prefix;
    let is_other = |labels: &HashMap<String, String>| {
        labels.get(&format!("{prefix}.group")).filter(|group| !group.is_empty()) != config.group.as_ref()
    };
    let readable = looked.containers.iter().map(|container| (&container.name, &container.labels));
    let unreadable = looked.unreadable.iter().map(|container| (&container.name, &container.labels));
    let others =
        readable.chain(unreadable).filter(|(name, labels)| is_other(labels) && !is_scratch(name, labels));
    others
        .flat_map(|(container, labels)| match TargetLabels::parse(labels, prefix) {
            Ok(Some(own)) => {
                let name = own.name.unwrap_or_else(|| default_name(labels, container));
                names(&name, &own.was)
            }
            Ok(None) => Vec::new(),
            Err(_) => vec![default_name(labels, container)],
        })
        .collect()
}

/// What a container says of itself if it is that of a drill, or a helper, of this sidecar or another one.
///
/// Its name has to say the same as its label: an image made of such a container (`docker commit`) has the label as well.
pub fn scratch_of(name: &str, labels: &HashMap<String, String>) -> Option<Scratch> {
    let end = format!(".{}", Scratch::LABEL);
    let labels = labels.iter().filter(|(label, _)| label.ends_with(&end));
    let mut named = labels.filter_map(|(_, json)| serde_json::from_str::<Scratch>(json).ok());
    named.find(|scratch| Scratch::is_name_of(&scratch.run, name))
}

/// Whether it is the container of a drill, whoever made it.
fn is_scratch(name: &str, labels: &HashMap<String, String>) -> bool {
    let run = labels.get(Scratch::MARK).and_then(|run| run.parse().ok());
    run.is_some_and(|run| Scratch::is_name_of(&run, name)) || scratch_of(name, labels).is_some()
}

/// What nobody backs up, and somebody may believe that it is: labels without the one that counts.
pub fn overlooked(looked: &Looked, config: &Config) -> Vec<String> {
    let prefix = &config.label_prefix;
    let group = format!("{prefix}.group");
    let is_ours = |container: &&Container| {
        let of_group = container.labels.get(&group).filter(|group| !group.is_empty());
        of_group == config.group.as_ref()
            && !is_scratch(&container.name, &container.labels)
            && !is_one_off(&container.labels)
    };
    let labelled = looked.containers.iter().filter(is_ours);
    let named = labelled.filter_map(|container| {
        let label = forgotten_enable(&container.labels, prefix)?;
        let name = &container.name;
        Some(format!(
            "container {name} has the label {label}, but not {prefix}.enable=true: it is not backed up; {prefix}.enable=false says that this is meant"
        ))
    });
    named.collect()
}

/// The containers of the same Compose project that look like databases, by their images.
fn databases_beside(container: &Container, all: &[Bystander]) -> Vec<String> {
    let Some(project) = container.labels.get("com.docker.compose.project") else { return Vec::new() };
    let none = BTreeMap::new();
    let beside = all.iter().filter(|other| {
        other.project.as_ref() == Some(project)
            && other.name != container.name
            && Engine::detect(&other.image, &none).is_some_and(|engine| !engine.is_file())
    });
    beside.take(3).map(|other| other.name.clone()).collect()
}

/// `docker compose run db psql` gives its one-off container the service's labels. Without the project, the label is the
/// image's, and the container as good as any.
fn is_one_off(labels: &HashMap<String, String>) -> bool {
    let compose = |name: &str| labels.get(&format!("com.docker.compose.{name}"));
    compose("oneoff").is_some_and(|value| value == "True") && compose("project").is_some()
}

fn decide(container: Container, config: &Config, all: &[Bystander]) -> Option<Found> {
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
            state: State::Invalid { reason: format!("container {}: {reason}", container.name) },
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
            state: State::Unavailable { reason, is_stopped },
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
    let mut labels = labels;
    if labels.paths.is_empty() {
        labels.paths = engine.usual_paths(&container.image).iter().map(|path| (*path).to_owned()).collect();
    }
    let prefix = &config.label_prefix;
    if engine.is_file() && labels.paths.is_empty() {
        let reason = format!(
            "where are its databases? Set the label {prefix}.path to the file inside the container, like /data/app.db, or /data/*.db"
        );
        return invalid(Some(name), reason);
    }
    if !engine.is_file() && !labels.paths.is_empty() {
        let reason = format!(
            "the label {prefix}.path has no effect on {engine}: remove it, or set {prefix}.engine to what has files"
        );
        return invalid(Some(name), reason);
    }
    let of_server = [
        ("user", labels.user.is_some()),
        ("password-file", labels.password_file.is_some()),
        ("host", labels.host.is_some()),
        ("port", labels.port.is_some()),
        ("socket", labels.socket.is_some()),
        ("args", !labels.args.is_empty()),
    ];
    if let Some((label, _)) = of_server.iter().find(|(_, is_set)| *is_set && engine.is_file()) {
        let reason =
            format!("the label {prefix}.{label} has no effect on {engine}, which has no server: remove it");
        return invalid(Some(name), reason);
    }
    let target = Target {
        name: name.clone(),
        engine,
        helper: None,
        beside,
        schedule: schedule.clone(),
        retention,
        shrink_alert: labels.shrink_alert.unwrap_or(config.shrink_alert),
        compression: labels.compression.unwrap_or(config.compression),
        timeout: labels.timeout.unwrap_or(config.timeout),
        labels,
        container,
    };
    Some(Found {
        name,
        was,
        container: target.container.name.clone(),
        schedule,
        state: State::Ready(Box::new(target)),
    })
}

/// A target of which nothing is known but its labels.
fn decide_unreadable(container: Unreadable, config: &Config) -> Option<Found> {
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
        // As far as anybody can tell: when another one has its name, it costs that one nothing.
        state: State::Unavailable { reason: format!("container {name}: {reason}"), is_stopped: true },
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
        Some(State::Ready(target)) => Ok(*target),
        Some(State::Unavailable { reason, .. } | State::Invalid { reason }) => Err(reason),
        None => Err("it is no container that Dumpcar could restore into".to_owned()),
    }
}

/// The target that a container is by its own labels, whatever its health; or why it can be none now. `None` when it is none of
/// this sidecar's.
pub fn labelled(container: Container, config: &Config) -> Option<Result<Target, String>> {
    Some(match decide(Container { health: None, ..container }, config, &[])?.state {
        State::Ready(target) => Ok(*target),
        State::Unavailable { reason, .. } | State::Invalid { reason } => Err(reason),
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
        timeout: labels.timeout.unwrap_or(config.timeout),
        labels,
        container,
    }
}

/// Why a container cannot be backed up now; `None` when it can.
///
/// Whatever its health check says: that may be wrong (a tool that the image lacks), or about something else, and the dump's own
/// outcome tells.
fn unavailable(container: &Container) -> Option<String> {
    let name = &container.name;
    match container.state.as_str() {
        "running" => None,
        "restarting" => Some(format!("container {name} keeps restarting: see `docker logs {name}`")),
        "paused" => Some(format!("container {name} is paused: `docker unpause {name}`")),
        state => Some(format!("container {name} is {state}: `docker start {name}`, or remove it")),
    }
}

/// The name a target has by itself: stable when the container is made anew.
fn default_name(labels: &HashMap<String, String>, container: &str) -> TargetName {
    let label = |name: &str| labels.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let name = match (label("com.docker.compose.project"), label("com.docker.compose.service")) {
        (Some(project), Some(service)) => format!("{project}-{service}"),
        _ => label("com.docker.swarm.service.name").unwrap_or(container).to_owned(),
    };
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
        .take(100)
        .collect();
    let plain = plain.trim_start_matches(['.', '_', '-']);
    plain.parse().unwrap_or_else(|_| "unnamed".parse().expect("a plain word is a name"))
}

/// A stopped container is no target of its own when there is another one of the same name: Swarm keeps the containers
/// of a service's earlier tasks.
fn drop_replaced(found: &mut Vec<Found>) {
    let is_stopped = |one: &Found| matches!(one.state, State::Unavailable { is_stopped: true, .. });
    let mut seen: BTreeSet<TargetName> =
        found.iter().filter(|one| !is_stopped(one)).map(|one| one.name.clone()).collect();
    found.retain(|one| !is_stopped(one) || seen.insert(one.name.clone()));
}

/// Two targets with one name would mix their backups and delete each other's: neither is backed up.
fn refuse_shared_names(found: &mut [Found], prefix: &str) {
    let mut owners: BTreeMap<TargetName, Vec<String>> = BTreeMap::new();
    for one in found.iter() {
        owners.entry(one.name.clone()).or_default().push(one.container.clone());
    }
    for one in found {
        let Some(sharing) = owners.get(&one.name).filter(|sharing| sharing.len() > 1) else { continue };
        one.state = State::Invalid {
            reason: format!(
                "the containers {} have the same target name {}: give each its own label {prefix}.name",
                sharing.join(" and "),
                one.name,
            ),
        };
    }
}

/// The history of a former name has one target: another container that still has the name, or wants it as well, is an error for
/// both. One that is stopped was replaced.
fn refuse_shared_histories(found: &mut Vec<Found>, prefix: &str) {
    let renamed: Vec<(String, Vec<TargetName>)> = found
        .iter()
        .filter(|one| !one.was.is_empty())
        .map(|one| (one.container.clone(), one.was.clone()))
        .collect();
    let is_replaced = |one: &Found| {
        let is_stopped = matches!(one.state, State::Unavailable { is_stopped: true, .. });
        is_stopped && renamed.iter().any(|(by, was)| *by != one.container && was.contains(&one.name))
    };
    found.retain(|one| !is_replaced(one));
    for (container, was) in &renamed {
        for former in was {
            let others = found.iter().filter(|one| one.container != *container && one.serves(former));
            let others: Vec<String> = others.map(|one| one.container.clone()).collect();
            let Some(other) = others.first() else { continue };
            let reason = format!(
                "the label {prefix}.was of container {container} names {former}, which container {other} still is: remove the label, or the container {other}"
            );
            for one in found.iter_mut() {
                if one.container == *container || others.contains(&one.container) {
                    one.state = State::Invalid { reason: reason.clone() };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
