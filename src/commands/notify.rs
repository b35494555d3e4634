//! `dumpcar notify --test`: whether messages arrive, before they have to.

use tracing::error;

use super::output::print;
use crate::app::App;
use crate::exit::Exit;
use crate::report::{Network, Tested, test_receivers};
use crate::text::Table;

/// `dumpcar notify --test`.
pub async fn notify(app: &App) -> Exit {
    if app.config.notify.receivers.is_empty() {
        error!("there is nobody to send a message to: set DUMPCAR_NOTIFY_URLS");
        return Exit::Failed;
    }
    let network = match Network::new(&app.config) {
        Ok(network) => network,
        Err(error) => {
            error!(%error, "cannot read DUMPCAR_S3_CA_FILE");
            return Exit::Failed;
        }
    };
    let instance = app.identity.holder(&app.docker).await.instance.clone();
    let tested = test_receivers(&app.config, &instance, &network).await;
    let mut table = Table::new(["RECEIVER", "RESULT", "ANSWER"]);
    for Tested { receiver, answer } in &tested {
        let (result, said) = match answer {
            Ok(said) => ("sent", said),
            Err(reason) => ("NOT SENT", reason),
        };
        table.push([receiver.clone(), result.to_owned(), said.clone()]);
    }
    print(&table.to_string());
    if tested.iter().all(|one| one.answer.is_ok()) { Exit::Done } else { Exit::Failed }
}
