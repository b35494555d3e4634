//! Redis and Valkey.

mod address;
pub(super) mod commands;
mod dump;
pub(super) mod kind;
mod login;
mod restore;
mod said;
mod session;
mod settings;
mod signs;
