//! Docker: whether it is there, and whether it does what Dumpcar needs.

use tokio_util::sync::CancellationToken;

use super::item::{Area, CheckItem, Mark};
use crate::app::App;
use crate::config::{Config, DockerHost};
use crate::discovery::{self, Found, Readiness, Target, label_start};
use crate::docker::{Docker, DockerError, EngineVersion, ExecError, Looked};
use crate::jobs::error::{JobError, stoppable};
use crate::jobs::record::new_run;
use crate::jobs::scratch;
use crate::model::command::Command;
use crate::model::id::ContainerName;
use crate::model::run::ContainerRecord;
use crate::model::schedule::Schedule;

/// What was found, and what the targets need of it.
pub(super) struct Seen {
    pub(super) items: Vec<CheckItem>,
    /// `None` when Docker does not tell.
    pub(super) looked: Option<Looked>,
    /// Whether commands can be run in containers, as far as was tried.
    pub(super) may_exec: bool,
}

/// A command that does nothing.
const NOTHING: &str = ":";

/// Tries each kind of request that Dumpcar makes.
///
/// # Errors
/// It was stopped; nothing is left then.
pub(super) async fn check(app: &App, stop: &CancellationToken) -> Result<Seen, JobError> {
    let mut items = Vec::new();
    match stoppable(stop, app.docker.version()).await? {
        Ok(version) => items.push(engine(&app.config, &version)),
        Err(error) => {
            let is_there = error.allowance().is_some();
            items.push(CheckItem::of_docker("engine", Mark::Failure, "", &error));
            if !is_there {
                return Ok(Seen { items, looked: None, may_exec: false });
            }
        }
    }
    if let Err(error) = stoppable(stop, app.docker.engine_names()).await? {
        let then = "killed sidecars are told from living ones by their age only: ";
        items.push(CheckItem::of_docker("engine's name", Mark::Warning, then, &error));
    }
    let looked =
        stoppable(stop, app.docker.labelled_containers(&label_start(&app.config.label_prefix))).await?;
    let looked = match looked {
        Ok(looked) => looked,
        Err(error) => {
            items.push(CheckItem::of_docker("containers", Mark::Failure, "", &error));
            return Ok(Seen { items, looked: None, may_exec: false });
        }
    };
    items.push(containers(&looked));
    let targets = ready(discovery::discover(looked.clone(), &app.config));
    items.push(match stoppable(stop, app.docker.may_watch()).await? {
        Ok(()) => CheckItem::new(Area::Docker, "events", Mark::Ok, "new containers are heard of at once"),
        Err(error) => {
            let then = "the daemon hears late of new containers: ";
            CheckItem::of_docker("events", Mark::Warning, then, &error)
        }
    });
    let exec = exec(app, &targets, stop).await?;
    let may_exec = exec.mark != Mark::Failure;
    items.push(exec);
    items.push(made_containers(app, &targets, stop).await?);
    items.extend(swarm(app, stop).await?);
    Ok(Seen { items, looked: Some(looked), may_exec })
}

fn ready(found: Vec<Found>) -> Vec<Target> {
    let targets = found.into_iter().filter_map(|found| match found.state {
        Readiness::Ready(target) => Some(*target),
        Readiness::Unavailable { .. } | Readiness::Misconfigured { .. } => None,
    });
    targets.collect()
}

fn engine(config: &Config, version: &EngineVersion) -> CheckItem {
    let way = match (&config.docker_host, &config.docker_certificates) {
        (DockerHost::Socket(path), _) => format!("over the socket {path}"),
        (DockerHost::Tcp(address), None) => format!("over tcp://{address} (a socket proxy, or the engine)"),
        (DockerHost::Tcp(address), Some(_)) => format!("over tcp://{address}, in TLS"),
    };
    let EngineVersion { engine, api } = version;
    CheckItem::new(Area::Docker, "engine", Mark::Ok, format!("{engine}, API {api}, {way}"))
}

fn containers(looked: &Looked) -> CheckItem {
    let (all, labelled) = (looked.all.len(), looked.containers.len() + looked.unreadable.len());
    let tried = if labelled == 0 { "listed" } else { "listed and inspected" };
    let text = format!("{tried}: {all}, of them {labelled} with labels of Dumpcar's");
    CheckItem::new(Area::Docker, "containers", Mark::Ok, text)
}

/// Runs a command that does nothing in the first target that has a shell of its own.
async fn exec(app: &App, targets: &[Target], stop: &CancellationToken) -> Result<CheckItem, JobError> {
    const SUBJECT: &str = "exec";
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(30);
    let Some(target) = targets.iter().find(|target| !target.engine.is_file()) else {
        let text = "not tried: there is no target to run a command in";
        return Ok(CheckItem::new(Area::Docker, SUBJECT, Mark::Untried, text));
    };
    let command = Command {
        script: NOTHING.to_owned(),
        exec_user: target.labels.exec_user.clone(),
        ..Command::default()
    };
    let ran = stoppable(stop, app.docker.capture(&target.container.id, &command, 1024, LIMIT)).await?;
    Ok(match ran {
        Err(ExecError::Docker(error @ DockerError::NotUpgraded { .. })) => {
            CheckItem::of_docker(SUBJECT, Mark::Failure, "", &error)
        }
        Err(ExecError::Docker(error)) if error.allowance().is_some() => {
            CheckItem::of_docker(SUBJECT, Mark::Failure, "no database can be dumped: ", &error)
        }
        Ok(_) => {
            let text =
                format!("a command was run in {}, with a stream in both directions", target.container.name);
            CheckItem::new(Area::Docker, SUBJECT, Mark::Ok, text)
        }
        // What else goes wrong is about this container, and told with its target.
        Err(error) => {
            let text =
                format!("not known: the command that was run in {} failed: {error}", target.container.name);
            CheckItem::new(Area::Docker, SUBJECT, Mark::Untried, text)
        }
    })
}

