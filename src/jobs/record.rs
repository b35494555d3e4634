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
use crate::jobs::error::JobError;
use crate::jobs::leftovers;
use crate::model::key::Stamp;
use crate::model::run::{RENEWAL, RunId, RunRecord, VERSION};
use crate::model::target::TargetName;
use crate::random;
use crate::store::{StoreError, StoreErrorKind};

/// The record of a run of this process.
///
/// It ends in [`Entry::close`]; one that is dropped (a panic) stays in the store, and the next sweep finds it.
#[derive(Debug)]
pub struct Entry<'a> {
    app: &'a App,
    record: RunRecord,
    /// Who its commands are run as in its container.
    exec_user: Option<String>,
    docker: Docker,
    renewed: Mutex<Timestamp>,
    /// Nothing is ever deleted, so nothing is written that would have to be; nor is what nobody would obey.
    is_kept: bool,
}

/// A name for a new run.
pub fn new_run() -> RunId {
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
        Self::open(app, &target.name, Some(target), Some(stamp), prunes, false).await
    }

    /// Writes the record of a run that puts a backup of `name` back into `target`.
    ///
    /// # Errors
    /// The store does not take it: nothing may be begun.
    pub async fn of_restore(app: &'a App, name: &TargetName, target: &Target) -> Result<Self, StoreError> {
        Self::open(app, name, Some(target), None, Vec::new(), true).await
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
        name: &TargetName,
        target: Option<&Target>,
        stamp: Option<Stamp>,
        prunes: Vec<Stamp>,
        restores: bool,
    ) -> Result<Self, StoreError> {
        let holder = app.identity.holder(&app.docker).await.clone();
        let record = RunRecord {
            version: VERSION,
            run: new_run(),
            target: name.clone(),
            // The tool of a backup is in a helper container, which goes by itself.
            container: target
                .filter(|target| restores || !target.engine.is_file())
                .map(|target| target.container.id.clone()),
            docker_engine: target.and(holder.docker_engine.clone()),
            stamp,
            prunes,
            restores,
            started: clock::now(),
            holder,
        };
        let entry = Self {
            app,
            renewed: Mutex::new(record.started),
            docker: app.docker.on_behalf_of(&record.run),
            record,
            exec_user: target.and_then(|target| target.labels.exec_user.clone()),
            is_kept: app.config.prune && app.store.can_sign(),
        };
        // Known to be alive before anybody can find the record.
        if entry.is_kept {
            app.runs.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.record.run.clone());
            app.store.put_record(&entry.record).await?;
        }
        Ok(entry)
    }

    /// Whether nobody can find this run by a record.
    pub fn is_off_record(&self) -> bool {
        !self.is_kept
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
        let found = match self.app.store.record(&self.record.key()).await {
            // Whatever is there now, it is not this run's.
            Err(error) if error.kind == StoreErrorKind::Damaged => None,
            found => found?,
        };
        Ok(found.is_some_and(|found| found.holder.process == self.record.holder.process))
    }

    /// Ends the run: everything of it is finished, or nothing of it is left in the store. A command of it that was not
    /// seen to end is looked for first. What is left stays on record.
    ///
    /// # Errors
    /// What is left, in one line.
    pub async fn close(self, is_clean: bool) -> Result<(), JobError> {
        let Self { app, record, exec_user, .. } = &self;
        let ended = match &record.container {
            Some(id) if self.docker.has_unseen_end() => {
                leftovers::end_tools(&app.docker, id, &record.run, exec_user.as_deref()).await
            }
            Some(_) | None => Ok(()),
        };
        if !self.is_kept {
            return ended;
        }
        let result =
            if is_clean { ended } else { ended.and(leftovers::remove(&app.store, record, &[]).await) };
        let result = match result {
            Ok(()) => leftovers::delete_record(app, record).await,
            left => left,
        };
        result.map_err(|left| left.in_words(|left| format!("{left}; the next run tries again")))
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.app.runs.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.record.run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::model::run::Holder;
    use crate::store::flaky::{Do, Flaky, store};

    /// Everything around a run, with a store that does what the script says of a request.
    fn app(
        prune: bool,
        script: impl Fn(&'static str, u32) -> Do + Send + Sync + 'static,
    ) -> (App, std::sync::Arc<Flaky>) {
        let pairs = [
            ("DOCKER_HOST", "tcp://127.0.0.1:9"),
            ("DUMPCAR_STORE", "s3://bucket/p"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("DUMPCAR_PRUNE", if prune { "true" } else { "false" }),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        drop(rustls::crypto::ring::default_provider().install_default());
        let config = Config::from_pairs(pairs, &|path| std::fs::read_to_string(path)).unwrap();
        let backend = Flaky::new(move |operation, nth, _| script(operation, nth));
        (App { store: store(&backend), ..App::new(config).unwrap() }, backend)
    }

    async fn entry(app: &App) -> Entry<'_> {
        Entry::of_prune(app, &"shop".parse().unwrap(), Vec::new()).await.unwrap()
    }

    /// Work that takes so many times as long as a record stays new, and some more.
    async fn work(renewals: u32) -> &'static str {
        tokio::time::sleep(renewals * RENEWAL + RENEWAL / 2).await;
        "done"
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_is_written_anew_for_as_long_as_its_run_works() {
        let (app, backend) = app(true, |_, _| Do::It);
        let entry = entry(&app).await;
        for (renewals, written) in [(0, 1), (3, 1 + 3)] {
            assert_eq!(entry.during(work(renewals)).await, "done");
            assert_eq!(backend.calls("put"), written);
        }
        assert_eq!(app.store.record(&entry.record.key()).await.unwrap().as_ref(), Some(&entry.record));
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_failed_is_tried_again_and_the_run_goes_on() {
        // The first put is the record's first.
        for (failing, nth) in [("get", 1), ("put", 2)] {
            let (app, backend) = app(true, move |operation, n| {
                if (operation, n) == (failing, nth) { Do::Refuse(503, "SlowDown") } else { Do::It }
            });
            assert_eq!(entry(&app).await.during(work(2)).await, "done");
            assert_eq!(backend.calls(failing), nth + 1, "{failing}");
        }
    }

    /// A machine that slept for longer than a lease: its record is the other's, or is gone, and stays so.
    #[tokio::test(start_paused = true)]
    async fn a_record_that_somebody_took_over_is_not_written_anew() {
        let (app, backend) = app(true, |_, _| Do::It);
        let entry = entry(&app).await;
        let (record, key) = (&entry.record, entry.record.key());
        let other = Holder { process: "0123".repeat(8).parse().unwrap(), ..record.holder.clone() };
        let taken = RunRecord { holder: other, ..record.clone() };
        app.store.put_record(&taken).await.unwrap();
        entry.during(work(2)).await;
        assert_eq!(app.store.record(&key).await.unwrap(), Some(taken));
        app.store.delete(&key).await.unwrap();
        entry.during(work(2)).await;
        assert_eq!(app.store.record(&key).await.unwrap(), None);
        assert_eq!(backend.calls("put"), 2, "its own and the other's");
    }

    #[tokio::test(start_paused = true)]
    async fn where_nothing_is_ever_deleted_no_record_is_written() {
        let (app, backend) = app(false, |_, _| Do::It);
        entry(&app).await.during(work(2)).await;
        assert_eq!(backend.calls("put") + backend.calls("get"), 0);
    }
}
