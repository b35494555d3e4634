//! What a server has besides the databases that come back to it.

use std::collections::{BTreeMap, BTreeSet};

/// What is to become of a part of a database's description that this server may not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Placement {
    /// Everything goes into the server's default tablespace.
    pub default_tablespace: bool,
    /// Databases get the locale that the server makes its own with.
    pub server_locale: bool,
}

/// What a server has that decides how, and whether, a backup comes back to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The role that asks.
    pub(in crate::engine) login: String,
    pub(in crate::engine) tablespaces: BTreeSet<String>,
    pub(in crate::engine) databases: BTreeMap<String, DatabaseState>,
    /// Of databases: transactions that wait for their second phase.
    pub(in crate::engine) prepared: Vec<(String, String)>,
    pub(in crate::engine) subscriptions: Vec<Subscription>,
    /// Logical replication slots, by database.
    pub(in crate::engine) slots: Vec<(String, String)>,
    /// Databases with a number instead of a name that are empty, in the order in which they are to be taken.
    pub(in crate::engine) free: Vec<u32>,
    /// What a new database sorts by, unless told.
    pub(in crate::engine) collate: String,
    pub(in crate::engine) ctype: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum DatabaseState {
    Plain,
    Template,
    Broken,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Subscription {
    pub(in crate::engine) database: String,
    pub(in crate::engine) name: String,
    /// On the server it subscribes to.
    pub(in crate::engine) slot: Option<String>,
}
