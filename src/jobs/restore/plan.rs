//! What is to be restored, and whether that can be: decided before anything is changed.

use super::planned::{Plan, Selection, Wanted};
use super::{surroundings, wait};
use crate::app::App;
use crate::clock;
use crate::discovery::Target;
use crate::engine::Engine;
use crate::jobs::error::{JobError, JobErrorKind};
use crate::model::key::BackupKey;
use crate::model::manifest::{Manifest, ManifestObject, ObjectKind};

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
    let impossible = |text: String| Err(JobError::new(JobErrorKind::Wrong, text));
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
            JobErrorKind::Wrong,
            format!(
                "the container has no label {prefix}.restore-command, and the backup's manifest has the command {command:?}, \
             which whoever may write the bucket may have changed: set the label, or allow this command by --manifest-command"
            ),
        )),
        None => Err(JobError::new(
            JobErrorKind::Wrong,
            format!("no restore command: set the label {prefix}.restore-command on the container"),
        )),
    }
}

fn choose(
    manifest: &Manifest,
    selection: &Selection,
) -> Result<(Option<ManifestObject>, Vec<ManifestObject>), JobError> {
    let nothing = |text: String| JobError::new(JobErrorKind::Nothing, text);
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
