//! The last days of a target, one cell a day.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::report::Target;

/// How many days are shown. Today is the last of them.
const DAYS: i64 = 30;

/// In the units of the drawing: a cell, and from one to the next.
const CELL: i64 = 6;
const STEP: i64 = 8;

/// What came of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Day {
    /// All runs made a good backup.
    Good,
    /// There is a backup, and not all was good.
    Partly,
    /// Runs, and no backup.
    Failed,
    /// No run is known.
    Nothing,
}

impl Day {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Partly => "partly",
            Self::Failed => "failed",
            Self::Nothing => "nothing",
        }
    }

    /// Its shape, from `x` on: whoever sees no colours tells them apart by it.
    fn draw(self, x: i64) -> String {
        match self {
            Self::Good => format!("M{x} 2h{CELL}v16h-{CELL}z"),
            Self::Partly => format!("M{x} 2h{CELL}v9h-{CELL}zM{x} 14h{CELL}v4h-{CELL}z"),
            Self::Failed => format!("M{x} 5l{CELL} 10M{} 5l-{CELL} 10", x + CELL),
            Self::Nothing => format!("M{x} 17h{CELL}v1h-{CELL}z"),
        }
    }
}

/// A day of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) date: Date,
    pub(super) day: Day,
    /// `2026-11-24: 2 good, 1 failed`.
    pub(super) words: String,
    /// What is drawn.
    pub(super) path: String,
}

/// The last days of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Strip {
    /// The oldest first.
    pub(super) cells: Vec<Cell>,
    /// The same for who does not see it.
    pub(super) words: String,
}

/// What a day had of each.
#[derive(Debug, Default)]
struct Tally {
    good: usize,
    doubtful: usize,
    failed: usize,
}

impl Tally {
    fn day(&self) -> Day {
        match (self.good, self.doubtful, self.failed) {
            (0, 0, 0) => Day::Nothing,
            (_, 0, 0) => Day::Good,
            (0, 0, _) => Day::Failed,
            (_, _, _) => Day::Partly,
        }
    }

    fn words(&self) -> String {
        let parts = [(self.good, "good"), (self.doubtful, "not good"), (self.failed, "failed")];
        let there = parts.into_iter().filter(|(number, _)| *number > 0);
        let words: Vec<String> = there.map(|(number, what)| format!("{number} {what}")).collect();
        if words.is_empty() { "no run".to_owned() } else { words.join(", ") }
    }
}

impl Strip {
    pub(super) fn of(target: &Target, now: Timestamp, time_zone: &TimeZone) -> Self {
        let date = |time: Timestamp| time.to_zoned(time_zone.clone()).date();
        let mut tallies: BTreeMap<Date, Tally> = BTreeMap::new();
        for backup in target.recent.iter().chain(&target.deleted) {
            let tally = tallies.entry(date(backup.stamp.timestamp())).or_default();
            if backup.is_good() { tally.good += 1 } else { tally.doubtful += 1 }
        }
        for backup in &target.uncounted {
            tallies.entry(date(backup.stamp.timestamp())).or_default().doubtful += 1;
        }
        for failure in &target.failures {
            tallies.entry(date(failure.at)).or_default().failed += 1;
        }
        let (today, none) = (date(now), Tally::default());
        let days = (0..DAYS)
            .filter_map(|nth| Some((nth, today.checked_sub(jiff::Span::new().days(DAYS - 1 - nth)).ok()?)));
        let cells: Vec<Cell> = days
            .map(|(nth, date)| {
                let tally = tallies.get(&date).unwrap_or(&none);
                let day = tally.day();
                Cell { date, day, words: format!("{date}: {}", tally.words()), path: day.draw(nth * STEP) }
            })
            .collect();
        let words = words(&cells);
        Self { cells, words }
    }

    /// The shapes of all days of a kind, as one path: two hundred strips are a small page.
    pub(super) fn path(&self, day: Day) -> String {
        self.cells.iter().filter(|cell| cell.day == day).map(|cell| cell.path.as_str()).collect()
    }

    /// The kinds that there are, each with its path.
    pub(super) fn paths(&self) -> Vec<(&'static str, String)> {
        let all = [Day::Good, Day::Partly, Day::Failed, Day::Nothing];
        let drawn = all.into_iter().map(|day| (day.class(), self.path(day)));
        drawn.filter(|(_, path)| !path.is_empty()).collect()
    }
}

/// `Last 30 days: 28 good, 1 failed (2026-11-24), 1 without a run`.
fn words(cells: &[Cell]) -> String {
    let mut words = format!("Last {} days: ", cells.len());
    let kinds = [
        (Day::Good, "good"),
        (Day::Partly, "partly good"),
        (Day::Failed, "failed"),
        (Day::Nothing, "without a run"),
    ];
    let mut is_first = true;
    for (kind, name) in kinds {
        let of_kind: Vec<&Cell> = cells.iter().filter(|cell| cell.day == kind).collect();
        let Some(last) = of_kind.last() else { continue };
        let gap = if is_first { "" } else { ", " };
        is_first = false;
        write!(words, "{gap}{} {name}", of_kind.len()).expect("a string takes everything");
        if matches!(kind, Day::Partly | Day::Failed) {
            let which = if of_kind.len() == 1 { "" } else { "the last " };
            write!(words, " ({which}{})", last.date).expect("a string takes everything");
        }
    }
    words
}

#[cfg(test)]
mod tests;
