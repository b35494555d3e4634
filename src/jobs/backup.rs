//! One run of one target: dump everything, prove it, write the manifest, prune.

mod error;
mod plan;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use error::RunError;
use plan::Part;

use crate::app::App;
use crate::clock;
use crate::discovery::Target;
use crate::engine;
use crate::jobs::prune;
use crate::lock::RunLock;
use crate::model::key::{BackupKey, Stamp, database_file_stem};
use crate::model::manifest::{Manifest, ManifestObject, ObjectKind, VERSION};
use crate::outcome::{Summary, Verdict};
use crate::pipeline::{self, Progress};
use crate::store::{Catalog, StoreErrorKind};

/// What a hook may print; nobody reads it.
const HOOK_BYTES: usize = 1024 * 1024;

/// The wait before the first retry; each further one is three times as long.
const FIRST_BACKOFF: Duration = Duration::from_secs(10);

/// Backs up `target`, with retries, within its time limit. Never panics and never leaves a half backup.
pub async fn run(app: &App, target: &Target, stop: &CancellationToken, progress: &Progress) -> Verdict {
    let Some(_lock) = RunLock::take(&app.store.to_string(), target.name.as_str()) else {
        return Verdict::Failed { reason: "another backup of it is running: wait for that one".into() };
    };
    // A time limit is a stop with another name: both let the run clean up.
    let limited = stop.child_token();
    let attempts = attempts(app, target, &limited, progress);
    tokio::pin!(attempts);
    let result = tokio::select! {
        result = &mut attempts => result,
        () = tokio::time::sleep(target.timeout) => {
            limited.cancel();
            match attempts.await {
                Err(RunError::Stopped) if !stop.is_cancelled() => Err(RunError::permanent(format!(
                    "not done after {}: raise DUMPCAR_TIMEOUT or the label {}.timeout",
                    humantime::format_duration(target.timeout),
                    app.config.label_prefix,
                ))),
                result => result,
            }
        }
    };
    match result {
        Ok(summary) => Verdict::Done(summary),
        Err(RunError::Stopped) => Verdict::Stopped,
        Err(RunError::Failed { reason, .. }) => Verdict::Failed { reason },
    }
}

/// Tries until it works, fails for good, or the retries are used up.
async fn attempts(
    app: &App,
    target: &Target,
    stop: &CancellationToken,
    progress: &Progress,
) -> Result<Summary, RunError> {
    let mut backoff = FIRST_BACKOFF;
    let mut tried = 0;
    // The container may be another one by the time of a retry: replaced, or its labels changed.
    let mut current = target.clone();
    loop {
        match attempt(app, &current, stop, progress).await {
            Err(RunError::Failed { reason, transient: true }) if tried < app.config.retries => {
                tried += 1;
                info!(target = %target.name, %reason, wait = %humantime::format_duration(backoff), "trying again");
                progress.set_stage(format!("waiting to try again: {reason}"));
                stoppable(stop, tokio::time::sleep(backoff)).await?;
                backoff *= 3;
                if let Some(replaced) = app.target(&target.name).await {
                    current = replaced;
                }
            }
            Err(RunError::Failed { reason, transient }) if tried > 0 => {
                return Err(RunError::Failed {
                    reason: format!("{reason} (tried {} times)", tried + 1),
                    transient,
                });
            }
            other => return other,
        }
    }
}

async fn stoppable<T>(stop: &CancellationToken, future: impl Future<Output = T>) -> Result<T, RunError> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(RunError::Stopped),
        result = future => Ok(result),
    }
}

