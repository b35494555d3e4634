//! `dumpcar list`: what the bucket has.

use tracing::{error, warn};

use super::choose::{names_of, served};
use super::output::{print, print_json};
use crate::app::App;
use crate::cli::ListArgs;
use crate::clock;
use crate::exit::Exit;
use crate::jobs::list;
use crate::model::target::TargetName;

/// `dumpcar list`.
pub async fn list(app: &App, args: &ListArgs) -> Exit {
    let found = served(app).await;
    // Each under the names it had before as well.
    let wanted: Vec<TargetName> =
        args.targets.iter().flat_map(|target| names_of(target, found.as_deref())).collect();
    let listed = match args.targets.len() {
        1 => app.store.catalog_of(&wanted).await,
        _ => app.store.catalog(None).await,
    };
    let catalog = match listed {
        Ok(catalog) => catalog,
        Err(error) => {
            error!(%error, "cannot list the bucket");
            return Exit::Failed;
        }
    };
    let now = clock::now();
    let mut rows = list::rows(&catalog, &wanted);
    if let Err(error) =
        list::read_states(&app.store, &catalog, &mut rows, !args.targets.is_empty(), now).await
    {
        warn!(%error, "cannot read every manifest: it is not shown which backups are suspicious");
    }
    if let Err(error) = list::read_drills(&app.store, &mut rows).await {
        warn!(%error, "cannot read every drill's result");
    }
    if args.json {
        print_json(&rows);
    } else if !rows.is_empty() {
        print(&list::table(&rows, now));
    }
    if rows.is_empty() {
        error!(store = %app.store, "there is no such backup");
        return Exit::Nothing;
    }
    Exit::Done
}
