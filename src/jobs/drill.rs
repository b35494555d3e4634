//! A backup that was never restored is a hope. A drill restores one into a server of its own, dumps that, and compares.
//!
//! A dump is a program: a drill executes what is in the bucket. So its server is a scratch container without a network,
//! without a secret and without a place on the host's disk, and the result that goes into the bucket quotes nothing.

mod cause;
mod compare;
mod context;
mod difference;
mod reload;
mod server;
mod storage;
mod sweep;

use std::sync::PoisonError;
use std::time::Instant;

use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, warn};

use context::Drill;
pub use sweep::sweep;

use super::error::{JobError, JobErrorKind};
use super::record::new_run;
use super::span;
use crate::app::App;
use crate::clock;
use crate::discovery::Target;
use crate::engine::{self, Engine};
use crate::model::drill::DrillResult;
use crate::model::key::BackupKey;
use crate::model::manifest::Manifest;
use crate::model::run::ContainerRecord;
use crate::pipeline::Progress;
use crate::report::End;

/// What a drill has found.
#[derive(Debug, Clone)]
pub struct Drilled {
    /// As it is in the bucket.
    pub result: DrillResult,
    /// What is wrong, in the words of the tools: for the log and the terminal, never for the bucket.
    pub detail: Option<String>,
}

/// Restores a backup on trial, compares, and writes what was found beside its manifest. `target` is the backup's target as it
/// is now, if it is there: its environment and labels say how its server is set up.
///
/// # Errors
/// Why nothing is known about the backup. That it is not good is no error but the result's `problem`.
pub async fn run(
    app: &App,
    key: &BackupKey,
    manifest: &Manifest,
    target: Option<&Target>,
    stop: &CancellationToken,
    progress: &Progress,
) -> Result<Drilled, JobError> {
    let work = Box::pin(one(app, key, manifest, target, stop, progress));
    work.instrument(span::job("drill", &key.target)).await
}

async fn one(
    app: &App,
    key: &BackupKey,
    manifest: &Manifest,
    target: Option<&Target>,
    stop: &CancellationToken,
    progress: &Progress,
) -> Result<Drilled, JobError> {
    span::is_about(key);
    let started = Instant::now();
    let run = new_run();
    span::is_run(&run);
    app.runs.lock().unwrap_or_else(PoisonError::into_inner).insert(run.clone());
    let docker = app.docker.on_behalf_of(&run);
    let watch = storage::watch(docker.clone(), ContainerRecord::container(&run), app.config.drill_disk);
    let mut drill = Drill {
        app,
        docker,
        key,
        manifest,
        target,
        stop,
        progress,
        run,
        container: None,
        is_being_made: false,
        is_for_disk: false,
    };
    let limit = app.config.drill_timeout;
    let ended = {
        let work = tokio::time::timeout(limit, Box::pin(drill.make()));
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(JobError::stopped()),
            problem = watch => Err(problem),
            ended = work => ended.unwrap_or_else(|_| Err(JobError::new(
                JobErrorKind::TooLong,
                format!("not done after {} (DUMPCAR_DRILL_TIMEOUT)", humantime::format_duration(limit)),
            ))),
        }
    };
    drill.remove().await;
    app.runs.lock().unwrap_or_else(PoisonError::into_inner).remove(&drill.run);
    let mut drilled = ended?;
    drilled.result.seconds = started.elapsed().as_secs_f64().round();
    if app.store.can_sign() {
        app.store.put_drill(key, &drilled.result).await?;
    } else {
        warn!(backup = %key, "the result is not put into the bucket: without DUMPCAR_SIGNING_KEY it would not count");
    }
    Ok(drilled)
}

/// How a drill is reported to have ended.
pub fn end(drilled: Result<Drilled, JobError>) -> End {
    match drilled {
        Ok(Drilled { result, detail }) => End::Drill { result, detail },
        Err(error) => error.into(),
    }
}

impl Drill<'_> {
    async fn make(&mut self) -> Result<Drilled, JobError> {
        match Box::pin(self.attempt()).await {
            Err(error) if self.may_take_disk(&error) => {
                warn!(backup = %self.key, %error, "the drill begins again, on Docker's disk");
                self.remove().await;
                self.is_for_disk = true;
                Box::pin(self.attempt()).await
            }
            ended => ended,
        }
    }

    fn may_take_disk(&self, error: &JobError) -> bool {
        let is_full = error.kind == JobErrorKind::Tool(engine::ToolFailure::DiskFull);
        is_full && self.container.is_some() && !self.is_for_disk && self.app.config.drill_disk > 0
    }

    async fn attempt(&mut self) -> Result<Drilled, JobError> {
        let engine = self.engine()?;
        let image = self.image(engine).await?;
        let scratch = self.server(engine, &image).await?;
        let own = self.app.identity.holder(&self.app.docker).await;
        let mut result = DrillResult::new(self.key, clock::now(), &own.instance, &image.id);
        let Err(error) = self.restore_and_compare(&scratch, &mut result).await else {
            return Ok(Drilled { result, detail: None });
        };
        let error = self.because(&scratch, error).await;
        let Some(problem) = error.blame().cloned() else { return Err(error) };
        result.problem = Some(problem);
        Ok(Drilled { result, detail: Some(error.to_string()) })
    }

    /// The engine of the backup, if a drill may start a server of it.
    ///
    /// A custom one is restored by the command of its target's label only: the one in the manifest is for people, who read
    /// what they run.
    fn engine(&self) -> Result<Engine, JobError> {
        let prefix = &self.app.config.label_prefix;
        let engine = Engine::of(self.manifest)
            .map_err(|error| JobError::new(JobErrorKind::Wrong, error.to_string()))?;
        let custom = self.target.and_then(|target| target.labels.custom.as_ref());
        if engine.is_defined_by_labels() && custom.is_none_or(|custom| custom.restore.is_none()) {
            return Err(JobError::new(
                JobErrorKind::Wrong,
                format!(
                    "no restore command: a drill takes that of the label {prefix}.restore-command on a container of this \
                     target, never the manifest's"
                ),
            ));
        }
        Ok(engine)
    }
}
