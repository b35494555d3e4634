//! The end of a tool's standard error.

use std::collections::VecDeque;

/// How much of the tool's standard error is kept, from its end.
const STDERR_TAIL: usize = 8 * 1024;

/// The last bytes of a tool's standard error.
#[derive(Debug, Default)]
pub(super) struct StderrTail {
    bytes: VecDeque<u8>,
    is_cut: bool,
}

impl StderrTail {
    pub(super) fn push(&mut self, piece: &[u8]) {
        let last = piece.get(piece.len().saturating_sub(STDERR_TAIL)..).unwrap_or_default();
        let surplus = (self.bytes.len() + last.len()).saturating_sub(STDERR_TAIL);
        self.is_cut |= surplus > 0 || last.len() < piece.len();
        self.bytes.drain(..surplus);
        self.bytes.extend(last);
    }

    pub(super) fn text(&self) -> String {
        let (a, b) = self.bytes.as_slices();
        let text = [a, b].concat();
        let text = text.trim_ascii_end();
        // Half a line may begin with half a password, which nobody could find to black it out.
        let start = text.iter().position(|&byte| byte == b'\n').filter(|_| self.is_cut).unwrap_or_default();
        String::from_utf8_lossy(text.get(start..).unwrap_or_default()).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_standard_error_is_kept() {
        let mut tail = StderrTail::default();
        for line in 0..10_000 {
            tail.push(format!("line {line}\n").as_bytes());
        }
        tail.push(&[b'x'; 3 * STDERR_TAIL]);
        tail.push(b" end\n");
        assert_eq!(tail.bytes.len(), STDERR_TAIL);
        assert!(tail.text().ends_with("xx end"));
    }

    #[test]
    fn what_is_quoted_begins_with_a_whole_line() {
        let mut tail = StderrTail::default();
        tail.push(b"first\nsecond\n");
        assert_eq!(tail.text(), "first\nsecond");
        let mut tail = StderrTail::default();
        for line in 0..2000 {
            tail.push(format!("password-{line:05}\n").as_bytes());
            assert!(tail.text().lines().all(|line| line.len() == 14), "{}", tail.text());
        }
        // Also of one piece that is too long by itself.
        let mut tail = StderrTail::default();
        tail.push("password-00000\n".repeat(1000).as_bytes());
        assert!(tail.text().lines().all(|line| line.len() == 14), "{}", tail.text());
    }
}
