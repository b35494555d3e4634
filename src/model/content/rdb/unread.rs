//! Why it is not known what is in a dump, or whether it is whole.

/// Why what is in a dump is not known. Each is no fault of the dump if its checksum is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    #[error("type {kind} at byte {at} is unknown: the server is newer than Dumpcar knows")]
    Unknown { kind: u8, at: u64 },
    #[error("it cannot be read at byte {at}: {what}")]
    Malformed { at: u64, what: &'static str },
    /// The dump has its checksum where a value should go on.
    #[error("it ends at byte {at} with a right checksum, in the middle of what was read")]
    Ended { at: u64 },
}

/// Why a dump is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotWhole {
    #[error("it does not begin like a dump of Redis or Valkey")]
    NoDump,
    #[error("it is cut off at byte {at}")]
    CutOff { at: u64 },
    #[error("its checksum differs: bytes of it were changed")]
    Checksum,
    #[error("it ends at byte {end}, and {bytes} more bytes come behind it")]
    Trailing { end: u64, bytes: u64 },
    #[error("{0}, and its last bytes do not prove that it is whole")]
    Unread(Unread),
}
