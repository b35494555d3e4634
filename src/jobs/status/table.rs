//! The states of targets for people, on a screen of 80 columns.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{LastDrill, LastGood, Row, TargetState};
use crate::text::{WIDTH, bytes, escaped, lines, span, took};

const COLUMNS: usize = 6;

const HEAD: [&str; COLUMNS] = ["LAST GOOD", "TOOK", "SIZE", "TREND", "DRILL", "NEXT"];

/// What is wrong, and then a line for each target. With colours only for a terminal; no meaning is in a colour alone.
pub fn text(rows: &[Row], now: Timestamp, tz: &TimeZone, has_colours: bool) -> String {
    let paint = Paint { has_colours };
    let mut text = String::new();
    let bad = rows.iter().filter(|row| row.state.is_bad()).count();
    line(&mut text, &headline(rows.len(), bad, paint));
    for row in rows.iter().filter(|row| !row.problems.is_empty()) {
        line(&mut text, "");
        line(&mut text, &paint.state(row.state, row.target.as_str()));
        for problem in &row.problems {
            for part in lines(&escaped(problem), WIDTH - 2) {
                line(&mut text, &format!("  {part}"));
            }
        }
    }
    line(&mut text, "");
    text.push_str(&table(rows, now, tz, paint));
    text
}

fn line(text: &mut String, words: &str) {
    writeln!(text, "{}", words.trim_end()).expect("a string takes everything");
}

fn headline(targets: usize, bad: usize, paint: Paint) -> String {
    let (state, words) = match (targets, bad) {
        (1, 0) => (TargetState::Good, "nothing is wrong with the target".to_owned()),
        (_, 0) => (TargetState::Good, format!("nothing is wrong with {targets} targets")),
        (1, _) => (TargetState::NotGood, "the target needs attention".to_owned()),
        (_, 1) => (TargetState::NotGood, format!("1 of {targets} targets needs attention")),
        (_, _) => (TargetState::NotGood, format!("{bad} of {targets} targets need attention")),
    };
    paint.state(state, &words)
}

/// Columns that line up. Where a line would be longer than the screen, the names have lines for themselves.
fn table(rows: &[Row], now: Timestamp, tz: &TimeZone, paint: Paint) -> String {
    let cells: Vec<[String; COLUMNS]> = rows.iter().map(|row| cells(row, now, tz)).collect();
    let mut widths = HEAD.map(str::len);
    for cells in &cells {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.chars().count().max(*width);
        }
    }
    let longest = |head: &str, of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0).max(head.len());
    let states = longest("STATE", |row| row.state.word().len());
    let names = longest("TARGET", |row| row.target.as_str().len());
    let pad = |cells: &[String; COLUMNS]| {
        cells.iter().zip(widths).fold(String::new(), |line, (cell, width)| format!("{line}  {cell:width$}"))
    };
    let head = format!("{:states$}{}", "STATE", pad(&HEAD.map(str::to_owned)));
    // The sign of a state is before the name.
    let has_own_lines = 2 + names + 2 + head.chars().count() > WIDTH;
    let mut text = String::new();
    match has_own_lines {
        true => line(&mut text, &format!("  {head}")),
        false => line(&mut text, &format!("  {:names$}  {head}", "TARGET")),
    }
    for (row, cells) in rows.iter().zip(&cells) {
        let state = paint.words(row.state, &format!("{:states$}", row.state.word()));
        let (sign, target) = (paint.sign(row.state), row.target.as_str());
        match has_own_lines {
            true => line(&mut text, &format!("{sign} {target}\n  {state}{}", pad(cells))),
            false => line(&mut text, &format!("{sign} {target:names$}  {state}{}", pad(cells))),
        }
    }
    text
}

fn cells(row: &Row, now: Timestamp, tz: &TimeZone) -> [String; COLUMNS] {
    let none = || "-".to_owned();
    let ago = |time: Timestamp| span(now.as_second() - time.as_second());
    let good = row.last_good.as_ref();
    let next = row.next.map(|next| due(next, now, tz));
    [
        good.map_or_else(none, |good| ago(good.backup.timestamp())),
        good.map_or_else(none, |good| took(good.elapsed)),
        good.map_or_else(none, |good| bytes(good.stored_bytes)),
        good.and_then(LastGood::change).unwrap_or_else(none),
        row.drill.as_ref().map_or_else(none, |drill| format!("{} {}", verdict(drill), ago(drill.at))),
        next.unwrap_or_else(none),
    ]
}

fn verdict(drill: &LastDrill) -> &'static str {
    if drill.problem.is_some() { "FAILED" } else { "ok" }
}

/// `23:00` of today or tomorrow, else the date; `now` for what waits.
fn due(next: Timestamp, now: Timestamp, tz: &TimeZone) -> String {
    if next <= now {
        return "now".to_owned();
    }
    let is_soon = next.duration_since(now) < jiff::SignedDuration::from_hours(24);
    let format = if is_soon { "%H:%M" } else { "%Y-%m-%d" };
    next.to_zoned(tz.clone()).strftime(format).to_string()
}

/// Whether there are colours.
#[derive(Debug, Clone, Copy)]
struct Paint {
    has_colours: bool,
}

impl Paint {
    fn style(self, state: TargetState) -> Style {
        let colour = match state {
            TargetState::Misconfigured
            | TargetState::Unserved
            | TargetState::Overdue
            | TargetState::DrillFailed => AnsiColor::Red,
            TargetState::NotGood => AnsiColor::Yellow,
            TargetState::NotRunning | TargetState::NoBackup => AnsiColor::BrightBlack,
            TargetState::Good => AnsiColor::Green,
        };
        if self.has_colours { colour.on_default() } else { Style::new() }
    }

    fn words(self, state: TargetState, words: &str) -> String {
        let style = self.style(state);
        format!("{style}{words}{style:#}")
    }

    fn sign(self, state: TargetState) -> String {
        let sign = match state {
            TargetState::Misconfigured
            | TargetState::Unserved
            | TargetState::Overdue
            | TargetState::DrillFailed => "✗",
            TargetState::NotGood => "!",
            TargetState::NotRunning | TargetState::NoBackup => "-",
            TargetState::Good => "✓",
        };
        self.words(state, sign)
    }

    fn state(self, state: TargetState, words: &str) -> String {
        let style = if self.has_colours { Style::new().bold() } else { Style::new() };
        format!("{} {style}{words}{style:#}", self.sign(state))
    }
}
