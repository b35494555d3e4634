//! The labels `before` and `after`.

use std::time::Duration;

use tracing::warn;

use super::context::AttemptContext;
use super::missing::Dumped;
use crate::docker::ExecError;
use crate::engine;
use crate::jobs::error::{JobError, JobErrorKind, stoppable};
use crate::model::manifest::ManifestObject;
use crate::store::Catalog;

/// What a hook may print; nobody reads it.
const HOOK_BYTES: usize = 1024 * 1024;

/// How long the label `after` may take: it lets go of what `before` froze, which is a matter of seconds.
const AFTER_LIMIT: Duration = Duration::from_secs(5 * 60);

/// How long a hook may take. What comes after the dump is not part of its time limit: it has to be done in any case.
fn hook_limit(which: &str, timeout: Duration) -> Duration {
    if which == "after" { timeout.min(AFTER_LIMIT) } else { timeout }
}

impl AttemptContext<'_> {
    /// Hooks around everything; the second one runs whatever became of the first one and the dumps.
    pub(super) async fn dump_all(
        &self,
        catalog: Option<&Catalog>,
        objects: &mut Vec<ManifestObject>,
    ) -> Result<Dumped, JobError> {
        let before = match &self.target.labels.before {
            Some(before) => {
                self.progress.set_stage("running the before command");
                self.hook("before", before).await
            }
            None => Ok(()),
        };
        let dumped = match before {
            Ok(()) => self.dump_parts(catalog, objects).await,
            Err(error) => Err(error),
        };
        let mut problems = Vec::new();
        if let Some(after) = &self.target.labels.after {
            self.progress.set_stage("running the after command");
            // Also when told to stop: what `before` froze has to be let go.
            if let Err(error) = self.hook("after", after).await {
                warn!(reason = %error, "the after command failed");
                problems.push(error.to_string());
            }
        }
        dumped.map(|dumped| Dumped { problems, ..dumped })
    }

    async fn hook(&self, which: &str, command: &str) -> Result<(), JobError> {
        let command = engine::hook(&self.target.facts(), command);
        let limit = hook_limit(which, self.target.timeout);
        let ran = self.docker.capture(&self.target.container.id, &command, HOOK_BYTES, limit);
        let ran = if which == "before" { stoppable(self.stop, ran).await? } else { ran.await };
        let hide = |said: &str| self.target.container.redact(said);
        ran.map(drop).map_err(|error| {
            // What the command itself says stays said; that Docker was away does not.
            let kind = if let ExecError::Docker(error) = &error {
                JobErrorKind::Docker { may_pass: error.is_transient() }
            } else if matches!(error, ExecError::Cut { .. }) {
                JobErrorKind::Broken
            } else {
                JobErrorKind::Tool(engine::ToolFailure::Other)
            };
            let said = error.hidden(&hide);
            let label = format!("{}.{which}", self.app.config.label_prefix);
            JobError::new(kind, format!("the {which} command (label {label}): {said}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_the_dump_has_a_limit_of_its_own() {
        let (minute, hours) = (Duration::from_secs(60), Duration::from_secs(12 * 60 * 60));
        assert_eq!((hook_limit("before", hours), hook_limit("before", minute)), (hours, minute));
        assert_eq!((hook_limit("after", hours), hook_limit("after", minute)), (AFTER_LIMIT, minute));
    }
}
