//! `dumpcar restore`: what will be overwritten, the question, and the answer.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::ask::{Unasked, go_on};
use super::by_hand;
use super::choose::find_backup;
use super::output::print;
use crate::app::App;
use crate::cli::RestoreArgs;
use crate::clock;
use crate::discovery::{self, Target};
use crate::docker::DockerError;
use crate::engine::Placement;
use crate::exit::Exit;
use crate::jobs::restore::{self, Plan, Selection};
use crate::model::id::ContainerName;
use crate::model::manifest::Manifest;
use crate::model::missing;
use crate::terminal::{ProgressDisplay, Terminal};
use crate::text::{bytes, escaped, local, span};
use crate::told::{Event, Job};

/// `dumpcar restore`.
pub async fn restore(
    app: &App,
    args: &RestoreArgs,
    stop: CancellationToken,
    terminal: Arc<Terminal>,
) -> Exit {
    let prepared = stop.run_until_cancelled(Box::pin(prepare(app, args))).await;
    // Nothing was begun: whoever was asked and pressed Ctrl-C has answered.
    let Some(prepared) = prepared else { return Exit::Failed };
    let (plan, manifest) = match prepared {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    if !args.yes {
        print(&overview(app, &plan, &manifest));
        let unasked = Unasked::Refused("this overwrites what is there");
        if let Err(exit) = go_on("nothing was changed", unasked, &stop).await {
            return exit;
        }
    }
    let said = format!("into {}", plan.target.container.name);
    let tell = async |event| {
        by_hand::tell(app, Job::Restore, &plan.key.target, Some(plan.key.stamp), event).await;
    };
    tell(Event::Started(said.clone())).await;
    let started = Instant::now();
    let display = ProgressDisplay::start(terminal);
    let progress = display.show(plan.key.target.as_str());
    let result = restore::run(app, &plan, &stop, &progress).await;
    drop(display);
    let container = &plan.target.container.name;
    match result {
        Ok(left_out) => {
            info!(backup = %plan.key, %container, elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX), "restored");
            let names: Vec<_> = plan.databases.iter().map(|wanted| shown(&wanted.name)).collect();
            let globals = if plan.globals.is_some() { "roles and users, " } else { "" };
            let container = escaped(container);
            print(&format!("restored into {container} from {}: {globals}{}\n", plan.key, names.join(", ")));
            let rest = left_out.iter().map(|what| format!("; not restored: {what}")).collect::<String>();
            tell(Event::Good(format!("{said}{rest}"))).await;
            for what in &left_out {
                error!(backup = %plan.key, %container, "not restored: {what}; all else is");
            }
            if left_out.is_empty() { Exit::Done } else { Exit::Partial }
        }
        Err(failure) => {
            tell(Event::Bad(format!("{said}: {failure}"))).await;
            error!(backup = %plan.key, %container, "not restored: {failure}");
            Exit::Failed
        }
    }
}

async fn prepare(app: &App, args: &RestoreArgs) -> Result<(Plan, Manifest), Exit> {
    let (key, manifest) = find_backup(app, &args.target, args.at).await?;
    let target = destination(app, args).await?;
    let selection = Selection {
        databases: args.database.clone(),
        new_name: args.new_name.clone(),
        globals: args.globals,
        manifest_command: args.manifest_command,
        placement: Placement { default_tablespace: args.no_tablespaces, server_locale: args.server_locale },
        allow_references: args.allow_references,
    };
    match restore::plan(app, key, &manifest, target, &selection).await {
        Ok(plan) => Ok((plan, manifest)),
        Err(error) => {
            error!("not restored: {error}; nothing was changed");
            Err(error.kind.exit())
        }
    }
}

/// The container to restore into.
async fn destination(app: &App, args: &RestoreArgs) -> Result<Target, Exit> {
    let name = match &args.to {
        Some(name) => name.clone(),
        None => {
            let all = app.discover().await.map_err(|error| {
                error!(%error, "cannot look at the containers");
                Exit::Failed
            })?;
            let known: Vec<_> = all.iter().map(|found| found.name.to_string()).collect();
            let found = all.into_iter().find(|found| found.serves(&args.target)).ok_or_else(|| {
                let known = if known.is_empty() { "no target".to_owned() } else { known.join(", ") };
                error!(
                    target = %args.target,
                    "no container is this target now (there is {known}): name the one to restore into by --to"
                );
                Exit::Nothing
            })?;
            found.container
        }
    };
    let id: ContainerName = name.parse().map_err(|error| {
        error!("there is no container {name}: a container's name {error}");
        Exit::Usage
    })?;
    let container = app.docker.container_named(&id).await.map_err(|error| {
        if matches!(error, DockerError::NotFound { .. }) {
            error!("there is no container {name}: `docker ps` shows what there is");
            return Exit::Nothing;
        }
        error!(%error, "cannot look at container {name}");
        Exit::Failed
    })?;
    discovery::destination(container, &app.config).map_err(|reason| {
        error!("cannot restore into container {name}: {reason}");
        Exit::Failed
    })
}

fn overview(app: &App, plan: &Plan, manifest: &Manifest) -> String {
    let Plan { key, target, globals, databases, manifest_command, warnings, .. } = plan;
    let age = span(clock::now().as_second() - key.stamp.timestamp().as_second());
    let time = local(key.stamp.timestamp(), &app.config.time_zone);
    let state = match (missing::summary(&manifest.missing), &manifest.suspicious) {
        (Some(reason), _) => format!("; INCOMPLETE: {reason}"),
        (None, Some(reason)) => format!("; SUSPICIOUS: {reason}"),
        (None, None) => String::new(),
    };
    let mut text = format!(
        "restore {key} ({} {})\n   made at {time}, {age} ago, by {} ({}){}\n   into {} ({})\n",
        manifest.engine,
        escaped(&manifest.server_version),
        escaped(&manifest.instance),
        manifest.trigger.name(),
        escaped(&state),
        escaped(&target.container.name),
        escaped(&target.container.image)
    );
    let mut line = |what: &str, size: u64, effect: &str| {
        writeln!(text, "  {what}, {}: {effect}", bytes(size)).expect("a string takes everything");
    };
    if let Some(globals) = globals {
        line(
            "roles and users",
            globals.plain_bytes,
            "those that exist become what they were, passwords included, but not the login of the restore",
        );
    }
    for wanted in databases {
        let effect = if wanted.is_there { "EVERYTHING IN IT NOW WILL BE GONE" } else { "will be made" };
        line(&shown(&wanted.name), wanted.object.plain_bytes, effect);
    }
    for warning in warnings {
        writeln!(text, "  {}", escaped(warning)).expect("a string takes everything");
    }
    if let Some(command) = manifest_command {
        writeln!(text, "  by the command of the manifest in the bucket: {command:?}")
            .expect("a string takes everything");
    }
    text
}

fn shown(database: &str) -> String {
    if database.is_empty() { "the dump".to_owned() } else { format!("database {database:?}") }
}
