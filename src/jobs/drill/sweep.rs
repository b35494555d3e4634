//! Scratch and helper containers whose process has ended.

use std::sync::PoisonError;
use std::time::Duration;

use tracing::{info, warn};

use crate::app::App;
use crate::clock;
use crate::discovery;
use crate::model::run::{ContainerRecord, Fate, LEASE};

/// Removes the scratch and helper containers of processes that have ended.
pub async fn sweep(app: &App) {
    let label = format!("{}.{}", app.config.label_prefix, ContainerRecord::LABEL);
    let found = match app.docker.labelled_containers(&label).await {
        Ok(found) => found,
        Err(error) => {
            warn!(%error, "cannot look for the containers of drills and helpers that were killed");
            return;
        }
    };
    for container in found.containers {
        // Or it is somebody else's: an image can bring the label.
        let Some(scratch) = discovery::scratch_of(&container.name, &container.labels) else { continue };
        if !is_over(app, &scratch).await {
            continue;
        }
        match app.docker.remove(&container.id.clone().into()).await {
            Ok(true) => {
                info!(container = container.name, "container of a drill or helper that was killed removed");
            }
            // Somebody else was faster, or it is being made and swept the next time.
            Ok(false) => {}
            Err(error) => {
                warn!(container = container.name, %error, "cannot remove the container of a drill or helper that was killed");
            }
        }
    }
}

async fn is_over(app: &App, scratch: &ContainerRecord) -> bool {
    let own = app.identity.holder(&app.docker).await;
    if scratch.holder.process == own.process {
        return !app.runs.lock().unwrap_or_else(PoisonError::into_inner).contains(&scratch.run);
    }
    match app.identity.fate_of(&scratch.holder, &app.docker).await {
        Fate::Alive => false,
        Fate::Dead => true,
        Fate::Unknown => {
            Duration::try_from(clock::now().duration_since(scratch.created)).unwrap_or_default() >= LEASE
        }
    }
}
