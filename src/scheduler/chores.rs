//! What the daemon does by itself besides backups: drills and verification.

use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::plan::{DrillEnd, VerifyEnd};
use crate::app::App;
use crate::clock;
use crate::discovery::Target;
use crate::jobs::error::JobError;
use crate::jobs::{drill, good, verify};
use crate::model::target::TargetName;
use crate::pipeline::Progress;

/// Drills the newest backup of a target.
pub(super) async fn drill(app: &App, name: &TargetName, stop: &CancellationToken) -> DrillEnd {
    drill::sweep(app).await;
    let unknown = |error: JobError| {
        error!(target = %name, problem = %error, "drill inconclusive");
        DrillEnd::Inconclusive(format!("drill of its newest backup inconclusive: {error}"))
    };
    let target = app.target(name).await;
    let names = target.as_ref().map_or_else(|| vec![name.clone()], Target::names);
    let key = match app.store.catalog_of(&names).await {
        // That there is none is for the backups' own schedule to say.
        Ok(catalog) => match good::newest(&app.store, &catalog, &names).await {
            Ok(Some(newest)) => newest,
            Ok(None) => return DrillEnd::Good(None),
            Err(error) => return unknown(error.into()),
        },
        Err(error) => return unknown(error.into()),
    };
    let manifest = match app.store.manifest(&key).await {
        Ok(manifest) => manifest,
        Err(error) => return unknown(error.into()),
    };
    info!(backup = %key, "drill started");
    let progress = Progress::default();
    match Box::pin(drill::run(app, &key, &manifest, target.as_ref(), stop, &progress)).await {
        Ok(drilled) => {
            drill::log(&key, &drilled);
            let bad = drilled.detail.map(|problem| format!("the backup {key} is not good: {problem}"));
            bad.map_or(DrillEnd::Good(Some(key.stamp)), |problem| DrillEnd::Failed(Some(key.stamp), problem))
        }
        Err(error) if error.is_stopped() => DrillEnd::Stopped,
        Err(error) => unknown(error),
    }
}

/// Verifies the newest backup of each target in the bucket.
///
/// # Errors
/// It could not be done.
pub(super) async fn verify(app: &App) -> Result<VerifyEnd, String> {
    info!("verification started");
    let at = clock::now();
    let reports = match verify::verify(&app.store, &[], false, &Progress::default()).await {
        Ok(reports) => reports,
        Err(error) => {
            error!(%error, "cannot list the bucket");
            return Err(format!("cannot list the bucket: {error}"));
        }
    };
    let failed: Vec<String> = reports
        .iter()
        .filter(|report| report.is_failure())
        .map(|report| format!("{}/{}: {}", report.target, report.backup, report.finding()))
        .collect();
    let verified = reports.iter().filter(|report| report.is_backup()).count() - failed.len();
    info!(verified, failed = failed.len(), "verification ended");
    let problem = (!failed.is_empty()).then(|| failed.join("; "));
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
