//! What is to be restored, and whether that can be: decided before anything is changed.

use super::{ANSWER_BYTES, ANSWER_LIMIT, surroundings, wait};
use crate::app::App;
use crate::clock;
use crate::discovery::Target;
use crate::docker::Docker;
use crate::engine::{Engine, Placement, Staged, Surroundings, Survey};
use crate::jobs::error::{JobError, Kind};
use crate::jobs::explain::explain;
use crate::model::key::BackupKey;
use crate::model::manifest::{Manifest, ManifestObject, ObjectKind};
use crate::model::run::RunId;

/// What is put back, and where.
#[derive(Debug)]
pub struct Plan {
    pub key: BackupKey,
    pub target: Target,
    /// Roles and users, which come first.
    pub globals: Option<ManifestObject>,
    pub databases: Vec<Wanted>,
    /// What is run is the command of the manifest, and not one of the container's labels.
    pub manifest_command: Option<String>,
    pub placement: Placement,
    pub surroundings: Surroundings,
    /// What of others ends with what is replaced, and what may not go well: for whoever is asked, and for the log.
    pub warnings: Vec<String>,
    /// A copy may reach into the original by name.
    pub allow_references: bool,
}

/// One database, or a custom engine's dump.
#[derive(Debug)]
pub struct Wanted {
    pub object: ManifestObject,
    /// The name it gets; empty for a custom dump.
    pub name: String,
    /// Whether there is a database of that name, which is replaced.
    pub is_there: bool,
    /// About how many bytes that one has on disk, if the server says it.
    pub size: Option<u64>,
    /// The name under which that one stays; without one it will be gone.
    pub old: Option<String>,
}

impl Wanted {
    pub(super) fn staged(&self, run: &RunId, index: usize) -> Staged {
        Staged::new(&self.name, self.is_there, run, index).keeping(self.old.as_deref())
    }
}

/// What a user asks for.
#[derive(Debug, Default)]
pub struct Selection {
    /// Empty means all.
    pub databases: Vec<String>,
    pub new_name: Option<String>,
    pub globals: bool,
    /// Whether a custom engine's dump may be put back by the command of its manifest: whoever writes the bucket chooses that.
    pub manifest_command: bool,
    pub placement: Placement,
    /// Whether a copy (`new_name`) may have definitions that name the original.
    pub allow_references: bool,
    /// Whether what is replaced stays beside it.
    pub keep_old: bool,
}

/// Chooses the objects, and looks at what is there already.
///
/// # Errors
/// What was asked for is not in the backup, or cannot be; or the server does not answer. Nothing was begun.
pub async fn plan(
    app: &App,
    key: BackupKey,
    manifest: &Manifest,
    mut target: Target,
    selection: &Selection,
) -> Result<Plan, JobError> {
    let impossible = |text: String| Err(JobError::new(Kind::Wrong, text));
    let engine = match Engine::of(manifest) {
        Ok(engine) => engine,
        Err(error) => return impossible(error.to_string()),
    };
    if engine.family() != target.engine.family() {
        return impossible(format!(
            "the backup is of {engine}, and container {} is {}",
            target.container.name, target.engine
        ));
    }
    let manifest_command = match &mut target.labels.custom {
        Some(custom) if engine.is_defined_by_labels() && custom.restore.is_none() => {
            custom.restore = allowed_command(manifest, selection, &app.config.label_prefix)?;
            custom.restore.clone()
        }
        Some(_) | None => None,
    };
    let (globals, databases) = choose(manifest, selection)?;
    let names = databases.iter().filter_map(|object| object.database.as_ref());
    if let Some(name) = names.chain(&selection.new_name).find(|name| engine.is_reserved(name)) {
        return impossible(format!("{name:?} is no name that a backup may restore a database to"));
    }
    if selection.new_name.is_none() {
        let names = databases.iter().filter_map(|object| object.database.as_deref());
        if let Some(why) = names.into_iter().find_map(|name| target.engine.misplaced(&target.facts(), name)) {
            return impossible(why);
        }
    }
    let survey = wait::settled(&app.docker, &target).await?;
    let surroundings = surroundings::ask(&app.docker, &target).await?;
    let keeps_old = selection.keep_old && target.engine.can_keep_old();
    let now = clock::now();
    let wanted = |object: ManifestObject| {
        let own = object.database.clone().unwrap_or_default();
        let name = selection.new_name.clone().unwrap_or(own);
        // One that accepts no connections is there as well.
        let there = survey.databases.iter().find(|database| database.name == name);
        let is_there = there.is_some() || surroundings.has_database(&name) || object.kind == ObjectKind::Dump;
        let size = there.and_then(|database| database.size_hint);
        let old = (keeps_old && is_there).then(|| target.engine.old_name(&name, now));
        Wanted { is_there, size, old, name, object }
    };
    let databases = databases.into_iter().map(wanted).collect();
    let Selection { placement, allow_references, .. } = *selection;
    let age = target.engine.older(&survey.server_version, engine, &manifest.server_version);
    let warnings = age.into_iter().collect();
    let mut plan = Plan {
        key,
        globals,
        databases,
        target,
        manifest_command,
        placement,
        surroundings,
        warnings,
        allow_references,
    };
    let losses = surroundings::check(&app.docker, &plan).await?;
    plan.warnings.extend(losses);
    Ok(plan)
}

