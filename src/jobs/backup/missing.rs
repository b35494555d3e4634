//! What cannot be dumped does not cost the rest (promise P10).

use std::time::Duration;

use backon::{ConstantBuilder, Retryable as _};
use tracing::warn;

use super::context::AttemptContext;
use super::parts::Turn;
use super::plan::{Part, SURVEY_LIMIT};
use crate::docker::ExecError;
use crate::engine::{self, Broken, Without};
use crate::jobs::error::{JobError, JobErrorKind, stoppable};
use crate::jobs::survey::MOST_BYTES;
use crate::model::manifest::{ManifestObject, ObjectKind};
use crate::model::missing::Missing;

/// How often a database is dumped again without what was found to be broken.
const ROUNDS: usize = 20;
/// What is found to be broken, one line each.
const FOUND_BYTES: usize = 1024 * 1024;
/// A table that the tool has named is read to where it fails.
const EXAMINE_LIMIT: Duration = Duration::from_secs(3600);

/// How often, and how fast, a server that was lost in the middle of a dump is asked whether it is back.
const ASK_AGAIN: ConstantBuilder =
    ConstantBuilder::new().with_delay(Duration::from_secs(2)).with_max_times(14);

impl Turn<'_> {
    /// Whether a failure says nothing about the other parts, and will not pass by trying again.
    pub(super) fn costs_only_itself(&self, part: &Part, error: &JobError) -> bool {
        let is_of_one = match error.kind {
            JobErrorKind::Broken | JobErrorKind::IncompleteDump => true,
            JobErrorKind::Tool(problem) => !problem.is_of_the_server(),
            JobErrorKind::Stopped
            | JobErrorKind::Nothing
            | JobErrorKind::Wrong
            | JobErrorKind::Busy
            | JobErrorKind::TooLong
            | JobErrorKind::Store(_)
            | JobErrorKind::Docker { .. }
            | JobErrorKind::Backup
            | JobErrorKind::Internal => false,
        };
        part.kind != ObjectKind::Dump && is_of_one && (self.attempt.is_last_try || !error.kind.may_pass())
    }

    /// Whether the server is there after all: one that ends a session, or all of them, for what is in one database.
    pub(super) async fn is_survived(&self, part: &Part, error: &JobError) -> Result<bool, JobError> {
        let Self { attempt: AttemptContext { docker, target, .. }, stop, .. } = self;
        let is_gone = error.kind == JobErrorKind::Tool(engine::ToolFailure::NotAccepting);
        let facts = target.facts();
        let Some(command) = target.engine.survey(&facts).filter(|_| is_gone && self.attempt.is_last_try)
        else {
            return Ok(false);
        };
        self.progress.set_stage(format!("asking whether the server is there after {}", part.what()));
        let asked = || docker.capture(target.tools(), &command, MOST_BYTES, SURVEY_LIMIT);
        let is_starting = |error: &ExecError| matches!(error, ExecError::Failed { .. });
        Ok(stoppable(stop, asked.retry(ASK_AGAIN).when(is_starting)).await?.is_ok())
    }

    /// Dumps a database without what is broken in it; what is left out is `missing`, and may be all of it.
    pub(super) async fn dump_rest(
        &self,
        survey: &engine::Survey,
        part: Part,
        error: JobError,
        missing: &mut Vec<Missing>,
    ) -> Result<Option<ManifestObject>, JobError> {
        let target = self.attempt.target;
        let (engine, facts) = (target.engine, target.facts());
        let (mut without, mut lacks, mut error) = (Without::default(), Vec::new(), error);
        if let Some(database) = part.database.clone() {
            for _ in 0..ROUNDS {
                let found = self.leave_out(&database, &error, &mut without).await?;
                if found.is_empty() {
                    break;
                }
                lacks.extend(found);
                let command = engine.dump_without(&facts, survey, &database, &without);
                match self.dump_part(&Part { command, ..part.clone() }).await {
                    Ok(object) => {
                        missing.append(&mut lacks);
                        return Ok(Some(object));
                    }
                    Err(next) if self.costs_only_itself(&part, &next) => error = next,
                    Err(next) => return Err(next),
                }
            }
        }
        missing.push(Missing::new(part.database.as_deref(), None, reason(&part.what(), &error)));
        Ok(None)
    }

    /// Adds to `without` what else of the database is broken; returns what is new.
    async fn leave_out(
        &self,
        database: &str,
        failure: &JobError,
        without: &mut Without,
    ) -> Result<Vec<Missing>, JobError> {
        let Self { attempt: AttemptContext { docker, target, .. }, stop, .. } = self;
        let said = failure.to_string();
        let is_of_objects = matches!(
            failure.kind,
            JobErrorKind::Tool(engine::ToolFailure::Other | engine::ToolFailure::PermissionDenied)
        );
        let Some(command) = target.engine.examine(&target.facts(), database, &said).filter(|_| is_of_objects)
        else {
            return Ok(Vec::new());
        };
        if let Some(kind) = without.hidden(&said) {
            let reason = reason(&format!("database {database:?}"), failure);
            return Ok(vec![Missing::new(Some(database), Some(kind), reason)]);
        }
        self.progress.set_stage(format!("looking for what is broken in database {database:?}"));
        let examined = docker.capture(target.tools(), &command, FOUND_BYTES, EXAMINE_LIMIT);
        let examined = stoppable(stop, examined).await?.map_err(|error| error.to_string());
        let found =
            examined.and_then(|answer| Broken::parse(&answer.stdout).map_err(|error| error.to_string()));
        let found = match found {
            Ok(found) => found,
            Err(reason) => {
                let reason = target.container.redact(&reason);
                warn!(database, reason, "cannot find out what is broken in this database");
                return Ok(Vec::new());
            }
        };
        let mut new = Vec::new();
        for broken in found {
            if !without.tables.contains(&broken.name) {
                let hide = |said: &str| target.container.redact(said);
                let (said, facts) = (hide(&broken.reason), target.facts());
                let diagnosis =
                    engine::diagnose(target.engine, 1, &broken.reason, &hide, &facts, Some(database));
                let is_other = diagnosis.failure == engine::ToolFailure::Other;
                let reason = if is_other { format!("{said}; mend or drop it") } else { diagnosis.text };
                new.push(Missing::new(Some(database), Some(&broken.name), &reason));
                without.tables.push(broken.name);
            }
        }
        Ok(new)
    }
}

/// Why a part failed, without saying again what it is.
fn reason<'e>(what: &str, error: &'e JobError) -> &'e str {
    error.text().strip_prefix(&format!("dump {what}: ")).unwrap_or(error.text())
}
