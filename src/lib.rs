//! Dumpcar: proven database backups from a Docker sidecar, streamed into S3-compatible storage.

pub mod docker;
pub mod model;
