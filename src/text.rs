//! Numbers, tables, and words from outside, for people.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::duration::Short;
use crate::model::line::is_unsafe;

/// `1.2 MiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS.get(unit).unwrap_or(&"PiB"))
}

/// `5s`, `3m`, `2h`, `4d`: the largest unit that fits.
pub fn span(seconds: i64) -> String {
    match seconds {
        ..0 => "in the future".to_owned(),
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        172_800.. => format!("{}d", seconds / 86_400),
    }
}

/// How long something took: `4m 12s`; what is shorter than a minute in tenths of a second.
pub fn took(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1}s", time.as_secs_f64()),
        seconds => Short(Duration::from_secs(seconds)).to_string(),
    }
}

/// A time as the log and the health report have it: `2026-11-26T23:00:00+01:00`.
pub fn log_time(time: Timestamp, time_zone: &TimeZone) -> String {
    time.to_zoned(time_zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// `2026-11-24 00:00 +01:00`: a time as people read it on their clock, and where that clock is.
pub fn local(time: Timestamp, time_zone: &TimeZone) -> String {
    time.to_zoned(time_zone.clone()).strftime("%Y-%m-%d %H:%M %:z").to_string()
}

/// `text` as it may stand on a line of a log or a terminal: with escapes (`\n`, `\u{1b}`) for what would end the line, command
/// the terminal, or show other text in another order.
pub fn escaped(text: &str) -> Cow<'_, str> {
    replaced(text, is_unsafe, |c| c.escape_default().to_string())
}

/// The same for text of several lines.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    replaced(text, acts_in_a_line, |c| c.escape_default().to_string())
}

/// The same for JSON, which only has line breaks of its own. It stays JSON: the characters are in its strings.
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    replaced(json, acts_in_a_line, |c| format!("\\u{:04x}", u32::from(c)))
}

fn acts_in_a_line(c: char) -> bool {
    c != '\n' && is_unsafe(c)
}

fn replaced(text: &str, acts: fn(char) -> bool, escape: impl Fn(char) -> String) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            result.push_str(&escape(c));
        } else {
            result.push(c);
        }
    }
    Cow::Owned(result)
}

/// Columns that line up. Each row is a line, whatever is in its cells.
#[derive(Debug)]
pub struct Table<const N: usize> {
    rows: Vec<[String; N]>,
    hidden: Option<usize>,
    /// What the last column has in a line is cut at a word, and goes on below.
    is_wrapped: bool,
}

/// As wide as a terminal is that nobody has made wider.
pub const WIDTH: usize = 80;

/// A column that is narrower is not worth it.
const NARROWEST: usize = 16;

impl<const N: usize> Table<N> {
    pub fn new(head: [&str; N]) -> Self {
        Self { rows: vec![head.map(str::to_owned)], hidden: None, is_wrapped: false }
    }

    /// Leaves out the column of this name.
    pub fn hide(&mut self, name: &str) {
        self.hidden = self.rows.first().and_then(|head| head.iter().position(|cell| cell == name));
    }

    /// A last column of sentences stays within a terminal, on several lines.
    pub fn wrap(&mut self) {
        self.is_wrapped = true;
    }

    pub fn push(&mut self, row: [String; N]) {
        self.rows.push(row.map(|cell| escaped(&cell).into_owned()));
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &self.rows {
            let cells = row.iter().zip(widths).enumerate();
            let cells = cells.filter(|(column, _)| self.hidden != Some(*column));
            let mut cells: Vec<String> = cells.map(|(_, (cell, width))| format!("{cell:width$}")).collect();
            let last = if self.is_wrapped { cells.pop() } else { None };
            let before = cells.join("  ");
            let Some(last) = last else {
                writeln!(f, "{}", before.trim_end())?;
                continue;
            };
            let indent = before.chars().count() + 2;
            let room = WIDTH.saturating_sub(indent).max(NARROWEST);
            for (number, line) in lines(&last, room).into_iter().enumerate() {
                let before = if number == 0 { before.as_str() } else { "" };
                writeln!(f, "{}", format!("{before:width$}{line}", width = indent).trim_end())?;
            }
        }
        Ok(())
    }
}

/// A text in lines of so many characters, as far as its words are not longer.
pub fn lines(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let shown = [0, 1023, 1024, 1536, 1_048_576, 5 << 30, u64::MAX].map(bytes);
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "5.0 GiB", "16384.0 PiB"]);
    }

    #[test]
    fn spans_have_one_unit() {
        assert_eq!(
            [-1, 0, 59, 60, 7200, 172_800].map(span),
            ["in the future", "0s", "59s", "1m", "2h", "2d"]
        );
    }

    #[test]
    fn what_something_took_is_as_exact_as_somebody_needs() {
        let shown = [0, 1_449, 59_940, 60_000, 3_725_900].map(|millis| took(Duration::from_millis(millis)));
        assert_eq!(shown, ["0.0s", "1.4s", "59.9s", "1m", "1h 2m 5s"]);
    }

    #[test]
    fn a_column_of_sentences_goes_on_below() {
        let mut table = Table::new(["TARGET", "WHY"]);
        table.wrap();
        table.push(["a".repeat(40), "newest, last 1 of 7, daily 1 of 7 (2026-11-27), and so on".into()]);
        let shown = table.to_string();
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        let below = format!("{:42}(2026-11-27), and so on", "");
        assert!(shown.contains(&below), "{shown}");
    }

    #[test]
    fn a_time_is_local_and_says_so() {
        let tz = TimeZone::get("Europe/Berlin").unwrap();
        let shown =
            ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"].map(|time| local(time.parse().unwrap(), &tz));
        assert_eq!(shown, ["2026-10-25 02:30 +02:00", "2026-10-25 02:30 +01:00"]);
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["A", "LONG"]);
        table.push(["xyz".into(), "1".into()]);
        assert_eq!(table.to_string(), "A    LONG\nxyz  1\n");
        table.hide("A");
        assert_eq!(table.to_string(), "LONG\n1\n");
    }

    #[test]
    fn a_cell_stays_in_its_row() {
        let mut table = Table::new(["A"]);
        table.push(["x\n\u{1b}[31my".into()]);
        assert_eq!(table.to_string(), "A\nx\\n\\u{1b}[31my\n");
    }

    #[test]
    fn what_acts_on_a_terminal_is_escaped() {
        for (text, shown) in [
            ("x\u{1b}]0;title\u{7}", r"x\u{1b}]0;title\u{7}"),
            ("a\r\n\tb", r"a\r\n\tb"),
            ("\0\u{7f}\u{80}\u{85}\u{9b}\u{9f}", r"\u{0}\u{7f}\u{80}\u{85}\u{9b}\u{9f}"),
            ("\u{2028}\u{2029}", r"\u{2028}\u{2029}"),
            ("\u{202a}\u{202e}\u{2066}\u{2069}", r"\u{202a}\u{202e}\u{2066}\u{2069}"),
            ("\u{200e}\u{200f}\u{61c}", r"\u{200e}\u{200f}\u{61c}"),
        ] {
            assert_eq!(escaped(text), shown);
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in ["", "C:\\n \"x\"", "größer als 日本 🦀", "\u{a0}\u{2027}\u{202f}\u{2065}\u{206a}"]
        {
            assert!(matches!(escaped(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(escaped_lines("a\u{1b}\nb\r\n"), "a\\u{1b}\nb\\r\n");
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({ "a\u{7f}": "\u{1b}\n\u{9b}\u{2028}\u{202e}\u{2066} \\ \" ä" });
        for json in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let shown = escaped_json(&json);
            assert!(!shown.contains(acts_in_a_line), "{shown:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }
    }
}
