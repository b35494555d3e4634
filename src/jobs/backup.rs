//! One run of one target: dump everything, prove it, write the manifest, prune.

mod alive;
mod begin;
mod missing;
mod plan;
mod suspicion;
mod writers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{join, try_join};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, debug, info, warn};

use begin::{Begun, begin};
use missing::Dumped;
use plan::Part;

use crate::app::App;
use crate::clock;
use crate::discovery::Target;
use crate::docker::{Docker, ExecError};
use crate::engine;
use crate::jobs::error::{JobError, Kind, stoppable};
use crate::jobs::explain::explain;
use crate::jobs::journal::Entry;
use crate::jobs::prune;
use crate::jobs::span;
use crate::lock::RunLock;
use crate::model::id::ImageDigest;
use crate::model::key::{BackupKey, CLAIM, Stamp, database_file_stem};
use crate::model::line::Line;
use crate::model::manifest::{Manifest, ManifestObject, ObjectKind, VERSION};
use crate::model::missing::{Missing, summary as summary_of};
use crate::model::retention::{Candidate, MOST_PRUNED};
use crate::model::trigger::Trigger;
use crate::model::writers::{Clash, Writer};
use crate::outcome::{Summary, Verdict};
use crate::pipeline::{self, PipelineError, Progress};
use crate::store::{Catalog, StoreErrorKind};
use crate::text;

/// What a hook may print; nobody reads it.
const HOOK_BYTES: usize = 1024 * 1024;

/// The wait before the first retry; each further one is three times as long.
const FIRST_BACKOFF: Duration = Duration::from_secs(10);

/// How long the label `after` may take: it lets go of what `before` froze, which is a matter of seconds.
const AFTER_LIMIT: Duration = Duration::from_secs(5 * 60);

/// How long a run may clean up once Dumpcar was told to stop: Docker kills it after 10 s.
const STOP_LIMIT: Duration = Duration::from_secs(8);

/// Why there is no backup while another one is made.
pub const BUSY: &str = "another backup of it is running: wait for that one";

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// What asked for it.
    pub trigger: Trigger,
    /// The backup may be far smaller than the last good one.
    pub accepts_smaller: bool,
    /// Nothing is pruned after it.
    pub keeps_all: bool,
}

impl Order {
    pub fn of(trigger: Trigger) -> Self {
        Self { trigger, accepts_smaller: false, keeps_all: false }
    }
}

/// Backs up `target`, with retries, within its time limit. Never panics and never leaves a half backup.
pub async fn run(
    app: &App,
    target: &Target,
    order: Order,
    stop: &CancellationToken,
    progress: &Progress,
) -> Verdict {
    Box::pin(one(app, target, order, stop, progress)).instrument(span::job("backup", &target.name)).await
}

async fn one(
    app: &App,
    target: &Target,
    order: Order,
    stop: &CancellationToken,
    progress: &Progress,
) -> Verdict {
    let Some(_lock) = RunLock::take(&app.store.to_string(), target.name.as_str()) else {
        return Verdict::Failed { reason: BUSY.into() };
    };
    let too_late = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_LIMIT).await;
    };
    let result = tokio::select! {
        biased;
        result = limited(app, target, order, stop, progress) => result,
        // What is left is on record, and the connection that goes with the run ends the tool.
        () = too_late => {
            warn!("no time to clean up: the next start does");
            Err(JobError::stopped())
        }
    };
    let is_unhealthy = target.container.health.as_deref() == Some("unhealthy");
    let container = &target.container.name;
    match result {
        Ok(summary) => {
            if is_unhealthy {
                info!(container, "backed up though Docker calls its container unhealthy");
            }
            Verdict::Done(summary)
        }
        Err(error) if error.is_stopped() => Verdict::Stopped,
        Err(error) if is_unhealthy => Verdict::Failed {
            reason: format!(
                "{error} (Docker calls the container {container} unhealthy: see `docker inspect {container}`)"
            ),
        },
        Err(error) => Verdict::Failed { reason: error.to_string() },
    }
}

