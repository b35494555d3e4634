//! Reads backups back from the bucket: whether what was proved of them when they were made still holds.
//!
//! Nothing is written or deleted.

use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use tracing::{Instrument as _, error, info, warn};

use super::span;
use crate::clock;
use crate::engine::{Engine, WrongEngine};
use crate::model::key::{BackupKey, CLAIM, MANIFEST, Stamp, may_be_object};
use crate::model::manifest::{Manifest, ManifestObject};
use crate::model::retention::is_from_the_future;
use crate::model::target::TargetName;
use crate::model::verified::Verified;
use crate::outcome::as_seconds;
use crate::pipeline::{self, Form, Progress, ReadError};
use crate::report::End;
use crate::store::{Catalog, Store, StoreError, StoreErrorKind};
use crate::text::{Table, bytes};

/// What a folder of the bucket was found to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    pub target: TargetName,
    pub backup: Stamp,
    pub state: Soundness,
    /// What is wrong; empty when nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Finding>,
    /// Files in the folder that are not Dumpcar's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<String>,
    pub objects: usize,
    /// Bytes of the dumps that were read and found to be good.
    pub plain_bytes: u64,
    /// The objects' size in the bucket.
    pub stored_bytes: u64,
    #[serde(rename = "seconds", serialize_with = "as_seconds")]
    pub elapsed: Duration,
}

/// From good to bad: a backup is as bad as the worst that is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Soundness {
    Ok,
    /// Objects without a manifest that no run tells of: no backup, and no failure.
    Orphaned,
    /// The store did not hand it out, which says nothing about it.
    Unavailable,
    /// No trusted key has signed it, so it is not read.
    Unsigned,
    /// The manifest is damaged, or only a newer Dumpcar understands it.
    Unreadable,
    /// The manifest names an object that is not there.
    Missing,
    /// An object is not what its manifest says, or no whole dump.
    Damaged,
}

/// What is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub object: String,
    pub state: Soundness,
    pub reason: String,
}

impl Soundness {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Orphaned => "orphaned",
            Self::Unavailable => "unavailable",
            Self::Unsigned => "unsigned",
            Self::Unreadable => "unreadable",
            Self::Missing => "missing",
            Self::Damaged => "damaged",
        }
    }
}

impl Finding {
    fn new(object: &str, state: Soundness, reason: impl Into<String>) -> Self {
        Self { object: object.to_owned(), state, reason: reason.into() }
    }

    /// What a store says of an object instead of handing it out.
    fn of_store(object: &str, error: &StoreError) -> Self {
        let state = match error.kind {
            StoreErrorKind::NotFound => Soundness::Missing,
            StoreErrorKind::Damaged => Soundness::Damaged,
            StoreErrorKind::Unsigned => Soundness::Unsigned,
            StoreErrorKind::Refused
            | StoreErrorKind::Denied
            | StoreErrorKind::Unsupported
            | StoreErrorKind::Transient
            | StoreErrorKind::Lost
            | StoreErrorKind::Taken
            | StoreErrorKind::Stopped => Soundness::Unavailable,
        };
        Self::new(object, state, error.to_string())
    }

    fn of_read(object: &str, error: &ReadError) -> Self {
        let reason = match error {
            ReadError::Store(error) => return Self::of_store(object, error),
            ReadError::Codec { source, .. } => format!("it cannot be decompressed ({source})"),
            ReadError::Damaged { what, .. } => format!("its {what} is not the manifest's"),
            ReadError::Output(error) => error.to_string(),
        };
        Self::new(object, Soundness::Damaged, reason)
    }
}

/// How a verification is reported to have ended.
pub fn end(reports: &[Report]) -> End {
    let failed: Vec<String> = reports
        .iter()
        .filter(|report| report.is_failure())
        .map(|report| format!("{}/{}: {}", report.target, report.backup, report.finding()))
        .collect();
    let backups = reports.iter().filter(|report| report.is_backup()).count();
    let problem = (!failed.is_empty()).then(|| failed.join("; "));
    End::Verify { verified: backups - failed.len(), failed: failed.len(), problem }
}

impl Report {
    pub fn is_failure(&self) -> bool {
        self.state > Soundness::Orphaned
    }

    /// Whether it is about a backup.
    pub fn is_backup(&self) -> bool {
        self.state != Soundness::Orphaned
    }

