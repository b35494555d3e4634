//! What the daemon does by itself besides backups: drills and verification.

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::plan::{DrillEnd, VerifyEnd};
use crate::app::App;
use crate::clock;
use crate::discovery::Target;
use crate::jobs::drill::Drilled;
use crate::jobs::error::JobError;
use crate::jobs::{drill, newest, record, verify};
use crate::model::job::Job;
use crate::model::key::BackupKey;
use crate::model::manifest::Manifest;
use crate::model::target::TargetName;
use crate::model::trigger::Trigger;
use crate::report::{End, Event, Reporter, Run};

/// Drills the newest backup of a target.
pub(super) async fn drill(
    app: &App,
    reporter: &Reporter,
    name: &TargetName,
    stop: &CancellationToken,
) -> DrillEnd {
    drill::sweep(app).await;
    let unknown = |error: &JobError| {
        DrillEnd::Inconclusive(format!("drill of its newest backup inconclusive: {error}"))
    };
    let target = app.target(name).await;
    let (key, manifest) = match newest(app, name, target.as_ref()).await {
        Ok(Some(found)) => found,
        // That there is none is for the backups' own schedule to say.
        Ok(None) => return DrillEnd::Good(None),
        Err(error) => {
            let end = End::Failed { reason: error.to_string() };
            reporter.send(&Event::Skipped { job: Job::Drill, target: name.clone(), end });
            return unknown(&error);
        }
    };
    let run = Run::new(record::new_run(), Job::Drill, Some(name.clone()), Trigger::Schedule, clock::now());
    let running = reporter.begin(Run { backup: Some(key.clone()), ..run });
    let drilled = Box::pin(drill::run(app, &key, &manifest, target.as_ref(), stop, running.progress())).await;
    let ended = match &drilled {
        Ok(Drilled { detail: None, .. }) => DrillEnd::Good(Some(key.stamp)),
        Ok(Drilled { detail: Some(problem), .. }) => {
            DrillEnd::Failed(Some(key.stamp), format!("the backup {key} is not good: {problem}"))
        }
        Err(error) if error.is_stopped() => DrillEnd::Stopped,
        Err(error) => unknown(error),
    };
    running.end(drill::end(drilled));
    ended
}

/// The newest backup of a target, if there is one.
async fn newest(
    app: &App,
    name: &TargetName,
    target: Option<&Target>,
) -> Result<Option<(BackupKey, Manifest)>, JobError> {
    let names = target.map_or_else(|| vec![name.clone()], Target::names);
    let catalog = app.store.catalog_of(&names).await?;
    let Some(key) = newest::newest(&app.store, &catalog, &names).await? else { return Ok(None) };
    let manifest = app.store.manifest(&key).await?;
    Ok(Some((key, manifest)))
}

/// Verifies the newest backup of each target in the bucket.
///
/// # Errors
/// It could not be done.
pub(super) async fn verify(app: &App, reporter: &Reporter) -> Result<VerifyEnd, JobError> {
    let at = clock::now();
    let running = reporter.begin(Run::new(record::new_run(), Job::Verify, None, Trigger::Schedule, at));
    let reports = match verify::verify(&app.store, &[], false, running.progress()).await {
        Ok(reports) => reports,
        Err(error) => {
            running.end(End::Failed { reason: error.to_string() });
            return Err(JobError::from(error).in_words(|error| format!("cannot list the bucket: {error}")));
        }
    };
    let end = verify::end(&reports);
    let problem = end.problem(None);
    running.end(end);
    let own = app.identity.holder(&app.docker).await;
    let verified = verify::summary(&reports, at, &own.instance);
    if !app.store.can_sign() {
        warn!(
            "that the bucket was verified is not put into it: without DUMPCAR_SIGNING_KEY it would not count"
        );
    } else if let Err(error) = app.store.put_verified(&verified).await {
        warn!(%error, "cannot write down that the bucket was verified: after a restart it is verified again");
    }
    Ok(VerifyEnd { verified, problem })
}
