//! A server that was just started is waited for: one that an image still sets up answers as well, and is then stopped again.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tracing::info;

use super::context::{ANSWER_BYTES, ANSWER_LIMIT};
use crate::clock;
use crate::discovery::Target;
use crate::docker::Docker;
use crate::engine::{self, Survey};
use crate::jobs::diagnosis::diagnose;
use crate::jobs::error::{JobError, JobErrorKind};
use crate::jobs::survey::survey;

/// Setting up, or recovering after a crash, takes minutes.
const LIMIT: Duration = Duration::from_secs(300);
/// A login that is refused may be one that is still to be made: for so long after the start of its container.
const SETUP: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_secs(1);

const NOT_ACCEPTING: JobErrorKind = JobErrorKind::Tool(engine::ToolFailure::NotAccepting);

/// What the server has, once it is the one that stays.
pub(super) async fn settled(docker: &Docker, target: &Target) -> Result<Survey, JobError> {
    let begun = Instant::now();
    let mut is_told = false;
    loop {
        let error = match answer(docker, target).await {
            Ok(survey) => return Ok(survey),
            Err(error) => error,
        };
        let is_new = age(target).is_some_and(|age| age < SETUP);
        let may_be_setup = is_new
            && matches!(
                error.kind,
                JobErrorKind::Tool(engine::ToolFailure::AuthRefused) | JobErrorKind::Broken
            );
        if error.kind != NOT_ACCEPTING && !may_be_setup {
            return Err(error);
        }
        if begun.elapsed() > LIMIT {
            let limit = humantime::format_duration(LIMIT);
            return Err(error.in_words(|words| format!("{words} (waited {limit} for it)")));
        }
        if !std::mem::replace(&mut is_told, true) {
            info!(container = target.container.name, reason = %error, "waiting for the server to start");
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn answer(docker: &Docker, target: &Target) -> Result<Survey, JobError> {
    let Some(command) = target.engine.answering(&target.facts()) else {
        return survey(docker, target, ANSWER_LIMIT).await;
    };
    let answering = match docker.capture(target.tools(), &command, ANSWER_BYTES, ANSWER_LIMIT).await {
        Ok(answer) => target.engine.parse_answering(&answer.stdout),
        Err(error) => return Err(diagnose(docker, target, "ask the server", None, error).await),
    };
    let is_setting_up = match answering.settles_after() {
        None => true,
        Some(limit) => age(target).is_some_and(|age| age < limit),
    };
    if is_setting_up {
        return Err(JobError::new(NOT_ACCEPTING, "the image is still setting its server up"));
    }
    survey(docker, target, ANSWER_LIMIT).await
}

/// How long ago its container was started; `None` where Docker does not say it in a way that is understood.
fn age(target: &Target) -> Option<Duration> {
    let started: Timestamp = target.container.started.parse().ok()?;
    Duration::try_from(clock::now().duration_since(started)).ok()
}
