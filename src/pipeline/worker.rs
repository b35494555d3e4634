//! The thread a dump is hashed and compressed on.
//!
//! Compression would block the async runtime, so each dump has one thread of its own, with bounded channels on both
//! sides. Memory is what they hold, [`QUEUE`] chunks of [`CHUNK`] on each side, and the codec's.

use std::io::{self, BufRead, Read};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use ring::digest::{Context, SHA256};
use tokio::sync::{mpsc, oneshot};

use super::codec::{self, Encoder};
use super::ends::Ends;
use super::transport;
use crate::docker::Arrives;
use crate::model::compression::Compression;
use crate::model::content::{Content, Counter, Dialect, NotWhole, Unread};
use crate::model::encoding::{Encoding, Step};
use crate::model::manifest::Sha256;

/// Bytes handed over at a time. Docker sends frames of 13 KiB on average (measured): to wake a thread for each one would
/// cost as much as to hash it. And a chunk is as large as its memory, while a frame keeps all of the buffer it was read into.
pub(super) const CHUNK: usize = 256 * 1024;

const QUEUE: usize = 4;

/// What the worker is sent. A channel that closes without [`Input::Finish`] is a stream that broke off.
#[derive(Debug)]
pub(super) enum Input {
    Chunk(Bytes),
    /// Everything was sent, and it was proved to be everything.
    Finish,
}

/// Memory for chunks, used again and again: to give it back and take it anew for each would cost as much as to hash it.
#[derive(Debug, Clone, Default)]
struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

impl Pool {
    /// An empty buffer with room for a chunk.
    fn take(&self) -> Vec<u8> {
        let mut free = self.pop();
        free.clear();
        free
    }

    /// A buffer of a chunk's length, with whatever was in it.
    fn take_filled(&self) -> Vec<u8> {
        let mut free = self.pop();
        free.resize(CHUNK, 0);
        free
    }

    fn pop(&self) -> Vec<u8> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| Vec::with_capacity(CHUNK))
    }

    /// What is in the buffer; its memory comes back when nobody holds that any more.
    fn share(&self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Chunk { bytes, pool: self.clone() })
    }
}

struct Chunk {
    bytes: Vec<u8>,
    pool: Pool,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let bytes = mem::take(&mut self.bytes);
        self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
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

/// What went in and what came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    pub plain_bytes: u64,
    pub plain_sha256: Sha256,
    pub stored_bytes: u64,
    pub stored_sha256: Sha256,
}

/// What became of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// How the dump came.
    pub arrives: Arrives,
    pub digests: Digests,
    /// Of the plain dump.
    pub ends: Ends,
    /// Of a dump whose dialect is known, and that could be read.
    pub content: Option<Content>,
    /// Why it could not.
    pub unread: Option<Unread>,
    /// Whether the dump is whole by its own word.
    pub whole: Result<(), NotWhole>,
}

/// The two ends of a worker.
pub(super) struct Worker<T> {
    pub(super) input: Intake,
    pub(super) output: mpsc::Receiver<Bytes>,
    /// Arrives after the last of the output: digests only after an [`Input::Finish`].
    pub(super) result: oneshot::Receiver<io::Result<T>>,
}

/// What is found out about a dump while it passes.
struct Reading {
    arrives: Arrives,
    meter: Meter,
    ends: Ends,
    counter: Option<Counter>,
    /// How much of it has passed, for whoever watches.
    passed: Arc<AtomicU64>,
}

impl Reading {
    fn take(&mut self, chunk: &[u8]) {
        self.meter.take(chunk);
        self.ends.take(chunk);
        if let Some(counter) = &mut self.counter {
            counter.take(chunk);
        }
        self.passed.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    }

    /// `stored` is what the dump was stored as, if not as it is.
    fn end(self, stored: Option<(u64, Sha256)>) -> Made {
        let Self { arrives, meter, ends, counter, .. } = self;
        let plain = meter.end();
        let whole = counter.as_ref().map_or(Ok(()), Counter::whole);
        let unread = counter.as_ref().and_then(Counter::unread);
        let content = counter.filter(|_| unread.is_none()).map(Counter::end);
        Made { arrives, digests: digests(plain, stored.unwrap_or(plain)), ends, content, unread, whole }
    }
}

