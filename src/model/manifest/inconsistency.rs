//! How a manifest can be wrong in itself.

/// What Dumpcar does not write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistency {
    #[error("it names no object")]
    NoObjects,
    #[error("object {0:?} does not have the name that its content gives it")]
    Name(String),
    #[error("it names {0:?} twice")]
    Twice(String),
    #[error("no backup has an object of this kind, or not with the others: {0:?}")]
    Kind(String),
    #[error("object {0:?} has no database of a possible name")]
    Database(String),
    #[error("object {0:?} has a file format that is none")]
    Format(String),
    #[error("object {0:?} is empty")]
    Empty(String),
    #[error("the sizes of its objects do not add up")]
    Sizes,
    #[error("what object {0:?} is said to contain does not add up")]
    Content(String),
    #[error("what it says is missing is there, or too much of it")]
    Missing,
    #[error("the backup that it is accepted to be smaller than is not an earlier one")]
    Accepted,
    #[error("it has a restore command that none of its objects needs, or one that is too long")]
    Command,
}