/// Tries for as long as the target's time limit allows.
async fn limited(
    app: &App,
    target: &Target,
    order: Order,
    stop: &CancellationToken,
    progress: &Progress,
) -> Result<Summary, JobError> {
    // A time limit is a stop with another name: both let the run clean up.
    let limited = stop.child_token();
    let attempts = attempts(app, target, order, &limited, progress);
    tokio::pin!(attempts);
    tokio::select! {
        result = &mut attempts => result,
        () = tokio::time::sleep(target.timeout) => {
            limited.cancel();
            match attempts.await {
                Err(error) if error.is_stopped() && !stop.is_cancelled() => Err(JobError::new(
                    Kind::TooLong,
                    format!(
                        "not done after {}: raise DUMPCAR_TIMEOUT or the label {}.timeout",
                        humantime::format_duration(target.timeout),
                        app.config.label_prefix,
                    ),
                )),
                result => result,
            }
        }
    }
}

/// Tries until it works, fails for good, or the retries are used up.
async fn attempts(
    app: &App,
    target: &Target,
    order: Order,
    stop: &CancellationToken,
    progress: &Progress,
) -> Result<Summary, JobError> {
    let mut backoff = FIRST_BACKOFF;
    let mut tried = 0;
    // The container may be another one by the time of a retry: replaced, or its labels changed.
    let mut current = target.clone();
    loop {
        let is_last_try = tried >= app.config.retries;
        match Box::pin(attempt(app, &current, order, is_last_try, stop, progress)).await {
            Err(error) if error.kind.may_pass() && tried < app.config.retries => {
                tried += 1;
                info!(reason = %error, wait = %humantime::format_duration(backoff), "trying again");
                progress.set_stage(format!("waiting to try again: {error}"));
                stoppable(stop, tokio::time::sleep(backoff)).await?;
                backoff *= 3;
                if let Some(replaced) = app.target(&target.name).await {
                    current = replaced;
                }
            }
            Err(error) if tried > 0 && !error.is_stopped() => {
                return Err(error.in_words(|reason| format!("{reason} (tried {} times)", tried + 1)));
            }
            other => return other,
        }
    }
}

async fn attempt(
    app: &App,
    target: &Target,
    order: Order,
    is_last_try: bool,
    stop: &CancellationToken,
    progress: &Progress,
) -> Result<Summary, JobError> {
    let clock = Instant::now();
    // Also the cheapest proof that the bucket, the keys and the clock are right, before the database has any work.
    progress.set_stage("looking into the bucket");
    let (catalog, origin) =
        try_join(plan::catalog(app, target, stop), stoppable(stop, origin(app, target))).await?;
    let last_good = suspicion::last_good(app, target, catalog.as_ref(), stop).await?;
    let prunes = catalog.as_ref().filter(|_| app.config.prune && !order.keeps_all);
    let backups = match prunes {
        Some(catalog) => {
            stoppable(stop, prune::candidates(app, &target.names(), target.retention, MOST_PRUNED, catalog))
                .await?
        }
        None => Ok(Vec::new()),
    };
    let known = backups.as_deref().unwrap_or_default();
    let begun = begin(app, target, catalog.as_ref(), known, origin.writer(), order.trigger, stop);
    let Begun { entry, key, started } = Box::pin(begun).await?;
    span::is_about(&key);
    let clash = writers::look(app, known, last_good.as_ref(), (key.stamp, origin.writer()));
    let docker = entry.docker();
    let run = Run {
        app,
        docker,
        target,
        order,
        origin,
        clash: clash.as_ref(),
        is_last_try,
        stop,
        progress,
        entry: &entry,
        key,
        started,
    };
    let (mut result, rest) = entry.during(Box::pin(run.make(catalog.as_ref(), last_good.as_ref()))).await;
    if let (Ok(summary), Some(catalog)) = (&mut result, prunes) {
        progress.set_stage("pruning");
        let standing = summary.standing(order.trigger);
        let new = Candidate { stamp: run.key.stamp, standing, writer: run.origin.writer() };
        match entry.during(Box::pin(prune::after_run(app, target, catalog, backups, new, stop))).await {
            Ok(pruned) => summary.pruned = pruned.deleted,
            Err(problem) => summary.problems.push(problem.to_string()),
        }
    }
    drop(run);
    match rest {
        // The record stays: the next run finds out what became of the manifest.
        Rest::Unknown => {}
        Rest::Nothing | Rest::Unfinished => {
            let is_clean = match &result {
                Ok(summary) => summary.problems.is_empty(),
                Err(_) => rest == Rest::Nothing,
            };
            if let Err(left) = entry.close(is_clean).await {
                match &mut result {
                    Ok(summary) => summary.problems.push(format!("clean up: {left}")),
                    Err(_) => warn!(%left, "cannot clean up after a failed run"),
                }
            }
        }
    }
    // Nothing of it has to be cleaned up.
    if let (Ok(summary), Some(clash)) = (&mut result, &clash) {
        summary.problems.extend(writers::problem(app, clash));
    }
    result.map(|summary| Summary { elapsed: clock.elapsed(), ..summary })
}