/// The manifest's command for a container that has no label with one.
fn allowed_command(
    manifest: &Manifest,
    selection: &Selection,
    prefix: &str,
) -> Result<Option<String>, JobError> {
    match &manifest.restore_command {
        Some(command) if selection.manifest_command => Ok(Some(command.clone())),
        Some(command) => Err(JobError::new(
            Kind::Wrong,
            format!(
                "the container has no label {prefix}.restore-command, and the backup's manifest has the command {command:?}, \
             which whoever may write the bucket may have changed: set the label, or allow this command by --manifest-command"
            ),
        )),
        None => Err(JobError::new(
            Kind::Wrong,
            format!("no restore command: set the label {prefix}.restore-command on the container"),
        )),
    }
}

fn choose(
    manifest: &Manifest,
    selection: &Selection,
) -> Result<(Option<ManifestObject>, Vec<ManifestObject>), JobError> {
    let nothing = |text: String| JobError::new(Kind::Nothing, text);
    let named = |name: &String| {
        manifest.objects.iter().find(|object| object.database.as_ref() == Some(name)).cloned()
    };
    let all: Vec<_> =
        manifest.objects.iter().filter(|object| object.kind != ObjectKind::Globals).cloned().collect();
    let names: Vec<_> = all.iter().filter_map(|object| object.database.as_deref()).collect();
    let names = names.join(", ");
    let mut databases = Vec::new();
    for name in &selection.databases {
        databases.push(
            named(name)
                .ok_or_else(|| nothing(format!("the backup has no database {name:?}: it has {names}")))?,
        );
    }
    if selection.databases.is_empty() {
        databases = all;
    }
    if selection.new_name.is_some() && databases.len() != 1 {
        return Err(nothing(format!(
            "--as is for one database: name it by --database; the backup has {names}"
        )));
    }
    let globals = manifest.objects.iter().find(|object| object.kind == ObjectKind::Globals).cloned();
    match (selection.globals, globals) {
        (true, None) => Err(nothing("the backup has no globals".to_owned())),
        (true, globals) => Ok((globals, databases)),
        (false, _) if databases.is_empty() => {
            Err(nothing("the backup has no database, only globals (--globals)".to_owned()))
        }
        (false, _) => Ok((None, databases)),
    }
}

pub(in crate::jobs) async fn survey(docker: &Docker, target: &Target) -> Result<Survey, JobError> {
    let facts = target.facts();
    let Some(command) = target.engine.survey(&facts) else { return Ok(Survey::default()) };
    match docker.capture(target.tools(), &command, ANSWER_BYTES, ANSWER_LIMIT).await {
        Ok(answer) => target
            .engine
            .parse_survey(&answer.stdout)
            .map_err(|error| JobError::new(Kind::Content, error.to_string())),
        Err(error) => Err(explain(docker, target, "list its databases", None, error).await),
    }
}
