//! A command run inside a container, whose end of output carries the verdict.
//!
//! Two facts drive the protocol, both measured on Docker 20.10: an exec that is read slowly loses the tail of its output
//! while Docker reports exit code 0, and a process whose reader went away runs on for hours. So the command runs under
//! `wrapper.sh`, which prints a trailer with the exit status behind the output, stays until it is told that everything
//! arrived, and ends the command when its standard input closes early.

mod error;
mod opening;
mod start;
mod stderr;

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as BollardError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};

pub use self::error::{ExecError, names_no_user};
pub use self::opening::Arrives;
use self::opening::Opening;
use self::stderr::StderrTail;
use super::classify::classify;
use super::client::Docker;
use super::trailer::{Statuses, TrailerStripper};
use crate::model::id::ExecId;

/// What a shell says of a process that has written into a pipe without a reader.
const SIGPIPE: u8 = 128 + 13;

/// How long a process may take to end once everything it was to do is done.
const END_LIMIT: Duration = Duration::from_secs(10);

/// A running command. Its output ends in success or in an error, never in between.
///
/// Dropping it closes the connection, and the wrapper then ends the command within a second or two;
/// [`Exec::cancel`] waits for that.
pub struct Exec {
    docker: Docker,
    id: ExecId,
    pub(super) output: Pin<Box<dyn Stream<Item = Frame> + Send>>,
    pub(super) input: Pin<Box<dyn AsyncWrite + Send>>,
    opening: Opening,
    pub(super) trailer: TrailerStripper,
    stderr: StderrTail,
    ready: VecDeque<Bytes>,
    /// The first bytes of output: where Docker writes that it could not start the wrapper at all.
    pub(super) beginning: Vec<u8>,
    finished: bool,
    end: End,
}

/// Whether somebody saw the command end; when it goes without that, the run is told.
struct End {
    is_seen: bool,
    unseen: Arc<AtomicBool>,
}

impl Drop for End {
    fn drop(&mut self) {
        if !self.is_seen {
            self.unseen.store(true, Ordering::Relaxed);
        }
    }
}

/// What comes of the two outputs, piece by piece.
pub(super) type Frame = Result<LogOutput, BollardError>;

