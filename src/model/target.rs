//! The name under which a target's backups are kept.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::id::plain_text;

/// A target's name: its folder in the bucket and its name on the command line, in logs and in metrics.
///
/// 1 to 100 characters out of `A-Z a-z 0-9 . _ -`, the first one a letter or digit, so that it is one harmless segment
/// of an object key and of a file path and can never be mistaken for Dumpcar's own `.dumpcar` folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TargetName(String);
plain_text!(TargetName);

/// The text cannot name a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 100 letters, digits, dots, dashes or underscores, and start with a letter or digit")]
pub struct TargetNameError;

impl FromStr for TargetName {
    type Err = TargetNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if starts_well && is_plain && text.len() <= 100 {
            Ok(Self(text.to_owned()))
        } else {
            Err(TargetNameError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_leave_their_folder_are_refused() {
        for text in ["", ".", "..", ".dumpcar", "-x", "a/b", "a b", "ä", "a\n", &"x".repeat(101)] {
            assert_eq!(text.parse::<TargetName>(), Err(TargetNameError), "{text:?}");
        }
        for text in ["a", "shop-db", "shop_db.1", "0"] {
            assert!(text.parse::<TargetName>().is_ok(), "{text:?}");
        }
    }
}
