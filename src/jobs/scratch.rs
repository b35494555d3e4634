//! What every container has that Dumpcar makes and throws away.

use std::collections::HashMap;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable as _};
use tracing::warn;

use crate::app::App;
use crate::clock;
use crate::discovery;
use crate::docker::{Docker, DockerError, Image};
use crate::model::id::ContainerName;
use crate::model::run::{ContainerRecord, RunId};

const REMOVE_AGAIN: ConstantBuilder =
    ConstantBuilder::new().with_delay(Duration::from_millis(500)).with_max_times(2);

/// How often, and after which pauses, one is looked for that Docker may be making.
const LOOKS: usize = 10;
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Labels that say whose it is, and that take back those of its image: it is no target, and nobody else's.
pub(super) async fn labels(app: &App, run: &RunId, image: &Image) -> HashMap<String, String> {
    let holder = app.identity.holder(&app.docker).await.clone();
    let scratch = ContainerRecord { run: run.clone(), created: clock::now(), holder };
    let json = serde_json::to_string(&scratch).expect("a label has only string keys");
    let emptied = image.labels.iter().map(|label| {
        let is_opt_in = label.ends_with(".enable") || label.ends_with(".enabled");
        (label.clone(), if is_opt_in { "false".to_owned() } else { String::new() })
    });
    let own = [
        (format!("{}{}", discovery::label_start(&app.config.label_prefix), ContainerRecord::LABEL), json),
        (ContainerRecord::MARK.to_owned(), run.to_string()),
    ];
    emptied.chain(own).collect()
}

/// Removes it. One that stays is swept later.
pub(super) async fn remove(docker: &Docker, container: &ContainerName) {
    if let Err(error) = (|| docker.remove(container)).retry(REMOVE_AGAIN).await {
        warn!(%container, %error, "cannot remove a container that Dumpcar made");
    }
}

/// Removes one that Docker was asked to make, if nobody waited for the answer. Docker makes it all the same, and does not find
/// it by its name before it is done: with 20.10 on a busy machine up to a third of a second later.
///
/// # Errors
/// Docker's. That there is none is no error.
pub(super) async fn remove_unheard(docker: &Docker, container: &ContainerName) -> Result<(), DockerError> {
    for _ in 0..LOOKS {
        if docker.remove(container).await? {
            break;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}
