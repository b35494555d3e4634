//! MariaDB and MySQL.

mod address;
mod dump;
pub(super) mod flavour;
pub(super) mod kind;
mod login;
pub(super) mod restore;
mod session;
mod settings;
mod signs;