/// Starts a worker that compresses, and counts what is in a dump of this dialect. What arrives compressed as it is to be
/// stored is passed on at once, and read behind that. `passed` counts the plain bytes.
pub(super) fn compress(
    arrives: Arrives,
    compression: Compression,
    dialect: Option<Dialect>,
    passed: Arc<AtomicU64>,
) -> io::Result<Worker<Made>> {
    spawn("compress", move |input, output| {
        let counter = dialect.map(Counter::new);
        let mut reading = Reading { arrives, meter: Meter::new(), ends: Ends::default(), counter, passed };
        if arrives == Arrives::Zstd && transport::is_kept(compression) {
            let mut stored = Stored::new(input).passed_on_to(output);
            decode(transport::STEP, &mut stored, u64::MAX, |chunk| {
                reading.take(&chunk);
                Ok(())
            })?;
            return Ok(reading.end(Some(stored.meter.end())));
        }
        let mut encoder = Encoder::new(compression)?;
        let mut outlet = Outlet::new(output);
        let mut take = |chunk: Bytes| {
            reading.take(&chunk);
            match &mut encoder {
                Some(encoder) => {
                    encoder.push(&chunk, &mut outlet.out)?;
                    outlet.send_full()
                }
                // Stored as it is: what was hashed is not hashed again.
                None => send(output, chunk),
            }
        };
        match arrives {
            Arrives::Plain => {
                while let Some(chunk) = next(input)? {
                    take(chunk)?;
                }
            }
            Arrives::Zstd => {
                decode(transport::STEP, &mut Stored::new(input), u64::MAX, take)?;
            }
        }
        let stored = match encoder {
            Some(encoder) => {
                encoder.finish(&mut outlet.out)?;
                Some(outlet.end()?)
            }
            None => None,
        };
        Ok(reading.end(stored))
    })
}

/// Starts a worker that decompresses. `input` takes stored bytes; [`Input::Finish`] says the object was read to its end.
/// No more than `most` bytes come out: if there are more, the result is `None`, at once.
pub(super) fn decompress(encoding: &Encoding, most: u64) -> io::Result<Worker<Option<Digests>>> {
    let step = encoding.compression();
    spawn("decompress", move |input, output| {
        let mut stored = Stored::new(input);
        let Some(step) = step else {
            // What was hashed is not hashed again, nor copied.
            while let Some(chunk) = stored.next()? {
                if stored.meter.bytes > most {
                    return Ok(None);
                }
                send(output, chunk)?;
            }
            let stored = stored.meter.end();
            return Ok(Some(digests(stored, stored)));
        };
        let mut meter = Meter::new();
        let is_all = decode(step, &mut stored, most, |chunk| {
            meter.take(&chunk);
            send(output, chunk)
        })?;
        Ok(is_all.then(|| digests(meter.end(), stored.meter.end())))
    })
}

/// Decompresses what is stored, to its end. No more than `most` bytes come out: whether they were all.
fn decode(
    step: Step,
    stored: &mut Stored<'_>,
    most: u64,
    mut take: impl FnMut(Bytes) -> io::Result<()>,
) -> io::Result<bool> {
    let pool = Pool::default();
    let mut decoder = codec::decoder(step, &mut *stored)?;
    let mut wanted = decoder.by_ref().take(most);
    loop {
        let mut memory = pool.take_filled();
        let filled = fill(&mut wanted, &mut memory)?;
        if filled == 0 {
            break;
        }
        let mut chunk = pool.share(memory);
        chunk.truncate(filled);
        take(chunk)?;
    }
    if decoder.read(&mut [0])? > 0 {
        return Ok(false);
    }
    drop(decoder);
    if !stored.fill_buf()?.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "bytes behind the end of the archive"));
    }
    Ok(true)
}

/// Reads until the buffer is full, or there is no more; returns how much that is.
pub(super) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match reader.read(room)? {
            0 => break,
            bytes => filled += bytes,
        }
    }
    Ok(filled)
}

