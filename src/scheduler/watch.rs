//! What Docker tells of labelled containers.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::plan::RETRY;
use crate::app::App;
use crate::discovery::label_start;

/// How long it waits for more before it reports: `compose up` makes many at once.
const SETTLE: Duration = Duration::from_millis(500);

/// Reports that something happened to a labelled container, until it is dropped.
///
/// After every break in the connection it reports once, since events may have been missed.
pub(super) async fn containers(app: Arc<App>, changed: mpsc::Sender<()>) {
    let label_start = label_start(&app.config.label_prefix);
    loop {
        let mut changes = pin!(app.docker.changes(&label_start));
        while let Some(Ok(_)) = changes.next().await {
            tokio::time::sleep(SETTLE).await;
            report(&changed);
        }
        tokio::time::sleep(RETRY).await;
        report(&changed);
    }
}

fn report(changed: &mpsc::Sender<()>) {
    // Full means that a report is waiting already, and one is enough.
    if let Err(mpsc::error::TrySendError::Closed(())) = changed.try_send(()) {
        tracing::debug!("nobody waits for changes any more");
    }
}
