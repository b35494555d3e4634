//! A line of text from outside that is kept as text: a host's name, a server's version, a reason.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// At most `MOST` bytes of one line: no control characters, and no marks that change the direction text is shown in.
///
/// What is read (from the bucket, say) must be such a line. What this process itself writes is made one ([`Line::clean`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Line<const MOST: usize = 256>(String);

/// The name of a database, a table or an object: what is longer is no key of S3.
pub type Name = Line<1024>;

/// The text is no such line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one line of at most {most} bytes without control characters")]
pub struct LineError {
    most: usize,
}

/// Whether a character may do something to a terminal or a log other than to be seen: control characters, separators of
/// lines, and marks of direction (<https://www.unicode.org/reports/tr9/>).
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl<const MOST: usize> Line<MOST> {
    /// The text as such a line: what must not be in one is written as an escape (`\n`, `\u{1b}`), what is too long is cut off.
    pub fn clean(text: &str) -> Self {
        let mut line = String::with_capacity(text.len().min(MOST));
        for c in text.chars() {
            let escaped = if is_unsafe(c) { c.escape_default().to_string() } else { c.to_string() };
            if line.len() + escaped.len() > MOST {
                break;
            }
            line.push_str(&escaped);
        }
        Self(line)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MOST: usize> FromStr for Line<MOST> {
    type Err = LineError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() <= MOST && !text.chars().any(is_unsafe) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LineError { most: MOST })
        }
    }
}

impl<const MOST: usize> TryFrom<String> for Line<MOST> {
    type Error = LineError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl<const MOST: usize> From<Line<MOST>> for String {
    fn from(line: Line<MOST>) -> Self {
        line.0
    }
}

impl<const MOST: usize> Deref for Line<MOST> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MOST: usize> fmt::Display for Line<MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_does_nothing_but_to_be_seen() {
        for text in [
            "a\nb",
            "\x1b]0;x\x07",
            "\u{9b}31m",
            "a\u{202e}b",
            "\u{2066}",
            "\u{2028}",
            "\0",
            "\x7f",
            "abcdefghi",
        ] {
            assert!(text.parse::<Line<8>>().is_err(), "{text:?}");
        }
        for text in ["", "host-a", "ä b 'c'", "日本"] {
            assert_eq!(text.parse::<Line<8>>().unwrap().as_str(), text);
            assert_eq!(Line::<8>::clean(text).as_str(), text);
        }
        assert_eq!(Line::<64>::clean("a\n\x1b[0m\u{202e}").as_str(), r"a\n\u{1b}[0m\u{202e}");
    }

    proptest! {
        #[test]
        fn what_was_cleaned_is_a_line(text in any::<String>()) {
            let line = Line::<32>::clean(&text);
            prop_assert_eq!(line.as_str().parse::<Line<32>>(), Ok(line.clone()));
        }
    }
}
