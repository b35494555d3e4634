//! The thread a dump is hashed and compressed on.
//!
//! Compression would block the async runtime, so each dump has one thread of its own, with bounded channels on both
//! sides. Memory is what they hold, [`QUEUE`] chunks of [`super::chunk::CHUNK`] on each side, and the codec's.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::codec::Encoder;
use super::ends::Ends;
use super::meter::Meter;
use super::ports::{Input, Intake, Outlet, next, send};
use super::stored::{Stored, decode};
use super::transport;
use crate::docker::Arrives;
use crate::model::compression::Compression;
use crate::model::content::{Content, Counter, Dialect, NotWhole, Unread};
use crate::model::encoding::Encoding;
use crate::model::manifest::Sha256;

const QUEUE: usize = 4;

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
    Ok(Worker { input: Intake::new(channel), output, result })
}
