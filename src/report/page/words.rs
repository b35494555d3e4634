//! Times, spans and words from outside, as the pages show them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::text::{escaped, local, span};

/// A time, in words and for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct When {
    /// RFC 3339, in UTC.
    pub(super) iso: String,
    /// `2026-11-28 06:13 +01:00`.
    pub(super) local: String,
    /// `8h ago`, `in 16h`.
    pub(super) words: String,
}

/// What the pages are rendered at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock<'a> {
    pub(super) now: Timestamp,
    pub(super) time_zone: &'a TimeZone,
}

impl Clock<'_> {
    pub(super) fn when(self, time: Timestamp) -> When {
        let away = self.now.as_second() - time.as_second();
        let words = if away >= 0 { format!("{} ago", span(away)) } else { format!("in {}", span(-away)) };
        When {
            iso: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            local: local(time, self.time_zone),
            words,
        }
    }

    /// When something is due. What is due already waits for its turn.
    pub(super) fn due(self, time: Timestamp) -> When {
        let when = self.when(time);
        if time > self.now { when } else { When { words: "now".to_owned(), ..when } }
    }
}

/// A text from outside: one line, and nothing in it acts.
pub(super) fn clean(text: &str) -> String {
    escaped(text).into_owned()
}

/// A part of a sentence: a command or a name between backticks, or what is around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) is_code: bool,
    pub(super) text: String,
}

/// A sentence from outside, in its pieces. Where a backtick has no other one, it is an ordinary character.
pub(super) fn sentence(text: &str) -> Vec<Piece> {
    let text = clean(text);
    let is_paired = text.matches('`').count().is_multiple_of(2);
    if !is_paired {
        return vec![Piece { is_code: false, text }];
    }
    let pieces = text.split('`').enumerate().filter(|(_, piece)| !piece.is_empty());
    pieces.map(|(nth, piece)| Piece { is_code: nth % 2 == 1, text: piece.to_owned() }).collect()
}

/// `1,284,113 rows`.
pub(super) fn grouped(number: u64, one: &str) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {one}{}", if number == 1 { "" } else { "s" })
}

/// `1 backup`, `2 backups`.
pub(super) fn count(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_from_now() {
        let now = "2026-11-28T05:13:00Z".parse().unwrap();
        let time_zone = TimeZone::get("Europe/Berlin").unwrap();
        let clock = Clock { now, time_zone: &time_zone };
        let ago = clock.when("2026-11-27T22:00:00Z".parse().unwrap());
        assert_eq!((ago.words.as_str(), ago.local.as_str()), ("7h ago", "2026-11-27 23:00 +01:00"));
        assert_eq!(ago.iso, "2026-11-27T22:00:00Z");
        assert_eq!(clock.when("2026-11-28T22:00:00Z".parse().unwrap()).words, "in 16h");
        assert_eq!(clock.due("2026-11-28T22:00:00Z".parse().unwrap()).words, "in 16h");
        assert_eq!(clock.due("2026-11-28T05:12:00Z".parse().unwrap()).words, "now");
    }

    #[test]
    fn commands_in_a_sentence_are_told_apart() {
        let pieces =
            |text| sentence(text).into_iter().map(|piece| (piece.is_code, piece.text)).collect::<Vec<_>>();
        let owned = |is_code, text: &str| (is_code, text.to_owned());
        assert_eq!(pieces("run `a b`."), [owned(false, "run "), owned(true, "a b"), owned(false, ".")]);
        assert_eq!(pieces("a ` b"), [owned(false, "a ` b")]);
        assert_eq!(pieces("a\u{1b}[0m"), [owned(false, r"a\u{1b}[0m")]);
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn large_numbers_are_read_in_groups() {
        let shown = [1, 12, 999, 1_000, 1_284_113].map(|number| grouped(number, "row"));
        assert_eq!(shown, ["1 row", "12 rows", "999 rows", "1,000 rows", "1,284,113 rows"]);
    }
}
