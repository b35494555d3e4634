//! What a value is.

use super::module::type_name;

/// What the command `TYPE` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Type {
    String,
    List,
    Set,
    SortedSet,
    Hash,
    Stream,
    /// By its module's number.
    Module(u64),
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
            Self::Module(number) => return f.write_str(&type_name(*number)),
        })
    }
}

pub(super) struct Value {
    pub(super) of: Type,
    pub(super) hash: u64,
    /// A collection without a member, which a server does not load.
    pub(super) is_empty: bool,
}
