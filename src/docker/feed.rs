//! A command inside a container that reads a dump from its standard input.
//!
//! A client that vanishes looks like a normal end of input: `psql --single-transaction` would commit half a dump. So the
//! command runs under `feed.sh`, which lets it see that end only when it is told to, and ends it otherwise.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::client::Docker;
use super::exec::{Arrives, Exec, ExecError};
use crate::model::command::Command;
use crate::model::id::ContainerId;

const WRAPPER: &str = concat!(include_str!("end.sh"), include_str!("feed.sh"));

/// What the wrapper says when it has passed on all of the input.
const FED: &[u8] = b"fed\n";

/// How long the wrapper may take to say in which form it takes its input.
const FORM_LIMIT: Duration = Duration::from_secs(60);

/// For what a command says while it is fed, which is little.
const WORDS_BUFFER: usize = 4 * 1024;

/// How long a command whose input nobody takes any more may go on in silence: the wrapper ends it within seconds.
const END_LIMIT: Duration = Duration::from_secs(60);

/// A running command that is being fed. It ends well only by [`Feed::finish`].
///
/// Dropping it closes the connection, and the wrapper then ends the command; [`Feed::cancel`] waits for that.
#[derive(Debug)]
pub struct Feed {
    exec: Exec,
    /// What the wrapper still passes on, if it comes plain. Anything behind that it would take for Dumpcar's word.
    left: u64,
    appetite: Appetite,
    form: Arrives,
}

/// Whether a command that is fed takes anything.
#[derive(Debug, Clone, Default)]
pub struct Appetite(Arc<Mutex<Option<Instant>>>);

impl Appetite {
    /// Since when the command has taken nothing of what it is offered, or has had all and has not ended. `None` while it is offered
    /// nothing: then it waits for the store.
    pub fn none_since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
}

impl Docker {
    /// Starts `command` in `container`; it will read exactly `bytes`. They are to be written as [`Feed::form`] says: in the
    /// wanted `form`, if the container can read that.
    ///
    /// # Errors
    /// Docker refuses, or does not answer.
    pub async fn feed(
        &self,
        container: &ContainerId,
        command: &Command,
        bytes: u64,
        form: Arrives,
    ) -> Result<Feed, ExecError> {
        let word = if form == Arrives::Zstd { "zstd" } else { "" };
        let wrapper = format!("l={word}\n{WRAPPER}");
        let exec = self.wrapped(container, command, &wrapper, &[&bytes.to_string()], WORDS_BUFFER).await?;
        let mut feed = Feed { exec, left: bytes, appetite: Appetite::default(), form };
        if form == Arrives::Zstd {
            match feed.takes_zstd().await {
                Ok(true) => {}
                Ok(false) => feed.form = Arrives::Plain,
                Err(error) => {
                    feed.cancel().await;
                    return Err(error);
                }
            }
        }
        Ok(feed)
    }

    /// Has a command read this, all of it within `limit`.
    ///
    /// # Errors
    /// It did not, or has failed.
    pub async fn tell(
        &self,
        container: &ContainerId,
        command: &Command,
        text: Bytes,
        limit: Duration,
    ) -> Result<(), ExecError> {
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let mut feed = self.feed(container, command, bytes, Arrives::Plain).await?;
        let done = async {
            feed.write(text).await?;
            feed.finish().await
        };
        let done = tokio::time::timeout(limit, Box::pin(done)).await;
        let done = done.unwrap_or(Err(ExecError::Timeout { limit, stderr: String::new() }));
        if done.is_err() {
            feed.cancel().await;
        }
        done
    }
}

impl Feed {
    /// Tells for as long as this lives whether the command takes anything.
    pub fn appetite(&self) -> Appetite {
        self.appetite.clone()
    }

    /// Writes the next piece. How long that takes is up to the command: it may be building an index.
    ///
    /// # Errors
    /// The command ended, or the connection broke: there is nobody to write to any more. Or it is more than was announced.
    pub async fn write(&mut self, piece: Bytes) -> Result<(), ExecError> {
        if piece.is_empty() {
            return Ok(());
        }
        match self.form {
            Arrives::Plain => {
                self.left = self.left.checked_sub(piece.len() as u64).ok_or(ExecError::Surplus)?;
            }
            Arrives::Zstd => self.send(format!("{}\n", piece.len()).into()).await?,
        }
        self.send(piece).await
    }

    async fn send(&mut self, mut piece: Bytes) -> Result<(), ExecError> {
        while piece.has_remaining() {
            self.appetite.set(Some(Instant::now()));
            let Exec { output, input, .. } = &mut self.exec;
            // Output first: a command that has failed says why, and its input may never move again.
            let written = tokio::select! {
                biased;
                frame = output.next() => Err(frame),
                written = input.write(&piece) => Ok(written),
            };
            match written {
                Ok(Ok(written)) if written > 0 => piece.advance(written),
                // The reason comes by the other direction.
                Ok(Ok(_) | Err(_)) => return Err(self.ended_early().await),
                Err(frame) => {
                    self.exec.take(frame).await?;
                    if self.exec.trailer.statuses().is_some() {
                        return Err(self.ended_early().await);
                    }
                }
            }
        }
        self.appetite.set(None);
        Ok(())
    }

    /// Everything was written, and it was right: lets the command see the end of its input, and waits for its verdict.
    ///
    /// # Errors
    /// The command failed.
    pub async fn finish(&mut self) -> Result<(), ExecError> {
        if self.form == Arrives::Zstd {
            self.send(Bytes::from_static(b"end\n")).await?;
        }
        self.appetite.set(Some(Instant::now()));
        while !self.exec.beginning.starts_with(FED) {
            let frame = self.exec.output.next().await;
            self.exec.take(frame).await?;
            if self.exec.trailer.statuses().is_some() && !self.exec.beginning.starts_with(FED) {
                return Err(self.ended_early().await);
            }
        }
        let release = async {
            self.exec.input.write_all(b"\n").await?;
            self.exec.input.flush().await
        };
        // When that fails, the output says so.
        drop(release.await);
        while self.exec.next(Duration::MAX).await?.is_some() {}
        Ok(())
    }

    /// In which form the input is to be written.
    pub fn form(&self) -> Arrives {
        self.form
    }

    /// Waits for the wrapper's first line, and takes it off.
    async fn takes_zstd(&mut self) -> Result<bool, ExecError> {
        let limit = Instant::now() + FORM_LIMIT;
        loop {
            let beginning = &mut self.exec.beginning;
            if let Some(end) = beginning.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = beginning.drain(..=end).collect();
                return Ok(line == b"zstd\n");
            }
            let late = |_| ExecError::Timeout { limit: FORM_LIMIT, stderr: String::new() };
            let frame = tokio::time::timeout_at(limit, self.exec.output.next()).await.map_err(late)?;
            self.exec.take(frame).await?;
            if self.exec.trailer.statuses().is_some() {
                return Err(self.ended_early().await);
            }
        }
    }

    /// The end of what the command wrote to its outputs.
    pub fn said(&self) -> String {
        self.exec.stderr()
    }

    /// Ends the command and waits until Docker says that it has ended, a few seconds at most.
    pub async fn cancel(self) {
        self.exec.cancel().await;
    }

    async fn ended_early(&mut self) -> ExecError {
        loop {
            match self.exec.next(END_LIMIT).await {
                Ok(Some(_)) => {}
                Ok(None) => return ExecError::InputLeft { stderr: self.exec.stderr() },
                Err(error) => return error,
            }
        }
    }
}