/// The output of a short command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Exec {
    /// The next piece of output; `None` after the tool ended with status 0 and every byte arrived.
    ///
    /// `silence` limits how long the tool may write nothing at all: one that reports its progress on standard error is
    /// not stuck. Only the time spent in here counts, so whoever is slow to take the next piece is not the tool.
    ///
    /// May be dropped and called again: no byte is lost.
    ///
    /// # Errors
    /// Everything else than that: see [`ExecError`].
    pub async fn next(&mut self, silence: Duration) -> Result<Option<Bytes>, ExecError> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Ok(Some(piece));
            }
            if self.finished {
                return Ok(None);
            }
            if let Some(statuses) = self.trailer.statuses() {
                self.finish(statuses).await?;
                self.finished = true;
                continue;
            }
            self.read(silence).await?;
        }
    }

    /// In which form the output arrives: known once it has begun.
    ///
    /// # Errors
    /// As [`Exec::next`].
    pub async fn form(&mut self, silence: Duration) -> Result<Arrives, ExecError> {
        loop {
            if let Some(form) = self.opening.form() {
                return Ok(form);
            }
            self.read(silence).await?;
        }
    }

    /// Takes the next frame.
    async fn read(&mut self, silence: Duration) -> Result<(), ExecError> {
        // A new limit for each frame, whichever output it is of.
        let frame = tokio::time::timeout(silence, self.output.next());
        let frame = frame.await.map_err(|_| ExecError::Stalled(silence))?;
        self.take(frame).await
    }

    /// Takes what came of the command's two outputs: pieces into `ready`, standard error into its tail.
    pub(super) async fn take(&mut self, frame: Option<Frame>) -> Result<(), ExecError> {
        match frame {
            Some(Ok(LogOutput::StdOut { message })) => {
                if self.beginning.len() < 512 {
                    self.beginning.extend(message.iter().take(512));
                }
                for piece in self.opening.take(message) {
                    let pieces = self.trailer.push(piece)?;
                    self.ready.extend(pieces.into_iter().filter(|piece| !piece.is_empty()));
                }
                Ok(())
            }
            Some(Ok(LogOutput::StdErr { message })) => {
                self.stderr.push(&message);
                Ok(())
            }
            // A torn frame comes out of the client library as console output.
            Some(Ok(LogOutput::Console { .. } | LogOutput::StdIn { .. })) | None => {
                Err(self.without_trailer().await)
            }
            Some(Err(error)) => Err(classify(&self.docker.host, "run a command", error).into()),
        }
    }

    /// The end of the tool's standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// The trailer is here: tell the wrapper so, take the rest of the streams, and hear the second witness.
    async fn finish(&mut self, statuses: Statuses) -> Result<(), ExecError> {
        let Statuses { tool, compressor } = statuses;
        self.end.is_seen = true;
        // The verdict is known; a connection that breaks now changes nothing.
        let released = async {
            self.input.write_all(b"\n").await?;
            self.input.flush().await?;
            self.input.shutdown().await
        };
        let end = async {
            // Docker may have hung up already; what it has sent before is still to be read.
            drop(released.await);
            loop {
                match self.output.next().await {
                    Some(Ok(LogOutput::StdErr { message })) => self.stderr.push(&message),
                    Some(Ok(LogOutput::StdOut { message })) => drop(self.trailer.push(message)?),
                    Some(Ok(LogOutput::Console { .. } | LogOutput::StdIn { .. }) | Err(_)) | None => {
                        return Ok(());
                    }
                }
            }
        };
        match tokio::time::timeout(END_LIMIT, end).await {
            Ok(Err(trailing)) if tool == 0 => return Err(ExecError::Trailing(trailing)),
            Ok(Ok(()) | Err(_)) | Err(_) => {}
        }
        let is_compressed = self.opening.form() == Some(Arrives::Zstd);
        // First: a tool whose reader has gone fails as well, and nobody else was its reader.
        if compressor != is_compressed.then_some(0) || is_compressed && tool == SIGPIPE {
            return Err(ExecError::Compressor {
                status: compressor.unwrap_or_default(),
                stderr: self.stderr.text(),
            });
        }
        if tool != 0 {
            return Err(ExecError::Failed { status: tool, stderr: self.stderr.text() });
        }
        match self.exit_code().await {
            Some(0) | None => Ok(()),
            Some(code) => Err(ExecError::Contradicted { code }),
        }
    }

    /// The output ended without a trailer: find out whether the wrapper ever ran.
    async fn without_trailer(&mut self) -> ExecError {
        let code = self.exit_code().await;
        let stderr = self.stderr.text();
        // 126 and 127 come from the container runtime, which writes its reason to standard output.
        if matches!(code, Some(126 | 127)) {
            let message = String::from_utf8_lossy(&self.beginning).trim().to_owned();
            if names_no_user(&message) {
                return ExecError::NoUser { message };
            }
            if message.contains("exec") || stderr.contains("sh:") {
                let message = if message.is_empty() { stderr } else { message };
                return ExecError::NotStarted { message };
            }
        }
        ExecError::Cut { stderr }
    }

    /// What Docker says the wrapper's exit code is; `None` when it will not say in time.
    fn exit_code(&self) -> impl Future<Output = Option<i64>> + Send + use<> {
        let (docker, id) = (self.docker.clone(), self.id.clone());
        let ended = async move {
            // Docker hears of the end a moment after the output has ended.
            let mut wait = Duration::from_millis(2);
            loop {
                let state =
                    docker.ask("inspect an exec", docker.client.inspect_exec(id.as_str())).await.ok()?;
                if state.running == Some(false) {
                    return state.exit_code;
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_millis(50));
            }
        };
        async move { tokio::time::timeout(END_LIMIT / 2, ended).await.ok().flatten() }
    }

    /// Ends the command and waits until Docker says that it has ended, a few seconds at most. One that is not seen to end
    /// is not forgotten: see [`Docker::has_unseen_end`].
    pub async fn cancel(self) {
        let Self { docker, id, output, input, mut end, .. } = self;
        // Both halves: the connection closes only when neither is left.
        drop(output);
        drop(input);
        // An engine that was restarted meanwhile does not know the command, which may have outlived it.
        let ended = async {
            while let Ok(state) = docker.ask("inspect an exec", docker.client.inspect_exec(id.as_str())).await
            {
                if state.running == Some(false) {
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            false
        };
        match tokio::time::timeout(END_LIMIT, ended).await {
            Ok(is_seen) => end.is_seen |= is_seen,
            Err(_) => tracing::warn!(exec = %id, "a command in the target did not end when told to"),
        }
    }
}

impl fmt::Debug for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exec").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod silence_tests;