/// How long a hook may take. What comes after the dump is not part of its time limit: it has to be done in any case.
fn hook_limit(which: &str, timeout: Duration) -> Duration {
    if which == "after" { timeout.min(AFTER_LIMIT) } else { timeout }
}

/// Asks Docker meanwhile for what the manifest and the run's record say of it: the engine takes its time over that.
async fn origin(app: &App, target: &Target) -> Origin {
    let image = app.docker.image(&target.container.image_id);
    let (image, holder) = join(image, app.identity.holder(&app.docker)).await;
    let digests = image.ok().flatten().map(|image| image.digests).unwrap_or_default();
    Origin {
        image_digest: ImageDigest::choose(&digests, &target.container.image),
        docker_engine: holder.engine.clone(),
        instance: holder.instance.clone(),
    }
}

/// What a run has left in the store besides a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    /// Objects or uploads that will never be part of a backup.
    Unfinished,
    /// The manifest may still arrive: while it may, its objects stay.
    Unknown,
}

/// What Docker says of where a backup comes from.
struct Origin {
    image_digest: Option<ImageDigest>,
    docker_engine: Option<Line>,
    instance: Line,
}

impl Origin {
    fn writer(&self) -> Option<Writer> {
        Writer::new(self.docker_engine.as_ref(), &self.instance)
    }
}

/// One attempt's surroundings.
struct Run<'a> {
    app: &'a App,
    docker: &'a Docker,
    target: &'a Target,
    order: Order,
    origin: Origin,
    /// Somebody else makes backups of the target as well.
    clash: Option<&'a Clash>,
    /// What cannot be dumped now is not tried again.
    is_last_try: bool,
    stop: &'a CancellationToken,
    progress: &'a Progress,
    entry: &'a Entry<'a>,
    key: BackupKey,
    started: Timestamp,
}

