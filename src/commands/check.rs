//! `dumpcar check`: whether the next night will work.

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::output::{print, print_answer};
use crate::app::App;
use crate::cli::CheckArgs;
use crate::exit::Exit;
use crate::jobs::check::{self, CheckItem, Checked, Mark};

/// The answer of `--json`.
#[derive(Serialize)]
struct Answer<'a> {
    store: String,
    items: &'a [CheckItem],
}

/// `dumpcar check`.
pub async fn check(app: &App, args: &CheckArgs, stop: CancellationToken) -> Exit {
    let checked = match Box::pin(check::check(app, &args.targets, &stop)).await {
        Ok(checked) => checked,
        Err(error) => {
            error!(%error, "the check was not finished");
            return Exit::Failed;
        }
    };
    if args.json {
        print_answer(Answer { store: app.store.to_string(), items: &checked.items });
    } else {
        print(&check::table(&checked.items, &app.store.to_string()));
    }
    exit(&checked)
}

fn exit(checked: &Checked) -> Exit {
    let has = |mark| checked.items.iter().any(|item| item.mark == mark);
    match checked.targets {
        _ if has(Mark::Failure) => Exit::Failed,
        Some(0) => Exit::Nothing,
        Some(_) | None if has(Mark::Warning) => Exit::Partial,
        Some(_) | None => Exit::Done,
    }
}
