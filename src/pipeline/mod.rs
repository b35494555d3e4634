//! From a command's output into an object, and back: the only join of Docker and the store.
//!
//! ```text
//! exec ─► head and tail kept ─► worker: SHA-256 ─► codec ─► SHA-256 ─► upload
//! ```
//! The worker is told to finish only after the exec ended with its trailer and the content check passed; an object is
//! committed only after the worker finished. A stream that breaks off anywhere ends as an aborted upload.

mod codec;
mod progress;
mod worker;

pub use progress::Progress;
pub use worker::Digests;

use std::io;
use std::time::Duration;

use bytes::Bytes;

use crate::docker::{Exec, ExecError};
use crate::model::compression::Compression;
use crate::store::{Download, StoreError, Upload};
use worker::{Feed, Worker};

/// Enough for a magic number, and for the marks engines put at the end of a dump.
const HEAD: usize = 64;
const TAIL: usize = 4096;

/// Why a dump did not get into the store.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tool said it did well, and its output says otherwise.
    #[error("{0}")]
    Content(String),
    #[error("compress the dump")]
    Codec(#[source] io::Error),
}

/// The two ends of a dump, for the content check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ends {
    pub head: Vec<u8>,
    pub tail: Vec<u8>,
    pub bytes: u64,
}

impl Ends {
    fn take(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        let room = HEAD - self.head.len();
        self.head.extend(piece.iter().take(room));
        let last = piece.get(piece.len().saturating_sub(TAIL)..).unwrap_or_default();
        let surplus = (self.tail.len() + last.len()).saturating_sub(TAIL);
        self.tail.drain(..surplus);
        self.tail.extend_from_slice(last);
    }
}

/// Streams a command's output into `upload`, which then wants to be committed; after an error, aborted.
///
/// `stall` limits how long the command may be silent, on standard error as well. Time in which the store holds things up
/// does not count: nobody waits for the command then.
///
/// # Errors
/// See [`PipelineError`].
pub async fn dump(
    exec: &mut Exec,
    upload: &mut Upload,
    compression: Compression,
    stall: Duration,
    check: impl FnOnce(&Ends) -> Result<(), String>,
    progress: &Progress,
) -> Result<Digests, PipelineError> {
    let Worker { input, mut output, result } = worker::compress(compression).map_err(PipelineError::Codec)?;
    let feed = async move {
        let mut ends = Ends::default();
        while let Some(piece) = exec.next(stall).await? {
            ends.take(&piece);
            progress.add_plain(piece.len());
            if input.send(Feed::Piece(piece)).await.is_err() {
                // The worker ended early; its result says why.
                return Ok(());
            }
        }
        check(&ends).map_err(PipelineError::Content)?;
        drop(input.send(Feed::Finish).await);
        Ok(())
    };
    let send = async {
        while let Some(piece) = output.recv().await {
            let bytes = piece.len();
            upload.write(piece).await?;
            progress.add_stored(bytes);
        }
        Ok::<_, PipelineError>(())
    };
    tokio::try_join!(feed, send)?;
    result
        .await
        .unwrap_or_else(|_| Err(io::Error::other("the worker panicked")))
        .map_err(PipelineError::Codec)
}

/// Why an object could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("decompress the object: it is damaged")]
    Codec(#[source] io::Error),
    #[error("write the output")]
    Output(#[source] io::Error),
}

/// Reads an object, decompressed, into `sink`, and returns what was read. The caller compares it with the manifest.
///
/// # Errors
/// See [`ReadError`]; `sink` may have taken a part by then.
pub async fn read(
    mut download: Download,
    compression: Compression,
    mut sink: impl AsyncFnMut(Bytes) -> io::Result<()>,
) -> Result<Digests, ReadError> {
    let Worker { input, mut output, result } = worker::decompress(compression).map_err(ReadError::Codec)?;
    let feed = async move {
        while let Some(piece) = download.next().await? {
            if input.send(Feed::Piece(piece)).await.is_err() {
                return Ok(());
            }
        }
        drop(input.send(Feed::Finish).await);
        Ok::<_, ReadError>(())
    };
    let take = async {
        while let Some(piece) = output.recv().await {
            sink(piece).await.map_err(ReadError::Output)?;
        }
        Ok(())
    };
    tokio::try_join!(feed, take)?;
    result.await.unwrap_or_else(|_| Err(io::Error::other("the worker panicked"))).map_err(ReadError::Codec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_dump_are_kept_however_it_is_split() {
        let dump: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
        for piece in [1, 7, 63, 64, 65, 4095, 4096, 4097, 100_000] {
            let mut ends = Ends::default();
            dump.chunks(piece).for_each(|piece| ends.take(piece));
            assert_eq!(ends.head, dump[..HEAD]);
            assert_eq!(ends.tail, dump[dump.len() - TAIL..]);
            assert_eq!(ends.bytes, dump.len() as u64);
        }
    }
}
