//! What Dumpcar does, each job a module.

pub mod backup;
pub mod cat;
pub mod delete;
pub mod drill;
pub mod error;
mod explain;
pub mod good;
pub mod helper;
mod leftovers;
pub mod list;
pub mod past;
pub mod policy;
pub mod prune;
pub mod readme;
pub mod record;
pub mod restore;
mod scratch;
pub mod show;
mod span;
mod survey;
pub mod sweep;
pub mod verify;
