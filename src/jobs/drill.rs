//! A backup that was never restored is a hope. A drill restores one into a server of its own, dumps that, and compares.
//!
//! The server is a scratch container of the image that the backup was made with: without a network, limited, with its data
//! in memory as far as that allows, and removed at the end, or by the next sweep.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::explain::explain;
use super::journal::new_run;
use super::restore::{self, Failure, PlanError, Selection};
use crate::app::App;
use crate::clock;
use crate::config::labels::{CustomCommand, TargetLabels};
use crate::discovery::{self, Target};
use crate::docker::{Docker, DockerError, Image, ScratchContainer};
use crate::engine::{self, Engine};
use crate::model::drill::DrillResult;
use crate::model::id::ContainerName;
use crate::model::key::BackupKey;
use crate::model::manifest::{Manifest, ManifestObject, ObjectKind};
use crate::model::run::{Fate, LEASE, RunId, Scratch};
use crate::pipeline::{self, Progress};
use crate::random;
use crate::store::StoreError;

/// How long a server may take to set itself up and answer.
const START_LIMIT: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(500);
/// A server under an init process is taken for settled once it has answered for so long: nobody can tell whether it is the
/// one its image sets up with, and stops again.
const SETTLED: Duration = Duration::from_secs(15);
const SHORT_LIMIT: Duration = Duration::from_secs(60);
const ANSWER_BYTES: usize = 1024 * 1024;

/// What a server needs for data of this size: tables, indexes, logs, and a database that is replaced.
const ROOM: u64 = 3;
const LEAST_ROOM: u64 = 1 << 30;

/// Why nothing is known about the backup.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    #[error("stopped before it was done")]
    Stopped,
    /// The drill itself could not be done: no image, no memory, no Docker, no store.
    #[error("{0}")]
    Impossible(String),
}

impl From<DockerError> for DrillError {
    fn from(error: DockerError) -> Self {
        Self::Impossible(error.to_string())
    }
}

impl From<StoreError> for DrillError {
    fn from(error: StoreError) -> Self {
        Self::Impossible(error.to_string())
    }
}

/// Restores a backup on trial, compares, and writes what was found beside its manifest. `target` is the backup's target as it
/// is now, if it is there: its environment and labels say how its server is set up.
///
/// # Errors
/// See [`DrillError`]. A backup that is not good is no error but the result's `problem`.
pub async fn run(
    app: &App,
    key: &BackupKey,
    manifest: &Manifest,
    target: Option<&Target>,
    stop: &CancellationToken,
    progress: &Progress,
) -> Result<DrillResult, DrillError> {
    let started = Instant::now();
    let run = new_run();
    app.runs.lock().unwrap_or_else(PoisonError::into_inner).insert(run.clone());
    let docker = app.docker.on_behalf_of(&run);
    let mut drill = Drill { app, docker, key, manifest, target, stop, progress, run, container: None };
    let limit = target.map_or(app.config.timeout, |target| target.timeout);
    let ended = {
        let work = tokio::time::timeout(limit, Box::pin(drill.make()));
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(DrillError::Stopped),
            ended = work => ended.unwrap_or_else(|_| Err(DrillError::Impossible(format!(
                "not done after {} (DUMPCAR_TIMEOUT)", humantime::format_duration(limit)
            )))),
        }
    };
    drill.remove().await;
    app.runs.lock().unwrap_or_else(PoisonError::into_inner).remove(&drill.run);
    let mut result = ended?;
    result.seconds = started.elapsed().as_secs_f64().round();
    if app.store.can_sign() {
        app.store.put_drill(key, &result).await?;
    } else {
        warn!(backup = %key, "the result is not put into the bucket: without DUMPCAR_SIGNING_KEY it would not count");
    }
    Ok(result)
}

/// Says in the log what a drill has found.
pub fn log(key: &BackupKey, result: &DrillResult) {
    let DrillResult { databases, tables, rows, seconds, problem, .. } = result;
    if let Some(problem) = problem {
        error!(backup = %key, %problem, "drill: the backup is NOT good");
    } else {
        info!(backup = %key, databases, tables, rows, seconds, "drill: the backup was restored and checked");
    }
}

