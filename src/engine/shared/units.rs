//! Into what a backup of a server is divided.

/// Into what objects a backup is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// One for each database that the survey names, and the globals.
    Databases,
    /// One for everything.
    Whole,
}
