//! What engines have in common.

pub(super) mod activity;
pub(super) mod address;
pub(super) mod broken;
pub(super) mod completeness;
pub(super) mod detection;
pub(super) mod facts;
pub(super) mod failure;
pub(super) mod loading;
pub(super) mod login;
pub(super) mod names;
pub(super) mod replacement;
pub(super) mod scratch;
pub(super) mod settings;
pub(super) mod signs;
pub(super) mod surroundings;
pub(super) mod survey;
pub(super) mod units;
pub(super) mod warnings;

/// Behind the prelude, where a server may be reached by this machine's own address.
pub(super) const OWN_SERVER: &str = include_str!("own_server.sh");
