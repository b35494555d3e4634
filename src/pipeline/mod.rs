//! From a command's output into an object, and back: the only join of Docker and the store.
//!
//! ```text
//! exec ─► worker: SHA-256, both ends, content ─► codec ─► SHA-256 ─► upload
//! ```
//! A dump that was compressed in the target as it is to be stored goes straight to the upload, and the worker reads it
//! behind that.
//!
//! The worker is told to finish only after the exec ended with its trailer; an object is committed only after the worker
//! finished and the content check passed. A stream that breaks off anywhere ends as an aborted upload.

mod chunk;
mod codec;
mod ends;
mod meter;
mod ports;
mod progress;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod simulation;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod stages;
mod stored;
mod threads;
pub mod transport;
mod worker;
mod xz;
mod zstd_stream;

pub use ends::Ends;
pub use progress::{PartProgress, Progress};
pub use worker::{Digests, Made};

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::docker::{Arrives, Exec, ExecError, Feed};
use crate::model::compression::Compression;
use crate::model::content::{Content, Counter, Dialect};
use crate::model::encoding::Encoding;
use crate::model::key::BackupKey;
use crate::model::manifest::ManifestObject;
use crate::store::{Store, StoreError, Upload};
use ports::Gone;
use transport::Packer;
use worker::Worker;

