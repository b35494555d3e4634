//! Where the store is and how objects are put there.

use crate::config::Proxy;

/// Where the store is and how objects are put there.
#[derive(Debug, Clone)]
pub struct Place {
    pub bucket: String,
    /// Without slashes at its ends; empty for the whole bucket.
    pub prefix: String,
    /// Shown in messages.
    pub endpoint: String,
    pub storage_class: Option<String>,
    pub max_parts: u32,
    /// Size of the first parts in bytes.
    pub part_size: u64,
    /// The keys may lack the right to read: nothing is ever deleted, so nothing has to be looked at.
    pub may_be_write_only: bool,
    /// The keys come from a service that gives out new ones before they expire.
    pub renews_credentials: bool,
    /// The proxy that requests go through.
    pub proxy: Option<Proxy>,
    /// What of a limit is left to one part, in bytes per second, when as many as there can be share it.
    pub upload_share: Option<u64>,
    pub download_share: Option<u64>,
}
