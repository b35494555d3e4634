//! Values and pure functions: what a backup is called, what is kept, when it is due.
//!
//! Nothing in here does I/O or reads a clock; `now` is an argument.

pub mod at;
pub mod certificate;
pub mod command;
pub mod compression;
pub mod content;
pub mod database;
pub mod drill;
pub mod duration;
pub mod encoding;
pub mod engine;
pub mod forgotten;
pub mod future;
pub mod glob;
pub mod helper;
pub mod id;
pub mod job;
pub mod key;
pub mod line;
pub mod manifest;
pub mod missing;
pub mod parts;
pub mod past_backup;
pub mod past_drill;
pub mod readme;
pub mod restore_command;
pub mod retention;
pub mod run;
pub mod schedule;
pub mod splitmix;
pub mod suspicion;
pub mod target;
pub mod transport;
pub mod trend;
pub mod trigger;
pub mod verified;
pub mod words;
pub mod writers;
