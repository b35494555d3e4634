//! The name of a kind of database, as a manifest has it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// No name is longer, in bytes.
const LONGEST: usize = 32;

/// The name of an engine: `postgresql`. Which of them this version knows is a matter of `engine::Engine`: a manifest may be of a
/// later version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EngineName(Cow<'static, str>);

impl EngineName {
    /// A name that the program has itself.
    pub const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The text is no name of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of an engine is 1 to {LONGEST} small letters, digits and dashes")]
pub struct EngineNameError;

impl FromStr for EngineName {
    type Err = EngineNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_name = !text.is_empty() && text.len() <= LONGEST && text.chars().all(is_plain);
        if is_name { Ok(Self(Cow::Owned(text.to_owned()))) } else { Err(EngineNameError) }
    }
}

impl TryFrom<String> for EngineName {
    type Error = EngineNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EngineName> for String {
    fn from(name: EngineName) -> Self {
        name.0.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_plain_word() {
        for name in ["postgresql", "custom", "timescale-2", "x"] {
            assert_eq!(name.parse::<EngineName>().unwrap().to_string(), name);
        }
        let long = "a".repeat(LONGEST + 1);
        for text in ["", "PostgreSQL", "a b", "a/b", "../x", "\u{e9}", "a\n", long.as_str()] {
            assert_eq!(text.parse::<EngineName>(), Err(EngineNameError), "{text:?}");
        }
    }
}
