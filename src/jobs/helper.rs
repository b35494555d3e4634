//! Helper containers: where the work is done for databases that are files of an application.
//!
//! A helper container has Dumpcar's own image, no network, and of the target nothing but the volumes that its databases are in. A
//! backup may only read them.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::error::{JobError, JobErrorKind};
use super::record::new_run;
use super::scratch;
use crate::app::App;
use crate::discovery::Target;
use crate::docker::{Docker, HelperContainer, Image, Mount};
use crate::model::helper::{COMMAND, WAIT, split_path};
use crate::model::id::ContainerName;
use crate::model::run::{ContainerRecord, RunId};

/// A running helper container, and the target with it.
#[derive(Debug)]
pub struct Helper<'a> {
    pub target: Target,
    docker: Docker,
    name: ContainerName,
    /// Nobody sweeps it for as long as this lives.
    _living: Living<'a>,
}

/// What the target's files are opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

impl<'a> Helper<'a> {
    /// Starts one for a target whose databases are files; `None` for any other. `paths` are wanted besides those of its labels.
    /// Not to be given up in the middle: a container that nobody knows of would be left.
    ///
    /// # Errors
    /// A database is in no volume, there is no image, or Docker refuses.
    pub async fn start(
        app: &'a App,
        target: &Target,
        paths: &[String],
        access: Access,
    ) -> Result<Option<Self>, JobError> {
        if !target.engine.is_file() {
            return Ok(None);
        }
        let mounts = mounts(target, target.labels.paths.iter().chain(paths), &app.config.label_prefix)?;
        let image = image(app).await?;
        let run = new_run();
        let name = ContainerRecord::helper(&run);
        let living = Living::new(&app.runs, &run);
        let container = HelperContainer {
            name: name.clone(),
            image: image.id.clone(),
            args: [COMMAND, WAIT].map(str::to_owned).to_vec(),
            labels: scratch::labels(app, &run, &image).await,
            mounts,
            writes: access == Access::Write,
        };
        match app.docker.start_helper(&container).await {
            Ok(id) => {
                let target = Target { helper: Some(id), ..target.clone() };
                Ok(Some(Self { target, docker: app.docker.clone(), name, _living: living }))
            }
            Err(error) => {
                scratch::remove(&app.docker, &name).await;
                let what = |reason: &str| format!("start a helper container for its files: {reason}");
                Err(JobError::from(error).in_words(what))
            }
        }
    }

    pub async fn end(self) {
        scratch::remove(&self.docker, &self.name).await;
    }
}

/// Dumpcar's own image.
///
/// # Errors
/// Nobody says which it is, or it is not there.
pub(super) async fn image(app: &App) -> Result<Image, JobError> {
    const CURE: &str = "set DUMPCAR_HELPER_IMAGE to the id of an image of the same version (docker image inspect --format '{{.Id}}')";
    let wrong = |text: String| JobError::new(JobErrorKind::Wrong, text);
    let id = match &app.config.helper_image {
        Some(id) => id.clone(),
        None => {
            let own = app.identity.holder(&app.docker).await.container.as_ref();
            let own = own.ok_or_else(|| {
                wrong(format!("its files are read in a helper container of Dumpcar's image, and this Dumpcar runs in no container that Docker knows: {CURE}"))
            })?;
            app.docker.container(&own.id).await?.image_id
        }
    };
    let image = app.docker.image(&id).await?;
    image.ok_or_else(|| wrong(format!("Dumpcar's own image {id} is gone: {CURE}")))
}

/// The mounts of a target that have files of these paths.
fn mounts<'p>(
    target: &Target,
    paths: impl Iterator<Item = &'p String>,
    prefix: &str,
) -> Result<Vec<Mount>, JobError> {
    let mut found: Vec<Mount> = Vec::new();
    for path in paths {
        let (folder, _) = split_path(path);
        let is_in = |mount: &&Mount| {
            let rest = folder.strip_prefix(mount.path.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mount = target.container.mounts.iter().filter(is_in).max_by_key(|mount| mount.path.len());
        let container = &target.container.name;
        match mount {
            Some(mount) if matches!(mount.kind.as_str(), "volume" | "bind") => {
                if !found.contains(mount) {
                    found.push(mount.clone());
                }
            }
            // Of two alternatives, one is there.
            None if target.engine.usual_paths(&target.container.image).contains(&path.as_str()) => {}
            Some(Mount { kind, path: at, .. }) => {
                return Err(JobError::new(
                    JobErrorKind::Wrong,
                    format!(
                        "{path} of container {container} is in the {kind} at {at}, which no other container can have: put it into a volume"
                    ),
                ));
            }
            None => {
                return Err(JobError::new(
                    JobErrorKind::Wrong,
                    format!(
                        "{path} is in no volume of container {container}, so it would be lost with the container: put it into a volume, or correct the label {prefix}.path"
                    ),
                ));
            }
        }
    }
    if found.is_empty() {
        let paths = target.labels.paths.join(" and ");
        let container = &target.container.name;
        return Err(JobError::new(
            JobErrorKind::Wrong,
            format!(
                "no volume of container {container} has {paths}: say where its databases are by the label {prefix}.path"
            ),
        ));
    }
    Ok(found)
}

/// A run of this process that has not ended.
#[derive(Debug)]
struct Living<'a> {
    runs: &'a Mutex<BTreeSet<RunId>>,
    run: RunId,
}

impl<'a> Living<'a> {
    fn new(runs: &'a Mutex<BTreeSet<RunId>>, run: &RunId) -> Self {
        runs.lock().unwrap_or_else(PoisonError::into_inner).insert(run.clone());
        Self { runs, run: run.clone() }
    }
}

impl Drop for Living<'_> {
    fn drop(&mut self) {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.run);
    }
}
