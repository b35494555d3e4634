//! What the bucket has, as a table or as JSON.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::pin::pin;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};
use serde_json::Value;
use tracing::warn;

use crate::model::drill::DrillResult;
use crate::model::key::{BackupKey, Stamp};
use crate::model::line::Line;
use crate::model::retention::is_from_the_future;
use crate::model::target::TargetName;
use crate::model::writers::{Writer, clash};
use crate::store::{Catalog, Store, StoreError, StoreErrorKind, StoredBackup};
use crate::text::{Table, bytes, escaped, local, span};
use crate::worth::{self, Worth};

/// One backup in the listing.
#[derive(Debug, Serialize)]
pub struct Row {
    pub target: TargetName,
    pub backup: Stamp,
    pub started: Timestamp,
    pub objects: u32,
    pub stored_bytes: u64,
    /// Absent when the manifest was not read.
    #[serde(flatten)]
    pub state: Option<BackupState>,
    /// Who made it; absent when the manifest was not read, or cannot be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<Line>,
    #[serde(skip)]
    writer: Option<Writer>,
    /// Who else made backups of the target when it was made, as its manifest says.
    #[serde(skip)]
    other_writer: Option<Line>,
    /// What its last drill found; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "drill_of_row")]
    pub drill: Option<Box<DrillResult>>,
    #[serde(skip)]
    has_drill: bool,
}

/// A drill's result as answers have it: of which backup it is, and in which version, is said around it.
pub fn drill_json(drill: &DrillResult) -> Value {
    let mut json = serde_json::to_value(drill).unwrap_or_default();
    if let Some(fields) = json.as_object_mut() {
        fields.retain(|name, _| !matches!(name.as_str(), "version" | "target" | "stamp"));
    }
    json
}

fn drill_of_row<S: Serializer>(drill: &Option<Box<DrillResult>>, serializer: S) -> Result<S::Ok, S::Error> {
    drill.as_deref().map(drill_json).serialize(serializer)
}

/// A target in the listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    pub target: TargetName,
    /// Whether a container serves it here; absent where Docker does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served: Option<bool>,
    /// The name it has now, if it has another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_to: Option<TargetName>,
    /// When somebody has forgotten it on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<Timestamp>,
    /// Two that both go on making its backups; empty if there is only one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writers: Vec<String>,
}

impl Listed {
    /// What is to be said of it below the table, if anything is.
    fn notes(&self) -> impl Iterator<Item = String> {
        let writers = (!self.writers.is_empty()).then(|| {
            format!(
                "{} both make backups of {}, so nothing of it is pruned: give each a\n  prefix (DUMPCAR_STORE) or a target name (label dumpcar.name) of its own",
                self.writers.join(" and "),
                self.target
            )
        });
        writers.into_iter().chain(self.container_note())
    }

    fn container_note(&self) -> Option<String> {
        let name = &self.target;
        match (&self.renamed_to, self.served, self.forgotten) {
            (Some(new), _, _) => Some(format!("{name} is {new} now")),
            (None, Some(false), None) => Some(format!(
                "no container serves {name}: `dumpcar forget {name}` ends its alarms,\n  `dumpcar delete {name} --all` deletes its backups"
            )),
            (None, Some(false), Some(_)) => Some(format!("no container serves {name}: forgotten on purpose")),
            (None, Some(true) | None, _) => None,
        }
    }
}

/// What a backup's manifest says about it.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum BackupState {
    Good,
    Suspicious { reason: String },
    Incomplete { reason: String },
    Unreadable { reason: String },
    Unsigned { reason: String },
}

/// Manifests that are read at the same time.
const AT_ONCE: usize = 8;

/// The backups of `targets` (all, when there are none), each target's newest first.
pub fn rows(catalog: &Catalog, targets: &[TargetName]) -> Vec<Row> {
    catalog
        .targets()
        .filter(|target| targets.is_empty() || targets.contains(target))
        .flat_map(|target| catalog.backups(target))
        .map(|backup| Row::new(backup, None))
        .collect()
}