    /// What was found, in one line.
    fn finding(&self) -> String {
        let mut text = match self.state {
            Soundness::Ok => "ok".to_owned(),
            Soundness::Orphaned => "orphaned: objects without a manifest are no backup".to_owned(),
            Soundness::Unavailable
            | Soundness::Unsigned
            | Soundness::Unreadable
            | Soundness::Missing
            | Soundness::Damaged => {
                let of_one = |one: &Finding| format!("{}: {}: {}", one.state.word(), one.object, one.reason);
                self.problems.iter().map(of_one).collect::<Vec<_>>().join("; ")
            }
        };
        if !self.foreign.is_empty() {
            text = format!("{text} (not Dumpcar's: {})", self.foreign.join(", "));
        }
        text
    }

    fn log(&self) {
        let Self { target, backup, .. } = self;
        match self.state {
            Soundness::Ok => info!(
                %target, %backup, objects = self.objects, bytes = self.stored_bytes, plain_bytes = self.plain_bytes,
                elapsed_ms = u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX), "backup verified"
            ),
            Soundness::Orphaned => info!(%target, %backup, "objects without a manifest are no backup"),
            Soundness::Unavailable => {
                error!(%target, %backup, reason = self.finding(), "cannot verify the backup");
            }
            Soundness::Unsigned | Soundness::Unreadable | Soundness::Missing | Soundness::Damaged => {
                error!(%target, %backup, reason = self.finding(), "the backup is not good");
            }
        }
    }
}

/// Verifies the backups of `targets` (all in the bucket, when there are none): of each the newest, or every one.
///
/// # Errors
/// The bucket cannot be listed. Whatever else fails is in the reports.
pub async fn verify(
    store: &Store,
    targets: &[TargetName],
    every: bool,
    progress: &Progress,
) -> Result<Vec<Report>, StoreError> {
    let only = match targets {
        [one] => Some(one),
        _ => None,
    };
    let catalog = store.catalog(only).await?;
    let mut reports = Vec::new();
    for target in catalog.names().filter(|name| targets.is_empty() || targets.contains(name)) {
        for key in chosen(&catalog, target, every, clock::now()) {
            let read = backup(store, &catalog, &key, progress);
            let report = read.instrument(span::job("verify", target)).await;
            // Anybody can put one there that is not signed: it must not hide the newest that is.
            let goes_on = every || report.as_ref().is_some_and(|report| report.state == Soundness::Unsigned);
            report.iter().for_each(Report::log);
            reports.extend(report);
            if !goes_on {
                break;
            }
        }
        match orphans(store, &catalog, target).await {
            Ok(orphans) => {
                orphans.iter().for_each(Report::log);
                reports.extend(orphans);
            }
            Err(error) => warn!(%target, %error, "cannot look for objects without a manifest"),
        }
    }
    Ok(reports)
}

/// What a verification of all targets, begun at `at`, leaves in the bucket.
pub fn summary(reports: &[Report], at: Timestamp, instance: &str) -> Verified {
    let failed = reports.iter().filter(|report| report.is_failure());
    let keys = failed.map(|report| BackupKey { target: report.target.clone(), stamp: report.backup });
    Verified::new(at, instance, keys)
}

/// Which of a target's backups are read, newest first; unless it is every one, the first will do. One dated in the future would be the newest until that day.
fn chosen(catalog: &Catalog, target: &TargetName, every: bool, now: Timestamp) -> Vec<BackupKey> {
    let mut keys: Vec<BackupKey> = catalog.backups(target).into_iter().map(|backup| backup.key).collect();
    if !every {
        let newest = keys.iter().position(|key| !is_from_the_future(key.stamp, now)).unwrap_or(0);
        keys = keys.into_iter().skip(newest).collect();
    }
    keys
}

/// Reads one backup; `None` when it was deleted meanwhile.
async fn backup(store: &Store, catalog: &Catalog, key: &BackupKey, progress: &Progress) -> Option<Report> {
    span::is_about(key);
    let started = Instant::now();
    let mut report = Report {
        target: key.target.clone(),
        backup: key.stamp,
        state: Soundness::Ok,
        problems: Vec::new(),
        foreign: Vec::new(),
        objects: 0,
        plain_bytes: 0,
        stored_bytes: 0,
        elapsed: Duration::ZERO,
    };
    match manifest(store, key).await? {
        Ok((manifest, engine)) => {
            report.objects = manifest.objects.len();
            let is_named = |name: &str| manifest.objects.iter().any(|object| object.name == name);
            let (named, others): (Vec<_>, Vec<_>) = catalog.files(key).partition(|(name, _)| is_named(name));
            report.stored_bytes = named.iter().map(|(_, bytes)| bytes).sum();
            report.foreign = others.into_iter().map(|(name, _)| name.to_owned()).collect();
            for object in &manifest.objects {
                progress.set_stage(format!("reading {key}/{}", object.name));
                match read(store, key, object, engine, progress).await {
                    Ok(()) => report.plain_bytes += object.plain_bytes,
                    Err(problem) => report.problems.push(problem),
                }
            }
        }
        Err(problem) => report.problems.push(problem),
    }
    report.state = report.problems.iter().map(|problem| problem.state).max().unwrap_or(Soundness::Ok);
    report.elapsed = started.elapsed();
    // A deletion begins with the manifest.
    if report.state >= Soundness::Missing && is_deleted(store, key).await {
        info!(backup = %key, "deleted while it was verified");
        return None;
    }
    Some(report)
}

