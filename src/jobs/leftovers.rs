//! Removing what a run has left: its tools, its unfinished uploads, its objects without a manifest, and its record.

use tracing::{info, warn};

use super::error::{JobError, JobErrorKind};
use crate::app::App;
use crate::docker::{Docker, DockerError, ExecError};
use crate::model::id::ContainerId;
use crate::model::key::{BackupKey, MANIFEST, Stamp, may_be_object};
use crate::model::run::{RunId, RunRecord};
use crate::store::{Store, StoreError, StoreErrorKind};

/// Ends the tools a run may still have in a container. Mostly there are none: a tool ends with its connection. Only the user
/// they were started as may end them.
///
/// # Errors
/// What is in the way, in one line.
pub(super) async fn end_tools(
    docker: &Docker,
    container: &ContainerId,
    run: &RunId,
    exec_user: Option<&str>,
) -> Result<(), JobError> {
    match docker.end_runs(container, &[run], exec_user).await {
        Ok(()) | Err(ExecError::NotStarted { .. }) => Ok(()),
        // With the container, its processes have gone. Those of a paused one wait.
        Err(ExecError::Docker(DockerError::NotFound { .. })) => Ok(()),
        Err(ExecError::Docker(DockerError::Refused { status: 409, message, .. }))
            if !message.contains("is paused") =>
        {
            Ok(())
        }
        Err(error) => {
            Err(JobError::new(JobErrorKind::Broken, format!("end its dump tool in the target: {error}")))
        }
    }
}

/// Deletes the record of a run of which nothing is left. Where the keys or a lock do not allow that, it is emptied instead: it
/// stays, and means nothing.
///
/// # Errors
/// It stays as it is, in one line.
pub(super) async fn delete_record(app: &App, record: &RunRecord) -> Result<(), JobError> {
    let refused = match app.store.delete(&record.key()).await {
        Err(error) if error.is_denied() => error,
        deleted => return deleted.map_err(of_record),
    };
    if app.store.empty_record(record).await.is_err() {
        return Err(of_record(refused));
    }
    if app.is_news("records of runs stay") {
        info!(
            store = %app.store, reason = %refused,
            "records of runs may not be deleted: they stay below .dumpcar/runs, empty. DUMPCAR_PRUNE=false if these keys are not to delete"
        );
    }
    Ok(())
}

fn of_record(error: StoreError) -> JobError {
    JobError::from(error).in_words(|error| format!("delete its record: {error}"))
}

/// Removes the unfinished uploads of a run, and the objects it left without a manifest; not where one of the `living` is at work.
///
/// # Errors
/// What is left, in one line.
pub(super) async fn remove(store: &Store, record: &RunRecord, living: &[RunRecord]) -> Result<(), JobError> {
    let is_free = |stamp: &Stamp| {
        let is_its =
            |other: &RunRecord| other.target == record.target && other.stamps().any(|of| of == *stamp);
        !living.iter().any(is_its)
    };
    // First, because an upload may still become an object; and what is in its way is not in the way of the rest.
    let aborted = match record.stamp.filter(is_free) {
        Some(stamp) => abort_uploads(store, &BackupKey { target: record.target.clone(), stamp }).await,
        None => Ok(()),
    };
    for stamp in record.stamps().filter(is_free) {
        clean_folder(store, &BackupKey { target: record.target.clone(), stamp }).await?;
    }
    aborted
}

/// Removes the objects of a folder that has no manifest. With one it is a backup, and stays.
pub(super) async fn clean_folder(store: &Store, folder: &BackupKey) -> Result<(), JobError> {
    let files = store
        .files(folder)
        .await
        .map_err(|error| JobError::from(error).in_words(|error| format!("list {folder}: {error}")))?;
    if files.iter().any(|file| file == MANIFEST) {
        return Ok(());
    }
    for file in files.iter().filter(|file| may_be_object(file)) {
        let key = folder.object(file);
        store.delete(&key).await.map_err(|error| {
            JobError::from(error).in_words(|error| format!("delete an object without a manifest: {error}"))
        })?;
        info!(target = %folder.target, key, "object without a manifest deleted");
    }
    Ok(())
}

async fn abort_uploads(store: &Store, folder: &BackupKey) -> Result<(), JobError> {
    const WHAT: &str = "abort its unfinished uploads";
    let uploads = match store.unfinished_uploads(&folder.object("")).await {
        Ok(uploads) => uploads,
        // This store will not tell another time either.
        Err(error) if error.kind == StoreErrorKind::Unsupported => {
            warn!(%folder, %error, "unfinished uploads may be left: give the bucket a lifecycle rule that aborts them");
            return Ok(());
        }
        Err(error) => return Err(JobError::from(error).in_words(|error| format!("{WHAT}: {error}"))),
    };
    for upload in uploads {
        store
            .abort_unfinished(&upload)
            .await
            .map_err(|error| JobError::from(error).in_words(|error| format!("{WHAT}: {error}")))?;
        info!(key = upload.key, "unfinished upload aborted");
    }
    Ok(())
}