/// The way into a decoder, metered.
struct Stored<'a> {
    input: &'a mut mpsc::Receiver<Input>,
    /// Who else gets it, and first.
    other: Option<&'a mpsc::Sender<Bytes>>,
    /// What the decoder has not taken yet.
    chunk: Bytes,
    has_ended: bool,
    meter: Meter,
}

impl<'a> Stored<'a> {
    fn new(input: &'a mut mpsc::Receiver<Input>) -> Self {
        Self { input, other: None, chunk: Bytes::new(), has_ended: false, meter: Meter::new() }
    }

    fn passed_on_to(self, other: &'a mpsc::Sender<Bytes>) -> Self {
        Self { other: Some(other), ..self }
    }

    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let chunk = next(self.input)?;
        if let Some(chunk) = &chunk {
            if let Some(other) = self.other {
                send(other, chunk.clone())?;
            }
            self.meter.take(chunk);
        }
        Ok(chunk)
    }
}

impl BufRead for Stored<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.chunk.is_empty() && !self.has_ended {
            match self.next()? {
                Some(chunk) => self.chunk = chunk,
                None => self.has_ended = true,
            }
        }
        Ok(&self.chunk)
    }

    fn consume(&mut self, bytes: usize) {
        self.chunk.advance(bytes);
    }
}

impl Read for Stored<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?.read(buffer)?;
        self.consume(bytes);
        Ok(bytes)
    }
}

/// The next chunk; `None` when it was everything.
fn next(input: &mut mpsc::Receiver<Input>) -> io::Result<Option<Bytes>> {
    match input.blocking_recv() {
        Some(Input::Chunk(chunk)) => Ok(Some(chunk)),
        Some(Input::Finish) => Ok(None),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The way out of a coder, metered.
struct Outlet<'a> {
    channel: &'a mpsc::Sender<Bytes>,
    pool: Pool,
    /// Where the coder writes, again and again.
    out: Vec<u8>,
    meter: Meter,
}

impl<'a> Outlet<'a> {
    fn new(channel: &'a mpsc::Sender<Bytes>) -> Self {
        Self { channel, pool: Pool::default(), out: Vec::new(), meter: Meter::new() }
    }

    /// Sends what there is of whole chunks.
    fn send_full(&mut self) -> io::Result<()> {
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

    fn end(mut self) -> io::Result<(u64, Sha256)> {
        self.send(self.out.len())?;
        Ok(self.meter.end())
    }
}

fn digests(plain: (u64, Sha256), stored: (u64, Sha256)) -> Digests {
    Digests { plain_bytes: plain.0, plain_sha256: plain.1, stored_bytes: stored.0, stored_sha256: stored.1 }
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce(&mut mpsc::Receiver<Input>, &mpsc::Sender<Bytes>) -> io::Result<T> + Send + 'static,
) -> io::Result<Worker<T>> {
    let (channel, mut feed) = mpsc::channel(QUEUE);
    let (pieces, output) = mpsc::channel(QUEUE);
    let (done, result) = oneshot::channel();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let ended = work(&mut feed, &pieces);
        // Nobody listens to a worker whose run was given up.
        drop(done.send(ended));
    })?;
    let pool = Pool::default();
    let gathered = pool.take();
    let input = Intake { channel, pool, gathered };
    Ok(Worker { input, output, result })
}

fn send(output: &mpsc::Sender<Bytes>, chunk: Bytes) -> io::Result<()> {
    if chunk.is_empty() {
        return Ok(());
    }
    output.blocking_send(chunk).map_err(|_| io::ErrorKind::BrokenPipe.into())
}

/// Counts and hashes what passes.
pub(super) struct Meter {
    bytes: u64,
    sha256: Context,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { bytes: 0, sha256: Context::new(&SHA256) }
    }

    pub(super) fn take(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.sha256.update(piece);
    }

    pub(super) fn end(self) -> (u64, Sha256) {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.sha256.finish().as_ref());
        (self.bytes, Sha256(digest))
    }
}
