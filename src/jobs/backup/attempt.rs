//! One try of a run: its place in the bucket, the dumps, the manifest, and pruning.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use futures_util::future::{join, try_join};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::begin::{Begun, begin};
use super::context::{AttemptContext, Origin};
use super::order::Order;
use super::parts::Dumped;
use super::{plan, suspicion, writers};
use crate::app::App;
use crate::clock;
use crate::discovery::Target;
use crate::jobs::error::{JobError, JobErrorKind, stoppable};
use crate::jobs::helper::{Access, Helper};
use crate::jobs::{inside, prune, span};
use crate::model::id::ImageDigest;
use crate::model::key::{CLAIM, Stamp};
use crate::model::line::Line;
use crate::model::manifest::{Manifest, ManifestObject, VERSION};
use crate::model::missing::{Missing, summary as summary_of};
use crate::model::past_backup::BackupFacts;
use crate::model::retention::{Candidate, MOST_PRUNED};
use crate::outcome::{Made, Summary};
use crate::pipeline::Progress;
use crate::store::{Catalog, StoreErrorKind};

pub(super) async fn attempt(
    app: &App,
    target: &Target,
    order: Order,
    tried: usize,
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
    let helper = match Helper::start(app, target, &[], Access::Read).await {
        Ok(helper) => helper,
        Err(error) => {
            drop(entry.close(true).await);
            return Err(error);
        }
    };
    let target = helper.as_ref().map_or(target, |helper| &helper.target);
    let clash = writers::look(app, known, last_good.as_ref(), (key.stamp, origin.writer()));
    let docker = entry.docker();
    let run = AttemptContext {
        app,
        docker,
        target,
        order,
        origin,
        last_good: last_good.as_ref(),
        clash: clash.as_ref(),
        is_last_try,
        // What has failed once may have failed by that.
        compresses_inside: AtomicBool::new(tried == 1 && inside::may_compress(target)),
        stop,
        progress,
        entry: &entry,
        key,
        started,
    };
    let (mut result, rest) = entry.during(Box::pin(run.make(catalog.as_ref()))).await;
    if let (Ok(summary), Some(catalog)) = (&mut result, prunes) {
        progress.set_stage("pruning");
        let standing = summary.standing(order.trigger);
        let new = Candidate { stamp: run.key.stamp, standing, writer: run.origin.writer() };
        match entry.during(Box::pin(prune::after_run(app, target, catalog, backups, new, stop))).await {
            Ok(pruned) => (summary.pruned, summary.made.pruned) = (pruned.deleted, pruned.gone),
            Err(problem) => summary.problems.push(problem.to_string()),
        }
    }
    drop(run);
    if let Some(helper) = helper {
        helper.end().await;
    }
    match rest {
        // The record stays: the next run finds out what became of the manifest.
        LeftBehind::Unknown => {}
        LeftBehind::Nothing | LeftBehind::Unfinished => {
            let is_clean = match &result {
                Ok(summary) => summary.problems.is_empty(),
                Err(_) => rest == LeftBehind::Nothing,
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

/// Asks Docker meanwhile for what the manifest and the run's record say of it: the engine takes its time over that.
async fn origin(app: &App, target: &Target) -> Origin {
    let image = app.docker.image(&target.container.image_id);
    let (image, holder) = join(image, app.identity.holder(&app.docker)).await;
    let digests = image.ok().flatten().map(|image| image.digests).unwrap_or_default();
    Origin {
        image_digest: ImageDigest::choose(&digests, &target.container.image),
        docker_engine: holder.docker_engine.clone(),
        instance: holder.instance.clone(),
    }
}

/// What a run has left in the store besides a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeftBehind {
    Nothing,
    /// Objects or uploads that will never be part of a backup.
    Unfinished,
    /// The manifest may still arrive: while it may, its objects stay.
    Unknown,
}

impl AttemptContext<'_> {
    /// Everything up to the manifest.
    async fn make(&self, catalog: Option<&Catalog>) -> (Result<Summary, JobError>, LeftBehind) {
        let mut objects = Vec::new();
        let Dumped { server_version, missing, problems } = match self.dump_all(catalog, &mut objects).await {
            Ok(dumped) => dumped,
            Err(error) => {
                self.discard(&objects).await;
                return (Err(error), LeftBehind::Unfinished);
            }
        };
        if let Err(error) = self.confirm(&objects, !missing.is_empty()).await {
            self.discard(&objects).await;
            return (Err(error), LeftBehind::Unfinished);
        }
        self.progress.set_stage("writing the manifest");
        let smaller =
            self.last_good.and_then(|good| Some((good.stamp, self.suspicion(good, &objects, &missing)?)));
        let manifest = self.manifest(server_version, smaller, missing, objects);
        match self.commit(&manifest).await {
            Ok(()) => {
                let made = Made {
                    writer: manifest.writer(),
                    facts: Some(Arc::new(BackupFacts::of(&manifest))),
                    pruned: Vec::new(),
                };
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
                    made: Box::new(made),
                };
                (Ok(summary), LeftBehind::Nothing)
            }
            Err((error, rest)) => {
                if rest == LeftBehind::Unfinished {
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
            engine: target.engine.manifest_name(),
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
    async fn commit(&self, manifest: &Manifest) -> Result<(), (JobError, LeftBehind)> {
        let Self { app, stop, key, .. } = self;
        match self.entry.is_ours(clock::now()).await {
            Ok(true) => {}
            Ok(false) => {
                let reason = "another Dumpcar took this run for dead and removed its objects; was this machine suspended?";
                return Err((JobError::new(JobErrorKind::Broken, reason), LeftBehind::Nothing));
            }
            Err(error) => return Err((error.into(), LeftBehind::Unfinished)),
        }
        let error = match stoppable(stop, app.store.put_manifest(key, manifest)).await {
            Ok(Ok(version)) => {
                if manifest.suspicious.is_none() && manifest.missing.is_empty() {
                    app.backup_cache.keep(version, manifest);
                }
                return Ok(());
            }
            // What lies there is somebody else's backup.
            Ok(Err(error)) if error.kind == StoreErrorKind::Taken => {
                return Err((error.into(), LeftBehind::Nothing));
            }
            Ok(Err(error)) => error.into(),
            Err(stopped) => stopped,
        };
        // The manifest may have arrived although the answer did not: it goes first, like in every deletion.
        match app.store.delete(&key.manifest()).await {
            Ok(()) => Err((error, LeftBehind::Unfinished)),
            Err(left) => {
                warn!(backup = %key, error = %left, "objects without a manifest may be left");
                Err((error, LeftBehind::Unknown))
            }
        }
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
