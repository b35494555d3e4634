//! The server of a drill: what it gets, where its data goes, when it answers.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use tracing::warn;

use super::Drill;
use crate::clock;
use crate::config::labels::TargetLabels;
use crate::discovery::{self, Target};
use crate::docker::{Docker, DockerError, Image, ScratchContainer};
use crate::engine::{self, Engine, Problem};
use crate::jobs::error::{JobError, Kind};
use crate::jobs::restore;
use crate::model::id::ContainerName;
use crate::model::run;
use crate::random;
use crate::text;

/// How long a server may take to set itself up and answer.
const START_LIMIT: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(500);
/// A server under an init process is taken for settled once it has answered for so long: nobody can tell whether it is the
/// one its image sets up with, and stops again.
const SETTLED: Duration = Duration::from_secs(15);
const SHORT_LIMIT: Duration = Duration::from_secs(60);
pub(super) const ANSWER_BYTES: usize = 1024 * 1024;

/// What a server needs for data of this size: tables, indexes, logs, and a database that is replaced.
const ROOM: u64 = 3;
const LEAST_ROOM: u64 = 1 << 30;
/// Of a folder in memory that has no data in it: sockets, files with a process id.
const SMALL_ROOM: u64 = 16 << 20;
/// Looking at what was written costs Docker a walk through it: at most a tenth of the time.
const WATCH: Duration = Duration::from_secs(1);
const WATCH_REST: u32 = 9;
/// Docker may fail to answer once or twice.
const WATCH_TRIES: u32 = 3;

/// A drill's server as the target it stands in for.
pub(super) struct Scratch {
    pub(super) target: Target,
    /// Variables of a custom target that its server does not have.
    pub(super) withheld: Vec<String>,
}

/// Where the data goes.
#[derive(Debug, PartialEq, Eq)]
struct Storage {
    /// Folders in memory, and their sizes in bytes.
    in_memory: BTreeMap<String, u64>,
    /// What they may take of the container's memory.
    memory: u64,
    is_on_disk: bool,
}

impl Storage {
    /// In memory if it fits; else in the container's own layer, as far as `disk` allows, which [`watch`] sees to. A volume is
    /// never it: nobody can tell what is written to one.
    fn choose(room: u64, lent: u64, disk: u64, volumes: &[String], run: &[&str]) -> Result<Self, String> {
        let small = run.iter().map(|path| ((*path).to_owned(), SMALL_ROOM));
        // Servers sort in `/tmp`.
        let data = |size: u64| volumes.iter().map(move |path| (path.clone(), size));
        if room <= lent {
            let in_memory = small.chain(data(room)).chain([("/tmp".to_owned(), room)]).collect();
            return Ok(Self { in_memory, memory: room, is_on_disk: false });
        }
        if room > disk {
            let [room, lent] = [room, lent].map(text::bytes);
            return Err(format!(
                "its data may take {room} and this machine lends {lent} of memory: set DUMPCAR_DRILL_DISK to the most that \
                 a drill may write to Docker's disk"
            ));
        }
        Ok(Self { in_memory: small.chain(data(SMALL_ROOM)).collect(), memory: 0, is_on_disk: true })
    }
}

