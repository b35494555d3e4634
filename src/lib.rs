//! Dumpcar: proven database backups from a Docker sidecar, streamed into S3-compatible storage.

pub mod engine;
pub mod model;
