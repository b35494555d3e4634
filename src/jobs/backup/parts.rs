//! The parts of a backup, in their turns: one after the other, or several at once.

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::context::AttemptContext;
use super::plan::{Part, Plan};
use crate::engine::Survey;
use crate::jobs::error::JobError;
use crate::model::manifest::{ManifestObject, ObjectKind};
use crate::model::missing::{MOST, Missing};
use crate::pipeline::PartProgress;
use crate::store::Catalog;

/// What came of the dumps besides the objects.
pub(super) struct Dumped {
    pub(super) server_version: String,
    pub(super) missing: Vec<Missing>,
    /// What went wrong after them.
    pub(super) problems: Vec<String>,
}

/// One part's turn.
pub(super) struct Turn<'a> {
    pub(super) attempt: &'a AttemptContext<'a>,
    pub(super) progress: PartProgress<'a>,
    /// The run is to end, or another part has failed in a way that costs the backup.
    pub(super) stop: &'a CancellationToken,
    pub(super) is_one_of_many: bool,
    /// Whatever happens to the server is by this one.
    pub(super) is_alone: bool,
}

/// What came of one part.
pub(super) enum Turned {
    Done {
        object: Option<ManifestObject>,
        missing: Vec<Missing>,
        /// Why something is missing.
        failed: Option<JobError>,
    },
    /// The server went away under it, and is there: by itself it may go well.
    Again(Part),
}

impl AttemptContext<'_> {
    /// Dumps everything that can be dumped; pushes each finished object.
    pub(super) async fn dump_parts(
        &self,
        catalog: Option<&Catalog>,
        objects: &mut Vec<ManifestObject>,
    ) -> Result<Dumped, JobError> {
        let Plan { survey, parts, mut missing } = self.plan(catalog).await?;
        let is_one_of_many = parts.len() > 1;
        let has_databases = parts.iter().any(|part| part.kind != ObjectKind::Globals);
        // A helper container has memory for one.
        let at_once = if self.target.engine.is_file() { 1 } else { self.app.config.parallel_databases };
        let at_once = usize::try_from(at_once).unwrap_or(1);
        let stop = self.stop.child_token();
        let turn = |is_alone| Turn {
            attempt: self,
            progress: self.progress.part(),
            stop: &stop,
            is_one_of_many,
            is_alone,
        };
        // Whatever ends makes room for the next, and the backup has all of them in their order. A turn takes memory, and a server
        // may have thousands of databases.
        let (mut waiting, mut running) = (parts.into_iter().enumerate(), FuturesUnordered::new());
        let mut turned = Vec::new();
        loop {
            while running.len() < at_once
                && let Some((place, part)) = waiting.next()
            {
                let one = turn(at_once == 1).take(&survey, part);
                running.push(one.map(move |one| (place, one)).boxed());
            }
            let Some(one) = running.next().await else { break };
            turned.push(one);
        }
        drop(running);
        turned.sort_by_key(|(place, _)| *place);
        let (mut failed, mut first) = (None, None);
        for (_, one) in turned {
            let one = match one {
                Ok(Turned::Again(part)) => {
                    let what = part.what();
                    info!(
                        what,
                        "the server went away under several dumps: dumping this one again, by itself"
                    );
                    Box::pin(turn(true).take(&survey, part)).await
                }
                one => one,
            };
            match one {
                Ok(Turned::Done { object, missing: lacks, failed }) => {
                    objects.extend(object);
                    missing.extend(lacks);
                    first = first.or(failed);
                }
                Ok(Turned::Again(_)) => {}
                // The others were stopped for one.
                Err(error) if failed.as_ref().is_none_or(JobError::is_stopped) => failed = Some(error),
                Err(_) => {}
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let has_any = objects.iter().any(|object| object.kind != ObjectKind::Globals);
        match first {
            // Nobody would look for their rows in it.
            Some(error) if has_databases && !has_any || objects.is_empty() => return Err(error),
            Some(_) | None => {}
        }
        for one in &missing {
            warn!(missing = %one, "this is not backed up");
        }
        missing.truncate(MOST);
        Ok(Dumped { server_version: survey.server_version, missing, problems: Vec::new() })
    }
}

impl Turn<'_> {
    /// Dumps the part, or what of it can be dumped.
    async fn take(self, survey: &Survey, part: Part) -> Result<Turned, JobError> {
        let turned = self.dump(survey, part).await;
        if turned.is_err() {
            self.stop.cancel();
        }
        turned
    }

    async fn dump(&self, survey: &Survey, part: Part) -> Result<Turned, JobError> {
        if self.stop.is_cancelled() {
            return Err(JobError::stopped());
        }
        let error = match self.dump_part(&part).await {
            Ok(object) => {
                return Ok(Turned::Done { object: Some(object), missing: Vec::new(), failed: None });
            }
            Err(error) => error,
        };
        if !self.costs_only_itself(&part, &error) {
            if !self.is_survived(&part, &error).await? {
                return Err(error);
            }
            if !self.is_alone {
                return Ok(Turned::Again(part));
            }
        }
        let mut missing = Vec::new();
        let object = self.dump_rest(survey, part, error.clone(), &mut missing).await?;
        Ok(Turned::Done { object, missing, failed: Some(error) })
    }
}
