//! The labels of a container: whether it is a target, and what it wants differently.

mod values;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::error::ConfigErrors;
use super::nearest::nearest;
use super::notify::PingUrl;
use super::parse::{self, Parsed};
use crate::engine::Engine;
use crate::model::compression::CompressionChoice;
use crate::model::glob::Glob;
use crate::model::retention::RetentionSettings;
use crate::model::schedule::Schedule;
use crate::model::suspicion::ShrinkAlert;
use crate::model::target::TargetName;
use crate::model::transport::Transport;
use crate::model::words;

/// Every label besides `enable`, without the prefix.
const NAMES: &[&str] = &[
    "name",
    "was",
    "engine",
    "databases",
    "exclude",
    "path",
    "user",
    "password-file",
    "host",
    "port",
    "socket",
    "exec-user",
    "args",
    "schedule",
    "keep-last",
    "keep-hourly",
    "keep-daily",
    "keep-weekly",
    "keep-monthly",
    "keep-yearly",
    "keep-within",
    "shrink-alert",
    "compression",
    "transport",
    "timeout",
    "group",
    "before",
    "after",
    "command",
    "restore-command",
    "extension",
    "drill",
    "drill.query",
    "drill.expect",
    "drill.database",
    "drill.args",
    "drill.env",
    "ping",
];

/// Two spellings, because the tools people come from are divided.
const ENABLE: [&str; 2] = ["enable", "enabled"];

/// How other tools call what these labels are for.
const SPELLINGS: &[(&str, &str)] = &[
    ("retention", "keep-last"),
    ("retention-days", "keep-within"),
    ("retention_days", "keep-within"),
    ("keep", "keep-last"),
    ("keep-days", "keep-daily"),
    ("cron", "schedule"),
    ("cron-expression", "schedule"),
    ("interval", "schedule"),
    ("type", "engine"),
    ("kind", "engine"),
    ("driver", "engine"),
    ("username", "user"),
    ("password", "password-file"),
    ("secret", "password-file"),
    ("hostname", "host"),
    ("server", "host"),
    ("unix-socket", "socket"),
    ("socket-path", "socket"),
    ("db", "databases"),
    ("paths", "path"),
    ("file", "path"),
    ("files", "path"),
    ("database-file", "path"),
    ("ignore", "exclude"),
    ("skip", "exclude"),
    ("options", "args"),
    ("extra-args", "args"),
    ("pre", "before"),
    ("post", "after"),
    ("exec-pre", "before"),
    ("exec-post", "after"),
    ("archive-pre", "before"),
    ("archive-post", "after"),
    ("healthcheck", "ping"),
    ("healthchecks-url", "ping"),
    ("ping-url", "ping"),
    ("heartbeat", "ping"),
    ("alias", "name"),
    ("target", "name"),
];

/// Labels about a server that Dumpcar knows; a custom command is on its own.
const NOT_FOR_CUSTOM: [&str; 9] =
    ["databases", "exclude", "path", "user", "password-file", "host", "port", "socket", "args"];

const DEFAULT_EXTENSION: &str = "dump";

/// Every mistake in a container's labels; like those of the settings, they show no value.
pub type LabelErrors = ConfigErrors;

/// What a target's labels say. Absent means: as for all targets, or as the image suggests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetLabels {
    pub name: Option<TargetName>,
    /// The names it had before: their backups are its history.
    pub was: Vec<TargetName>,
    /// [`Engine::CUSTOM`] exactly if there is a command.
    pub engine: Option<Engine>,
    /// Empty means all.
    pub databases: Vec<String>,
    pub exclude: Vec<Glob>,
    /// Patterns for the paths of databases that are files of an application; without them, what is known of its image.
    pub paths: Vec<String>,
    /// The database's user.
    pub user: Option<String>,
    /// A path inside the target.
    pub password_file: Option<String>,
    /// Where the server listens, when it is to be reached by the network. Not together with a socket.
    pub host: Option<String>,
    pub port: Option<u16>,
    /// A path inside the target.
    pub socket: Option<String>,
    /// The user of the operating system the tools run as, in the form of `docker exec --user`.
    pub exec_user: Option<String>,
    /// Additional arguments of the dump tool.
    pub args: Vec<String>,
    pub schedule: Option<Schedule>,
    pub retention: RetentionSettings,
    pub shrink_alert: Option<ShrinkAlert>,
    pub compression: Option<CompressionChoice>,
    pub transport: Option<Transport>,
    pub timeout: Option<Duration>,
    pub group: Option<String>,
    /// Commands for the target's shell, around the backup.
    pub before: Option<String>,
    pub after: Option<String>,
    pub custom: Option<CustomCommand>,
    pub drill: DrillLabels,
    /// What is pinged for this target alone.
    pub ping: Option<PingUrl>,
}

