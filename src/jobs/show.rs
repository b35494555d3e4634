//! What is in one backup, what it is worth, and how long it stays.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::jobs::list::{BackupState, Row};
use crate::model::drill::DrillResult;
use crate::model::engine::EngineName;
use crate::model::key::BackupKey;
use crate::model::line::Line;
use crate::model::manifest::{Manifest, ManifestObject, ObjectKind};
use crate::model::missing::Missing;
use crate::model::retention::Until;
use crate::model::trigger::Trigger;
use crate::store::{Catalog, StoredBackup};
use crate::text::{Table, bytes, escaped, local, span};
use crate::worth::Worth;

/// More tables of a database than these are counted.
const MOST_TABLES: usize = 20;

/// A backup, as `dumpcar show` shows it.
#[derive(Debug, Serialize)]
pub struct Shown {
    #[serde(flatten)]
    pub row: Row,
    /// Whether it is the newest good one.
    pub is_last_good: bool,
    /// What the manifest says; absent when it cannot be read or does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Origin>,
    pub contents: Vec<Part>,
    pub retention: Retention,
    /// The command that restores it.
    pub restore: String,
}

/// Where a backup comes from.
#[derive(Debug, Serialize)]
pub struct Origin {
    pub finished: Timestamp,
    pub trigger: Trigger,
    pub instance: Line,
    pub dumpcar: Line,
    pub engine: EngineName,
    pub server_version: Line,
    pub image: Line<512>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    pub plain_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_smaller_than: Option<crate::model::key::Stamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
}

/// One object.
#[derive(Debug, Serialize)]
pub struct Part {
    pub object: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ObjectKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_bytes: Option<u64>,
    pub stored_bytes: u64,
    /// Tables and rows, where the dump was read for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rows_of: BTreeMap<String, u64>,
}

/// Whether the rules keep it, and for how long.
#[derive(Debug, Serialize)]
pub struct Retention {
    pub decision: &'static str,
    pub reasons: Vec<String>,
    /// The run that deletes it, if each scheduled one makes a good backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// How long it stays, in words.
    #[serde(skip)]
    pub words: String,
}

impl Origin {
    fn of(manifest: &Manifest) -> Self {
        Self {
            finished: manifest.finished,
            trigger: manifest.trigger,
            instance: manifest.instance.clone(),
            dumpcar: manifest.dumpcar.clone(),
            engine: manifest.engine.clone(),
            server_version: manifest.server_version.clone(),
            image: manifest.image.clone(),
            image_digest: manifest.image_digest.as_ref().map(ToString::to_string),
            plain_bytes: manifest.plain_bytes(),
            accepted_smaller_than: manifest.accepted_smaller_than,
            missing: manifest.missing.clone(),
        }
    }
}

impl Part {
    fn of(object: &ManifestObject) -> Self {
        let content = object.content.as_ref().filter(|_| object.kind == ObjectKind::Database);
        let rows_of = content.map(|content| &content.rows_of).into_iter().flatten();
        Self {
            object: object.name.clone(),
            kind: Some(object.kind),
            database: object.database.clone(),
            plain_bytes: Some(object.plain_bytes),
            stored_bytes: object.stored_bytes,
            tables: content.map(|content| content.tables),
            rows: content.map(|content| content.rows),
            rows_of: rows_of.map(|(name, rows)| (name.to_string(), rows.rows)).collect(),
        }
    }

    fn what(&self) -> String {
        match (self.kind, &self.database) {
            (Some(ObjectKind::Globals), _) => "roles and users".to_owned(),
            (Some(ObjectKind::Dump), _) => "the dump".to_owned(),
            (_, Some(database)) => database.clone(),
            (_, None) => "-".to_owned(),
        }
    }
}

impl Shown {
    /// Puts together what is known of a backup.
    pub fn new(
        backup: StoredBackup,
        worth: &Worth,
        catalog: &Catalog,
        drill: Option<DrillResult>,
        is_last_good: bool,
        retention: Retention,
        restore: String,
    ) -> Self {
        let manifest = worth.manifest();
        let listed = || {
            catalog.files(&backup.key).map(|(name, stored_bytes)| Part {
                object: name.to_owned(),
                kind: None,
                database: None,
                plain_bytes: None,
                stored_bytes,
                tables: None,
                rows: None,
                rows_of: BTreeMap::new(),
            })
        };
        let contents = match manifest {
            Some(manifest) => manifest.objects.iter().map(Part::of).collect(),
            None => listed().collect(),
        };
        let origin = manifest.map(Origin::of);
        let mut row = Row::new(backup, Some(worth));
        row.drill = drill.map(Box::new);
        Self { row, is_last_good, manifest: origin, contents, retention, restore }
    }

