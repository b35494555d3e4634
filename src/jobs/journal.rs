//! A run's record in the store, from before the run does anything until nothing unfinished of it is left.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;

use crate::app::App;
use crate::clock;
use crate::discovery::Target;
use crate::docker::Docker;
use crate::jobs::sweep;
use crate::model::key::Stamp;
use crate::model::run::{RENEWAL, RunId, RunRecord, VERSION};
use crate::model::target::TargetName;
use crate::random;
use crate::store::StoreError;

/// The record of a run of this process.
///
/// It ends in [`Entry::close`]; one that is dropped (a panic) stays in the store, and the next sweep finds it.
#[derive(Debug)]
pub struct Entry<'a> {
    app: &'a App,
    record: RunRecord,
    docker: Docker,
    renewed: Mutex<Timestamp>,
    /// Nothing is ever deleted, so nothing is written that would have to be.
    is_kept: bool,
}

/// A name for a new run.
pub(super) fn new_run() -> RunId {
    random::hex(RunId::BYTES).parse().expect("hexadecimal digits are what a run's name is made of")
}

impl<'a> Entry<'a> {
    /// Writes the record of a run that makes the backup `stamp` of `target` and then deletes `prunes`.
    ///
    /// # Errors
    /// The store does not take it: nothing may be begun.
    pub async fn of_backup(
        app: &'a App,
        target: &Target,
        stamp: Stamp,
        prunes: Vec<Stamp>,
    ) -> Result<Self, StoreError> {
        let container = Some(target.container.id.clone());
        Self::open(app, &target.name, container, Some(stamp), prunes, false).await
    }

    /// Writes the record of a run that puts a backup of `name` back into `target`.
    ///
    /// # Errors
    /// The store does not take it: nothing may be begun.
    pub async fn of_restore(app: &'a App, name: &TargetName, target: &Target) -> Result<Self, StoreError> {
        Self::open(app, name, Some(target.container.id.clone()), None, Vec::new(), true).await
    }

    /// Writes the record of a run that only deletes `prunes`.
    ///
    /// # Errors
    /// The store does not take it: nothing may be begun.
    pub async fn of_prune(app: &'a App, target: &TargetName, prunes: Vec<Stamp>) -> Result<Self, StoreError> {
        Self::open(app, target, None, None, prunes, false).await
    }

    async fn open(
        app: &'a App,
        target: &TargetName,
        container: Option<String>,
        stamp: Option<Stamp>,
        prunes: Vec<Stamp>,
        restores: bool,
    ) -> Result<Self, StoreError> {
        let record = RunRecord {
            version: VERSION,
            run: new_run(),
            target: target.clone(),
            container,
            stamp,
            prunes,
            restores,
            started: clock::now(),
            holder: app.identity.holder(&app.docker).await.clone(),
        };
        let entry = Self {
            app,
            renewed: Mutex::new(record.started),
            docker: app.docker.on_behalf_of(&record.run),
            record,
            is_kept: app.config.prune,
        };
        // Known to be alive before anybody can find the record.
        if entry.is_kept {
            app.runs.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.record.run.clone());
            app.store.put_record(&entry.record).await?;
        }
        Ok(entry)
    }

    pub fn run(&self) -> &RunId {
        &self.record.run
    }

    /// What the run's commands are run by.
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Does `work`, and writes the record anew all the while.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            result = work => result,
            never = self.renew_for_ever() => match never {},
        }
    }

    async fn renew_for_ever(&self) -> Infallible {
        loop {
            tokio::time::sleep(RENEWAL).await;
            if let Err(error) = self.renew().await {
                warn!(target = %self.record.target, %error, "cannot renew the record of the run");
            }
        }
    }

    async fn renew(&self) -> Result<(), StoreError> {
        // One that somebody else has taken over is not written anew.
        if self.is_kept && self.is_still_there().await? {
            self.app.store.put_record(&self.record).await?;
            *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = clock::now();
        }
        Ok(())
    }

    /// Whether nobody has swept this run: a machine that was suspended for longer than a lease looks like a dead one.
    ///
    /// Costs a request only after a time in which the record could not be renewed.
    ///
    /// # Errors
    /// The store does not say.
    pub async fn is_ours(&self, now: Timestamp) -> Result<bool, StoreError> {
        let renewed = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        // A time that went backwards proves nothing.
        let age = Duration::try_from(now.duration_since(renewed));
        let is_recent = age.is_ok_and(|age| age < 2 * RENEWAL);
        if !self.is_kept || is_recent { Ok(true) } else { self.is_still_there().await }
    }

    async fn is_still_there(&self) -> Result<bool, StoreError> {
        let found = self.app.store.record(&self.record.key()).await?;
        Ok(found.is_some_and(|found| found.holder.process == self.record.holder.process))
    }

    /// Ends the run: everything of it is finished, or nothing of it is left in the store. A command of it that was not
    /// seen to end is looked for first. What is left stays on record.
    ///
    /// # Errors
    /// What is left, in one line.
    pub async fn close(self, is_clean: bool) -> Result<(), String> {
        let Self { app, record, .. } = &self;
        let ended = if self.docker.has_unseen_end() { sweep::end_tools(app, record).await } else { Ok(()) };
        if !self.is_kept {
            return ended;
        }
        let result = if is_clean { ended } else { ended.and(sweep::remove(&app.store, record).await) };
        let result = match result {
            Ok(()) => sweep::forget(&app.store, record).await,
            left => left,
        };
        result.map_err(|left| format!("{left}; the next run tries again"))
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.app.runs.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.record.run);
    }
}
