//! PostgreSQL.

mod address;
mod dump;
pub(super) mod edit;
pub(super) mod globals;
pub(super) mod kind;
mod lacks;
mod login;
mod paths;
mod restore;
mod restrict;
mod script;
mod session;
mod settings;
mod signs;
pub(super) mod surroundings;
