//! The labels `before` and `after`.
//!
//! Both commands find `DUMPCAR_TARGET` and `DUMPCAR_BACKUP` in their environment, and the second one the outcome of the dumps as well:
//! `DUMPCAR_OUTCOME`, in the words of the metrics, and `DUMPCAR_REASON`.

use std::time::Duration;

use tracing::warn;

use super::context::AttemptContext;
use super::parts::Dumped;
use crate::docker::ExecError;
use crate::engine;
use crate::jobs::error::{JobError, JobErrorKind, stoppable};
use crate::model::manifest::ManifestObject;
use crate::model::missing;
use crate::store::Catalog;

/// What a hook may print; nobody reads it.
const HOOK_BYTES: usize = 1024 * 1024;

/// How long the label `after` may take: it lets go of what `before` froze, which is a matter of seconds.
const AFTER_LIMIT: Duration = Duration::from_secs(5 * 60);

/// How long a hook may take. What comes after the dump is not part of its time limit: it has to be done in any case.
fn hook_limit(which: &str, timeout: Duration) -> Duration {
    if which == "after" { timeout.min(AFTER_LIMIT) } else { timeout }
}

/// What the command after the dumps is told of them. The backup is not stored yet.
fn outcome(dumped: &Result<Dumped, JobError>) -> Vec<(&'static str, String)> {
    let (outcome, reason) = match dumped {
        Ok(dumped) => match missing::summary(&dumped.missing) {
            None => ("success", None),
            Some(missing) => ("incomplete", Some(missing)),
        },
        Err(error) if error.is_stopped() => ("stopped", None),
        Err(error) => ("failed", Some(error.text().to_owned())),
    };
    vec![("OUTCOME", outcome.to_owned()), ("REASON", reason.unwrap_or_default())]
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
                self.hook("before", before, Vec::new()).await
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
            if let Err(error) = self.hook("after", after, outcome(&dumped)).await {
                warn!(reason = %error, "the after command failed");
                problems.push(error.to_string());
            }
        }
        dumped.map(|dumped| Dumped { problems, ..dumped })
    }

    async fn hook(
        &self,
        which: &str,
        command: &str,
        outcome: Vec<(&'static str, String)>,
    ) -> Result<(), JobError> {
        let about = [("TARGET", self.target.name.to_string()), ("BACKUP", self.key.stamp.to_string())];
        let env = about.into_iter().chain(outcome);
        let env = env.map(|(name, value)| (format!("DUMPCAR_{name}"), value)).collect();
        let command = engine::hook(&self.target.facts(), command, env);
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