    /// The key of the backup.
    fn key(&self) -> BackupKey {
        BackupKey { target: self.row.target.clone(), stamp: self.row.backup }
    }

    /// For people.
    pub fn text(&self, now: Timestamp, tz: &TimeZone) -> String {
        let mut text = format!("{}\n", self.key());
        let mut fact = |name: &str, value: String| {
            writeln!(text, "{}", format!("  {name:<10} {}", escaped(&value)).trim_end())
                .expect("a string takes everything");
        };
        let ago = |time: Timestamp| format!("{} ago", span(now.as_second() - time.as_second()));
        fact("started", format!("{}, {}", local(self.row.started, tz), ago(self.row.started)));
        if let Some(origin) = &self.manifest {
            let took = origin.finished.as_second() - self.row.started.as_second();
            fact("took", span(took.max(0)));
            fact("made by", format!("{} (dumpcar {})", origin.instance, origin.dumpcar));
            fact("trigger", origin.trigger.name().to_owned());
            fact("server", format!("{} {}", origin.engine, origin.server_version));
            fact("image", origin.image.to_string());
            if let Some(digest) = &origin.image_digest {
                fact("", digest.clone());
            }
        }
        let state = self.row.state.as_ref().map(BackupState::for_people).unwrap_or_default();
        let last = if self.is_last_good { ", the last good one" } else { "" };
        fact("state", format!("{state}{last}"));
        for missing in self.manifest.iter().flat_map(|origin| &origin.missing) {
            fact("", missing.to_string());
        }
        match &self.row.drill {
            None => fact("drill", "none yet".to_owned()),
            Some(drill) => {
                let problem =
                    drill.problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
                fact(
                    "drill",
                    format!("{}, {} by {}{problem}", drill.verdict(), ago(drill.at), drill.instance),
                );
                for remark in &drill.remarks {
                    fact("", remark.to_string());
                }
            }
        }
        fact("retention", format!("{}: {}", self.retention.decision, self.retention.reasons.join(", ")));
        fact("", self.retention.words.clone());
        let contents = self.contents_table();
        let tables = self.rows_table();
        writeln!(text, "\n{contents}{tables}\nrestore it:\n  {}", self.restore)
            .expect("a string takes everything");
        text
    }

    fn contents_table(&self) -> String {
        let mut table = Table::new(["OBJECT", "DATABASE", "DUMP", "STORED", "TABLES", "ROWS"]);
        let number = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        for part in &self.contents {
            table.push([
                part.object.clone(),
                part.what(),
                part.plain_bytes.map_or_else(|| "-".to_owned(), bytes),
                bytes(part.stored_bytes),
                number(part.tables),
                number(part.rows),
            ]);
        }
        table.to_string()
    }

    fn rows_table(&self) -> String {
        let mut table = Table::new(["DATABASE", "TABLE", "ROWS"]);
        let mut has_any = false;
        for part in &self.contents {
            let mut rows: Vec<_> = part.rows_of.iter().collect();
            rows.sort_by_key(|(name, rows)| (std::cmp::Reverse(**rows), name.as_str()));
            for (name, rows) in rows.iter().take(MOST_TABLES) {
                table.push([part.what(), (*name).clone(), rows.to_string()]);
                has_any = true;
            }
            if rows.len() > MOST_TABLES {
                let more = rows.len() - MOST_TABLES;
                table.push([part.what(), format!("and {more} more (--json)"), String::new()]);
            }
        }
        if has_any { format!("\n{table}") } else { String::new() }
    }
}

impl Retention {
    /// What the rules decide.
    pub fn new(reasons: Vec<String>, until: Until, tz: &TimeZone) -> Self {
        let decision = if reasons.is_empty() { "delete" } else { "keep" };
        let reasons = if reasons.is_empty() { vec!["no rule wants it".to_owned()] } else { reasons };
        let (until, words) = match until {
            Until::Goes(time) => {
                (Some(time), format!("the run of {} deletes it, if all are good", local(time, tz)))
            }
            Until::Beyond(time) => (None, format!("it stays beyond {}", local(time, tz))),
            Until::Stays => (None, "nothing is scheduled that would push it out".to_owned()),
        };
        Self { decision, reasons, until, words }
    }

    /// Nobody deletes it by itself, for this reason.
    pub fn stays(reason: &str) -> Self {
        let words = "it stays until somebody deletes it".to_owned();
        Self { decision: "keep", reasons: vec![reason.to_owned()], until: None, words }
    }
}
