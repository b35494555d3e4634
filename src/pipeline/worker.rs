//! The thread a dump is hashed and compressed on.
//!
//! Compression would block the async runtime, so each dump has one thread of its own, with bounded channels on both
//! sides. Memory is what they hold: [`QUEUE_IN`] pieces of up to 64 KiB and [`QUEUE_OUT`] of about [`OUT_PIECE`].

use std::io;

use bytes::Bytes;
use ring::digest::{Context, SHA256};
use tokio::sync::{mpsc, oneshot};

use super::codec::{Decoder, Encoder};
use crate::model::compression::Compression;
use crate::model::content::{Content, Counter, Dialect};
use crate::model::manifest::Sha256;

const QUEUE_IN: usize = 16;
const QUEUE_OUT: usize = 8;
const OUT_PIECE: usize = 128 * 1024;

/// What the worker is sent. A channel that closes without [`Input::Finish`] is a stream that broke off.
#[derive(Debug)]
pub(super) enum Input {
    Piece(Bytes),
    /// Everything was sent, and it was proved to be everything.
    Finish,
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
    pub digests: Digests,
    /// Of a dump whose dialect is known.
    pub content: Option<Content>,
}

/// The two ends of a worker.
pub(super) struct Worker<T> {
    pub(super) input: mpsc::Sender<Input>,
    pub(super) output: mpsc::Receiver<Bytes>,
    /// Arrives after the last of the output, and only after a [`Input::Finish`].
    pub(super) result: oneshot::Receiver<io::Result<T>>,
}

/// Starts a worker that compresses, and counts what is in a dump of this dialect.
pub(super) fn compress(compression: Compression, dialect: Option<Dialect>) -> io::Result<Worker<Made>> {
    spawn("compress", move |input, output| {
        let mut plain = Meter::new();
        let mut counter = dialect.map(Counter::new);
        let mut stored = Meter::new();
        let mut encoder = Encoder::new(compression)?;
        let mut out = Vec::with_capacity(OUT_PIECE);
        let mut finished = false;
        while let Some(feed) = input.blocking_recv() {
            if let (Input::Piece(piece), Some(counter)) = (&feed, &mut counter) {
                counter.take(piece);
            }
            match (feed, &mut encoder) {
                (Input::Piece(piece), Some(encoder)) => {
                    plain.take(&piece);
                    encoder.push(&piece, &mut out)?;
                }
                (Input::Piece(piece), None) => {
                    plain.take(&piece);
                    send(output, piece)?;
                }
                (Input::Finish, _) => {
                    finished = true;
                    break;
                }
            }
            if out.len() >= OUT_PIECE {
                stored.take(&out);
                send(output, std::mem::replace(&mut out, Vec::with_capacity(OUT_PIECE)).into())?;
            }
        }
        if !finished {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(encoder) = encoder else {
            let (bytes, sha256) = plain.end();
            let digests = Digests {
                plain_bytes: bytes,
                plain_sha256: sha256,
                stored_bytes: bytes,
                stored_sha256: sha256,
            };
            return Ok(Made { digests, content: counter.map(Counter::end) });
        };
        encoder.finish(&mut out)?;
        stored.take(&out);
        send(output, out.into())?;
        Ok(Made { digests: digests(plain, stored), content: counter.map(Counter::end) })
    })
}

/// Starts a worker that decompresses. `input` takes stored bytes; [`Input::Finish`] says the object was read to its end.
pub(super) fn decompress(compression: Compression) -> io::Result<Worker<Digests>> {
    spawn("decompress", move |input, output| {
        let mut plain = Meter::new();
        let mut stored = Meter::new();
        let mut decoder = Decoder::new(compression)?;
        let mut finished = false;
        while let Some(feed) = input.blocking_recv() {
            let Input::Piece(piece) = feed else {
                finished = true;
                break;
            };
            stored.take(&piece);
            let Some(decoder) = &mut decoder else {
                plain.take(&piece);
                send(output, piece)?;
                continue;
            };
            // In small steps: a few stored bytes may be many plain ones.
            for step in piece.chunks(16 * 1024) {
                let mut out = Vec::new();
                decoder.push(step, &mut out)?;
                plain.take(&out);
                send(output, out.into())?;
            }
        }
        if !finished {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(decoder) = decoder {
            let mut out = Vec::new();
            decoder.finish(&mut out)?;
            plain.take(&out);
            send(output, out.into())?;
        }
        Ok(digests(plain, stored))
    })
}

fn digests(plain: Meter, stored: Meter) -> Digests {
    let (plain_bytes, plain_sha256) = plain.end();
    let (stored_bytes, stored_sha256) = stored.end();
    Digests { plain_bytes, plain_sha256, stored_bytes, stored_sha256 }
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce(&mut mpsc::Receiver<Input>, &mpsc::Sender<Bytes>) -> io::Result<T> + Send + 'static,
) -> io::Result<Worker<T>> {
    let (input, mut feed) = mpsc::channel(QUEUE_IN);
    let (pieces, output) = mpsc::channel(QUEUE_OUT);
    let (done, result) = oneshot::channel();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let ended = work(&mut feed, &pieces);
        // Nobody listens to a worker whose run was given up.
        drop(done.send(ended));
    })?;
    Ok(Worker { input, output, result })
}

fn send(output: &mpsc::Sender<Bytes>, piece: Bytes) -> io::Result<()> {
    if piece.is_empty() {
        return Ok(());
    }
    output.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
}

/// Counts and hashes what passes.
struct Meter {
    bytes: u64,
    sha256: Context,
}

impl Meter {
    fn new() -> Self {
        Self { bytes: 0, sha256: Context::new(&SHA256) }
    }

    fn take(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.sha256.update(piece);
    }

    fn end(self) -> (u64, Sha256) {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.sha256.finish().as_ref());
        (self.bytes, Sha256(digest))
    }
}
