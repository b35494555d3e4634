//! One dump on its way into the store.

use std::sync::atomic::Ordering;
use std::time::Instant;

use tracing::{debug, info, warn};

use super::alive;
use super::context::AttemptContext;
use super::parts::Turn;
use super::plan::Part;
use crate::docker::{Arrives, ExecError};
use crate::engine;
use crate::jobs::diagnosis::diagnose;
use crate::jobs::error::{JobError, JobErrorKind, stoppable};
use crate::model::key::database_file_stem;
use crate::model::manifest::{ManifestObject, ObjectKind};
use crate::model::transport::Transport;
use crate::pipeline::{self, PipelineError, transport};
use crate::text;

/// Why there is no object.
enum Failed {
    /// It did not come through as it was compressed in the target; without that it may.
    Transport(String),
    Job(JobError),
}

impl<E: Into<JobError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Job(error.into())
    }
}

impl Turn<'_> {
    /// One object, from the command to the store, which confirms its size now or, for one of many, later.
    pub(super) async fn dump_part(&self, part: &Part) -> Result<ManifestObject, JobError> {
        let AttemptContext { compresses_inside, .. } = self.attempt;
        loop {
            let inside = compresses_inside.load(Ordering::Relaxed);
            match self.dump_once(part, inside).await {
                Err(Failed::Transport(reason)) if inside => {
                    warn!(reason, "dumping again, without compressing inside the container");
                    compresses_inside.store(false, Ordering::Relaxed);
                }
                Err(Failed::Transport(reason)) => return Err(JobError::new(JobErrorKind::Internal, reason)),
                Err(Failed::Job(error)) => return Err(error),
                Ok(object) => return Ok(object),
            }
        }
    }

    async fn dump_once(&self, part: &Part, inside: bool) -> Result<ManifestObject, Failed> {
        let Self { attempt, progress, stop, .. } = self;
        let AttemptContext { app, docker, target, key, .. } = attempt;
        let format = target.engine.extension(&target.facts()).to_owned();
        let what = part.what();
        let stem = match (&part.kind, &part.database) {
            (ObjectKind::Globals, _) => "globals".to_owned(),
            (_, Some(database)) => database_file_stem(database),
            (_, None) => "dump".to_owned(),
        };
        let name = format!("{stem}.{format}{}", part.compression.extension());
        progress.set_stage(format!("dumping {what}"));
        let started = Instant::now();
        let level = inside.then(|| transport::level(part.compression));
        let exec = docker.exec_compressed(target.tools(), &part.command, level);
        let mut exec = match stoppable(stop, exec).await? {
            Ok(exec) => exec,
            Err(error) => {
                let database = part.database.as_deref();
                return Err(self.exec_failed(&format!("dump {what}"), database, error.into()).await.into());
            }
        };
        let mut upload = app.store.upload(&key.object(&name), part.hint);
        if self.is_one_of_many {
            upload = upload.confirmed_later();
        }
        let check = |ends: &pipeline::Ends| {
            let checked = target.engine.check(part.kind, &ends.head, &ends.tail, ends.bytes);
            checked.map_err(|error| error.to_string())
        };
        let dump = pipeline::dump(
            &mut exec,
            &mut upload,
            part.compression,
            target.engine.dialect(part.kind),
            app.config.stall_timeout,
            check,
            progress,
        );
        let dump = alive::during(progress, Box::pin(dump), |alive| {
            info!(
                object = name,
                plain_bytes = alive.plain_bytes,
                bytes = alive.stored_bytes,
                rate = format!("{}/s", text::bytes(alive.bytes_per_second)),
                "still dumping"
            );
        });
        let pipeline::Made { arrives, digests, content, unread, .. } = match stoppable(stop, dump).await {
            Ok(Ok(made)) => made,
            failed => {
                // The tool first: it holds a snapshot of the database.
                exec.cancel().await;
                upload.abort(stop).await;
                return Err(match failed {
                    Ok(Err(PipelineError::Transport(reason))) => {
                        Failed::Transport(target.container.redact(&reason))
                    }
                    Ok(Err(error)) => self.part_failed(&what, part.database.as_deref(), error).await.into(),
                    Ok(Ok(_)) | Err(_) => JobError::stopped().into(),
                });
            }
        };
        upload.commit(stop).await?;
        if let Some(said) = engine::warnings(&target.container.redact(&exec.stderr())) {
            warn!(object = name, said, "the dump tool succeeded with warnings");
        }
        if inside && target.transport == Transport::On && arrives == Arrives::Plain {
            let hint = format!(
                "container {} has no zstd that works: its dumps come as they are",
                target.container.name
            );
            if app.is_news(&hint) {
                warn!("{hint}");
            }
        }
        if let Some(reason) = unread {
            warn!(object = name, %reason, "what is in the dump is not known, so a drill cannot compare it");
        }
        debug!(
            object = name,
            compressed_inside = arrives == Arrives::Zstd,
            bytes = digests.stored_bytes,
            plain_bytes = digests.plain_bytes,
            elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "object stored"
        );
        Ok(ManifestObject {
            name,
            kind: part.kind,
            database: part.database.clone(),
            options: part.options.clone(),
            format,
            encoding: part.compression.into(),
            plain_bytes: digests.plain_bytes,
            plain_sha256: digests.plain_sha256,
            stored_bytes: digests.stored_bytes,
            stored_sha256: digests.stored_sha256,
            content,
        })
    }

    async fn part_failed(&self, what: &str, database: Option<&str>, error: PipelineError) -> JobError {
        match error {
            PipelineError::Exec(error) => self.exec_failed(&format!("dump {what}"), database, error).await,
            PipelineError::Store(error) => error.into(),
            PipelineError::Content(reason) | PipelineError::Transport(reason) => {
                JobError::new(JobErrorKind::IncompleteDump, format!("dump {what}: {reason}"))
            }
            PipelineError::Codec(error) => {
                JobError::new(JobErrorKind::Internal, format!("dump {what}: compress it: {error}"))
            }
        }
    }

    async fn exec_failed(&self, what: &str, database: Option<&str>, error: ExecError) -> JobError {
        diagnose(&self.attempt.app.docker, self.attempt.target, what, database, error).await
    }
}
