//! Dumpcar: proven database backups from a Docker sidecar, streamed into S3-compatible storage.
//!
//! `docker` runs a dump tool inside a container, `pipeline` hashes and compresses what it prints, `store` uploads it;
//! `jobs` puts them together and `scheduler` says when. `model` and `engine` are pure. See `ARCHITECTURE.md`.

pub mod app;
mod causes;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod discovery;
pub mod docker;
pub mod engine;
pub mod exit;
#[cfg(any(test, feature = "bench"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod helper;
pub mod holder;
pub mod jobs;
pub mod listen;
mod lock;
pub mod logging;
mod machine;
pub mod model;
pub mod outcome;
pub mod pipeline;
mod random;
pub mod report;
pub mod scheduler;
pub mod secret;
pub mod signals;
pub mod signing;
pub mod store;
pub mod terminal;
pub mod text;
pub mod told;
mod web;
pub mod worth;
