//! Putting what was loaded in the place of what was there.

use tracing::warn;

use super::context::{ANSWER_LIMIT, Failure, Restore, what};
use super::planned::Plan;
use crate::engine::{self, Edit};
use crate::jobs::error::{JobError, JobErrorKind};
use crate::jobs::survey::survey;
use crate::model::drill::Problem;

impl Restore<'_> {
    /// What is kept of the old content is there to be looked at, and does nothing by itself.
    pub(super) async fn quiet_old(&self) {
        let Plan { databases, target, .. } = self.plan;
        let old: Vec<&str> = databases.iter().filter_map(|wanted| wanted.old.as_deref()).collect();
        for name in &old {
            let Some(command) = target.engine.quiet_old(&target.facts(), name, &old) else { continue };
            let what = format!("part {} from the others", what(name));
            if let Err(error) = self.ask(&what, Some(name), &command, Problem::SwapFailed {}).await {
                warn!(database = name, %error, "the old database may still hold what belongs to others: drop it soon");
            }
        }
    }

    pub(super) async fn swap(&self, state: &str) -> Result<(), Failure> {
        let Plan { databases, target, .. } = self.plan;
        let mut staged = Vec::new();
        let fitted = self.fitted().await.map_err(|error| error.with_state(state))?;
        for (index, (wanted, options)) in databases.iter().zip(&fitted).enumerate() {
            let filled = Box::pin(self.fill_staged(wanted, options.as_ref(), index)).await;
            staged.push(filled.map_err(|error| error.with_state(state))?);
        }
        let Some(command) = target.engine.swap(&target.facts(), &staged).filter(|_| !staged.is_empty())
        else {
            return Ok(());
        };
        if self.stop.is_cancelled() {
            return Err(JobError::stopped().with_state(state));
        }
        self.progress.set_stage("putting the databases in place");
        // From here on it is too late to stop: what was renamed would have to be found out.
        let Err(error) = self.ask("put the databases in place", None, &command, Problem::SwapFailed {}).await
        else {
            return Ok(());
        };
        // The answer may have been lost, and the work done; or be done while it is looked at.
        if let Some(command) = target.engine.end_work(&target.facts(), &self.run) {
            drop(self.ask("end what the server still does", None, &command, Problem::SwapFailed {}).await);
        }
        if let Some(command) = target.engine.swapped(&target.facts(), &staged) {
            let swapped = self.ask("see whether it is done", None, &command, Problem::SwapFailed {}).await;
            return swapped.map_err(|seen| {
                // It is not over, or only a part of it is done.
                let is_unclear = seen.kind == JobErrorKind::Tool(engine::ToolFailure::Busy);
                error.with_state(if is_unclear { seen.to_string() } else { state.to_owned() })
            });
        }
        match survey(&self.app.docker, target, ANSWER_LIMIT).await {
            Ok(survey) if staged.iter().all(|one| !survey.leftovers.contains(&one.staged)) => Ok(()),
            Ok(_) => Err(error.with_state(state)),
            Err(unknown) => Err(error.with_state(format!(
                "either everything is restored or nothing was changed, and the server does not say which ({unknown})"
            ))),
        }
    }

    pub(super) async fn in_place(&self, state: &str) -> Result<(), Failure> {
        let mut restored: Vec<&str> = Vec::new();
        for wanted in &self.plan.databases {
            let done = match restored.as_slice() {
                [] => String::new(),
                names => format!(", and restored before it: {}", names.join(", ")),
            };
            if self.stop.is_cancelled() {
                return Err(JobError::stopped().with_state(if done.is_empty() {
                    state.to_owned()
                } else {
                    done.trim_start_matches(", and ").to_owned()
                }));
            }
            let options = wanted.object.options.as_ref();
            self.fill(wanted, &wanted.name, options, &mut Edit::Nothing).await.map_err(|error| {
                error.with_state(format!("{} is INCOMPLETE now: restore it again{done}", what(&wanted.name)))
            })?;
            restored.push(&wanted.name);
        }
        Ok(())
    }
}
