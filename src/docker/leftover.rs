//! Tools of dead runs that are still at work in a target.

use std::time::Duration;

use super::client::Docker;
use super::exec::ExecError;
use crate::model::command::Command;
use crate::model::id::ContainerId;
use crate::model::run::RunId;

const SCRIPT: &str = concat!(include_str!("end.sh"), include_str!("leftover.sh"));

/// The script gives up after six rounds of a second.
const LIMIT: Duration = Duration::from_secs(20);

impl Docker {
    /// Ends every command these runs still have in `container`. Needs the rights of whoever started them.
    ///
    /// # Errors
    /// Something could not be ended, or the container cannot be asked.
    pub async fn end_runs(
        &self,
        container: &ContainerId,
        runs: &[&RunId],
        exec_user: Option<&str>,
    ) -> Result<(), ExecError> {
        let command = Command {
            script: SCRIPT.to_owned(),
            args: runs.iter().map(ToString::to_string).collect(),
            exec_user: exec_user.map(str::to_owned),
            ..Command::default()
        };
        self.capture(container, &command, 1024, LIMIT).await.map(drop)
    }
}
