//! What each kind of database needs: which commands make its dump, what their output means, whether a dump is whole.
//!
//! Everything in here is a function of what is known of a container. Nothing runs a command, reads a clock or sees a
//! password: a [`Command`] names where its password is, and the shell inside the container puts it in place.
//!
//! [`Kind`] is what Dumpcar asks of an engine. An engine is a folder, and a line in the registry.

mod custom;
mod diagnosis;
mod edit;
mod kind;
mod mariadb_mysql;
mod postgresql;
mod redis;
mod registry;
mod shared;
mod sqlite;

pub use custom::hook;
pub use diagnosis::{Diagnosis, diagnose};
pub use edit::Edit;
pub use kind::{Kind, ScratchServer};
pub use mariadb_mysql::restore::accounts::{AccountFilter, Accounts};
pub use mariadb_mysql::restore::exchange::{
    Control, Exchange, Inventory, SESSION, Script, Side, Stage, Unexpected, Way,
};
pub use mariadb_mysql::restore::separate::{Definitions, Separated, Separation, Separator};
pub use postgresql::edit::DumpEdit;
pub use postgresql::globals::{Globals, Tablespace};
pub use registry::{Engine, EngineError, WrongEngine};
pub use shared::activity::Activity;
pub use shared::address::{Address, is_host, is_socket};
pub use shared::broken::{Broken, Without};
pub use shared::completeness::IncompleteDump;
pub use shared::facts::Facts;
pub use shared::failure::ToolFailure;
pub use shared::loading::Loading;
pub use shared::login::{Login, Password, User};
pub use shared::names::is_old_name;
pub use shared::replacement::{Replacement, Staged};
pub use shared::scratch::Answering;
pub use shared::settings::Settings;
pub use shared::surroundings::{Placement, Surroundings};
pub use shared::survey::{Database, Survey, SurveyError};
pub use shared::units::Units;
pub use shared::warnings::warnings;

pub use crate::model::command::Command;

#[cfg(test)]
mod tests;
