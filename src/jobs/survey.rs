//! Asking a server what it has.

use std::time::Duration;

use super::diagnosis::diagnose;
use super::error::{JobError, JobErrorKind};
use crate::discovery::Target;
use crate::docker::Docker;
use crate::engine::{self, Survey};

/// Ten thousand databases fit.
pub(super) const MOST_BYTES: usize = 8 * 1024 * 1024;

/// What the server has: nothing, where an engine cannot be asked.
pub(super) async fn survey(docker: &Docker, target: &Target, limit: Duration) -> Result<Survey, JobError> {
    Ok(survey_aloud(docker, target, limit).await?.0)
}

/// The same, and what the tool had to say besides.
pub(super) async fn survey_aloud(
    docker: &Docker,
    target: &Target,
    limit: Duration,
) -> Result<(Survey, Option<String>), JobError> {
    const WHAT: &str = "list its databases";
    let Some(command) = target.engine.survey(&target.facts()) else { return Ok((Survey::default(), None)) };
    let answer = match docker.capture(target.tools(), &command, MOST_BYTES, limit).await {
        Ok(answer) => answer,
        Err(error) => return Err(diagnose(docker, target, WHAT, None, error).await),
    };
    let words = engine::warnings(&target.container.redact(&answer.stderr));
    let survey = target.engine.parse_survey(&answer.stdout).map_err(|error| {
        let said = target.container.redact(&error.to_string());
        JobError::new(JobErrorKind::IncompleteDump, format!("{WHAT}: {said}"))
    })?;
    Ok((survey, words))
}
