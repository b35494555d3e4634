//! How a dump is loaded.

/// How a dump is loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loading {
    /// With the `search_path` of the database, for one that does not load without.
    pub own_path: bool,
    /// Everything goes into the default tablespace.
    pub default_tablespace: bool,
    /// Into a drill's server, where nothing may expire before it is compared.
    pub is_on_trial: bool,
}