async fn attempt(
    app: &App,
    target: &Target,
    stop: &CancellationToken,
    progress: &Progress,
) -> Result<Summary, RunError> {
    let run = Run { app, target, stop, progress };
    let clock = Instant::now();
    // Also the cheapest proof that the bucket, the keys and the clock are right, before the database has any work.
    progress.set_stage("looking into the bucket");
    let catalog = run.catalog().await?;
    let backups = catalog.as_ref().map(|catalog| catalog.backups(&target.name)).unwrap_or_default();
    let mut started = clock::now();
    while backups.iter().any(|backup| backup.key.stamp == Stamp::new(started)) {
        // Two runs within a second: the names of their folders would be the same.
        stoppable(stop, tokio::time::sleep(Duration::from_millis(100))).await?;
        started = clock::now();
    }
    let key = BackupKey { target: target.name.clone(), stamp: Stamp::new(started) };

    let mut objects = Vec::new();
    let dumped = run.dump_all(&key, catalog.as_ref(), &mut objects).await;
    let (server_version, mut problems) = match dumped {
        Ok(dumped) => dumped,
        Err(error) => {
            run.discard(&key, &objects).await;
            return Err(error);
        }
    };

    progress.set_stage("writing the manifest");
    let manifest = Manifest {
        version: VERSION,
        target: target.name.clone(),
        stamp: key.stamp,
        engine: target.engine.name().to_owned(),
        server_version,
        image: target.container.image.clone(),
        image_id: target.container.image_id.clone(),
        instance: app.config.instance.clone(),
        dumpcar: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        finished: clock::now(),
        restore_command: target.labels.custom.as_ref().and_then(|custom| custom.restore.clone()),
        objects,
    };
    match stoppable(stop, app.store.put_manifest(&key, &manifest)).await {
        Ok(Ok(())) => {}
        // What lies there is somebody else's backup.
        Ok(Err(error)) if error.kind == StoreErrorKind::Taken => return Err(error.into()),
        Ok(Err(error)) => {
            run.take_back(&key, &manifest.objects).await;
            return Err(error.into());
        }
        Err(stopped) => {
            run.take_back(&key, &manifest.objects).await;
            return Err(stopped);
        }
    }

    progress.set_stage("pruning");
    let pruned = match catalog.filter(|_| app.config.prune) {
        Some(catalog) => prune::after_run(app, target, &catalog, &key, stop).await,
        None => Ok(0),
    };
    let pruned = pruned.unwrap_or_else(|problem| {
        problems.push(problem);
        0
    });
    Ok(Summary {
        stamp: key.stamp,
        objects: manifest.objects.len(),
        plain_bytes: manifest.plain_bytes(),
        stored_bytes: manifest.stored_bytes(),
        elapsed: clock.elapsed(),
        pruned,
        problems,
    })
}

/// One attempt's surroundings.
struct Run<'a> {
    app: &'a App,
    target: &'a Target,
    stop: &'a CancellationToken,
    progress: &'a Progress,
}