/// What a drill does for this target besides comparing what it restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DrillLabels {
    pub schedule: Option<Schedule>,
    /// SQL, or a custom engine's command for the shell.
    pub query: Option<String>,
    /// What it has to print; absent means anything, but not nothing.
    pub expect: Option<String>,
    /// Where the query is run; absent means the only database (besides PostgreSQL's `postgres`).
    pub database: Option<String>,
    /// Arguments of the server that is started.
    pub args: Vec<String>,
    /// Names of the target's variables that it gets besides those its image needs.
    pub env: Vec<String>,
}

/// An engine Dumpcar does not know: whatever prints a dump.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomCommand {
    /// Run by the target's shell; prints the dump.
    pub dump: String,
    /// Reads the dump from its input.
    pub restore: Option<String>,
    /// Of the object's name, without the leading dot.
    pub extension: String,
}

/// The label by which a container that has not opted in looks as if it should have: one of ours, and none that says yes or no.
pub fn forgotten_enable(labels: &HashMap<String, String>, prefix: &str) -> Option<String> {
    let reader = Reader::new(labels, prefix);
    if ENABLE.iter().any(|name| reader.labels.contains_key(name)) {
        return None;
    }
    let mut names = reader.labels.keys().copied();
    names.find(|name| NAMES.contains(name)).map(|name| format!("{prefix}.{name}"))
}

impl TargetLabels {
    /// Reads the labels under `prefix`; `None` when the container has not opted in.
    ///
    /// # Errors
    /// Every mistake in them. A misspelt `enable` is one: it would be a database that nobody backs up.
    pub fn parse(labels: &HashMap<String, String>, prefix: &str) -> Result<Option<Self>, LabelErrors> {
        let mut reader = Reader::new(labels, prefix);
        if !reader.is_enabled() {
            return reader.errors.or(None);
        }
        reader.check_names();
        let custom = reader.custom();
        if reader.labels.contains_key("host") && reader.labels.contains_key("socket") && custom.is_none() {
            reader.error("host", format!("does not go together with {prefix}.socket; keep one of them"));
        }
        let engine = reader.get("engine", parse::own);
        let labels = Self {
            name: reader.get("name", parse::own),
            was: reader.get("was", values::names).unwrap_or_default(),
            engine: if custom.is_some() { Some(Engine::CUSTOM) } else { engine },
            databases: reader.get("databases", values::list).unwrap_or_default(),
            exclude: reader
                .get("exclude", values::list)
                .unwrap_or_default()
                .into_iter()
                .map(Glob::new)
                .collect(),
            paths: reader.get("path", values::file_patterns).unwrap_or_default(),
            user: reader.get("user", parse::plain),
            password_file: reader.get("password-file", values::absolute_path),
            host: reader.get("host", values::host),
            port: reader.get("port", values::port),
            socket: reader.get("socket", values::socket),
            exec_user: reader.get("exec-user", parse::plain),
            args: reader
                .get("args", |text| words::split(text).map_err(|e| e.to_string()))
                .unwrap_or_default(),
            schedule: reader.get("schedule", parse::own),
            retention: RetentionSettings {
                last: reader.get("keep-last", parse::count),
                hourly: reader.get("keep-hourly", parse::count),
                daily: reader.get("keep-daily", parse::count),
                weekly: reader.get("keep-weekly", parse::count),
                monthly: reader.get("keep-monthly", parse::count),
                yearly: reader.get("keep-yearly", parse::count),
                within: reader.get("keep-within", parse::span),
            },
            shrink_alert: reader.get("shrink-alert", parse::own),
            compression: reader.get("compression", parse::own),
            transport: reader.get("transport", |text| parse::choice(text, &Transport::WORDS)),
            timeout: reader.get("timeout", parse::limit),
            group: reader.get("group", parse::plain),
            before: reader.text("before"),
            after: reader.text("after"),
            custom,
            drill: reader.drill(),
            ping: reader.get("ping", PingUrl::parse),
        };
        reader.errors.or(Some(labels))
    }
}

struct Reader<'a> {
    prefix: &'a str,
    /// By name without the prefix; sorted, so that the errors have an order.
    labels: BTreeMap<&'a str, &'a str>,
    /// Whole labels that are ours but for capitals.
    miscased: BTreeMap<&'a str, &'a str>,
    errors: LabelErrors,
}

impl<'a> Reader<'a> {
    fn new(labels: &'a HashMap<String, String>, prefix: &'a str) -> Self {
        let ours = labels.iter().filter_map(|(label, value)| {
            let name = label.strip_prefix(prefix)?.strip_prefix('.')?;
            // As with variables, an empty value is none. Not so for `enable`: a label without a value is a wish.
            (!value.is_empty() || ENABLE.contains(&name)).then_some((name, value.as_str()))
        });
        let start = format!("{prefix}.");
        let miscased = labels.iter().filter(|(label, _)| {
            !label.starts_with(&start) && label.to_ascii_lowercase().starts_with(&start.to_ascii_lowercase())
        });
        let miscased = miscased.map(|(label, value)| (label.as_str(), value.as_str())).collect();
        Self { prefix, labels: ours.collect(), miscased, errors: LabelErrors::default() }
    }

