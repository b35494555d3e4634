//! What a run will dump, and how large that may become.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::context::AttemptContext;
use crate::app::App;
use crate::discovery::Target;
use crate::engine::{Survey, Units};
use crate::jobs::error::{JobError, JobErrorKind, stoppable};
use crate::jobs::survey::survey;
use crate::model::command::Command;
use crate::model::compression::{Compression, CompressionChoice};
use crate::model::database::DatabaseOptions;
use crate::model::manifest::{ManifestObject, ObjectKind};
use crate::model::missing::Missing;
use crate::store::Catalog;

/// A survey asks the server's catalog; a server that takes longer is not well.
pub(super) const SURVEY_LIMIT: Duration = Duration::from_secs(120);

/// What a run will do.
pub(super) struct Plan {
    pub(super) survey: Survey,
    pub(super) parts: Vec<Part>,
    /// What the labels ask for, and the server does not have.
    pub(super) missing: Vec<Missing>,
}

/// What is to become one object.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) kind: ObjectKind,
    pub(super) database: Option<String>,
    /// How an empty one like it is made.
    pub(super) options: Option<DatabaseOptions>,
    pub(super) command: Command,
    /// The size in the store to expect.
    pub(super) hint: Option<u64>,
    pub(super) compression: Compression,
}

impl Part {
    /// For a message.
    pub(super) fn what(&self) -> String {
        match (self.kind, &self.database) {
            (ObjectKind::Globals, _) => "roles and users".to_owned(),
            (ObjectKind::Database | ObjectKind::Dump, Some(database)) => format!("database {database:?}"),
            (ObjectKind::Database | ObjectKind::Dump, None) => "the target".to_owned(),
        }
    }
}

/// The target's backups so far. Keys that may only write may not list: then there is nothing to prune either.
pub(super) async fn catalog(
    app: &App,
    target: &Target,
    stop: &CancellationToken,
) -> Result<Option<Catalog>, JobError> {
    match stoppable(stop, app.store.catalog_of(&target.names())).await? {
        Ok(catalog) => Ok(Some(catalog)),
        Err(error) if !app.config.prune && error.is_denied() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl AttemptContext<'_> {
    /// Asks the server what there is and decides what is dumped.
    pub(super) async fn plan(&self, catalog: Option<&Catalog>) -> Result<Plan, JobError> {
        let Self { app, docker, target, .. } = self;
        let facts = target.facts();
        self.progress.set_stage("asking the server");
        let surveyed = stoppable(self.stop, survey(docker, target, SURVEY_LIMIT)).await?;
        // A server that is set up says the same another time.
        let mut survey = surveyed.map_err(|error| error.for_good())?;
        let login_notes = target.engine.login(&facts).map(|login| login.notes).unwrap_or_default();
        for note in login_notes.iter().chain(&survey.notes) {
            warn!("{note}");
        }
        for (_, hint) in survey.hints.iter().filter(|(database, _)| target.wants(database)) {
            if app.is_news(&format!("{}: {hint}", target.name)) {
                warn!("{hint}");
            }
        }
        for name in &survey.leftovers {
            warn!("database {name:?} is of a restore that runs, or was interrupted, and is not backed up");
        }
        if target.engine.units() == Units::Whole {
            let command = target.engine.dump(&facts, &survey, "");
            let hint = self.previous_size(catalog);
            let compression = self.compression(ObjectKind::Dump, None, None);
            let part =
                Part { kind: ObjectKind::Dump, database: None, options: None, command, hint, compression };
            return Ok(Plan { survey, parts: vec![part], missing: Vec::new() });
        }
        let missing = self.choose_databases(&mut survey)?;
        let mut parts = Vec::new();
        if let Some(command) = target.engine.globals(&facts, &survey) {
            parts.push(Part {
                kind: ObjectKind::Globals,
                database: None,
                options: None,
                command,
                hint: None,
                compression: self.compression(ObjectKind::Globals, None, Some(0)),
            });
        }
        let all_sizes: u64 = survey.databases.iter().filter_map(|database| database.size_hint).sum();
        for database in &survey.databases {
            parts.push(Part {
                kind: ObjectKind::Database,
                database: Some(database.name.clone()),
                options: database.options.clone(),
                command: target.engine.dump(&facts, &survey, &database.name),
                hint: self.stored_hint(catalog, database.size_hint, all_sizes),
                compression: self.compression(ObjectKind::Database, Some(&database.name), database.size_hint),
            });
        }
        if parts.is_empty() {
            return Err(JobError::new(JobErrorKind::Wrong, target.engine.nothing(&facts)));
        }
        Ok(Plan { survey, parts, missing })
    }

    /// Leaves the databases that the labels ask for. Returns those that are not there.
    fn choose_databases(&self, survey: &mut Survey) -> Result<Vec<Missing>, JobError> {
        let Self { app, target, .. } = self;
        let wanted = &target.labels.databases;
        let is_missing = |name: &&String| survey.databases.iter().all(|database| database.name != **name);
        let missing: Vec<&String> = wanted.iter().filter(is_missing).collect();
        let cure = format!("correct the label {}.databases", app.config.label_prefix);
        if let Some(first) = missing.first().filter(|_| missing.len() == wanted.len()) {
            return Err(JobError::new(
                JobErrorKind::Wrong,
                format!("there is no database {first:?}: {cure}"),
            ));
        }
        let reason = format!("there is no such database: {cure}");
        let missing = missing.into_iter().map(|name| Missing::new(Some(name), None, &reason)).collect();
        let had_any = !survey.databases.is_empty();
        survey.databases.retain(|database| target.wants(&database.name));
        // A new MariaDB or MySQL server has none, and users all the same; PostgreSQL always has one.
        if survey.databases.is_empty() && (had_any || target.engine.first_database().is_some()) {
            return Err(JobError::new(
                JobErrorKind::Wrong,
                "the server has no database to back up; do the labels exclude them all?",
            ));
        }
        Ok(missing)
    }

    /// What compresses a dump: by the size of the last good one, or else by that of the database.
    fn compression(&self, kind: ObjectKind, database: Option<&str>, size: Option<u64>) -> Compression {
        let same = |object: &&ManifestObject| object.kind == kind && object.database.as_deref() == database;
        let last = self.last_good.and_then(|good| good.objects.iter().find(same));
        self.target.compression.of(last.map(|object| object.plain_bytes).or(size))
    }

    /// The size in the store to expect, so that the parts of a very large object are large enough from the start.
    fn stored_hint(&self, catalog: Option<&Catalog>, size: Option<u64>, all_sizes: u64) -> Option<u64> {
        let size = size?;
        let share = |whole: u64| u128::from(whole) * u128::from(size) / u128::from(all_sizes.max(1));
        match self.previous_size(catalog) {
            // Room to grow: parts of unequal size are refused by R2.
            Some(previous) => u64::try_from(share(previous) * 3 / 2).ok(),
            // A plain dump leaves out the indexes and writes numbers as text: about the database's own size.
            None if self.target.compression == CompressionChoice::Fixed(Compression::None) => Some(size),
            None => Some(size / 3),
        }
    }

    fn previous_size(&self, catalog: Option<&Catalog>) -> Option<u64> {
        catalog?.history(&self.target.names()).first().map(|newest| newest.bytes)
    }
}
