//! From the bucket back into a server.
//!
//! PostgreSQL is all or nothing: everything is loaded into databases of other names, which take the place of the old ones in
//! one transaction at the end. What cannot do that gets its objects read in full before the old content goes (promise P8).

mod accounts;
mod again;
mod check;
mod context;
mod exchange;
mod globals;
mod place;
mod plan;
mod planned;
mod stall;
mod surroundings;
mod wait;

pub(super) use context::ANSWER_LIMIT;
pub use context::Failure;
pub use plan::plan;
pub use planned::{Plan, Selection, Wanted};

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info, warn};

use self::check::{damaged, unread};
use self::context::{ANSWER_BYTES, Loaded, Restore, UNTOUCHED, what};
use super::diagnosis::diagnose;
use super::error::{JobError, JobErrorKind, stoppable};
use super::helper::{Access, Helper};
use super::inside::may_compress;
use super::record::Entry;
use super::span;
use crate::app::App;
use crate::discovery::Target;
use crate::docker::{Arrives, Docker, ExecError};
use crate::engine::{Edit, Replacement};
use crate::lock::RunLock;
use crate::model::command::Command;
use crate::model::content::Counter;
use crate::model::database::DatabaseOptions;
use crate::model::drill::Problem;
use crate::model::line::Name;
use crate::model::manifest::ManifestObject;
use crate::model::run::RunId;
use crate::pipeline::{self, Progress, RestoreError};
use crate::random;

/// A smaller dump is in its server before two programs have started there, in bytes.
const WORTH_COMPRESSING: u64 = 8 << 20;

/// Carries the plan out. Whatever becomes of it, the error says what state the databases are in. Returns what this server cannot
/// have, and had to be left out.
///
/// # Errors
/// See [`Failure`].
pub async fn run(
    app: &App,
    plan: &Plan,
    stop: &CancellationToken,
    progress: &Progress,
) -> Result<Vec<String>, Failure> {
    Box::pin(one(app, plan, stop, progress)).instrument(span::job("restore", &plan.key.target)).await
}