/// A manifest that can be held against its objects, and its engine if this version knows it; `None` when it is gone.
async fn manifest(store: &Store, key: &BackupKey) -> Option<Result<(Manifest, Option<Engine>), Finding>> {
    let unreadable = |reason: String| Some(Err(Finding::new(MANIFEST, Soundness::Unreadable, reason)));
    let manifest = match store.manifest(key).await {
        Ok(manifest) => manifest,
        Err(error) if error.kind == StoreErrorKind::NotFound => return None,
        Err(error) if error.kind == StoreErrorKind::Damaged => return unreadable(error.to_string()),
        Err(error) => return Some(Err(Finding::of_store(MANIFEST, &error))),
    };
    match Engine::of(&manifest) {
        Ok(engine) => Some(Ok((manifest, Some(engine)))),
        Err(unknown @ WrongEngine::Unknown(_)) => {
            warn!(backup = %key, "{unknown}; its objects are held against their digests only");
            Some(Ok((manifest, None)))
        }
        Err(error) => unreadable(error.to_string()),
    }
}

/// Reads one object to its end: sizes, both digests, and the marks of a whole dump, if its engine is known.
async fn read(
    store: &Store,
    key: &BackupKey,
    object: &ManifestObject,
    engine: Option<Engine>,
    progress: &Progress,
) -> Result<(), Finding> {
    let count = async |piece: Bytes| {
        progress.add_plain(piece.len() as u64);
        Ok(())
    };
    let ends = pipeline::read(store, key, object, Form::Plain, count)
        .await
        .map_err(|error| Finding::of_read(&object.name, &error))?;
    let checked =
        engine.map_or(Ok(()), |engine| engine.check(object.kind, &ends.head, &ends.tail, ends.bytes));
    checked.map_err(|error| Finding::new(&object.name, Soundness::Damaged, error.to_string()))
}

async fn is_deleted(store: &Store, key: &BackupKey) -> bool {
    matches!(store.manifest(key).await, Err(error) if error.kind == StoreErrorKind::NotFound)
}

/// Folders with objects and without a manifest that belong to no run.
async fn orphans(store: &Store, catalog: &Catalog, target: &TargetName) -> Result<Vec<Report>, StoreError> {
    let stamps = catalog.orphans(target, Timestamp::MAX);
    if stamps.is_empty() {
        return Ok(Vec::new());
    }
    let records = store.records(Some(target), None).await?;
    let mut reports = Vec::new();
    for stamp in stamps {
        if records.read.iter().any(|stored| stored.record.stamps().any(|of_run| of_run == stamp)) {
            continue;
        }
        let key = BackupKey { target: target.clone(), stamp };
        let files = store.files(&key).await?;
        // A run that has ended since the listing has made a backup of it, or nothing.
        if files.iter().any(|file| file == MANIFEST)
            || !files.iter().any(|file| may_be_object(file) && file != CLAIM)
        {
            continue;
        }
        let ours = catalog.files(&key).filter(|(name, _)| may_be_object(name));
        let sizes: Vec<u64> = ours.map(|(_, bytes)| bytes).collect();
        reports.push(Report {
            target: target.clone(),
            backup: stamp,
            state: Soundness::Orphaned,
            problems: Vec::new(),
            foreign: Vec::new(),
            objects: sizes.len(),
            plain_bytes: 0,
            stored_bytes: sizes.iter().sum(),
            elapsed: Duration::ZERO,
        });
    }
    Ok(reports)
}

/// The reports for people.
pub fn table(reports: &[Report]) -> String {
    let mut table = Table::new(["TARGET", "BACKUP (UTC)", "STORED", "TIME", "RESULT"]);
    for report in reports {
        let is_read = report.state == Soundness::Ok;
        let of_read = |text: String| if is_read { text } else { "-".to_owned() };
        table.push([
            report.target.to_string(),
            report.backup.to_string(),
            bytes(report.stored_bytes),
            of_read(format!("{:.1}s", report.elapsed.as_secs_f64())),
            report.finding(),
        ]);
    }
    table.to_string()
}
