//! Why something cannot be done.

/// Why the work failed. Its number is the exit status; they are those of `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Usage = 64,
    /// The database is damaged, or none.
    Data = 65,
    NoInput = 66,
    Software = 70,
    Io = 74,
    /// Somebody else is in the way just now.
    TryAgain = 75,
}

/// What failed, in one line.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: Status,
    pub(super) text: String,
}

impl Failure {
    pub(super) fn new(status: Status, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
}