impl Drill<'_> {
    /// The very image of the backup, or else the one its target runs now: that is where it would be restored to.
    pub(super) async fn image(&self) -> Result<Image, JobError> {
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
        Err(JobError::new(Kind::Wrong, format!("the image of the backup is gone: `docker pull {image}`")))
    }

    pub(super) async fn start(&mut self, engine: Engine, image: &Image) -> Result<Scratch, JobError> {
        let config = &self.app.config;
        let storage = self.storage(engine, image).await?;
        // As it was when it was dumped, but for what only its target has.
        let labels = match self.target {
            Some(target) => TargetLabels { user: None, password_file: None, ..target.labels.clone() },
            None => TargetLabels::default(),
        };
        let known = self.target.map_or(&image.env, |target| &target.container.env);
        let mut env = engine.scratch_env(known, &labels.drill.env, &random::hex(16));
        let mut args = self.target.map(|target| args(engine, target)).unwrap_or_default();
        if storage.is_on_disk {
            let (variables, more) = engine.data_in_layer();
            env.extend(variables);
            args.extend(more);
        }
        let withheld: Vec<_> = match engine {
            Engine::Custom => known
                .iter()
                .filter(|(name, value)| !env.contains_key(*name) && image.env.get(*name) != Some(*value))
                .map(|(name, _)| name.clone())
                .collect(),
            Engine::Postgresql | Engine::Mariadb | Engine::Mysql => Vec::new(),
        };
        let name = run::Scratch::container(&self.run);
        self.container = Some(name.clone());
        let id = self
            .docker
            .start_scratch(&ScratchContainer {
                name,
                image: image.id.clone(),
                env: env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
                args,
                labels: self.labels(image).await,
                memory: config.drill_memory.saturating_add(storage.memory),
                in_memory: storage.in_memory,
                // What needs no disk gets none, unless the image cannot do without.
                is_read_only: config.drill_disk == 0,
            })
            .await?;
        let mut container = self.docker.container(&id).await?;
        // The image's name, not its digest, tells which login it has.
        container.image = self.manifest.image.to_string();
        let target = discovery::scratch(container, &self.key.target, engine, labels, config);
        Ok(Scratch { target, withheld })
    }

    async fn storage(&self, engine: Engine, image: &Image) -> Result<Storage, JobError> {
        let config = &self.app.config;
        let room = self.manifest.plain_bytes().saturating_mul(ROOM).max(LEAST_ROOM);
        // A machine has other work.
        let lent = (self.docker.memory().await?.unwrap_or_default() / 2).saturating_sub(config.drill_memory);
        let storage = Storage::choose(room, lent, config.drill_disk, &image.volumes, engine.run_folders())
            .map_err(|reason| JobError::new(Kind::Tool(Problem::DiskFull), reason))?;
        if storage.is_on_disk {
            warn!(backup = %self.key, "too large for this machine's memory: the drill's data goes to Docker's disk");
        }
        Ok(storage)
    }

    /// Its own label, and nothing of the image's: one that opts in would make it a target.
    async fn labels(&self, image: &Image) -> HashMap<String, String> {
        let prefix = &self.app.config.label_prefix;
        let holder = self.app.identity.holder(&self.app.docker).await.clone();
        let scratch = run::Scratch { run: self.run.clone(), created: clock::now(), holder };
        let json = serde_json::to_string(&scratch).expect("a label has only string keys");
        let start = discovery::label_start(prefix);
        let of_image = image.labels.iter().filter(|label| label.starts_with(&start));
        let emptied = of_image.map(|label| {
            let is_opt_in = label.ends_with(".enable") || label.ends_with(".enabled");
            (label.clone(), if is_opt_in { "false".to_owned() } else { String::new() })
        });
        emptied.chain([(format!("{start}{}", run::Scratch::LABEL), json)]).collect()
    }

    /// Until the server really answers: not the one that its image sets it up with.
    pub(super) async fn wait(&self, scratch: &Target) -> Result<(), JobError> {
        self.progress.set_stage("waiting until it answers");
        let started = Instant::now();
        let mut answers_since: Option<Instant> = None;
        loop {
            let id = &scratch.container.id;
            let state = self.docker.container(id).await?;
            if state.state != "running" {
                let words = self.docker.last_words(id).await;
                return Err(JobError::new(
                    Kind::Wrong,
                    format!(
                        "its server ended while it started: {}{}",
                        scratch.container.redact(&words),
                        // Not every image does with what it has declared as volumes.
                        if self.app.config.drill_disk == 0 {
                            "; if it has to write outside of its volumes, set DUMPCAR_DRILL_DISK"
                        } else {
                            ""
                        }
                    ),
                ));
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
                let reason =
                    answers.map_or_else(|error| error.to_string(), |_| "it is still being set up".to_owned());
                return Err(JobError::new(
                    Kind::Wrong,
                    format!(
                        "its server did not answer within {}: {reason}",
                        humantime::format_duration(START_LIMIT)
                    ),
                ));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Makes an account for the drill where the restore would give that of the image another password.
    pub(super) async fn log_in_apart(&self, mut scratch: Scratch) -> Result<Scratch, JobError> {
        let target = &mut scratch.target;
        let Some((user, command)) = target.engine.scratch_account(&target.facts()) else {
            return Ok(scratch);
        };
        let made = self.docker.capture(&target.container.id, &command, ANSWER_BYTES, SHORT_LIMIT).await;
        made.map_err(|error| {
            JobError::new(Kind::Broken, target.container.redact(&format!("cannot make its account: {error}")))
        })?;
        target.labels.user = Some(user.to_owned());
        Ok(scratch)
    }

    pub(super) async fn remove(&self) {
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

/// Ends when the drill's server has written more than `disk` bytes to Docker's disk, or Docker does not tell.
///
/// Without a disk it never ends: nothing can be written.
pub(super) async fn watch(docker: Docker, container: ContainerName, disk: u64) -> JobError {
    if disk == 0 {
        return std::future::pending().await;
    }
    let (mut failures, mut rest) = (0, WATCH);
    loop {
        tokio::time::sleep(rest).await;
        let asked = Instant::now();
        match docker.written(&container).await {
            Ok(bytes) if bytes > disk => {
                return JobError::new(
                    Kind::Wrong,
                    format!(
                        "its server has written {} to Docker's disk, and may write {} (DUMPCAR_DRILL_DISK)",
                        text::bytes(bytes),
                        text::bytes(disk)
                    ),
                );
            }
            // Not there yet.
            Ok(_) | Err(DockerError::NotFound { .. }) => failures = 0,
            Err(error) if failures + 1 == WATCH_TRIES => {
                return JobError::new(
                    Kind::Wrong,
                    format!("cannot tell how much its server writes: {error}"),
                );
            }
            Err(_) => failures += 1,
        }
        rest = WATCH.max(asked.elapsed() * WATCH_REST);
    }
}

/// A known server is started with its image's own settings: those of the target may name files, or more memory than there is.
fn args(engine: Engine, target: &Target) -> Vec<String> {
    match (engine, target.labels.drill.args.as_slice()) {
        (Engine::Custom, []) => target.container.command.clone(),
        (_, args) => args.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn data_goes_to_memory_and_to_the_disk_only_as_far_as_that_is_allowed() {
        let choose = |room, lent, disk| Storage::choose(room, lent, disk, &["/data".to_owned()], &["/run/x"]);
        let folders = |storage: &Storage| {
            storage.in_memory.iter().map(|(path, size)| format!("{path} {size}")).collect::<Vec<_>>()
        };
        let memory = choose(GIB, GIB, 0).unwrap();
        assert_eq!(folders(&memory), ["/data 1073741824", "/run/x 16777216", "/tmp 1073741824"]);
        assert_eq!((memory.memory, memory.is_on_disk), (GIB, false));
        // `/tmp` is in the layer, the volume is nobody's.
        let disk = choose(2 * GIB, GIB, 2 * GIB).unwrap();
        assert_eq!(folders(&disk), ["/data 16777216", "/run/x 16777216"]);
        assert_eq!((disk.memory, disk.is_on_disk), (0, true));
        // What a manifest claims is no permission.
        for (room, disk) in [(2 * GIB, 0), (2 * GIB, 2 * GIB - 1), (u64::MAX, 1 << 50)] {
            let refused = choose(room, GIB, disk).unwrap_err();
            assert!(refused.contains("set DUMPCAR_DRILL_DISK"), "{refused}");
        }
    }
}
