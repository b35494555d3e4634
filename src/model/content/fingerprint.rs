//! A sum of hashes, as a manifest has it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// 64 bits, written as 16 hexadecimal digits: JSON's readers keep only 53.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint(pub u64);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        format!("{fingerprint:?}")
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        digits(&text, 16).map(Self).ok_or("a fingerprint is 16 hexadecimal digits")
    }
}

/// The value of so many hexadecimal digits, and nothing else.
pub(super) fn digits(text: &str, number: usize) -> Option<u64> {
    let is_plain = text.len() == number && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_plain.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}
