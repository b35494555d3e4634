//! What the server has that decides whether, and how, a backup comes back: asked before anything is changed.

use tracing::warn;

use super::context::{ANSWER_BYTES, ANSWER_LIMIT, Restore};
use super::planned::{Plan, Wanted};
use crate::discovery::Target;
use crate::docker::Docker;
use crate::engine::{Surroundings, ToolFailure};
use crate::jobs::diagnosis::diagnose;
use crate::jobs::error::{JobError, JobErrorKind};
use crate::model::database::DatabaseOptions;

pub(super) async fn ask(docker: &Docker, target: &Target) -> Result<Surroundings, JobError> {
    let Some(command) = target.engine.surroundings(&target.facts()) else {
        return Ok(Surroundings::default());
    };
    let id = target.tools();
    match docker.capture(id, &command, ANSWER_BYTES, ANSWER_LIMIT).await {
        Ok(answer) => target
            .engine
            .parse_surroundings(&answer.stdout)
            .map_err(|error| JobError::new(JobErrorKind::IncompleteDump, error.to_string())),
        Err(error) => Err(diagnose(docker, target, "ask the server what it has", None, error).await),
    }
}

/// What stands in the way of the plan, or, if nothing does, what else will be lost by it.
pub(super) async fn check(docker: &Docker, plan: &Plan) -> Result<Vec<String>, JobError> {
    let Plan { target, surroundings, placement, .. } = plan;
    let wrong = |text: String| JobError::new(JobErrorKind::Wrong, text);
    let mut losses = Vec::new();
    let mut locales: Vec<DatabaseOptions> = Vec::new();
    for Wanted { name, object, .. } in &plan.databases {
        if let Some(objection) = surroundings.objection(name) {
            return Err(wrong(objection));
        }
        losses.extend(surroundings.losses(name));
        let Some(options) = &object.options else { continue };
        // Those of the backup are made first.
        if plan.globals.is_none() {
            surroundings.fit(name, options, *placement).map_err(|text| JobError::new(LACKING, text))?;
        }
        let locale = options.locale_only();
        if !placement.server_locale && !locales.contains(&locale) {
            probe(docker, target, name, &locale).await?;
            locales.push(locale);
        }
    }
    Ok(losses)
}

const LACKING: JobErrorKind = JobErrorKind::Tool(ToolFailure::Lacking);

/// Only that there is no such locale is an answer: whether encoding and locale fit, the making of the database tells.
async fn probe(
    docker: &Docker,
    target: &Target,
    name: &str,
    locale: &DatabaseOptions,
) -> Result<(), JobError> {
    let Some(command) = target.engine.probe(&target.facts(), locale) else { return Ok(()) };
    let id = target.tools();
    let Err(error) = docker.capture(id, &command, ANSWER_BYTES, ANSWER_LIMIT).await else { return Ok(()) };
    let what = format!("make database {name:?} as it was");
    match diagnose(docker, target, &what, Some(name), error).await {
        error if error.kind == LACKING => Err(error),
        _ => Ok(()),
    }
}

impl Restore<'_> {
    /// How the databases are made on this server, in the order of the plan.
    pub(super) async fn fitted(&self) -> Result<Vec<Option<DatabaseOptions>>, JobError> {
        let Plan { target, databases, placement, globals, .. } = self.plan;
        let asked = match globals {
            Some(_) => Some(ask(&self.docker, target).await?),
            None => None,
        };
        let surroundings = asked.as_ref().unwrap_or(&self.plan.surroundings);
        let fit = |wanted: &Wanted| -> Result<_, JobError> {
            let Some(options) = &wanted.object.options else { return Ok(None) };
            let (options, warning) = surroundings
                .fit(&wanted.name, options, *placement)
                .map_err(|text| JobError::new(LACKING, text))?;
            if let Some(warning) = warning {
                warn!("{warning}");
            }
            Ok(Some(options))
        };
        databases.iter().map(fit).collect()
    }
}
