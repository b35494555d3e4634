//! A stored dump on standard output, checked while it passes.

use std::io::{self, Write};

use bytes::Bytes;

use crate::model::compression::Compression;
use crate::model::key::BackupKey;
use crate::model::manifest::{Manifest, ManifestObject, ObjectKind};
use crate::pipeline;
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
pub fn choose<'a>(manifest: &'a Manifest, wanted: &Wanted) -> Result<&'a ManifestObject, String> {
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
    if *wanted == Wanted::Only && found.len() > 1 {
        // Every PostgreSQL has this one, mostly empty.
        found.retain(|object| object.database.as_deref() != Some("postgres"));
    }
    let mut found = found.into_iter();
    match (found.next(), found.next(), wanted) {
        (Some(object), None, _) => Ok(object),
        (_, _, Wanted::Database(name)) => {
            Err(format!("the backup has no database {name:?}: {}", databases()))
        }
        (_, _, Wanted::Globals) => Err("the backup has no globals".into()),
        (Some(_), Some(_), Wanted::Only) => Err(format!("say which database (--database): {}", databases())),
        (None, _, Wanted::Only) => Err("the backup has no database, only globals (--globals)".into()),
    }
}

/// Why an object could not be shown. Part of it may have been written.
#[derive(Debug, thiserror::Error)]
pub enum CatError {
    #[error(transparent)]
    Read(#[from] pipeline::ReadError),
    /// Whoever read standard output has gone.
    #[error("nobody reads the output any more")]
    Closed,
    #[error("{name} is damaged: its {what} is not the manifest's. Do not use what was printed")]
    Damaged { name: String, what: &'static str },
}

/// Writes an object to standard output: as the dump tool printed it, or with `stored` as it lies in the bucket.
///
/// # Errors
/// See [`CatError`].
pub async fn cat(
    store: &Store,
    key: &BackupKey,
    object: &ManifestObject,
    stored: bool,
) -> Result<(), CatError> {
    let download = store.download(&key.object(&object.name)).await.map_err(pipeline::ReadError::from)?;
    let compression = if stored { Compression::None } else { object.compression };
    let mut output = io::stdout().lock();
    let write = async |piece: Bytes| output.write_all(&piece);
    let digests = match pipeline::read(download, compression, write).await {
        Ok(digests) => digests,
        Err(pipeline::ReadError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            return Err(CatError::Closed);
        }
        Err(error) => return Err(error.into()),
    };
    output.flush().map_err(pipeline::ReadError::Output)?;
    let damaged = |what| Err(CatError::Damaged { name: object.name.clone(), what });
    if digests.stored_bytes != object.stored_bytes {
        return damaged("size");
    }
    if digests.stored_sha256 != object.stored_sha256 {
        return damaged("SHA-256");
    }
    if !stored && digests.plain_sha256 != object.plain_sha256 {
        return damaged("SHA-256 after decompression");
    }
    Ok(())
}