impl Row {
    /// A backup as it is listed, and what it is worth, if that is known.
    pub fn new(backup: StoredBackup, worth: Option<&Worth>) -> Self {
        Self {
            started: backup.key.stamp.timestamp(),
            target: backup.key.target,
            backup: backup.key.stamp,
            objects: backup.objects,
            stored_bytes: backup.bytes,
            state: worth.map(BackupState::of),
            instance: None,
            writer: None,
            other_writer: None,
            drill: None,
            has_drill: backup.has_drill,
        }
    }
}

/// Adds what the manifests say: all of them, or of each target from the newest to the first good one. That tells which
/// one to go back to, and mostly takes one request for each target, however many backups it has.
///
/// # Errors
/// The store's; what was read until then is there.
pub async fn read_states(
    store: &Store,
    catalog: &Catalog,
    rows: &mut [Row],
    every: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let read = async |row: &mut Row| {
        let key = BackupKey { target: row.target.clone(), stamp: row.backup };
        let worth = worth::assess(store, catalog, &key).await?;
        let state = BackupState::of(&worth);
        if let Some(manifest) = worth.manifest() {
            row.instance = Some(manifest.instance.clone());
            (row.writer, row.other_writer) = (manifest.writer(), manifest.other_writer.clone());
        }
        let is_good = matches!(state, BackupState::Good) && !is_from_the_future(row.backup, now);
        row.state = Some(state);
        Ok(is_good)
    };
    if every {
        let read = stream::iter(rows).map(read);
        return read.buffer_unordered(AT_ONCE).map_ok(drop).try_collect().await;
    }
    let targets = rows.chunk_by_mut(|a, b| a.target == b.target);
    let read_to_the_good_one = async |rows: &mut [Row]| {
        for row in rows {
            if read(row).await? {
                break;
            }
        }
        Ok(())
    };
    let read = stream::iter(targets).map(read_to_the_good_one);
    read.buffer_unordered(AT_ONCE).try_collect().await
}

/// Two that both go on making a target's backups, by the manifests that were read. The newest one says it alone: who wrote it
/// knew of the others.
pub fn writers(rows: &[Row], target: &TargetName, now: Timestamp) -> Vec<String> {
    let rows = || rows.iter().filter(|row| row.target == *target);
    let clash = clash(rows().map(|row| (row.backup, row.writer.as_ref())), now);
    if let Some(clash) = clash.filter(|clash| !clash.is_first) {
        let (newest, other) = clash.names();
        return vec![newest, other];
    }
    let newest = rows().next().and_then(|row| Some((row.instance.as_ref()?, row.other_writer.as_ref()?)));
    newest.map(|(newest, other)| vec![newest.to_string(), other.to_string()]).unwrap_or_default()
}

/// Adds what drills have found.
///
/// # Errors
/// The store's; what was read until then is there.
pub async fn read_drills(store: &Store, rows: &mut [Row]) -> Result<(), StoreError> {
    let drilled: Vec<&mut Row> = rows.iter_mut().filter(|row| row.has_drill).collect();
    let keys: Vec<BackupKey> =
        drilled.iter().map(|row| BackupKey { target: row.target.clone(), stamp: row.backup }).collect();
    let read = stream::iter(keys).map(async |key| store.drill(&key).await);
    let mut read = pin!(read.buffered(AT_ONCE));
    for row in drilled {
        let Some(found) = read.next().await else { break };
        row.drill = match found {
            Err(error) if worth::says_something(&error) => {
                if error.kind == StoreErrorKind::Unsigned {
                    warn!(%error, "a drill's result does not count");
                }
                None
            }
            found => found?.map(Box::new),
        };
    }
    Ok(())
}

