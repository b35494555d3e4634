//! What Dumpcar does, each job a module.

pub mod backup;
pub mod cat;
pub mod check;
pub mod delete;
mod diagnosis;
pub mod drill;
pub mod error;
pub mod helper;
mod inside;
mod leftovers;
pub mod list;
pub mod newest;
pub mod past;
pub mod policy;
pub mod prune;
pub mod readme;
pub mod record;
pub mod restore;
mod scratch;
pub mod show;
mod span;
pub mod status;
mod survey;
pub mod sweep;
pub mod verify;
