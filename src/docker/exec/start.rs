//! How a command is started in a container.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};

use super::opening::{Arrives, Opening};
use super::stderr::StderrTail;
use super::{Captured, End, Exec, ExecError};
use crate::docker::classify::nonsense;
use crate::docker::client::Docker;
use crate::docker::error::DockerError;
use crate::docker::trailer::TrailerStripper;
use crate::model::command::Command;
use crate::model::helper;
use crate::model::id::{ContainerId, ExecId};
use crate::model::run::RunId;
use crate::random;

const WRAPPER: &str = concat!(include_str!("../end.sh"), include_str!("../wrapper.sh"));

/// For a dump. Docker sends frames of up to 32 KiB; two of them fit, so a busy stream costs one read for two frames.
const DUMP_BUFFER: usize = 64 * 1024;

impl Docker {
    /// Starts `command` in `container`.
    ///
    /// # Errors
    /// Docker refuses, or does not answer.
    pub async fn exec(&self, container: &ContainerId, command: &Command) -> Result<Exec, DockerError> {
        self.exec_compressed(container, command, None).await
    }

    /// The same, with its output compressed in the container by zstd, at this level, if there is one in there: [`Exec::form`]
    /// says so.
    ///
    /// # Errors
    /// Docker refuses, or does not answer.
    pub async fn exec_compressed(
        &self,
        container: &ContainerId,
        command: &Command,
        level: Option<u8>,
    ) -> Result<Exec, DockerError> {
        let word = level.map(|level| level.to_string()).unwrap_or_default();
        let wrapper = format!("l={word}\n{WRAPPER}");
        let mut exec = self.wrapped(container, command, &wrapper, &[], DUMP_BUFFER).await?;
        if level.is_some() {
            exec.opening = Opening::of(exec.trailer.marker());
        }
        Ok(exec)
    }

    /// Starts `command` under a wrapper that takes the marker, `args`, and what to run. Its outputs are read into a buffer
    /// of `buffer` bytes, which bollard clears at every look, whether there is something to read or not.
    pub(in crate::docker) async fn wrapped(
        &self,
        container: &ContainerId,
        command: &Command,
        wrapper: &str,
        args: &[&str],
        buffer: usize,
    ) -> Result<Exec, DockerError> {
        let marker = marker(self.run.as_ref());
        // In the first line, so that a shell in the target finds it (`leftover.sh`).
        let wrapper = format!("#{marker}\n{wrapper}");
        let mut cmd = match command.is_request {
            true => vec![helper::PROGRAM, helper::COMMAND, &marker],
            false => vec!["sh", "-c", &wrapper, "dumpcar", &marker],
        };
        cmd.extend(args);
        cmd.push(&command.script);
        if !command.is_request {
            cmd.push("sh");
        }
        cmd.extend(command.args.iter().map(String::as_str));
        let env: Vec<String> = command.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(false),
            env: Some(env.iter().map(String::as_str).collect()),
            cmd: Some(cmd),
            user: command.exec_user.as_deref(),
            ..Default::default()
        };
        let created =
            self.ask("create an exec", self.client.create_exec(container.as_str(), options)).await?;
        let id: ExecId = created.id.parse().map_err(|error| nonsense("create an exec", &error))?;
        let start = StartExecOptions { detach: false, tty: false, output_capacity: Some(buffer) };
        let mut end = End { is_seen: false, unseen: Arc::clone(&self.unseen_end) };
        let started = self.ask("start an exec", self.client.start_exec(id.as_str(), Some(start))).await;
        // Without an answer, it may have been started all the same.
        let is_unanswered = |error: &DockerError| {
            matches!(
                error,
                DockerError::Unreachable { .. } | DockerError::Timeout { .. } | DockerError::Broken { .. }
            )
        };
        end.is_seen = started.as_ref().is_err_and(|error| !is_unanswered(error));
        let StartExecResults::Attached { output, input } = started? else {
            return Err(DockerError::Broken { reason: "Docker detached an attached exec".into() });
        };
        Ok(Exec {
            docker: self.clone(),
            id,
            output,
            input,
            opening: Opening::Known(Arrives::Plain),
            trailer: TrailerStripper::new(&marker),
            stderr: StderrTail::default(),
            ready: VecDeque::new(),
            beginning: Vec::new(),
            finished: false,
            end,
        })
    }

    /// Whether a command may still be at work that was run on behalf of the same run: it was dropped, or could not be
    /// seen to end. [`Docker::end_runs`] makes sure.
    pub fn has_unseen_end(&self) -> bool {
        self.unseen_end.load(Ordering::Relaxed)
    }

    /// Runs a short command to its end and returns what it printed.
    ///
    /// # Errors
    /// The command failed, printed more than `max_bytes`, or did not end within `limit`; it is then ended.
    pub async fn capture(
        &self,
        container: &ContainerId,
        command: &Command,
        max_bytes: usize,
        limit: Duration,
    ) -> Result<Captured, ExecError> {
        let mut exec = self.exec(container, command).await?;
        let mut stdout = Vec::new();
        let collect = async {
            // `limit` is for all of it.
            while let Some(piece) = exec.next(Duration::MAX).await? {
                stdout.extend_from_slice(&piece);
                if stdout.len() > max_bytes {
                    return Err(ExecError::TooMuch { limit: max_bytes });
                }
            }
            Ok(())
        };
        let result = match tokio::time::timeout(limit, collect).await {
            Ok(result) => result,
            Err(_) => Err(ExecError::Timeout { limit, stderr: exec.stderr.text() }),
        };
        match result {
            Ok(()) => Ok(Captured { stdout, stderr: exec.stderr.text() }),
            Err(error) => {
                exec.cancel().await;
                Err(error)
            }
        }
    }
}

/// A marker no dump contains: 128 random bits, behind the run's name where there is one.
fn marker(run: Option<&RunId>) -> String {
    let run = run.map(|run| format!("{run}-")).unwrap_or_default();
    format!("dumpcar-{run}{}", random::hex(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_names_its_run_and_is_never_repeated() {
        let run: RunId = "00000000deadbeef".parse().unwrap();
        assert!(marker(Some(&run)).starts_with("dumpcar-00000000deadbeef-"));
        assert_ne!(marker(None), marker(None));
    }
}
