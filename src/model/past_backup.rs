//! A backup in numbers, for whoever shows what was: a page, a metric.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::engine::EngineName;
use super::key::Stamp;
use super::line::Line;
use super::manifest::{Manifest, ObjectKind};
use super::retention::{Candidate, Standing};
use super::trigger::Trigger;
use super::writers::Writer;

/// A backup as its manifest has it, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastBackup {
    pub stamp: Stamp,
    pub trigger: Trigger,
    /// From the start of its run to its manifest.
    pub elapsed: Duration,
    /// Bytes, as the tools printed them.
    pub plain_bytes: u64,
    /// Bytes in the store.
    pub stored_bytes: u64,
    /// Why it is not good, if it is not.
    pub defect: Option<String>,
    /// What it is to retention.
    pub standing: Standing,
    /// Who made it, if that is known.
    pub writer: Option<Writer>,
    /// What else its manifest says; shared, because there are many backups and many who look.
    pub facts: Option<Arc<BackupFacts>>,
}

/// The backups of a target's last days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecentPast {
    /// Those whose manifests say what they are, the oldest first.
    pub backups: Vec<PastBackup>,
    /// The others, in the same order: unreadable, unsigned.
    pub uncounted: Vec<Candidate>,
    /// How many more there are.
    pub older: usize,
}

/// What a manifest says of the server that was dumped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFacts {
    pub engine: EngineName,
    /// Empty where there is none.
    pub server_version: Line,
    pub image: Line<512>,
    /// `DUMPCAR_INSTANCE` of who made it.
    pub instance: Line,
    /// How many databases are in it.
    pub databases: usize,
    /// The rows of those that were read for them.
    pub rows: Option<u64>,
}

impl PastBackup {
    pub fn new(manifest: &Manifest, standing: Standing) -> Self {
        Self {
            stamp: manifest.stamp,
            trigger: manifest.trigger,
            elapsed: Duration::try_from(manifest.finished.duration_since(manifest.started))
                .unwrap_or_default(),
            plain_bytes: manifest.plain_bytes(),
            stored_bytes: manifest.stored_bytes(),
            defect: standing.defect().map(str::to_owned),
            standing,
            writer: manifest.writer(),
            facts: Some(Arc::new(BackupFacts::of(manifest))),
        }
    }

    /// When it was whole.
    pub fn ended(&self) -> Timestamp {
        self.stamp.timestamp().checked_add(self.elapsed).unwrap_or(Timestamp::MAX)
    }

    pub fn is_good(&self) -> bool {
        self.defect.is_none()
    }

    pub fn candidate(&self) -> Candidate {
        Candidate { stamp: self.stamp, standing: self.standing.clone(), writer: self.writer.clone() }
    }
}

impl BackupFacts {
    pub fn of(manifest: &Manifest) -> Self {
        let contents = manifest.objects.iter().filter_map(|object| object.content.as_ref());
        Self {
            engine: manifest.engine.clone(),
            server_version: manifest.server_version.clone(),
            image: manifest.image.clone(),
            instance: manifest.instance.clone(),
            databases: manifest.objects.iter().filter(|object| object.kind == ObjectKind::Database).count(),
            rows: contents.map(|content| content.rows).reduce(u64::saturating_add),
        }
    }
}
