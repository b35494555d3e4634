//! A stored dump on standard output, checked while it passes.

use std::io::{self, Write};

use bytes::Bytes;

use crate::engine::Engine;
use crate::jobs::error::{JobError, JobErrorKind};
use crate::model::key::BackupKey;
use crate::model::manifest::{Manifest, ManifestObject, ObjectKind};
use crate::pipeline::{self, Form, ReadError};
use crate::store::Store;

/// Which object of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    Database(String),
    Globals,
    /// The only database (besides PostgreSQL's `postgres`), or the custom dump.
    Only,
}

/// Finds the object.
///
/// # Errors
/// There is none, or several; the text lists them.
pub fn choose<'a>(manifest: &'a Manifest, wanted: &Wanted) -> Result<&'a ManifestObject, JobError> {
    let nothing = |text: String| Err(JobError::new(JobErrorKind::Nothing, text));
    let databases = || {
        let names: Vec<_> = manifest.objects.iter().filter_map(|object| object.database.as_deref()).collect();
        if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) }
    };
    let is_wanted = |object: &&ManifestObject| match wanted {
        Wanted::Database(name) => object.database.as_ref() == Some(name),
        Wanted::Globals => object.kind == ObjectKind::Globals,
        Wanted::Only => object.kind != ObjectKind::Globals,
    };
    let mut found: Vec<&ManifestObject> = manifest.objects.iter().filter(is_wanted).collect();
    if *wanted == Wanted::Only
        && found.len() > 1
        && let Some(first) = Engine::of(manifest).ok().and_then(|engine| engine.first_database())
    {
        found.retain(|object| object.database.as_deref() != Some(first));
    }
    let mut found = found.into_iter();
    match (found.next(), found.next(), wanted) {
        (Some(object), None, _) => Ok(object),
        (_, _, Wanted::Database(name)) => {
            nothing(format!("the backup has no database {name:?}: {}", databases()))
        }
        (_, _, Wanted::Globals) => nothing("the backup has no globals".to_owned()),
        (Some(_), Some(_), Wanted::Only) => {
            nothing(format!("say which database (--database): {}", databases()))
        }
        (None, _, Wanted::Only) => nothing("the backup has no database, only globals (--globals)".to_owned()),
    }
}

/// Why an object could not be shown. Part of it may have been written.
#[derive(Debug, thiserror::Error)]
pub enum CatError {
    #[error("do not use what was printed")]
    Damaged(#[source] ReadError),
    #[error(transparent)]
    Read(ReadError),
    /// Whoever read standard output has gone.
    #[error("nobody reads the output any more")]
    Closed,
}

/// Writes an object to standard output.
///
/// # Errors
/// See [`CatError`].
pub async fn cat(
    store: &Store,
    key: &BackupKey,
    object: &ManifestObject,
    form: Form,
) -> Result<(), CatError> {
    match pipeline::read(store, key, object, form, print).await {
        Ok(_) => Ok(()),
        Err(ReadError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Err(CatError::Closed),
        Err(error @ (ReadError::Damaged { .. } | ReadError::Codec { .. })) => Err(CatError::Damaged(error)),
        Err(error) => Err(CatError::Read(error)),
    }
}

/// Writes a piece on a thread of its own: a pager that shows its first page must not hold up a stop.
async fn print(piece: Bytes) -> io::Result<()> {
    let write = move || {
        let mut output = io::stdout().lock();
        output.write_all(&piece)?;
        output.flush()
    };
    tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
}
