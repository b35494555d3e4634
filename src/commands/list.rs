//! `dumpcar list`: what the bucket has.

use tracing::{error, warn};

use super::output::{print, print_json};
use crate::app::App;
use crate::cli::ListArgs;
use crate::clock;
use crate::exit::Exit;
use crate::jobs::list;

/// `dumpcar list`.
pub async fn list(app: &App, args: &ListArgs) -> Exit {
    let only = match args.targets.as_slice() {
        [one] => Some(one),
        _ => None,
    };
    let catalog = match app.store.catalog(only).await {
        Ok(catalog) => catalog,
        Err(error) => {
            error!(%error, "cannot list the bucket");
            return Exit::Failed;
        }
    };
    let now = clock::now();
    let mut rows = list::rows(&catalog, &args.targets, now);
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
