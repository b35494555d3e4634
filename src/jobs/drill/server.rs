//! The server of a drill: what it gets, and when it answers.

use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::context::Drill;
use super::storage::Storage;
use crate::config::labels::TargetLabels;
use crate::discovery::{self, Target};
use crate::docker::{Image, ScratchContainer};
use crate::engine::{self, Answering, Engine, Settings};
use crate::jobs::diagnosis::diagnose;
use crate::jobs::error::{JobError, JobErrorKind};
use crate::jobs::survey::survey;
use crate::jobs::{helper, restore, scratch};
use crate::model::helper::{COMMAND, WAIT};
use crate::model::id::ImageId;
use crate::model::run;
use crate::random;

/// How long a server may take to set itself up and answer.
const START_LIMIT: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(500);
/// A login may be refused while a server is set up, and not much longer.
const LOGIN_LIMIT: Duration = Duration::from_secs(120);
const SHORT_LIMIT: Duration = Duration::from_secs(60);
pub(super) const ANSWER_BYTES: usize = 1024 * 1024;

/// A drill's server as the target it stands in for.
pub(super) struct Scratch {
    pub(super) target: Target,
    /// The same with the login its image was set up with, for the user's own question.
    pub(super) asked: Target,
    /// Variables of a custom target that its server does not have.
    pub(super) withheld: Vec<String>,
    /// What its target is started with, and it is not.
    pub(super) left_out: Vec<String>,
    pub(super) image: ImageId,
    /// The limit of its memory in bytes.
    pub(super) memory: u64,
}

impl Scratch {
    /// Whether it was ready once.
    pub(super) fn has_answered(&self) -> bool {
        !self.has_server() || self.target.labels.user.is_some()
    }

    /// Whether it has a server that Dumpcar can ask.
    fn has_server(&self) -> bool {
        let engine = self.target.engine;
        !engine.is_defined_by_labels() && !engine.is_file()
    }
}

/// Why a server does not answer.
struct Unready {
    error: JobError,
    /// The last it has printed.
    words: String,
}

impl From<JobError> for Unready {
    fn from(error: JobError) -> Self {
        Self { error, words: String::new() }
    }
}