impl BackupState {
    pub fn of(worth: &Worth) -> Self {
        match worth {
            Worth::Good(_) => Self::Good,
            Worth::Suspicious(_, reason) => Self::Suspicious { reason: reason.clone() },
            Worth::Incomplete(_, reason) | Worth::Partial(_, reason) => {
                Self::Incomplete { reason: reason.clone() }
            }
            Worth::Unreadable(reason) => Self::Unreadable { reason: reason.clone() },
            Worth::Unsigned(reason) => Self::Unsigned { reason: reason.clone() },
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Suspicious { .. } => "suspicious",
            Self::Incomplete { .. } => "incomplete",
            Self::Unreadable { .. } => "unreadable",
            Self::Unsigned { .. } => "unsigned",
        }
    }

    /// What is wrong, if anything is.
    fn reason(&self) -> Option<String> {
        (!matches!(self, Self::Good)).then(|| self.for_people())
    }

    pub fn for_people(&self) -> String {
        match self {
            Self::Good => "good".to_owned(),
            Self::Suspicious { reason } => format!("suspicious: {reason}"),
            Self::Incomplete { reason } => format!("incomplete: {reason}"),
            Self::Unreadable { reason } => format!("unreadable: {reason}"),
            Self::Unsigned { reason } => format!("unsigned: {reason}"),
        }
    }
}

/// The rows for people: a table for each target that fits a screen of 80 columns, and below it what is wrong, in full.
pub fn table(rows: &[Row], targets: &[Listed], now: Timestamp, time_zone: &TimeZone) -> String {
    let of_targets = rows.chunk_by(|a, b| a.target == b.target);
    let tables: Vec<String> = of_targets.map(|rows| table_of_target(rows, targets, now, time_zone)).collect();
    let notes = targets.iter().flat_map(Listed::notes);
    let notes = notes.fold(String::new(), |notes, note| format!("{notes}{note}\n"));
    let gap = if notes.is_empty() { "" } else { "\n" };
    format!("{}{gap}{notes}", tables.join("\n"))
}

fn table_of_target(rows: &[Row], targets: &[Listed], now: Timestamp, time_zone: &TimeZone) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let target = targets.iter().find(|target| target.target == first.target);
    let is_unserved = target.is_some_and(|target| target.served == Some(false));
    let has_two = target.is_some_and(|target| !target.writers.is_empty());
    let instances: BTreeSet<&Line> = rows.iter().filter_map(|row| row.instance.as_ref()).collect();
    let by = match instances.first() {
        Some(only) if instances.len() == 1 && !has_two => format!(", by {}", escaped(only)),
        Some(_) | None => String::new(),
    };
    let head = format!(
        "{}: {} backup{}, {}{by}{}{}",
        first.target,
        rows.len(),
        if rows.len() == 1 { "" } else { "s" },
        bytes(rows.iter().map(|row| row.stored_bytes).sum()),
        if has_two { ", two writers" } else { "" },
        if is_unserved { ", no container" } else { "" },
    );
    let mut table = Table::new(["BACKUP", "TIME", "SIZE", "DRILL", "INSTANCE", "STATE"]);
    if instances.len() < 2 {
        table.hide("INSTANCE");
    }
    let mut wrong = String::new();
    let mut note = |text: String| writeln!(wrong, "{}", escaped(&text)).expect("a string takes everything");
    for row in rows {
        let drill = row.drill.as_ref().map(|drill| {
            let (verdict, age) = (drill.verdict(), span(now.as_second() - drill.at.as_second()));
            if let Some(problem) = &drill.problem {
                note(format!("{} {verdict} in its drill: {problem}", row.backup));
            }
            format!("{verdict} {age}")
        });
        if let Some(reason) = row.state.as_ref().and_then(BackupState::reason) {
            note(format!("{} is {reason}", row.backup));
        }
        table.push([
            row.backup.to_string(),
            local(row.started, time_zone),
            bytes(row.stored_bytes),
            drill.unwrap_or_else(|| "-".to_owned()),
            row.instance.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            row.state.as_ref().map_or("-", BackupState::word).to_owned(),
        ]);
    }
    format!("{head}\n{table}{wrong}")
}
