//! The ways into a worker and out of it.

use std::io;
use std::mem;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::chunk::{CHUNK, Pool};
use super::meter::Meter;
use crate::model::manifest::Sha256;

/// What the worker is sent. A channel that closes without [`Input::Finish`] is a stream that broke off.
#[derive(Debug)]
pub(super) enum Input {
    Chunk(Bytes),
    /// Everything was sent, and it was proved to be everything.
    Finish,
}

/// A worker that takes nothing more; its result says why.
#[derive(Debug)]
pub(super) struct Gone;

/// The way into a worker, for pieces of any size.
pub(super) struct Intake {
    channel: mpsc::Sender<Input>,
    pool: Pool,
    gathered: Vec<u8>,
}

impl Intake {
    pub(super) fn new(channel: mpsc::Sender<Input>) -> Self {
        let pool = Pool::default();
        let gathered = pool.take();
        Self { channel, pool, gathered }
    }

    pub(super) async fn push(&mut self, mut piece: &[u8]) -> Result<(), Gone> {
        while !piece.is_empty() {
            let (now, later) = piece.split_at(piece.len().min(CHUNK - self.gathered.len()));
            self.gathered.extend_from_slice(now);
            piece = later;
            if self.gathered.len() == CHUNK {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Hands over what is gathered.
    async fn flush(&mut self) -> Result<(), Gone> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let gathered = mem::replace(&mut self.gathered, self.pool.take());
        self.channel.send(Input::Chunk(self.pool.share(gathered))).await.map_err(|_| Gone)
    }

    /// Lets the worker finish: everything was pushed, and it was proved to be everything.
    pub(super) async fn finish(mut self) -> Result<(), Gone> {
        self.flush().await?;
        self.channel.send(Input::Finish).await.map_err(|_| Gone)
    }
}

/// The next chunk; `None` when it was everything.
pub(super) fn next(input: &mut mpsc::Receiver<Input>) -> io::Result<Option<Bytes>> {
    match input.blocking_recv() {
        Some(Input::Chunk(chunk)) => Ok(Some(chunk)),
        Some(Input::Finish) => Ok(None),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The way out of a coder, metered.
pub(super) struct Outlet<'a> {
    channel: &'a mpsc::Sender<Bytes>,
    pool: Pool,
    /// Where the coder writes, again and again.
    pub(super) out: Vec<u8>,
    meter: Meter,
}

impl<'a> Outlet<'a> {
    pub(super) fn new(channel: &'a mpsc::Sender<Bytes>) -> Self {
        Self { channel, pool: Pool::default(), out: Vec::new(), meter: Meter::new() }
    }

    /// Sends what there is of whole chunks.
    pub(super) fn send_full(&mut self) -> io::Result<()> {
        let whole = self.out.len() - self.out.len() % CHUNK;
        self.send(whole)
    }

    fn send(&mut self, bytes: usize) -> io::Result<()> {
        let (now, _) = self.out.split_at(bytes);
        self.meter.take(now);
        // Copies, as large as their memory: a part keeps them until the store has answered.
        for chunk in now.chunks(CHUNK) {
            let mut memory = self.pool.take();
            memory.extend_from_slice(chunk);
            send(self.channel, self.pool.share(memory))?;
        }
        self.out.drain(..bytes);
        Ok(())
    }

    pub(super) fn end(mut self) -> io::Result<(u64, Sha256)> {
        self.send(self.out.len())?;
        Ok(self.meter.end())
    }
}

pub(super) fn send(output: &mpsc::Sender<Bytes>, chunk: Bytes) -> io::Result<()> {
    if chunk.is_empty() {
        return Ok(());
    }
    output.blocking_send(chunk).map_err(|_| io::ErrorKind::BrokenPipe.into())
}