struct Drill<'a> {
    app: &'a App,
    docker: Docker,
    key: &'a BackupKey,
    manifest: &'a Manifest,
    target: Option<&'a Target>,
    stop: &'a CancellationToken,
    progress: &'a Progress,
    run: RunId,
    /// Its name: known before Docker is asked, whose answer may not come.
    container: Option<ContainerName>,
}

impl Drill<'_> {
    async fn make(&mut self) -> Result<DrillResult, DrillError> {
        let engine = self.manifest.engine;
        let image = self.image().await?;
        self.progress.set_stage("starting a server");
        let scratch = self.start(engine, &image).await?;
        self.wait(&scratch).await?;
        let mut result =
            DrillResult::new(self.key, clock::now(), &self.app.config.instance, image.id.as_str());
        match self.restore_and_compare(&scratch, &mut result).await {
            Ok(()) => {}
            Err(Found::Stopped) => return Err(DrillError::Stopped),
            Err(Found::Nothing(reason)) => return Err(DrillError::Impossible(reason)),
            Err(Found::Bad(problem)) => result.problem = Some(problem),
        }
        Ok(result)
    }

    /// The very image of the backup, or else the one its target runs now: that is where it would be restored to.
    async fn image(&self) -> Result<Image, DrillError> {
        if let Some(image) = self.docker.image(&self.manifest.image_id).await? {
            return Ok(image);
        }
        if let Some(target) = self.target
            && let Some(image) = self.docker.image(&target.container.image_id).await?
        {
            warn!(backup = %self.key, was = %self.manifest.image, now = target.container.image, "the image of the backup is gone: the drill takes the one of its target");
            return Ok(image);
        }
        let image = &self.manifest.image;
        Err(DrillError::Impossible(format!("the image of the backup is gone: `docker pull {image}`")))
    }

    async fn start(&mut self, engine: Engine, image: &Image) -> Result<Target, DrillError> {
        let config = &self.app.config;
        let holder = self.app.identity.holder(&self.app.docker).await.clone();
        let label = Scratch { run: self.run.clone(), created: clock::now(), holder };
        let none = std::collections::BTreeMap::new();
        let env = self.target.map_or(&none, |target| &target.container.env);
        let env = engine.scratch_env(env, &random::hex(16));
        let room = (self.manifest.plain_bytes().saturating_mul(ROOM)).max(LEAST_ROOM);
        // A machine has other work.
        let fits = self
            .docker
            .memory()
            .await?
            .is_some_and(|all| room.saturating_add(config.drill_memory) <= all / 2);
        if !fits {
            warn!(backup = %self.key, "too large for this machine's memory: the drill's data goes to Docker's disk");
        }
        // Servers sort in `/tmp`.
        let paths = || image.volumes.iter().cloned().chain(["/tmp".to_owned()]).collect();
        let in_memory = fits.then(|| (paths(), room));
        let name = Scratch::container(&self.run);
        self.container = Some(name.clone());
        let id = self
            .docker
            .start_scratch(&ScratchContainer {
                name,
                image: image.id.clone(),
                env: env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
                args: self.target.map(|target| args(engine, target)).unwrap_or_default(),
                label: (
                    format!("{}.{}", config.label_prefix, Scratch::LABEL),
                    serde_json::to_string(&label).expect("a label has only string keys"),
                ),
                memory: config.drill_memory + if fits { room } else { 0 },
                in_memory,
            })
            .await?;
        let mut container = self.docker.container(&id).await?;
        // The image's name, not its digest, tells which login it has.
        container.image = self.manifest.image.to_string();
        // As it was when it was dumped, but for what only its target has.
        let mut labels = match self.target {
            Some(target) => TargetLabels { user: None, password_file: None, ..target.labels.clone() },
            None => TargetLabels::default(),
        };
        if engine == Engine::Custom && labels.custom.is_none() {
            labels.custom = Some(CustomCommand::default());
        }
        Ok(discovery::scratch(container, &self.key.target, engine, labels, config))
    }

    /// Until the server really answers: not the one that its image sets it up with.
    async fn wait(&self, scratch: &Target) -> Result<(), DrillError> {
        self.progress.set_stage("waiting until it answers");
        let started = Instant::now();
        let mut answers_since: Option<Instant> = None;
        loop {
            let id = &scratch.container.id;
            let state = self.docker.container(id).await?;
            if state.state != "running" {
                let words = self.docker.last_words(id).await;
                return Err(DrillError::Impossible(format!(
                    "its server ended while it started: {}",
                    scratch.container.redact(&words)
                )));
            }
            if scratch.engine == Engine::Custom {
                return Ok(());
            }
            let answers = restore::survey(&self.docker, scratch).await;
            match &answers {
                Ok(_) => {
                    let process =
                        self.docker.capture(id, &engine::process_one(), ANSWER_BYTES, SHORT_LIMIT).await;
                    let name =
                        process.map(|captured| String::from_utf8_lossy(&captured.stdout).trim().to_owned());
                    let since = answers_since.get_or_insert_with(Instant::now);
                    if name.is_ok_and(|name| scratch.engine.is_server(&name)) || since.elapsed() >= SETTLED {
                        return Ok(());
                    }
                }
                Err(_) => answers_since = None,
            }
            if started.elapsed() > START_LIMIT {
                let reason = answers.err().unwrap_or_else(|| "it is still being set up".to_owned());
                return Err(DrillError::Impossible(format!(
                    "its server did not answer within {}: {reason}",
                    humantime::format_duration(START_LIMIT)
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn restore_and_compare(&self, scratch: &Target, result: &mut DrillResult) -> Result<(), Found> {
        let globals = self.manifest.objects.iter().any(|object| object.kind == ObjectKind::Globals);
        let selection = Selection { globals, ..Selection::default() };
        let plan =
            restore::plan(self.app, self.key.clone(), self.manifest, scratch.clone(), &selection).await?;
        restore::into_scratch(self.app, &plan, &self.run, self.stop, self.progress).await?;
        let survey = restore::survey(&self.docker, scratch).await.map_err(Found::Nothing)?;
        for object in self.manifest.objects.iter().filter(|object| object.kind != ObjectKind::Globals) {
            result.databases += 1;
            self.compare(scratch, &survey, object, result).await?;
        }
        self.ask(scratch).await
    }

    /// Dumps a restored database and holds what is in it against what was in the backup's dump.
    async fn compare(
        &self,
        scratch: &Target,
        survey: &engine::Survey,
        object: &ManifestObject,
        result: &mut DrillResult,
    ) -> Result<(), Found> {
        let (Some(dialect), Some(database)) = (scratch.engine.dialect(), &object.database) else {
            return Ok(());
        };
        self.progress.set_stage(format!("comparing database {database:?}"));
        let what = format!("dump the restored database {database:?}");
        let command = scratch.engine.dump(&scratch.facts(), survey, database);
        let mut exec = match self.docker.exec(&scratch.container.id, &command).await {
            Ok(exec) => exec,
            Err(error) => return Err(self.failed(scratch, &what, database, error.into()).await),
        };
        let content =
            pipeline::inspect(&mut exec, dialect, self.app.config.stall_timeout, self.progress).await;
        let content = match content {
            Ok(content) => content,
            Err(error) => return Err(self.failed(scratch, &what, database, error).await),
        };
        result.tables += content.tables;
        result.rows += content.rows;
        // Without it the backup is of a Dumpcar that did not look: that it loads is all there is to know.
        let differences =
            object.content.as_ref().map(|backed_up| backed_up.differences(&content)).unwrap_or_default();
        if differences.is_empty() {
            return Ok(());
        }
        Err(Found::Bad(format!(
            "database {database:?} did not come back as it was: {}",
            differences.join(", ")
        )))
    }

    async fn failed(
        &self,
        scratch: &Target,
        what: &str,
        database: &str,
        error: crate::docker::ExecError,
    ) -> Found {
        let (reason, may_pass) = explain(&self.docker, scratch, what, Some(database), error).await;
        if may_pass { Found::Nothing(reason) } else { Found::Bad(reason) }
    }

    /// The user's own question.
    async fn ask(&self, scratch: &Target) -> Result<(), Found> {
        let labels = &scratch.labels.drill;
        let Some(query) = &labels.query else { return Ok(()) };
        let prefix = &self.app.config.label_prefix;
        let database = match (&labels.database, scratch.engine) {
            (Some(name), _) => name.clone(),
            (None, Engine::Custom) => String::new(),
            (None, Engine::Postgresql | Engine::Mariadb | Engine::Mysql) => {
                let object = super::cat::choose(self.manifest, &super::cat::Wanted::Only).map_err(|problem| {
                    Found::Bad(format!("which database is {prefix}.drill.query for? Set {prefix}.drill.database ({problem})"))
                })?;
                object.database.clone().unwrap_or_default()
            }
        };
        self.progress.set_stage("asking the query of the label");
        let command = scratch.engine.query(&scratch.facts(), &database, query);
        let limit = self.app.config.stall_timeout;
        let answer = match self.docker.capture(&scratch.container.id, &command, ANSWER_BYTES, limit).await {
            Ok(answer) => String::from_utf8_lossy(&answer.stdout).trim().to_owned(),
            Err(error) => {
                return Err(self.failed(scratch, &format!("{prefix}.drill.query"), &database, error).await);
            }
        };
        match &labels.expect {
            Some(expected) if answer == expected.trim() => Ok(()),
            Some(expected) => Err(Found::Bad(format!(
                "{prefix}.drill.query says {:?} instead of {:?}",
                shortened(&answer),
                shortened(expected.trim())
            ))),
            None if answer.is_empty() => Err(Found::Bad(format!("{prefix}.drill.query says nothing"))),
            None => Ok(()),
        }
    }

    async fn remove(&self) {
        let Some(name) = &self.container else { return };
        for _ in 0..3 {
            match self.docker.remove(name).await {
                Ok(()) => return,
                Err(error) => warn!(container = %name, %error, "cannot remove the drill's container"),
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// A known server is started with its image's own settings: those of the target may name files, or more memory than there is.
fn args(engine: Engine, target: &Target) -> Vec<String> {
    match (engine, target.labels.drill.args.as_slice()) {
        (Engine::Custom, []) => target.container.command.clone(),
        (_, args) => args.to_vec(),
    }
}

/// How a restore on trial ended, when not well.
enum Found {
    Stopped,
    /// What the drill needs was away: that says nothing about the backup.
    Nothing(String),
    Bad(String),
}

impl From<PlanError> for Found {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Nothing(reason) => Self::Bad(reason),
            PlanError::Impossible(reason) => Self::Nothing(reason),
        }
    }
}

impl From<Failure> for Found {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Stopped { .. } => Self::Stopped,
            Failure::Failed { reason, may_pass: true, .. } => Self::Nothing(reason),
            Failure::Failed { reason, may_pass: false, .. } => Self::Bad(reason),
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Removes the scratch containers of processes that have ended.
pub async fn sweep(app: &App) {
    let label = format!("{}.{}", app.config.label_prefix, Scratch::LABEL);
    let found = match app.docker.labelled_containers(&label).await {
        Ok(found) => found,
        Err(error) => {
            warn!(%error, "cannot look for containers of drills that were killed");
            return;
        }
    };
    for container in found.containers {
        let scratch =
            container.labels.get(&label).and_then(|json| serde_json::from_str::<Scratch>(json).ok());
        // Of a version that writes another label.
        let Some(scratch) = scratch else { continue };
        if !is_over(app, &scratch).await {
            continue;
        }
        match app.docker.remove(&container.id.clone().into()).await {
            Ok(()) => info!(container = container.name, "container of a drill that was killed removed"),
            Err(error) => {
                warn!(container = container.name, %error, "cannot remove the container of a drill that was killed");
            }
        }
    }
}

async fn is_over(app: &App, scratch: &Scratch) -> bool {
    let own = app.identity.holder(&app.docker).await;
    if scratch.holder.process == own.process {
        return !app.runs.lock().unwrap_or_else(PoisonError::into_inner).contains(&scratch.run);
    }
    match app.identity.fate_of(&scratch.holder, &app.docker).await {
        Fate::Alive => false,
        Fate::Dead => true,
        Fate::Unknown => {
            Duration::try_from(clock::now().duration_since(scratch.created)).unwrap_or_default() >= LEASE
        }
    }
}