impl Drill<'_> {
    /// The very image of the backup, or else the one its target runs now: that is where it would be restored to.
    pub(super) async fn image(&self, engine: Engine) -> Result<Image, JobError> {
        // There is no server: what reads the files is all there is to it.
        if engine.is_file() {
            return helper::image(self.app).await;
        }
        if let Some(image) = self.docker.image(&self.manifest.image_id).await? {
            return Ok(image);
        }
        if let Some(target) = self.target
            && let Some(image) = self.docker.image(&target.container.image_id).await?
        {
            warn!(backup = %self.key, was = %self.manifest.image, now = target.container.image, "the image of the backup is gone: the drill takes the one of its target");
            return Ok(image);
        }
        let digest = self.manifest.image_digest.as_ref().map(ToString::to_string);
        let image = digest.unwrap_or_else(|| self.manifest.image.to_string());
        Err(JobError::new(
            JobErrorKind::Wrong,
            format!("the image of the backup is gone: `docker pull {image}`"),
        ))
    }

    /// A server that answers, with a login for this drill.
    pub(super) async fn server(&mut self, engine: Engine, image: &Image) -> Result<Scratch, JobError> {
        let storage = self.storage(engine, image).await?;
        let mut settings = self.settings(engine).await;
        loop {
            self.progress.set_stage("starting a server");
            let mut scratch = self.start(engine, image, &storage, &settings).await?;
            let Err(unready) = self.ready(&mut scratch).await else { return Ok(scratch) };
            if !settings.without_missing(&unready.words) {
                return Err(self.because(&scratch, unready.error).await);
            }
            warn!(backup = %self.key, "the image lacks a library of the target: the drill goes without it");
            self.remove().await;
        }
    }

    /// What of its target's settings a dump depends on.
    async fn settings(&self, engine: Engine) -> Settings {
        let Some(target) = self.target.filter(|target| target.engine == engine) else {
            return Settings::default();
        };
        let settings = engine.settings_of(&target.container.arguments);
        let Some(command) = engine.ask_settings(&target.facts()) else { return settings };
        match self.docker.capture(target.tools(), &command, ANSWER_BYTES, SHORT_LIMIT).await {
            Ok(answer) => engine.with_settings(settings, &answer.stdout),
            Err(error) => {
                let reason = diagnose(&self.docker, target, "ask for its settings", None, error).await;
                debug!(target = %target.name, %reason, "the drill's server gets what the command line says");
                settings
            }
        }
    }

    async fn start(
        &mut self,
        engine: Engine,
        image: &Image,
        storage: &Storage,
        settings: &Settings,
    ) -> Result<Scratch, JobError> {
        let config = &self.app.config;
        // As it was when it was dumped, but for what only its target has. Where this one listens, its own command line says.
        let labels = match self.target {
            Some(target) => TargetLabels {
                user: None,
                password_file: None,
                host: None,
                port: None,
                socket: None,
                ..target.labels.clone()
            },
            None => TargetLabels::default(),
        };
        let labels = match engine.is_file() {
            true => TargetLabels { paths: self.files(), ..labels },
            false => labels,
        };
        let known = self.target.map_or(&image.env, |target| &target.container.env);
        let mut env = engine.scratch_env(known, &labels.drill.env, &random::hex(16));
        let mut more = Vec::new();
        if storage.is_on_disk {
            let (variables, arguments) = engine.data_in_layer();
            env.extend(variables);
            more = arguments;
        }
        let (args, withheld) = if engine.is_file() {
            ([COMMAND, WAIT].map(str::to_owned).to_vec(), Vec::new())
        } else if engine.is_defined_by_labels() {
            let command = self.target.map(|target| target.container.command.clone()).unwrap_or_default();
            let args = if labels.drill.args.is_empty() { command } else { labels.drill.args.clone() };
            let is_withheld = |(name, value): &(&String, &String)| {
                !env.contains_key(*name) && image.env.get(*name) != Some(*value)
            };
            (args, known.iter().filter(is_withheld).map(|(name, _)| name.clone()).collect())
        } else {
            let wanted = &labels.drill.args;
            (engine.scratch_arguments(&image.command, settings, &more, wanted), Vec::new())
        };
        let name = run::ContainerRecord::container(&self.run);
        self.container = Some(name.clone());
        self.is_being_made = true;
        let started = self
            .docker
            .start_scratch(&ScratchContainer {
                name,
                image: image.id.clone(),
                env: env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
                args,
                labels: scratch::labels(self.app, &self.run, image).await,
                memory: storage.memory,
                in_memory: storage.in_memory.clone(),
                // What needs no disk gets none, unless the image cannot do without.
                is_read_only: config.drill_disk == 0,
            })
            .await;
        self.is_being_made = false;
        let mut container = self.docker.container(&started?).await?;
        // The image's name, not its digest, tells which login it has.
        container.image = self.manifest.image.to_string();
        let target = discovery::scratch(container, &self.key.target, engine, labels, config);
        Ok(Scratch {
            asked: target.clone(),
            target,
            withheld,
            left_out: settings.left_out.iter().cloned().collect(),
            image: image.id.clone(),
            memory: storage.memory,
        })
    }

    /// The paths of the files in the backup.
    pub(super) fn files(&self) -> Vec<String> {
        self.manifest.objects.iter().filter_map(|object| object.database.clone()).collect()
    }

    /// Until the server really answers, and takes orders of an account that the backup does not have.
    async fn ready(&self, scratch: &mut Scratch) -> Result<(), Unready> {
        self.progress.set_stage("waiting until it answers");
        if !scratch.has_server() {
            self.running(&scratch.target).await?;
            return Ok(());
        }
        let started = Instant::now();
        let mut seen: Option<(Answering, Instant)> = None;
        let mut refused: Option<Instant> = None;
        loop {
            let target = &scratch.target;
            self.running(target).await?;
            let reason = match self.answering(target).await {
                Ok(answering) => {
                    let since = seen.take().filter(|(known, _)| *known == answering);
                    let since = since.map_or_else(Instant::now, |(_, since)| since);
                    let settles_after = answering.settles_after();
                    seen = Some((answering, since));
                    if settles_after.is_some_and(|limit| since.elapsed() >= limit) {
                        match self.log_in_apart(scratch).await {
                            Ok(()) => return Ok(()),
                            // A server that has just begun to answer may have been another one.
                            Err(error) if error.kind.may_pass() => error,
                            Err(error) => return Err(error.into()),
                        }
                    } else {
                        JobError::new(JobErrorKind::Broken, "it is still being set up")
                    }
                }
                Err(error) => {
                    seen = None;
                    error
                }
            };
            let is_refused = reason.kind == JobErrorKind::Tool(engine::ToolFailure::AuthRefused);
            let refused_since = *refused.get_or_insert_with(Instant::now);
            if !is_refused {
                refused = None;
            } else if refused_since.elapsed() > LOGIN_LIMIT {
                return Err(reason.into());
            }
            if started.elapsed() > START_LIMIT {
                return Err(reason
                    .in_words(|reason| {
                        let limit = humantime::format_duration(START_LIMIT);
                        format!("its server did not answer within {limit}: {reason}")
                    })
                    .into());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// That its container runs.
    async fn running(&self, scratch: &Target) -> Result<(), Unready> {
        let id = scratch.tools();
        if self.docker.death(id).await.map_err(JobError::from)?.is_none() {
            return Ok(());
        }
        let hide = |said: &str| scratch.container.redact(said);
        let raw = self.docker.last_words(id).await;
        let words = hide(&raw);
        let hint = match self.app.config.drill_disk {
            // Not every image does with what it has declared as volumes.
            0 => "; if it has to write outside of its volumes, set DUMPCAR_DRILL_DISK",
            _ => "",
        };
        let text = format!("its server ended while it started: {}{hint}", last(&words));
        let lines = raw.replace(" / ", "\n");
        let said = engine::diagnose(scratch.engine, 1, &lines, &hide, &scratch.facts(), None);
        let kind =
            if said.failure.is_refusal() { JobErrorKind::Broken } else { JobErrorKind::Tool(said.failure) };
        Err(Unready { error: JobError::new(kind, text), words })
    }

    async fn answering(&self, scratch: &Target) -> Result<Answering, JobError> {
        let Some(command) = scratch.engine.answering(&scratch.facts()) else {
            return Err(JobError::new(JobErrorKind::Internal, "nobody knows who answers"));
        };
        match self.docker.capture(scratch.tools(), &command, ANSWER_BYTES, SHORT_LIMIT).await {
            Ok(answer) => {
                // One that cannot be asked for its databases is not ready, whatever else it answers.
                survey(&self.docker, scratch, restore::ANSWER_LIMIT).await?;
                Ok(scratch.engine.parse_answering(&answer.stdout))
            }
            Err(error) => Err(diagnose(&self.docker, scratch, "ask its server", None, error).await),
        }
    }

    /// Makes an account for the drill: the backup may change those of the image, and nobody here knows its passwords.
    async fn log_in_apart(&self, scratch: &mut Scratch) -> Result<(), JobError> {
        let target = &mut scratch.target;
        if let Some(command) = target.engine.calm(&target.facts()) {
            // It fails where it is off for good.
            drop(self.docker.capture(target.tools(), &command, ANSWER_BYTES, SHORT_LIMIT).await);
        }
        let name = format!("dumpcar_drill_{}", random::hex(8));
        let Some(command) = target.engine.scratch_account(&target.facts(), &name) else { return Ok(()) };
        let made = self.docker.capture(target.tools(), &command, ANSWER_BYTES, SHORT_LIMIT).await;
        if let Err(error) = made {
            return Err(diagnose(&self.docker, target, "make an account for the drill", None, error).await);
        }
        target.labels.user = Some(name);
        if target.engine.accounts_are_replaced() {
            scratch.asked = target.clone();
        }
        Ok(())
    }

    pub(super) async fn remove(&self) {
        let Some(name) = &self.container else { return };
        if !self.is_being_made || scratch::remove_unheard(&self.docker, name).await.is_err() {
            scratch::remove(&self.docker, name).await;
        }
    }
}

/// The end of what a server has printed, for a message.
pub(super) fn last(words: &str) -> &str {
    const MOST: usize = 600;
    let Some((from, _)) = words.char_indices().rev().nth(MOST) else { return words };
    let cut = words.get(from..).unwrap_or_default();
    cut.split_once(" / ").map_or(cut, |(_, whole)| whole)
}