    fn error(&mut self, name: &str, problem: impl Into<String>) {
        self.errors.add(format!("{}.{name}", self.prefix), problem);
    }

    fn text(&self, name: &str) -> Option<String> {
        self.labels.get(name).map(|text| (*text).to_owned())
    }

    fn get<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Parsed<T>) -> Option<T> {
        let text = self.labels.get(name)?;
        parse(text).map_err(|problem| self.error(name, problem)).ok()
    }

    fn is_enabled(&mut self) -> bool {
        let [enable, enabled] = ENABLE.map(|name| self.get(name, parse::boolean));
        if let (Some(one), Some(other)) = (enable, enabled)
            && one != other
        {
            self.error("enable", format!("differs from {}.enabled; keep one of them", self.prefix));
        }
        for (label, value) in std::mem::take(&mut self.miscased) {
            let lower = label.to_ascii_lowercase();
            let is_enable = ENABLE.iter().any(|name| lower.ends_with(&format!(".{name}")));
            // Whoever wants no backup in capitals gets none.
            let is_no = parse::boolean(value) == Ok(false);
            if enable.or(enabled) == Some(true) || is_enable && enable.or(enabled).is_none() && !is_no {
                let right = lower.get(self.prefix.len()..).unwrap_or_default();
                self.errors.add(label, format!("has capitals: write {}{right}", self.prefix));
            }
        }
        if !ENABLE.iter().any(|name| self.labels.contains_key(name)) {
            let names: Vec<&str> = self.labels.keys().copied().collect();
            for name in names.into_iter().filter(|name| !NAMES.contains(name)) {
                let known = NAMES.iter().chain(&ENABLE).copied();
                if let Some(meant) =
                    nearest(&name.to_ascii_lowercase(), known).filter(|nearest| ENABLE.contains(nearest))
                {
                    self.error(name, format!("is not a known label; did you mean {}.{meant}?", self.prefix));
                }
            }
        }
        enable.or(enabled) == Some(true)
    }

    fn check_names(&mut self) {
        let names: Vec<&str> = self.labels.keys().copied().collect();
        for name in names.into_iter().filter(|name| !NAMES.contains(name) && !ENABLE.contains(name)) {
            let lower = name.to_ascii_lowercase();
            let problem = if let Some(meant) =
                SPELLINGS.iter().find(|(other, _)| *other == lower).map(|(_, own)| own)
            {
                format!("is not a known label; did you mean {}.{meant}?", self.prefix)
            } else if let Some(nearest) = nearest(&lower, NAMES.iter().copied()) {
                format!("is not a known label; did you mean {}.{nearest}?", self.prefix)
            } else {
                "is not a known label".to_owned()
            };
            self.error(name, problem);
        }
    }

    fn drill(&mut self) -> DrillLabels {
        for name in ["drill.expect", "drill.database"] {
            if self.labels.contains_key(name) && !self.labels.contains_key("drill.query") {
                self.error(name, format!("needs {}.drill.query as well", self.prefix));
            }
        }
        DrillLabels {
            schedule: self.get("drill", parse::own),
            query: self.text("drill.query"),
            expect: self.text("drill.expect"),
            database: self.text("drill.database"),
            args: self
                .get("drill.args", |text| words::split(text).map_err(|e| e.to_string()))
                .unwrap_or_default(),
            env: self.get("drill.env", values::list).unwrap_or_default(),
        }
    }

    /// The custom command, and what does not go with one or without one.
    fn custom(&mut self) -> Option<CustomCommand> {
        let command = format!("{}.command", self.prefix);
        let engine = self.labels.get("engine").map(|engine| engine.eq_ignore_ascii_case("custom"));
        let extension = self.get("extension", values::extension);
        let Some(dump) = self.text("command") else {
            for name in ["restore-command", "extension"] {
                if self.labels.contains_key(name) {
                    self.error(name, format!("needs {command} as well"));
                }
            }
            if engine == Some(true) {
                self.error("engine", format!("custom needs {command} as well"));
            }
            return None;
        };
        if engine == Some(false) {
            self.error("engine", format!("must be custom or absent, because {command} is set"));
        }
        for name in NOT_FOR_CUSTOM {
            if self.labels.contains_key(name) {
                self.error(name, format!("has no effect together with {command}; remove it"));
            }
        }
        let extension = extension.unwrap_or_else(|| DEFAULT_EXTENSION.to_owned());
        Some(CustomCommand { dump, restore: self.text("restore-command"), extension })
    }
}

#[cfg(test)]
mod tests;
