//! `dumpcar list`: what the bucket has.

use std::collections::BTreeSet;

use serde::Serialize;
use tracing::{error, warn};

use super::choose::{all_served, names_of};
use super::output::{print, print_answer};
use crate::app::App;
use crate::cli::ListArgs;
use crate::clock;
use crate::discovery::Found;
use crate::exit::Exit;
use crate::jobs::list::{self, Listed, Row};
use crate::model::target::TargetName;
use crate::store::Catalog;

/// The answer of `--json`.
#[derive(Serialize)]
struct Answer<'a> {
    store: String,
    backups: &'a [Row],
    targets: &'a [Listed],
}

/// `dumpcar list`.
pub async fn list(app: &App, args: &ListArgs) -> Exit {
    let served = all_served(app).await;
    let found = served.as_ref().map(|(found, _)| found.as_slice());
    // Each under the names it had before as well.
    let wanted: Vec<TargetName> = args.targets.iter().flat_map(|target| names_of(target, found)).collect();
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
    let mut targets = targets(app, &catalog, &wanted, served.as_ref()).await;
    for target in &mut targets {
        target.writers = list::writers(&rows, &target.target, now);
    }
    if args.json {
        print_answer(Answer { store: app.store.to_string(), backups: &rows, targets: &targets });
    } else if !rows.is_empty() {
        print(&list::table(&rows, &targets, now, &app.config.time_zone));
    }
    if rows.is_empty() {
        error!(store = %app.store, "{}", nothing(&catalog, &wanted));
        return Exit::Nothing;
    }
    Exit::Done
}

/// What to say when there is nothing to show.
fn nothing(catalog: &Catalog, wanted: &[TargetName]) -> String {
    if let [target, ..] = wanted {
        return format!("there is no backup of {target}: `dumpcar list` without a name shows all there are");
    }
    match (catalog.names().next(), catalog.foreign) {
        (Some(_), _) => "there is no backup here, only what unfinished ones have left".to_owned(),
        (None, 0) => "there is nothing here yet: `dumpcar backup` makes the first backup; if there should be some, DUMPCAR_STORE names another bucket or prefix".to_owned(),
        (None, foreign) => format!(
            "there is no backup here, and {foreign} object{} of others: does DUMPCAR_STORE name the right prefix?",
            if foreign == 1 { "" } else { "s" }
        ),
    }
}

/// What is known of the targets besides their backups.
async fn targets(
    app: &App,
    catalog: &Catalog,
    wanted: &[TargetName],
    served: Option<&(Vec<Found>, BTreeSet<TargetName>)>,
) -> Vec<Listed> {
    let names = catalog.targets().filter(|name| wanted.is_empty() || wanted.contains(name));
    let mut targets: Vec<Listed> = names
        .map(|name| {
            let new = served.into_iter().flat_map(|(found, _)| found).find(|found| found.was.contains(name));
            Listed {
                target: name.clone(),
                served: served.map(|(_, names)| names.contains(name)),
                renamed_to: new.map(|found| found.name.clone()),
                forgotten: None,
                writers: Vec::new(),
            }
        })
        .collect();
    // Asked only where it matters.
    if targets.iter().any(|target| target.served == Some(false)) {
        match app.store.forgotten().await {
            Ok(forgotten) => {
                for target in targets.iter_mut().filter(|target| target.served == Some(false)) {
                    let newest = catalog.backups(&target.target).first().map(|backup| backup.key.stamp);
                    let said = forgotten.get(&target.target).filter(|said| said.holds(newest));
                    target.forgotten = said.map(|said| said.at);
                }
            }
            Err(error) => warn!(%error, "cannot read which targets are forgotten"),
        }
    }
    targets
}
