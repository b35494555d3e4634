//! Text within the limits of a service, cut where a character ends.

/// How a service counts the length of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Bytes,
    /// As JavaScript counts: a character outside of the Basic Multilingual Plane is two.
    Utf16,
}

impl Unit {
    fn of(self, text: &str) -> usize {
        match self {
            Self::Bytes => text.len(),
            Self::Utf16 => text.chars().map(char::len_utf16).sum(),
        }
    }
}

/// How much a service takes, and how its markup is written as text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) most: usize,
    pub(super) unit: Unit,
    /// What stands for a character that would be markup.
    pub(super) escape: fn(char) -> Option<&'static str>,
}

/// No character is markup.
pub(super) fn plain(_: char) -> Option<&'static str> {
    None
}

/// HTML, and what takes HTML's escapes.
pub(super) fn html(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        _ => None,
    }
}

const MORE: &str = "…";

/// What tells that lines are left out needs at most so many bytes.
const RESERVED: usize = 40;

impl Room {
    /// All of a line, escaped, or as much as there is room for.
    pub(super) fn line(&self, text: &str) -> String {
        let whole: String = text.chars().map(|c| self.escaped(c)).collect();
        if self.unit.of(&whole) <= self.most {
            return whole;
        }
        let mut left = self.most.saturating_sub(self.unit.of(MORE));
        let mut cut = String::new();
        for c in text.chars() {
            let piece = self.escaped(c);
            let Some(rest) = left.checked_sub(self.unit.of(&piece)) else { break };
            left = rest;
            cut.push_str(&piece);
        }
        if self.most >= self.unit.of(MORE) {
            cut.push_str(MORE);
        }
        cut
    }

    /// As many lines as there is room for, and how many more there are.
    pub(super) fn lines(&self, lines: &[String]) -> String {
        self.few_lines(lines, usize::MAX)
    }

    /// The same, in so many lines at the most.
    pub(super) fn few_lines(&self, lines: &[String], most: usize) -> String {
        let whole: Vec<String> =
            lines.iter().map(|line| Self { most: usize::MAX, ..*self }.line(line)).collect();
        let all = whole.join("\n");
        if self.unit.of(&all) <= self.most && lines.len() <= most {
            return all;
        }
        let room = Self { most: self.most.saturating_sub(RESERVED), ..*self };
        let mut text = String::new();
        let mut count = 0;
        for line in &whole {
            let longer = if text.is_empty() { line.clone() } else { format!("{text}\n{line}") };
            if self.unit.of(&longer) > room.most || count + 1 >= most {
                break;
            }
            (text, count) = (longer, count + 1);
        }
        // A first line that is too long is cut, and says something all the same.
        if count == 0 {
            (text, count) = (room.line(lines.first().map_or("", String::as_str)), 1);
        }
        match lines.len() - count {
            0 => text,
            more => format!("{text}\n{MORE} and {more} more"),
        }
    }

    fn escaped(&self, c: char) -> String {
        (self.escape)(c).map_or_else(|| c.to_string(), str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn room(most: usize, unit: Unit, escape: fn(char) -> Option<&'static str>) -> Room {
        Room { most, unit, escape }
    }

    #[test]
    fn lines_that_do_not_fit_are_counted() {
        let lines: Vec<String> = (0..100).map(|number| format!("target-{number:03}: failed")).collect();
        let text = room(200, Unit::Utf16, plain).lines(&lines);
        assert!(text.chars().count() <= 200, "{text}");
        assert!(text.starts_with("target-000: failed\n") && text.ends_with("\n… and 92 more"), "{text}");
        let few = room(200, Unit::Utf16, plain).lines(&lines[..3]);
        assert_eq!(few.lines().count(), 3);
    }

    #[test]
    fn an_escape_is_not_cut() {
        assert_eq!(room(9, Unit::Bytes, html).line("a<b<c<d"), "a&lt;b…");
        assert_eq!(room(4, Unit::Utf16, plain).line("🦀🦀🦀"), "🦀…");
    }

    proptest! {
        #[test]
        fn nothing_is_longer_than_its_room(
            lines in prop::collection::vec("\\PC{0,80}", 1..30),
            most in 60_usize..400,
            unit in prop::sample::select(vec![Unit::Bytes, Unit::Utf16]),
        ) {
            let room = room(most, unit, html);
            prop_assert!(unit.of(&room.lines(&lines)) <= most);
            prop_assert!(room.few_lines(&lines, 5).lines().count() <= 5);
            prop_assert!(unit.of(&room.line(&lines[0])) <= most);
        }
    }
}