/// Makes a container and removes it again, if drills or helpers need that. It is never started.
async fn made_containers(
    app: &App,
    targets: &[Target],
    stop: &CancellationToken,
) -> Result<CheckItem, JobError> {
    const SUBJECT: &str = "own containers";
    let is_drilled = |target: &&Target| {
        let own = target.labels.drill.schedule.as_ref();
        *own.unwrap_or(&app.config.drill_schedule) != Schedule::Off || target.engine.is_file()
    };
    let Some(target) = targets.iter().find(is_drilled) else {
        let text =
            "not tried: no target needs them, for drills on a schedule (DUMPCAR_DRILL_SCHEDULE) or for files";
        return Ok(CheckItem::new(Area::Docker, SUBJECT, Mark::Untried, text));
    };
    Ok(match make_one(app, target, stop).await? {
        Ok(true) => CheckItem::new(
            Area::Docker,
            SUBJECT,
            Mark::Ok,
            "a container for drills and helpers can be made, started and removed; the one of this check is gone again",
        ),
        Ok(false) => {
            let name = &target.container.name;
            let text = format!("not tried: Docker no longer has the image of container {name}");
            CheckItem::new(Area::Docker, SUBJECT, Mark::Untried, text)
        }
        Err(error) => {
            CheckItem::of_docker(SUBJECT, Mark::Failure, "drills and helper containers fail: ", &error)
        }
    })
}

/// Makes a container of a target's image and removes it. Whether there is such an image.
async fn make_one(
    app: &App,
    target: &Target,
    stop: &CancellationToken,
) -> Result<Result<bool, DockerError>, JobError> {
    let docker = &app.docker;
    let run = new_run();
    let name = ContainerRecord::container(&run);
    // What could not be removed again is not made.
    if let Err(error) = stoppable(stop, docker.may_remove(&name)).await? {
        return Ok(Err(error));
    }
    let image = match stoppable(stop, docker.image(&target.container.image_id)).await? {
        Ok(Some(image)) => image,
        Ok(None) => return Ok(Ok(false)),
        Err(error) => return Ok(Err(error)),
    };
    let labels = scratch::labels(app, &run, &image).await;
    let made = stoppable(stop, docker.make_idle(&name, &image.id, labels)).await;
    // However that ended, and whether anybody still waits.
    let removed = match &made {
        Ok(_) => docker.remove(&name).await.map(drop),
        Err(_) => scratch::remove_unheard(docker, &name).await,
    };
    if let Err(error) = made?.and(removed) {
        return Ok(Err(error));
    }
    Ok(stoppable(stop, start_and_read(docker, &name)).await?.map(|()| true))
}

/// Asks for what is only asked of containers that are there: this one is gone.
async fn start_and_read(docker: &Docker, name: &ContainerName) -> Result<(), DockerError> {
    docker.may_start(name).await?;
    docker.may_read_logs(name).await
}

/// On a manager of a swarm: labels of services, which no container has.
async fn swarm(app: &App, stop: &CancellationToken) -> Result<Vec<CheckItem>, JobError> {
    const SUBJECT: &str = "swarm";
    let prefix = &app.config.label_prefix;
    // That it cannot be asked was said before.
    if !matches!(stoppable(stop, app.docker.manages_swarm()).await?, Ok(true)) {
        return Ok(Vec::new());
    }
    let services = match stoppable(stop, app.docker.labelled_services(&label_start(prefix))).await? {
        Ok(services) => services,
        Err(error) => {
            let then = format!("whether services have {prefix}.* labels under `deploy:` is not known: ");
            return Ok(vec![CheckItem::of_docker(SUBJECT, Mark::Warning, &then, &error)]);
        }
    };
    if services.is_empty() {
        let text = format!("no service has {prefix}.* labels under `deploy:`, where no container gets them");
        return Ok(vec![CheckItem::new(Area::Docker, SUBJECT, Mark::Ok, text)]);
    }
    let told = services.into_iter().map(|service| {
        let labels: Vec<&str> = service.labels.iter().map(|label| label.as_str()).collect();
        let name = &service.name;
        let text = format!(
            "service {name} has {} under `deploy:`, and its containers do not have them: they have no effect",
            labels.join(", ")
        );
        CheckItem::new(Area::Docker, SUBJECT, Mark::Warning, text)
            .with_cure(format!("move them from `deploy.labels` to `labels` of the service {name}"))
    });
    Ok(told.collect())
}