/// Why a dump did not get into the store.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error(transparent)]
    Exec(ExecError),
    /// What was compressed in the target did not arrive: without that, the dump may be as good as any.
    #[error("{0}")]
    Transport(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tool said it did well, and its output says otherwise.
    #[error("{0}")]
    Content(String),
    #[error("compress the dump")]
    Codec(#[source] io::Error),
}

impl From<ExecError> for PipelineError {
    fn from(error: ExecError) -> Self {
        if matches!(error, ExecError::Compressor { .. }) {
            return Self::Transport(error.to_string());
        }
        Self::Exec(error)
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
    dialect: Option<Dialect>,
    stall: Duration,
    check: impl FnOnce(&Ends) -> Result<(), String>,
    progress: &Progress,
) -> Result<Made, PipelineError> {
    let arrives = exec.form(stall).await?;
    let failed = |error| match arrives {
        Arrives::Plain => PipelineError::Codec(error),
        Arrives::Zstd => {
            PipelineError::Transport(format!("what zstd in the container made cannot be read: {error}"))
        }
    };
    let passed = Arc::new(AtomicU64::new(0));
    let worker = worker::compress(arrives, compression, dialect, Arc::clone(&passed));
    let Worker { mut input, mut output, result } = worker.map_err(PipelineError::Codec)?;
    let told = AtomicU64::new(0);
    let tell = || {
        let now = passed.load(Ordering::Relaxed);
        progress.add_plain(now - told.swap(now, Ordering::Relaxed));
    };
    let feed = async {
        while let Some(piece) = exec.next(stall).await? {
            tell();
            if let Err(Gone) = input.push(&piece).await {
                return Ok(());
            }
        }
        drop(input.finish().await);
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
    let made =
        result.await.unwrap_or_else(|_| Err(io::Error::other("the worker panicked"))).map_err(failed)?;
    tell();
    check(&made.ends).map_err(PipelineError::Content)?;
    match made.whole {
        Ok(()) => Ok(made),
        Err(reason) => Err(PipelineError::Content(format!("the dump is not whole: {reason}"))),
    }
}

/// Reads a command's output to its end, and says what is in it.
///
/// # Errors
/// The command failed.
pub async fn inspect(
    exec: &mut Exec,
    dialect: Dialect,
    stall: Duration,
    progress: &Progress,
) -> Result<Content, ExecError> {
    let mut counter = Counter::new(dialect);
    while let Some(piece) = exec.next(stall).await? {
        counter.take(&piece);
        progress.add_plain(piece.len() as u64);
    }
    Ok(counter.end())
}

/// Why an object could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{name} is damaged: it cannot be decompressed")]
    Codec {
        name: String,
        #[source]
        source: io::Error,
    },
    /// What was read is not what the manifest says.
    #[error("{name} is damaged: its {what} is not the manifest's")]
    Damaged { name: String, what: &'static str },
    /// Whoever takes what is read has failed.
    #[error("write the output")]
    Output(#[source] io::Error),
}

/// How an object is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As the dump tool printed it.
    Plain,
    /// As it lies in the bucket.
    Stored,
}

/// Reads an object of the backup at `key` into `sink` and holds it against the manifest: both sizes and both digests.
/// Returns the two ends of what `sink` took.
///
/// # Errors
/// See [`ReadError`]. `sink` may have taken all of it by then: damage may show only at the end. It has never taken more than
/// the manifest says there is.
pub async fn read(
    store: &Store,
    key: &BackupKey,
    object: &ManifestObject,
    form: Form,
    mut sink: impl AsyncFnMut(Bytes) -> io::Result<()>,
) -> Result<Ends, ReadError> {
    let damaged = |what| ReadError::Damaged { name: object.name.clone(), what };
    let mut download = store.download(&key.object(&object.name)).await?;
    if download.size() != object.stored_bytes {
        return Err(damaged("size"));
    }
    let (encoding, most, size) = match form {
        Form::Plain => (&object.encoding, object.plain_bytes, "size after decompression"),
        Form::Stored => (&Encoding::NONE, object.stored_bytes, "size"),
    };
    let broken = |source| ReadError::Codec { name: object.name.clone(), source };
    let Worker { mut input, mut output, result } = worker::decompress(encoding, most).map_err(broken)?;
    let feed = async move {
        while let Some(range) = download.next().await? {
            if let Err(Gone) = input.push(&range).await {
                return Ok(());
            }
        }
        drop(input.finish().await);
        Ok::<_, ReadError>(())
    };
    let mut ends = Ends::default();
    let take = async {
        while let Some(piece) = output.recv().await {
            ends.take(&piece);
            sink(piece).await.map_err(ReadError::Output)?;
        }
        Ok(())
    };
    tokio::try_join!(feed, take)?;
    let digests =
        result.await.unwrap_or_else(|_| Err(io::Error::other("the worker panicked"))).map_err(broken)?;
    let Some(digests) = digests else { return Err(damaged(size)) };
    if digests.stored_sha256 != object.stored_sha256 {
        return Err(damaged("SHA-256"));
    }
    if form == Form::Plain && digests.plain_bytes != object.plain_bytes {
        return Err(damaged(size));
    }
    if form == Form::Plain && digests.plain_sha256 != object.plain_sha256 {
        return Err(damaged("SHA-256 after decompression"));
    }
    Ok(ends)
}

/// Why a dump did not get back into a target.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// The object is what the manifest says, and no whole dump.
    #[error("{0}")]
    Content(String),
    #[error("compress the dump on its way into the container")]
    Codec(#[source] io::Error),
}

/// Feeds a command with an object, and lets it see the end of its input only when all of it was right. After an error
/// `feed` wants to be cancelled.
///
/// `edit` gets each piece and says what to pass on for it, and is asked once more, without one, for what is left at the end.
///
/// # Errors
/// See [`RestoreError`].
pub async fn restore(
    store: &Store,
    key: &BackupKey,
    object: &ManifestObject,
    feed: &mut Feed,
    mut edit: impl FnMut(Option<Bytes>) -> Bytes,
    check: impl FnOnce(&Ends) -> Result<(), String>,
    progress: &Progress,
) -> Result<(), RestoreError> {
    let mut failed = None;
    let mut packer = match feed.form() {
        Arrives::Plain => None,
        Arrives::Zstd => Some(Packer::new().map_err(RestoreError::Codec)?),
    };
    let sink = async |piece: Bytes| {
        let bytes = piece.len();
        let edited = edit(Some(piece));
        let edited = match &mut packer {
            Some(packer) => packer.push(&edited)?,
            None => edited,
        };
        feed.write(edited).await.map_err(|error| {
            failed = Some(error);
            io::Error::from(io::ErrorKind::BrokenPipe)
        })?;
        progress.add_plain(bytes as u64);
        Ok(())
    };
    let ends = match read(store, key, object, Form::Plain, sink).await {
        Ok(ends) => ends,
        Err(error) => return Err(failed.map_or(error.into(), RestoreError::Exec)),
    };
    check(&ends).map_err(RestoreError::Content)?;
    let mut last = edit(None);
    if let Some(packer) = packer {
        last = packer.end(&last).map_err(RestoreError::Codec)?;
    }
    feed.write(last).await?;
    feed.finish().await?;
    Ok(())
}
