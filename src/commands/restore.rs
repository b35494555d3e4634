//! `dumpcar restore`: what will be overwritten, the question, and the answer.

use std::fmt::Write as _;
use std::sync::Arc;

use futures_util::future::join;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use super::ask::{Unasked, Wish, go_on, wish};
use super::by_hand;
use super::choose::find_backup;
use super::output::print;
use crate::app::App;
use crate::cli::RestoreArgs;
use crate::clock;
use crate::discovery::{self, Readiness, Target};
use crate::docker::DockerError;
use crate::engine::Placement;
use crate::exit::Exit;
use crate::jobs::backup::{self, Order};
use crate::jobs::helper::{Access, Helper};
use crate::jobs::restore::{self, Plan, Selection};
use crate::model::drill::DrillResult;
use crate::model::id::ContainerName;
use crate::model::job::Job;
use crate::model::key::BackupKey;
use crate::model::manifest::Manifest;
use crate::model::missing;
use crate::model::trigger::Trigger;
use crate::outcome::{Outcome, Verdict};
use crate::report::{End, Reporter, Run};
use crate::terminal::{ProgressDisplay, Terminal};
use crate::text::{bytes, escaped, local, span};
use crate::told::Status;

/// `dumpcar restore`.
pub async fn restore(
    app: &App,
    args: &RestoreArgs,
    stop: CancellationToken,
    terminal: Arc<Terminal>,
) -> Exit {
    // Nothing was begun: whoever presses Ctrl-C stops it by that.
    let found = stop.run_until_cancelled(Box::pin(find(app, args))).await.unwrap_or(Err(Exit::Failed));
    let (key, manifest, target) = match found {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    let helper = match Helper::start(app, &target, args.new_name.as_slice(), Access::Write).await {
        Ok(helper) => helper,
        Err(error) => {
            error!("not restored: {error}; nothing was changed");
            return error.kind.exit();
        }
    };
    let target = helper.as_ref().map_or(target, |helper| helper.target.clone());
    let exit = Box::pin(restore_into(app, args, (key, manifest, target), stop, terminal)).await;
    if let Some(helper) = helper {
        helper.end().await;
    }
    exit
}

/// The backup that was asked for, and where it goes.
async fn find(app: &App, args: &RestoreArgs) -> Result<(BackupKey, Manifest, Target), Exit> {
    let (key, manifest) = find_backup(app, &args.target, args.at).await?;
    Ok((key, manifest, destination(app, args).await?))
}

async fn restore_into(
    app: &App,
    args: &RestoreArgs,
    found: (BackupKey, Manifest, Target),
    stop: CancellationToken,
    terminal: Arc<Terminal>,
) -> Exit {
    let prepared = stop.run_until_cancelled(Box::pin(prepare(app, args, found))).await;
    // Nothing was begun: whoever was asked and pressed Ctrl-C has answered.
    let Some(prepared) = prepared else { return Exit::Failed };
    let Prepared { plan, manifest, drill, backed_up } = match prepared {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let reporter = Reporter::new(app.config.time_zone.clone());
    if !args.yes {
        print(&overview(app, &plan, &manifest, drill.as_ref()));
        let asked = Box::pin(ask(app, &reporter, backed_up.as_ref(), &stop, &terminal)).await;
        if let Err(exit) = asked {
            return exit;
        }
    }
    let said = format!("into {}", plan.target.container.name);
    let run = by_hand::run(Job::Restore, &plan.key.target);
    let run = Run { backup: Some(plan.key.clone()), into: Some(plan.target.container.name.clone()), ..run };
    let display = ProgressDisplay::start(terminal, reporter.board());
    let running = by_hand::begin(app, &reporter, run, &said).await;
    let result = restore::run(app, &plan, &stop, running.progress()).await;
    drop(display);
    let (end, status, exit) = match result {
        Ok(left_out) => {
            let names: Vec<_> = plan.databases.iter().map(|wanted| shown(&wanted.name)).collect();
            let globals = if plan.globals.is_some() { "roles and users, " } else { "" };
            let container = escaped(&plan.target.container.name);
            print(&format!("restored into {container} from {}: {globals}{}\n", plan.key, names.join(", ")));
            print(&told_old(&plan));
            let rest = left_out.iter().map(|what| format!("; not restored: {what}")).collect::<String>();
            let exit = if left_out.is_empty() { Exit::Done } else { Exit::Partial };
            (End::Restore { left_out }, Status::Good(format!("{said}{rest}")), exit)
        }
        Err(failure) => {
            let reason = failure.to_string();
            let end = match failure.error.is_stopped() {
                true => End::Stopped { reason },
                false => End::Failed { reason },
            };
            (end, Status::Bad(format!("{said}: {failure}")), Exit::Failed)
        }
    };
    running.end(end);
    by_hand::tell(app, Job::Restore, &plan.key.target, Some(plan.key.stamp), status).await;
    exit
}

/// What has to be known before anybody is asked.
struct Prepared {
    plan: Plan,
    manifest: Manifest,
    drill: Option<DrillResult>,
    /// The target that is restored into, if a backup of it can be made.
    backed_up: Option<Target>,
}

async fn prepare(
    app: &App,
    args: &RestoreArgs,
    (key, manifest, target): (BackupKey, Manifest, Target),
) -> Result<Prepared, Exit> {
    if args.keep_old && !target.engine.can_keep_old() {
        let who =
            if target.engine.is_defined_by_labels() { "a restore command" } else { target.engine.name() };
        error!(
            "not restored: what {who} replaces cannot be kept (--keep-old); back it up first; nothing was changed"
        );
        return Err(Exit::Usage);
    }
    // Whoever is not asked is told nothing.
    let (drill, backed_up) = match args.yes {
        true => (None, None),
        false => join(last_drill(app, &key), own_target(app, &target)).await,
    };
    let selection = Selection {
        databases: args.database.clone(),
        new_name: args.new_name.clone(),
        globals: args.globals,
        manifest_command: args.manifest_command,
        placement: Placement { default_tablespace: args.no_tablespaces, server_locale: args.server_locale },
        allow_references: args.allow_references,
        keep_old: args.keep_old || !(args.yes || args.drop_old),
    };
    match restore::plan(app, key, &manifest, target, &selection).await {
        Ok(plan) => Ok(Prepared { plan, manifest, drill, backed_up }),
        Err(error) => {
            error!("not restored: {error}; nothing was changed");
            Err(error.kind.exit())
        }
    }
}

/// What the last drill of a backup has found.
async fn last_drill(app: &App, key: &BackupKey) -> Option<DrillResult> {
    match app.store.drill(key).await {
        Ok(found) => found,
        Err(error) => {
            debug!(backup = %key, %error, "no drill's result counts");
            None
        }
    }
}

/// The target that a container is, if backups of it count.
async fn own_target(app: &App, into: &Target) -> Option<Target> {
    if !app.store.can_sign() {
        return None;
    }
    let found = app.discover().await.ok()?;
    found.into_iter().find_map(|found| match found.state {
        Readiness::Ready(target) if target.container.id == into.container.id => Some(*target),
        Readiness::Ready(_) | Readiness::Unavailable { .. } | Readiness::Misconfigured { .. } => None,
    })
}

/// Asks whether to go on, and backs up what is there if that is wished.
async fn ask(
    app: &App,
    reporter: &Reporter,
    backed_up: Option<&Target>,
    stop: &CancellationToken,
    terminal: &Arc<Terminal>,
) -> Result<(), Exit> {
    const NOTHING: &str = "nothing was changed";
    const OVERWRITES: &str = "this overwrites what is there";
    let wished = wish(backed_up.is_some(), NOTHING, Unasked::Refused(OVERWRITES), stop).await?;
    let (Wish::BackUpFirst, Some(target)) = (wished, backed_up) else { return Ok(()) };
    let display = ProgressDisplay::start(Arc::clone(terminal), reporter.board());
    let run = Run { engine: Some(target.engine.name()), ..by_hand::run(Job::Backup, &target.name) };
    let running = by_hand::begin(app, reporter, run, "").await;
    // The backup that is restored is not the one to be pruned for it.
    let order = Order { keeps_all: true, ..Order::of(Trigger::Manual) };
    let verdict = Box::pin(backup::run(app, target, order, stop, running.progress())).await;
    drop(display);
    let outcome = Outcome { target: target.name.clone(), verdict };
    by_hand::end_backup(app, running, &outcome).await;
    match &outcome.verdict {
        Verdict::Done(_) if outcome.is_good() => Ok(()),
        // What is there is damaged, maybe: that is why it is restored.
        Verdict::Done(_) => go_on(NOTHING, Unasked::Refused(OVERWRITES), stop).await,
        Verdict::Skipped { .. } | Verdict::Failed { .. } | Verdict::Busy { .. } | Verdict::Stopped => {
            error!("not restored: what is there could not be backed up first; {NOTHING}");
            Err(Exit::Failed)
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

fn overview(app: &App, plan: &Plan, manifest: &Manifest, drill: Option<&DrillResult>) -> String {
    let Plan { key, target, globals, databases, manifest_command, warnings, .. } = plan;
    let ago = |time: Timestamp| format!("{} ago", span(clock::now().as_second() - time.as_second()));
    let drill = drill.map_or_else(
        || "not drilled".to_owned(),
        |drill| format!("drilled {}: {}", ago(drill.at), drill.verdict()),
    );
    let time = local(key.stamp.timestamp(), &app.config.time_zone);
    let state = match (missing::summary(&manifest.missing), &manifest.suspicious) {
        (Some(reason), _) => format!("; INCOMPLETE: {reason}"),
        (None, Some(reason)) => format!("; SUSPICIOUS: {reason}"),
        (None, None) => String::new(),
    };
    let mut text = format!(
        "restore {key} ({} {})\n   made at {time}, {}, by {} ({}), {drill}{}\n   into {} ({})\n",
        manifest.engine,
        escaped(&manifest.server_version),
        ago(key.stamp.timestamp()),
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
        let size = wanted.size.map(|size| format!(" ({} on disk)", bytes(size))).unwrap_or_default();
        let effect = match (&wanted.old, wanted.is_there) {
            (Some(old), _) => format!("what is in it now{size} stays as {old:?}"),
            (None, true) => format!("EVERYTHING IN IT NOW{size} WILL BE GONE"),
            (None, false) => "will be made".to_owned(),
        };
        line(&shown(&wanted.name), wanted.object.plain_bytes, &effect);
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

/// Where the old content is, and how it is dropped.
fn told_old(plan: &Plan) -> String {
    let Plan { target, databases, .. } = plan;
    let mut text = String::new();
    for old in databases.iter().filter_map(|wanted| wanted.old.as_deref()) {
        let drop =
            target.engine.drop_by_hand(&target.facts(), &target.container.name, old).unwrap_or_default();
        let is_wanted = target.wants(old) && target.engine.misplaced(&target.facts(), old).is_none();
        let backed_up = if is_wanted { ", which is backed up with the others" } else { "" };
        writeln!(
            text,
            "the old content is in database {old:?}{backed_up} until you drop it:\n  {}",
            escaped(&drop)
        )
        .expect("a string takes everything");
    }
    text
}

fn shown(database: &str) -> String {
    if database.is_empty() { "the dump".to_owned() } else { format!("database {database:?}") }
}
