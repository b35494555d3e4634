//! `dumpcar forget`: a target is gone, and that is meant.

use serde::Serialize;
use tracing::error;

use super::by_hand;
use super::choose::{all_served, require_signer, what_there_is};
use super::output::{print, print_answer};
use crate::app::App;
use crate::cli::ForgetArgs;
use crate::clock;
use crate::exit::Exit;
use crate::model::at::Wanted;
use crate::model::forgotten::Forgotten;
use crate::model::job::Job;
use crate::model::key::Stamp;
use crate::model::target::TargetName;
use crate::report::ask_health;
use crate::text::bytes;
use crate::told::Status;

/// The answer of `--json`.
#[derive(Serialize)]
struct Answer<'a> {
    target: &'a TargetName,
    forgotten: bool,
    /// What stays.
    backups: usize,
    stored_bytes: u64,
    newest: Option<Stamp>,
}

/// `dumpcar forget`.
pub async fn forget(app: &App, args: &ForgetArgs) -> Exit {
    let target = &args.target;
    if let Err(exit) = require_signer(app) {
        return exit;
    }
    if let Some((found, names)) = all_served(app).await
        && names.contains(target)
    {
        let by = found.iter().find(|found| found.serves(target));
        let by = by.map_or_else(
            || "a container of another group".to_owned(),
            |found| format!("container {}", found.container),
        );
        let prefix = &app.config.label_prefix;
        error!(%target, "not forgotten: {by} serves it. Remove the label {prefix}.enable or the container first");
        return Exit::Usage;
    }
    let catalog = match app.store.catalog(Some(target)).await {
        Ok(catalog) => catalog,
        Err(error) => {
            error!(%error, "cannot look into the bucket");
            return Exit::Failed;
        }
    };
    let backups = catalog.backups(target);
    let mut answer = Answer {
        target,
        forgotten: false,
        backups: backups.len(),
        stored_bytes: backups.iter().map(|backup| backup.bytes).sum(),
        newest: backups.first().map(|backup| backup.key.stamp),
    };
    // One that has no backup may have alarms all the same, of the daemon in this container.
    let has_alarm = || {
        let report = ask_health(&app.config.identity()).unwrap_or_default();
        report.lines().any(|line| line.starts_with(&format!("{target}: ")))
    };
    if backups.is_empty() && !has_alarm() {
        if args.json {
            print_answer(answer);
        }
        let there_is = what_there_is(app, target, &backups, Wanted::Latest).await;
        error!(%target, store = %app.store, "there is no such target; {there_is}");
        return Exit::Nothing;
    }
    // A backup dated ahead of the clock is one that is known.
    let newest = answer.newest.map(Stamp::timestamp);
    let at = newest.map_or_else(clock::now, |newest| newest.max(clock::now()));
    let by = &app.identity.holder(&app.docker).await.instance;
    if let Err(error) = app.store.put_forgotten(&Forgotten::new(target, at, by)).await {
        error!(%target, %error, "not forgotten");
        return Exit::Failed;
    }
    answer.forgotten = true;
    by_hand::tell(app, Job::Forget, target, answer.newest, Status::Good(String::new())).await;
    if args.json {
        print_answer(answer);
        return Exit::Done;
    }
    let stays = match answer.newest {
        None => "there is no backup of it".to_owned(),
        Some(newest) => format!(
            "these stay: {} backup{} ({}), the newest of {newest}\n`dumpcar delete {target} --all` deletes them",
            answer.backups,
            if answer.backups == 1 { "" } else { "s" },
            bytes(answer.stored_bytes)
        ),
    };
    print(&format!(
        "{target} is forgotten: the daemon of this container ends its alarms now, another\none within ten minutes (SIGHUP: at once)\n{stays}\n"
    ));
    Exit::Done
}
