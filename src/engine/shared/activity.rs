//! What a server is doing with the dump that is being loaded into it.

/// What the load's session is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activity {
    Working,
    /// For somebody else's lock; in the server's words, or by whom it is held.
    Waiting(String),
    /// For its client, or there is none.
    Idle,
}

impl Activity {
    /// Reads one line: `working`, `waiting WORDS`, and else it is idle.
    pub fn parse(stdout: &[u8]) -> Self {
        let text = String::from_utf8_lossy(stdout);
        match text.trim().split_once(' ').unwrap_or((text.trim(), "")) {
            ("working", _) => Self::Working,
            ("waiting", words) => Self::Waiting(words.trim().to_owned()),
            _ => Self::Idle,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_works_works() {
        assert_eq!(Activity::parse(b"working\n"), Activity::Working);
        assert_eq!(Activity::parse(b"waiting for session 12\n"), Activity::Waiting("for session 12".into()));
        assert_eq!(Activity::parse(b"waiting\n"), Activity::Waiting(String::new()));
        for other in [&b"idle\n"[..], b"", b"\n", b"gone", b"workings"] {
            assert_eq!(Activity::parse(other), Activity::Idle);
        }
    }
}