impl Run<'_> {
    /// Hooks around everything; the second one runs whatever became of the first one and the dumps.
    async fn dump_all(
        &self,
        key: &BackupKey,
        catalog: Option<&Catalog>,
        objects: &mut Vec<ManifestObject>,
    ) -> Result<(String, Vec<String>), RunError> {
        let before = match &self.target.labels.before {
            Some(before) => {
                self.progress.set_stage("running the before command");
                self.hook("before", before).await
            }
            None => Ok(()),
        };
        let dumped = match before {
            Ok(()) => self.dump_parts(key, catalog, objects).await,
            Err(error) => Err(error),
        };
        let mut problems = Vec::new();
        if let Some(after) = &self.target.labels.after {
            self.progress.set_stage("running the after command");
            // Also when told to stop: what `before` froze has to be let go.
            if let Err(RunError::Failed { reason, .. }) = self.hook("after", after).await {
                warn!(target = %self.target.name, %reason, "the after command failed");
                problems.push(reason);
            }
        }
        dumped.map(|server_version| (server_version, problems))
    }

    async fn hook(&self, which: &str, command: &str) -> Result<(), RunError> {
        let command = engine::hook(&self.target.facts(), command);
        let limit = self.target.timeout;
        let ran = self.app.docker.capture(&self.target.container.id, &command, HOOK_BYTES, limit);
        let ran = if which == "before" { stoppable(self.stop, ran).await? } else { ran.await };
        ran.map(drop).map_err(|error| {
            let reason =
                format!("the {which} command (label {}.{which}): {error}", self.app.config.label_prefix);
            RunError::permanent(self.target.container.redact(&reason))
        })
    }

    /// Dumps everything there is; pushes each finished object. Returns the server's version.
    async fn dump_parts(
        &self,
        key: &BackupKey,
        catalog: Option<&Catalog>,
        objects: &mut Vec<ManifestObject>,
    ) -> Result<String, RunError> {
        let (survey, parts) = self.plan(catalog).await?;
        for part in parts {
            objects.push(self.dump_part(key, part).await?);
        }
        Ok(survey.server_version)
    }

    /// One object, from the command to the confirmed size in the store.
    async fn dump_part(&self, key: &BackupKey, part: Part) -> Result<ManifestObject, RunError> {
        let Self { app, target, stop, progress } = self;
        let format = target.engine.extension(&target.facts()).to_owned();
        let (stem, what) = match (&part.kind, &part.database) {
            (ObjectKind::Globals, _) => ("globals".to_owned(), "roles and users".to_owned()),
            (_, Some(database)) => (database_file_stem(database), format!("database {database:?}")),
            (_, None) => ("dump".to_owned(), "the dump".to_owned()),
        };
        let name = format!("{stem}.{format}{}", target.compression.extension());
        progress.set_stage(format!("dumping {what}"));
        let started = Instant::now();
        let mut exec = stoppable(stop, app.docker.exec(&target.container.id, &part.command)).await??;
        let mut upload = app.store.upload(&key.object(&name), part.hint);
        let check = |ends: &pipeline::Ends| {
            let checked = target.engine.check(part.kind, &ends.head, &ends.tail, ends.bytes);
            checked.map_err(|error| error.to_string())
        };
        let dump = pipeline::dump(
            &mut exec,
            &mut upload,
            target.compression,
            app.config.stall_timeout,
            check,
            progress,
        );
        let digests = match stoppable(stop, dump).await {
            Ok(Ok(digests)) => digests,
            failed => {
                // The tool first: it holds a snapshot of the database.
                exec.cancel().await;
                upload.abort().await;
                let Ok(Err(error)) = failed else { return Err(RunError::Stopped) };
                return Err(self.part_failed(&what, part.database.as_deref(), error).await);
            }
        };
        upload.commit(stop).await?;
        info!(
            target = %target.name, object = name, bytes = digests.stored_bytes, plain_bytes = digests.plain_bytes,
            elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX), "object stored"
        );
        Ok(ManifestObject {
            name,
            kind: part.kind,
            database: part.database,
            format,
            compression: target.compression,
            plain_bytes: digests.plain_bytes,
            plain_sha256: digests.plain_sha256,
            stored_bytes: digests.stored_bytes,
            stored_sha256: digests.stored_sha256,
        })
    }

    /// Takes back a backup whose manifest was sent and not confirmed.
    ///
    /// The manifest may have arrived although the answer did not: it goes first, like in every deletion. While it may be
    /// there, the objects stay: a manifest must never point at nothing.
    async fn take_back(&self, key: &BackupKey, objects: &[ManifestObject]) {
        match self.app.store.delete(&key.manifest()).await {
            Ok(()) => self.discard(key, objects).await,
            Err(error) => {
                warn!(target = %self.target.name, backup = %key, %error, "objects without a manifest may be left");
            }
        }
    }

    /// Removes the objects of a backup that does not come to be.
    async fn discard(&self, key: &BackupKey, objects: &[ManifestObject]) {
        for object in objects {
            if let Err(error) = self.app.store.delete(&key.object(&object.name)).await {
                warn!(target = %self.target.name, key = key.object(&object.name), %error, "an object without a manifest is left");
            }
        }
    }
}

/// The verdict of a run that panicked: a bug, but the other targets go on.
pub fn panicked() -> Verdict {
    Verdict::Failed { reason: "Dumpcar itself failed: please report the panic in the log".into() }
}

/// Runs in a task of its own, so that a panic stays one target's failure.
pub async fn run_guarded(
    app: Arc<App>,
    target: Target,
    stop: CancellationToken,
    progress: Arc<Progress>,
) -> Verdict {
    let run = tokio::spawn(async move { run(&app, &target, &stop, &progress).await });
    run.await.unwrap_or_else(|_| panicked())
}
