//! One run of one target: its lock, its time limit, its end when Dumpcar is told to stop, and its attempts.

mod alive;
mod attempt;
mod begin;
mod context;
mod hooks;
mod missing;
mod order;
mod part;
mod parts;
mod plan;
mod suspicion;
mod writers;

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info, warn};

use attempt::attempt;
pub use order::Order;

use crate::app::App;
use crate::discovery::Target;
use crate::jobs::error::{JobError, JobErrorKind, stoppable};
use crate::jobs::span;
use crate::lock::RunLock;
use crate::outcome::{PANICKED, Summary, Verdict};
use crate::pipeline::Progress;

/// When a run is tried again, as often as `DUMPCAR_RETRIES` says.
const RETRIES: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(Duration::from_secs(10)).with_factor(3.0).without_max_delay();

/// How long a run may clean up once Dumpcar was told to stop: Docker kills it after 10 s.
const STOP_LIMIT: Duration = Duration::from_secs(8);

/// Why there is no backup while another one is made.
const BUSY: &str = "another backup of it is running: wait for that one";

/// Backs up `target`, with retries, within its time limit. Never panics and never leaves a half backup.
pub async fn run(
    app: &App,
    target: &Target,
    order: Order,
    stop: &CancellationToken,
    progress: &Progress,
) -> Verdict {
    Box::pin(one(app, target, order, stop, progress)).instrument(span::job("backup", &target.name)).await
}

async fn one(
    app: &App,
    target: &Target,
    order: Order,
    stop: &CancellationToken,
    progress: &Progress,
) -> Verdict {
    let Some(_lock) = RunLock::take(&app.store.to_string(), target.name.as_str()) else {
        return Verdict::Busy { reason: BUSY.to_owned() };
    };
    let too_late = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_LIMIT).await;
    };
    let result = tokio::select! {
        biased;
        result = limited(app, target, order, stop, progress) => result,
        // What is left is on record, and the connection that goes with the run ends the tool.
        () = too_late => {
            warn!("stopped before cleaning up; the next start does it");
            Err(JobError::stopped())
        }
    };
    let is_unhealthy = target.container.health.as_deref() == Some("unhealthy");
    let container = &target.container.name;
    match result {
        Ok(summary) => {
            if is_unhealthy {
                info!(container, "backed up though Docker calls its container unhealthy");
            }
            Verdict::Done(summary)
        }
        Err(error) if error.is_stopped() => Verdict::Stopped,
        Err(error) if is_unhealthy => Verdict::Failed {
            reason: format!(
                "{error} (Docker calls the container {container} unhealthy: see `docker inspect {container}`)"
            ),
        },
        Err(error) => Verdict::Failed { reason: error.to_string() },
    }
}

/// Tries for as long as the target's time limit allows.
async fn limited(
    app: &App,
    target: &Target,
    order: Order,
    stop: &CancellationToken,
    progress: &Progress,
) -> Result<Summary, JobError> {
    // A time limit is a stop with another name: both let the run clean up.
    let limited = stop.child_token();
    let attempts = attempts(app, target, order, &limited, progress);
    tokio::pin!(attempts);
    tokio::select! {
        result = &mut attempts => result,
        () = tokio::time::sleep(target.timeout) => {
            limited.cancel();
            match attempts.await {
                Err(error) if error.is_stopped() && !stop.is_cancelled() => Err(JobError::new(
                    JobErrorKind::TooLong,
                    format!(
                        "not done after {}: raise DUMPCAR_TIMEOUT or the label {}.timeout",
                        humantime::format_duration(target.timeout),
                        app.config.label_prefix,
                    ),
                )),
                result => result,
            }
        }
    }
}

/// Tries until it works, fails for good, or the retries are used up.
async fn attempts(
    app: &App,
    target: &Target,
    order: Order,
    stop: &CancellationToken,
    progress: &Progress,
) -> Result<Summary, JobError> {
    let retries = usize::try_from(app.config.retries).unwrap_or(usize::MAX);
    let mut waits = RETRIES.with_max_times(retries).build();
    let mut tried = 0;
    // The container may be another one by the time of a retry: replaced, or its labels changed.
    let mut current = target.clone();
    loop {
        tried += 1;
        let wait = waits.next();
        let result = Box::pin(attempt(app, &current, order, tried, wait.is_none(), stop, progress)).await;
        match (result, wait) {
            (Err(error), Some(wait)) if error.kind.may_pass() => {
                info!(reason = %error, wait = %humantime::format_duration(wait), "trying again");
                progress.set_stage(format!("waiting to try again: {error}"));
                stoppable(stop, tokio::time::sleep(wait)).await?;
                progress.try_again();
                if let Some(replaced) = app.target(&target.name).await {
                    current = replaced;
                }
            }
            (Err(error), _) if tried > 1 && !error.is_stopped() => {
                return Err(error.in_words(|reason| format!("{reason} (tried {tried} times)")));
            }
            (result, _) => return result,
        }
    }
}

/// Runs in a task of its own, so that a panic stays one target's failure.
pub async fn run_guarded(
    app: Arc<App>,
    target: Target,
    order: Order,
    stop: CancellationToken,
    progress: Arc<Progress>,
) -> Verdict {
    let run = tokio::spawn(async move { run(&app, &target, order, &stop, &progress).await });
    run.await.unwrap_or_else(|_| Verdict::Failed { reason: PANICKED.to_owned() })
}
