//! Verdicts on a dump: whether it is whole, and whether its content is known.

/// Why it is not known what is in a dump. Each is no fault of a dump that is whole ([`NotWhole`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// A value of Redis or Valkey.
    #[error("type {kind} at byte {at} is unknown: the server is newer than Dumpcar knows")]
    Unknown { kind: u8, at: u64 },
    #[error("it cannot be read at byte {at}: {what}")]
    Malformed { at: u64, what: &'static str },
    /// The dump has its checksum where a value should go on.
    #[error("it ends at byte {at} with a right checksum, in the middle of what was read")]
    Ended { at: u64 },
    /// A page of a SQLite database.
    #[error("page {page} of the database cannot be read: {what}")]
    Page { page: u32, what: &'static str },
    #[error(
        "the database has more than {pages} pages: they do not fit into the memory that Dumpcar reads it with"
    )]
    ManyPages { pages: u64 },
    #[error(
        "the schema of the database does not fit into the memory that Dumpcar reads it with: page {page} is missing"
    )]
    LargeSchema { page: u32 },
}

/// Why a dump is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotWhole {
    #[error("it does not begin like a dump of Redis or Valkey")]
    NoDump,
    #[error("it does not begin like a SQLite database")]
    NoDatabase,
    #[error("it is cut off at byte {at}")]
    CutOff { at: u64 },
    #[error("its checksum differs: bytes of it were changed")]
    Checksum,
    #[error("it ends at byte {end}, and {bytes} more bytes come behind it")]
    Trailing { end: u64, bytes: u64 },
    #[error("{0}, and its last bytes do not prove that it is whole")]
    Unread(Unread),
}
