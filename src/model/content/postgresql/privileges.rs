//! `GRANT` and `REVOKE`, whose order nobody promises, each with the role that says it.

use xxhash_rust::xxh3::xxh3_64;

use super::super::rows::{mix, seeded};

/// The sum of the hashes of all statements.
pub(super) fn lines(text: &[u8]) -> u64 {
    statements(text).map(|(_, hash)| mix(hash)).fold(0, u64::wrapping_add)
}

/// Each statement in a line, and its hash with the role that gives what it gives.
pub(super) fn statements(text: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    let mut role = 0;
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).filter_map(move |line| {
        if line.starts_with(b"SET SESSION AUTHORIZATION ") {
            role = xxh3_64(line);
        } else if line.starts_with(b"RESET SESSION AUTHORIZATION") {
            role = 0;
        } else {
            return Some((line, seeded(role, line)));
        }
        None
    })
}
