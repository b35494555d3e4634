//! The daemon's own verification: `DUMPCAR_VERIFY_SCHEDULE`.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tracing::{error, info};

use super::chore::Times;
use crate::app::App;
use crate::clock;
use crate::health::Health;
use crate::jobs::verify;
use crate::pipeline::Progress;

/// Verifies the newest backup of each target in the bucket on schedule, until it is dropped.
///
/// What is not good makes the daemon unhealthy until a later verification finds nothing.
pub async fn run(app: &App, health: &Health) {
    let config = &app.config;
    let times = Times { schedule: &config.verify_schedule, time_zone: &config.time_zone, clock: &clock::now };
    let verify = async || {
        // A panic is a bug, but the backups go on.
        let found = AssertUnwindSafe(verify_newest(app)).catch_unwind().await;
        let panicked = |_| Some("Dumpcar itself failed: please report the panic in the log".to_owned());
        health.set_verify(found.unwrap_or_else(panicked));
    };
    times.each("verification", verify).await;
}

/// What is wrong, in one line.
async fn verify_newest(app: &App) -> Option<String> {
    info!("verification started");
    let reports = match verify::verify(&app.store, &[], false, &Progress::default()).await {
        Ok(reports) => reports,
        Err(error) => {
            error!(%error, "cannot list the bucket");
            return Some(format!("cannot list the bucket: {error}"));
        }
    };
    let failed: Vec<String> = reports
        .iter()
        .filter(|report| report.is_failure())
        .map(|report| format!("{}/{}: {}", report.target, report.backup, report.finding()))
        .collect();
    let verified = reports.iter().filter(|report| report.is_backup()).count() - failed.len();
    info!(verified, failed = failed.len(), "verification ended");
    (!failed.is_empty()).then(|| failed.join("; "))
}
