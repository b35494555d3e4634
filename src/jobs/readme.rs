//! `README.txt` in the bucket, kept up to date.

use std::time::Duration;

use tracing::{debug, warn};

use crate::app::App;
use crate::model::key::README;

/// A text is not worth a longer wait.
const LIMIT: Duration = Duration::from_secs(20);

/// Makes sure, once in this process, that the bucket explains itself. No backup waits for it or fails because of it.
pub async fn keep(app: &App) {
    if !app.is_news(README) {
        return;
    }
    let problem = match tokio::time::timeout(LIMIT, app.store.keep_readme()).await {
        Ok(Ok(is_written)) => {
            debug!(store = %app.store, is_written, "README.txt is up to date");
            return;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", LIMIT.as_secs()),
    };
    warn!(store = %app.store, error = problem, "cannot write README.txt, which tells people what lies in the bucket; backups do not need it");
}