impl Run<'_> {
    /// Everything up to the manifest.
    async fn make(
        &self,
        catalog: Option<&Catalog>,
        last_good: Option<&Manifest>,
    ) -> (Result<Summary, JobError>, Rest) {
        let mut objects = Vec::new();
        let Dumped { server_version, missing, problems } = match self.dump_all(catalog, &mut objects).await {
            Ok(dumped) => dumped,
            Err(error) => {
                self.discard(&objects).await;
                return (Err(error), Rest::Unfinished);
            }
        };
        if let Err(error) = self.confirm(&objects, !missing.is_empty()).await {
            self.discard(&objects).await;
            return (Err(error), Rest::Unfinished);
        }
        self.progress.set_stage("writing the manifest");
        let smaller =
            last_good.and_then(|good| Some((good.stamp, self.suspicion(good, &objects, &missing)?)));
        let manifest = self.manifest(server_version, smaller, missing, objects);
        match self.commit(&manifest).await {
            Ok(()) => {
                let summary = Summary {
                    stamp: self.key.stamp,
                    objects: manifest.objects.len(),
                    plain_bytes: manifest.plain_bytes(),
                    stored_bytes: manifest.stored_bytes(),
                    elapsed: Duration::ZERO,
                    pruned: 0,
                    incomplete: summary_of(&manifest.missing),
                    suspicious: manifest.suspicious.map(String::from),
                    accepted_smaller_than: manifest.accepted_smaller_than,
                    problems,
                };
                (Ok(summary), Rest::Nothing)
            }
            Err((error, rest)) => {
                if rest == Rest::Unfinished {
                    self.discard(&manifest.objects).await;
                }
                (Err(error), rest)
            }
        }
    }

    /// Has the store confirm the sizes of several objects. A single one was asked for at once, which is cheaper.
    async fn confirm(&self, objects: &[ManifestObject], is_last_of_many: bool) -> Result<(), JobError> {
        if objects.len() < 2 && !is_last_of_many {
            return Ok(());
        }
        self.progress.set_stage("confirming what is stored");
        let sizes: Vec<(&str, u64)> =
            objects.iter().map(|object| (object.name.as_str(), object.stored_bytes)).collect();
        Ok(stoppable(self.stop, self.app.store.confirm(&self.key, &sizes)).await??)
    }

    fn manifest(
        &self,
        server_version: String,
        smaller: Option<(Stamp, String)>,
        missing: Vec<Missing>,
        objects: Vec<ManifestObject>,
    ) -> Manifest {
        let Self { target, key, order, .. } = self;
        let (suspicious, accepted_smaller_than) = match smaller {
            Some((than, _)) if order.accepts_smaller => (None, Some(than)),
            Some((_, reason)) => (Some(Line::clean(&reason)), None),
            None => (None, None),
        };
        let mut manifest = Manifest {
            version: VERSION,
            target: target.name.clone(),
            stamp: key.stamp,
            engine: target.engine,
            server_version: Line::clean(&server_version),
            image: Line::clean(&target.container.image),
            image_id: target.container.image_id.clone(),
            image_digest: self.origin.image_digest.clone(),
            docker_engine: self.origin.docker_engine.clone(),
            instance: self.origin.instance.clone(),
            other_writer: self
                .clash
                .filter(|clash| !clash.is_first)
                .map(|clash| Line::clean(&clash.names().1)),
            dumpcar: Line::clean(env!("CARGO_PKG_VERSION")),
            trigger: order.trigger,
            started: self.started,
            finished: clock::now(),
            restore_command: target.labels.custom.as_ref().and_then(|custom| custom.restore.clone()),
            suspicious,
            accepted_smaller_than,
            claimed: self.entry.is_off_record(),
            missing,
            objects,
        };
        manifest.shorten();
        manifest
    }

    /// Writes the manifest: the commit.
    async fn commit(&self, manifest: &Manifest) -> Result<(), (JobError, Rest)> {
        let Self { app, stop, key, .. } = self;
        match self.entry.is_ours(clock::now()).await {
            Ok(true) => {}
            Ok(false) => {
                let reason = "another Dumpcar took this run for dead and removed its objects; was this machine suspended?";
                return Err((JobError::new(Kind::Broken, reason), Rest::Nothing));
            }
            Err(error) => return Err((error.into(), Rest::Unfinished)),
        }
        let error = match stoppable(stop, app.store.put_manifest(key, manifest)).await {
            Ok(Ok(version)) => {
                if manifest.suspicious.is_none() && manifest.missing.is_empty() {
                    app.last_good.keep(version, manifest);
                }
                return Ok(());
            }
            // What lies there is somebody else's backup.
            Ok(Err(error)) if error.kind == StoreErrorKind::Taken => {
                return Err((error.into(), Rest::Nothing));
            }
            Ok(Err(error)) => error.into(),
            Err(stopped) => stopped,
        };
        // The manifest may have arrived although the answer did not: it goes first, like in every deletion.
        match app.store.delete(&key.manifest()).await {
            Ok(()) => Err((error, Rest::Unfinished)),
            Err(left) => {
                warn!(backup = %key, error = %left, "objects without a manifest may be left");
                Err((error, Rest::Unknown))
            }
        }
    }

    /// Hooks around everything; the second one runs whatever became of the first one and the dumps.
    async fn dump_all(
        &self,
        catalog: Option<&Catalog>,
        objects: &mut Vec<ManifestObject>,
    ) -> Result<Dumped, JobError> {
        let before = match &self.target.labels.before {
            Some(before) => {
                self.progress.set_stage("running the before command");
                self.hook("before", before).await
            }
            None => Ok(()),
        };
        let dumped = match before {
            Ok(()) => self.dump_parts(catalog, objects).await,
            Err(error) => Err(error),
        };
        let mut problems = Vec::new();
        if let Some(after) = &self.target.labels.after {
            self.progress.set_stage("running the after command");
            // Also when told to stop: what `before` froze has to be let go.
            if let Err(error) = self.hook("after", after).await {
                warn!(reason = %error, "the after command failed");
                problems.push(error.to_string());
            }
        }
        dumped.map(|dumped| Dumped { problems, ..dumped })
    }

    async fn hook(&self, which: &str, command: &str) -> Result<(), JobError> {
        let command = engine::hook(&self.target.facts(), command);
        let limit = hook_limit(which, self.target.timeout);
        let ran = self.docker.capture(&self.target.container.id, &command, HOOK_BYTES, limit);
        let ran = if which == "before" { stoppable(self.stop, ran).await? } else { ran.await };
        let hide = |said: &str| self.target.container.redact(said);
        ran.map(drop).map_err(|error| {
            // What the command itself says stays said; that Docker was away does not.
            let kind = if let ExecError::Docker(error) = &error {
                Kind::Docker { may_pass: error.is_transient() }
            } else if matches!(error, ExecError::Cut { .. }) {
                Kind::Broken
            } else {
                Kind::Tool(engine::Problem::Other)
            };
            let said = error.hidden(&hide);
            let label = format!("{}.{which}", self.app.config.label_prefix);
            JobError::new(kind, format!("the {which} command (label {label}): {said}"))
        })
    }

    /// One object, from the command to the store, which confirms its size now or, for one of many, later.
    async fn dump_part(&self, part: &Part, is_one_of_many: bool) -> Result<ManifestObject, JobError> {
        let Self { app, docker, target, stop, progress, key, .. } = self;
        let format = target.engine.extension(&target.facts()).to_owned();
        let what = part.what();
        let stem = match (&part.kind, &part.database) {
            (ObjectKind::Globals, _) => "globals".to_owned(),
            (_, Some(database)) => database_file_stem(database),
            (_, None) => "dump".to_owned(),
        };
        let name = format!("{stem}.{format}{}", target.compression.extension());
        progress.set_stage(format!("dumping {what}"));
        let started = Instant::now();
        let mut exec = match stoppable(stop, docker.exec(&target.container.id, &part.command)).await? {
            Ok(exec) => exec,
            Err(error) => {
                let database = part.database.as_deref();
                return Err(self.exec_failed(&format!("dump {what}"), database, error.into()).await);
            }
        };
        let mut upload = app.store.upload(&key.object(&name), part.hint);
        if is_one_of_many {
            upload = upload.confirmed_later();
        }
        let check = |ends: &pipeline::Ends| {
            let checked = target.engine.check(part.kind, &ends.head, &ends.tail, ends.bytes);
            checked.map_err(|error| error.to_string())
        };
        let dump = pipeline::dump(
            &mut exec,
            &mut upload,
            target.compression,
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
        let pipeline::Made { digests, content } = match stoppable(stop, dump).await {
            Ok(Ok(made)) => made,
            failed => {
                // The tool first: it holds a snapshot of the database.
                exec.cancel().await;
                upload.abort(stop).await;
                let Ok(Err(error)) = failed else { return Err(JobError::stopped()) };
                return Err(self.part_failed(&what, part.database.as_deref(), error).await);
            }
        };
        upload.commit(stop).await?;
        if let Some(said) = engine::remarks(&target.container.redact(&exec.stderr())) {
            warn!(object = name, said, "the dump tool ended well, but has something to say");
        }
        debug!(
            object = name,
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
            encoding: target.compression.into(),
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
            PipelineError::Content(reason) => JobError::new(Kind::Content, format!("dump {what}: {reason}")),
            PipelineError::Codec(error) => {
                JobError::new(Kind::Internal, format!("dump {what}: compress it: {error}"))
            }
        }
    }

    async fn exec_failed(&self, what: &str, database: Option<&str>, error: ExecError) -> JobError {
        explain(&self.app.docker, self.target, what, database, error).await
    }

    /// Removes the objects of a backup that does not come to be, as far as they are known here: keys that may not list
    /// can do this much.
    async fn discard(&self, objects: &[ManifestObject]) {
        let claim = self.entry.is_off_record().then_some(CLAIM);
        for file in objects.iter().map(|object| object.name.as_str()).chain(claim) {
            let key = self.key.object(file);
            if let Err(error) = self.app.store.delete(&key).await {
                warn!(key, %error, "an object without a manifest is left");
            }
        }
        if let Err(error) = self.app.store.delete_signature(&self.key).await {
            warn!(key = self.key.signature(), %error, "a signature without a manifest is left");
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
    order: Order,
    stop: CancellationToken,
    progress: Arc<Progress>,
) -> Verdict {
    let run = tokio::spawn(async move { run(&app, &target, order, &stop, &progress).await });
    run.await.unwrap_or_else(|_| panicked())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_the_dump_has_a_limit_of_its_own() {
        let (minute, hours) = (Duration::from_secs(60), Duration::from_secs(12 * 60 * 60));
        assert_eq!((hook_limit("before", hours), hook_limit("before", minute)), (hours, minute));
        assert_eq!((hook_limit("after", hours), hook_limit("after", minute)), (AFTER_LIMIT, minute));
    }
}
