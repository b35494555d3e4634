//! `dumpcar status`: how each target is.

use serde::Serialize;
use tracing::{error, warn};

use super::output::{print_answer, print_painted};
use crate::app::App;
use crate::cli::StatusArgs;
use crate::clock;
use crate::discovery;
use crate::exit::Exit;
use crate::jobs::past;
use crate::jobs::status::{self, Row};
use crate::terminal::Terminal;

/// The answer of `--json`.
#[derive(Serialize)]
struct Answer<'a> {
    targets: &'a [Row],
}

/// `dumpcar status`.
pub async fn status(app: &App, args: &StatusArgs, terminal: &Terminal) -> Exit {
    let looked = match app.discover_all().await {
        Ok(looked) => Some(looked),
        Err(error) => {
            warn!(%error, "the containers are not known: this is what the bucket says alone, by the schedule of the settings");
            None
        }
    };
    let (found, others) = looked.unzip();
    let found = found.as_deref();
    let served: Vec<_> =
        found.into_iter().flatten().map(|one| discovery::names(&one.name, &one.was)).collect();
    let past = match past::read(app, &served, &others.unwrap_or_default(), false).await {
        Ok(past) => past,
        Err(error) => {
            error!(%error, "cannot look into the bucket");
            return Exit::Failed;
        }
    };
    let now = clock::now();
    let mut rows = status::rows(app, found, &past, now);
    let unknown: Vec<_> =
        args.targets.iter().filter(|name| !rows.iter().any(|row| row.target == **name)).collect();
    for name in &unknown {
        error!(target = %name, "there is no such target; `dumpcar status` without a name shows all there are");
    }
    rows.retain(|row| args.targets.is_empty() || args.targets.contains(&row.target));
    if args.json {
        print_answer(Answer { targets: &rows });
    } else if !rows.is_empty() {
        print_painted(&status::text(&rows, now, &app.config.time_zone, terminal.output_has_colours()));
    }
    if rows.is_empty() {
        if args.targets.is_empty() {
            error!(store = %app.store, "{}, and there is no backup", app.nothing_labelled());
        }
        return Exit::Nothing;
    }
    let bad = rows.iter().filter(|row| row.state.is_bad()).count();
    Exit::of_targets(rows.len() - bad, bad + unknown.len())
}
