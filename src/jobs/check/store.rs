//! The bucket, by really doing there what a backup and its retention do.

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::clock;
use super::item::{Area, CheckItem, Mark};
use super::rights::{Tried, items};
use crate::app::App;
use crate::clock::now;
use crate::config::Config;
use crate::jobs::error::JobError;
use crate::random;
use crate::store::{StoreError, Trial, Unfinished};

/// Once told to stop, a request under way gets so long: what it does is then known, and can be taken back.
const GRACE: Duration = Duration::from_secs(2);

/// Objects of a trial that are older are of one that was killed.
const LEFT: Duration = Duration::from_secs(3600);

/// What was found.
pub(super) struct Seen {
    pub(super) items: Vec<CheckItem>,
    /// Whether listings can be had.
    pub(super) may_list: bool,
    /// How long a default lock of the bucket keeps each object, as far as is known.
    pub(super) locked: Duration,
}

/// Tries each right, and looks what the store can do.
///
/// # Errors
/// It was stopped. What was written is taken back in any case.
pub(super) async fn check(app: &App, stop: &CancellationToken) -> Result<Seen, JobError> {
    let mut trial = app.store.trial(&random::hex(8));
    let mut tried = Tried::default();
    let before = now();
    let done = Box::pin(run(app, &mut trial, &mut tried, stop)).await;
    let stays = trial.end().await;
    done?;
    let mut found = vec![clock::check(before, tried.listed_at, tried.date)];
    found.push(reached(&app.config, &tried));
    found.extend(items(&app.config, &tried, app.store.abilities()));
    found.extend(signatures(app));
    if !stays.is_empty() {
        found.push(left_behind(&app.config, &stays));
    }
    let may_list = matches!(tried.list, Some(Ok(())));
    Ok(Seen { items: found, may_list, locked: tried.locked().unwrap_or_default() })
}

/// Does one thing after the other. The first one says as well whether the store is there, and what its clock says.
async fn run(
    app: &App,
    trial: &mut Trial,
    tried: &mut Tried,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let listed = step(stop, trial.list()).await?;
    (tried.listed_at, tried.date) = (Some(now()), app.store.date());
    let earlier = match listed {
        Ok(earlier) => {
            tried.list = Some(Ok(()));
            earlier
        }
        Err(error) => {
            let is_denied = error.is_denied();
            tried.list = Some(Err(error));
            if !is_denied {
                return Ok(());
            }
            Vec::new()
        }
    };
    write_and_read(trial, tried, stop).await?;
    upload(app, trial, tried, stop).await?;
    if app.config.prune {
        tried.lock = ask(tried.has_object(), step(stop, trial.lock())).await?;
        tried.lifecycle = ask(true, step(stop, trial.expires_versions())).await?;
    }
    if tried.has_object() {
        tried.delete = Some(step(stop, trial.delete(None)).await?);
    }
    if matches!(tried.delete, Some(Ok(()))) {
        for left in earlier.into_iter().filter(|one| is_left(one.written, tried.date)) {
            // One that stays is no worse than before.
            drop(step(stop, trial.delete(Some(&left.key))).await?);
        }
    }
    Ok(())
}

async fn write_and_read(
    trial: &mut Trial,
    tried: &mut Tried,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    tried.write = Some(step(stop, trial.write()).await?.map(drop));
    if tried.has_object() {
        tried.again = Some(step(stop, trial.write()).await?);
        tried.read = Some(step(stop, trial.read()).await?);
    }
    Ok(())
}

/// One upload is given up, and one becomes an object.
async fn upload(
    app: &App,
    trial: &mut Trial,
    tried: &mut Tried,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    if let Err(error) = begun(trial, stop).await? {
        tried.upload = Some(Err(error));
        return Ok(());
    }
    if app.config.prune {
        let listed = step(stop, trial.unfinished()).await?;
        let shows = |found: &[Unfinished]| found.iter().any(|one| trial.is_own(&one.key));
        let is_old = |at: Option<Timestamp>| at.is_some_and(|at| is_left(at, tried.date));
        let found = listed.iter().flatten();
        for left in found.filter(|one| !trial.is_own(&one.key) && is_old(one.initiated)) {
            drop(step(stop, app.store.abort_unfinished(left)).await?);
        }
        tried.unfinished = Some(listed.map(|found| shows(&found)));
    }
    let aborted = step(stop, trial.abort()).await?;
    let may_abort = aborted.is_ok();
    tried.abort = Some(aborted);
    if may_abort && let Err(error) = begun(trial, stop).await? {
        tried.upload = Some(Err(error));
        return Ok(());
    }
    tried.upload = Some(step(stop, trial.complete()).await?);
    Ok(())
}

/// Whether something of this age is of a trial that was killed, by the store's clock.
fn is_left(written: Timestamp, date: Option<Timestamp>) -> bool {
    let end = written.checked_add(LEFT).unwrap_or(Timestamp::MAX);
    date.is_some_and(|date| end < date)
}

async fn begun(trial: &mut Trial, stop: &CancellationToken) -> Result<Result<(), StoreError>, JobError> {
    match step(stop, trial.begin()).await? {
        Ok(()) => step(stop, trial.send_part()).await,
        Err(error) => Ok(Err(error)),
    }
}

/// Awaits a request; once told to stop, only a moment longer.
async fn step<T>(
    stop: &CancellationToken,
    request: impl Future<Output = Result<T, StoreError>>,
) -> Result<Result<T, StoreError>, JobError> {
    let enough = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    let answer = tokio::select! {
        biased;
        answer = request => answer,
        () = enough => return Err(JobError::stopped()),
    };
    if stop.is_cancelled() { Err(JobError::stopped()) } else { Ok(answer) }
}

/// Asks only what makes sense.
async fn ask<T>(
    is_wanted: bool,
    request: impl Future<Output = Result<T, JobError>>,
) -> Result<Option<T>, JobError> {
    if is_wanted { request.await.map(Some) } else { Ok(None) }
}

/// Whether the store is there, and takes the keys.
fn reached(config: &Config, tried: &Tried) -> CheckItem {
    const SUBJECT: &str = "bucket";
    match &tried.list {
        Some(Err(error)) if !error.is_denied() => {
            CheckItem::new(Area::Store, SUBJECT, Mark::Failure, error.to_string())
        }
        Some(Ok(()) | Err(_)) | None => {
            let endpoint = config.s3.endpoint.as_deref().unwrap_or("AWS S3");
            let text = format!("{} at {endpoint} takes these keys", config.s3.store.bucket);
            CheckItem::new(Area::Store, SUBJECT, Mark::Ok, text)
        }
    }
}

/// Whether what is written here will count.
fn signatures(app: &App) -> Option<CheckItem> {
    let item = |mark, text: &str| CheckItem::new(Area::Store, "signatures", mark, text);
    if !app.store.can_sign() {
        let text = "only signed backups count (DUMPCAR_TRUSTED_SIGNERS), and nothing is signed here: no backup is made";
        return Some(
            item(Mark::Failure, text).with_cure("set DUMPCAR_SIGNING_KEY, or only read on this host"),
        );
    }
    app.config.signer.is_some().then(|| item(Mark::Ok, "what is written here is signed"))
}

fn left_behind(config: &Config, stays: &[String]) -> CheckItem {
    let text =
        format!("this check could not take back what it wrote (a few bytes each): {}", stays.join(", "));
    let mark = if config.prune { Mark::Warning } else { Mark::Ok };
    CheckItem::new(Area::Store, "left behind", mark, text).with_cure(
        "delete it with other keys, or leave it to a lifecycle rule (`dumpcar policy --lifecycle`)",
    )
}