async fn one(
    app: &App,
    plan: &Plan,
    stop: &CancellationToken,
    progress: &Progress,
) -> Result<Vec<String>, Failure> {
    span::is_about(&plan.key);
    let untouched = |error: JobError| error.with_state(UNTOUCHED);
    let name = plan.key.target.as_str();
    // Also of where it goes: a backup of that would be of half a restore.
    let names = [name, plan.target.name.as_str()];
    let _locks = RunLock::take_all(&app.store.to_string(), &names).map_err(|name| {
        let reason = format!("a backup or a restore of {name} is running: wait for that one");
        untouched(JobError::new(JobErrorKind::Busy, reason))
    })?;
    let entry = Entry::of_restore(app, &plan.key.target, &plan.target)
        .await
        .map_err(|error| untouched(error.into()))?;
    span::is_run(entry.run());
    if let Some(command) = &plan.manifest_command {
        info!("running the restore command of the manifest: {command:?}");
    }
    for warning in &plan.warnings {
        warn!("{warning}");
    }
    let run = entry.run().clone();
    let docker = entry.docker().clone();
    let store = app.store.pinned();
    let left_out = Mutex::default();
    let restore = Restore { app, store, docker, plan, run, stop, progress, loaded: None, left_out };
    let result = entry.during(Box::pin(restore.make())).await;
    let is_clean = match restore.drop_own().await {
        Ok(()) => true,
        Err(left) => {
            warn!(%left, "databases of this restore are left; the next run tries again");
            false
        }
    };
    // One that cannot be cleaned up stays on record.
    if is_clean && let Err(left) = entry.close(true).await {
        warn!(%left, "cannot take back the record of the restore");
    }
    result.map(|()| restore.left_out.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Puts a backup into a server that nobody else has: no record, no lock, and nothing to be cleaned up but the server. Returns what
/// was in the dumps, read off them on their way into the server.
///
/// # Errors
/// See [`Failure`].
pub(super) async fn into_scratch(
    app: &App,
    plan: &Plan,
    run: &RunId,
    stop: &CancellationToken,
    progress: &Progress,
) -> Result<Loaded, Failure> {
    let docker = app.docker.on_behalf_of(run);
    let store = app.store.pinned();
    let (loaded, left_out) = (Mutex::new(Loaded::new()), Mutex::default());
    let run = run.clone();
    let restore = Restore { app, store, docker, plan, run, stop, progress, loaded: Some(&loaded), left_out };
    Box::pin(restore.make()).await?;
    Ok(loaded.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl Restore<'_> {
    async fn make(&self) -> Result<(), Failure> {
        let Plan { globals, databases, target, .. } = self.plan;
        let replacement = target.engine.replacement();
        // What cannot be taken back is read in full before anything is changed. So is everything where only what is signed
        // counts: a client executes what it reads, long before the digest at the end tells that somebody else wrote it.
        let is_first_checked = replacement == Replacement::InPlace || self.app.store.wants_signatures();
        let objects = databases.iter().map(|wanted| &wanted.object).filter(|_| is_first_checked);
        for object in globals.iter().chain(objects) {
            self.progress.set_stage(format!("checking {}", object.name));
            self.verify(object).await.map_err(|error| error.with_state(UNTOUCHED))?;
        }
        let mut state = UNTOUCHED.to_owned();
        if let Some(globals) = globals {
            Box::pin(self.load_globals(globals)).await.map_err(|error| {
                error.with_state("roles and users may be restored in part, the databases were not changed")
            })?;
            "the databases were not changed, roles and users are restored".clone_into(&mut state);
        }
        match replacement {
            Replacement::Swap => self.swap(&state).await?,
            Replacement::Exchange => {
                if let Some(exchange) = target.engine.exchange() {
                    Box::pin(self.exchange(exchange, &state)).await?;
                }
            }
            Replacement::InPlace => self.in_place(&state).await?,
        }
        self.quiet_old().await;
        Ok(())
    }

    /// Makes an empty database of this name and loads the dump into it.
    async fn fill(
        &self,
        wanted: &Wanted,
        name: &str,
        options: Option<&DatabaseOptions>,
        edit: &mut Edit,
    ) -> Result<(), JobError> {
        let target = &self.plan.target;
        let Wanted { object, .. } = wanted;
        if let Some(command) = target.engine.create(&target.facts(), name, options) {
            self.progress.set_stage(format!("making room for {}", what(&wanted.name)));
            let problem = Problem::LoadFailed { object: Name::clean(&object.name) };
            let what = format!("make {}", what(&wanted.name));
            stoppable(self.stop, self.ask(&what, Some(name), &command, problem)).await??;
        }
        self.load(object, Some(name), edit).await?;
        // Nothing of it is in use yet.
        edit.problem().map_or(Ok(()), |problem| Err(JobError::new(JobErrorKind::Wrong, problem)))
    }

    /// Returns what the tool has said.
    async fn load(
        &self,
        object: &ManifestObject,
        database: Option<&str>,
        edit: &mut Edit,
    ) -> Result<String, JobError> {
        let Self { store, docker, plan, progress, .. } = self;
        let target = &plan.target;
        let what = object.database.as_deref().map_or_else(|| object.name.clone(), what);
        let Some(command) = target.engine.load(&target.facts(), database, &random::hex(16)) else {
            return Err(JobError::new(JobErrorKind::Wrong, "no restore command"));
        };
        progress.set_stage(format!("restoring {what}"));
        let started = Instant::now();
        let what = format!("restore {what}");
        let refused = || Problem::LoadFailed { object: Name::clean(&object.name) };
        let bytes = match edit.room() {
            Some(room) => object.plain_bytes.saturating_add(room),
            None => self.measured(object, edit.anew()).await?,
        };
        // A drill's server has the memory that its settings say.
        let is_worth_it = object.plain_bytes >= WORTH_COMPRESSING && self.loaded.is_none();
        let form = if is_worth_it && may_compress(target) { Arrives::Zstd } else { Arrives::Plain };
        let feed = docker.feed(target.tools(), &command, bytes, form);
        let mut feed = match stoppable(self.stop, feed).await? {
            Ok(feed) => feed,
            Err(error) => return Err(self.explained(&what, database, error, refused()).await),
        };
        let (appetite, form) = (feed.appetite(), feed.form());
        let check = |ends: &pipeline::Ends| self.check(object, ends);
        let dialect = target.engine.dialect(object.kind);
        let mut counter = self.loaded.and(dialect).map(Counter::new);
        let edit = |piece: Option<Bytes>| {
            if let (Some(counter), Some(piece)) = (&mut counter, &piece) {
                counter.take(piece);
            }
            edit.take(piece)
        };
        let restored =
            Box::pin(pipeline::restore(store, &plan.key, object, &mut feed, edit, check, progress));
        let limit = self.app.config.stall_timeout;
        // Boxed: it waits for most of its time.
        let stalled = Box::pin(stall::stalled(&self.app.docker, target, database, &appetite, limit));
        let restored = async {
            tokio::select! {
                biased;
                restored = restored => Ok(restored),
                why = stalled => Err(JobError::new(JobErrorKind::Broken, format!("{what}: {why}"))),
            }
        };
        let error = match stoppable(self.stop, restored).await {
            Ok(Err(stalled)) => {
                feed.cancel().await;
                return Err(stalled);
            }
            Ok(Ok(Ok(()))) => {
                info!(
                    object = object.name,
                    plain_bytes = object.plain_bytes,
                    compressed_inside = form == Arrives::Zstd,
                    elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                    "object restored"
                );
                if let (Some(loaded), Some(counter)) = (self.loaded, counter) {
                    let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
                    loaded.insert(object.name.clone(), counter.end());
                }
                return Ok(feed.said());
            }
            Ok(Ok(Err(error))) => Some(error),
            Err(_) => None,
        };
        feed.cancel().await;
        Err(match error {
            None => JobError::stopped(),
            Some(RestoreError::Exec(error)) => {
                let has_choked = matches!(error, ExecError::Failed { .. });
                let said = self.explained(&what, database, error, refused()).await;
                if has_choked { self.damage_behind(said, object).await } else { said }
            }
            Some(RestoreError::Read(error)) => unread(&what, object, &error),
            Some(RestoreError::Codec(error)) => {
                JobError::new(JobErrorKind::Internal, format!("{what}: compress it on its way: {error}"))
            }
            Some(RestoreError::Content(reason)) => {
                JobError::of_backup(damaged(object), format!("{what}: {reason}"))
            }
        })
    }

    async fn ask(
        &self,
        what: &str,
        database: Option<&str>,
        command: &Command,
        problem: Problem,
    ) -> Result<(), JobError> {
        let container = self.plan.target.tools();
        match self.docker.capture(container, command, ANSWER_BYTES, ANSWER_LIMIT).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.explained(what, database, error, problem).await),
        }
    }

    /// `problem` is what it means when the server refuses.
    async fn explained(
        &self,
        what: &str,
        database: Option<&str>,
        error: ExecError,
        problem: Problem,
    ) -> JobError {
        diagnose(&self.docker, &self.plan.target, what, database, error).await.or_blame(|| problem)
    }

    /// Removes what the restore made for itself, and what it has replaced.
    async fn drop_own(&self) -> Result<(), JobError> {
        drop_own(&self.docker, &self.plan.target, &self.run).await
    }
}

async fn drop_own(docker: &Docker, target: &Target, run: &RunId) -> Result<(), JobError> {
    if let Some(exchange) = target.engine.exchange() {
        return exchange::clear_up(docker, target, exchange, run).await;
    }
    const WHAT: &str = "drop the databases a restore made for itself";
    let Some(command) = target.engine.drop_leftovers(&target.facts(), run) else { return Ok(()) };
    match docker.capture(target.tools(), &command, ANSWER_BYTES, ANSWER_LIMIT).await {
        Ok(_) => Ok(()),
        Err(error) => Err(diagnose(docker, target, WHAT, None, error).await),
    }
}

/// Does the same for a restore whose process has ended.
///
/// # Errors
/// What is left, in one line.
pub async fn drop_leftovers(app: &App, target: &Target, run: &RunId) -> Result<(), JobError> {
    let helper = Helper::start(app, target, &[], Access::Write).await?;
    let target = helper.as_ref().map_or(target, |helper| &helper.target);
    let dropped = drop_own(&app.docker, target, run).await;
    if let Some(helper) = helper {
        helper.end().await;
    }
    dropped
}
