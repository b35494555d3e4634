//! How the backups of a target grow, as a line.

use std::fmt::Write as _;

use crate::model::past_backup::PastBackup;
use crate::model::trend::Trend;
use crate::text::bytes;

/// More backups are no line any more.
const MOST: usize = 60;

/// The sizes of a target's good backups. The line begins at zero: half the size is half the height.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chart {
    /// In units of the drawing.
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) line: String,
    /// The line, and down to zero.
    pub(super) area: String,
    /// Where the newest is.
    pub(super) end: (String, String),
    pub(super) words: String,
}

impl Chart {
    /// The sizes in the store of these backups, the oldest first; `None` of fewer than two.
    pub(super) fn of<'a>(
        backups: impl DoubleEndedIterator<Item = &'a PastBackup>,
        (width, height): (u32, u32),
    ) -> Option<Self> {
        let good = backups.filter(|backup| backup.is_good()).map(|backup| backup.stored_bytes);
        let mut sizes: Vec<u64> = good.rev().take(MOST).collect();
        sizes.reverse();
        let (first, newest) = (sizes.first()?, sizes.last()?);
        let (least, most) = (sizes.iter().min()?, sizes.iter().max()?);
        let trend = Trend::of(&sizes)?;
        let points = points(&sizes, *most, f64::from(width), f64::from(height));
        let mut line = String::new();
        for (nth, (x, y)) in points.iter().enumerate() {
            let letter = if nth == 0 { 'M' } else { 'L' };
            write!(line, "{letter}{x:.1} {y:.1}").expect("a string takes everything");
        }
        let (start, end) = (points.first()?, points.last()?);
        let area = format!("{line}L{:.1} {height}L{:.1} {height}z", end.0, start.0);
        let change = trend.words().map(|words| format!(", {words} against the usual")).unwrap_or_default();
        let words = format!(
            "Sizes of the last {} good backups: {} at first, {} now{change}; between {} and {}",
            sizes.len(),
            bytes(*first),
            bytes(*newest),
            bytes(*least),
            bytes(*most)
        );
        Some(Self {
            width,
            height,
            line,
            area,
            end: (format!("{:.1}", end.0), format!("{:.1}", end.1)),
            words,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a pixel is coarser")]
fn points(sizes: &[u64], most: u64, width: f64, height: f64) -> Vec<(f64, f64)> {
    /// Room for the dot at the end, and for the line's own width.
    const EDGE: f64 = 3.0;
    let last = sizes.len().saturating_sub(1).max(1) as f64;
    let share = |size: u64| if most == 0 { 0.0 } else { size as f64 / most as f64 };
    let x = |nth: usize| EDGE + nth as f64 / last * (width - 2.0 * EDGE);
    let y = |size: u64| height - EDGE - share(size) * (height - 2.0 * EDGE);
    sizes.iter().enumerate().map(|(nth, size)| (x(nth), y(*size))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::Stamp;
    use crate::model::retention::Standing;
    use crate::model::trigger::Trigger;

    fn backup(nth: usize, stored_bytes: u64, defect: Option<&str>) -> PastBackup {
        let time = jiff::Timestamp::from_second(1_800_000_000 + i64::try_from(nth).unwrap()).unwrap();
        PastBackup {
            stamp: Stamp::new(time),
            trigger: Trigger::Schedule,
            elapsed: std::time::Duration::ZERO,
            plain_bytes: 0,
            stored_bytes,
            defect: defect.map(str::to_owned),
            standing: Standing::Counts { trigger: Trigger::Schedule, accepted_smaller_than: None },
            writer: None,
            facts: None,
        }
    }

    fn chart(sizes: &[u64]) -> Option<Chart> {
        let backups: Vec<PastBackup> =
            sizes.iter().enumerate().map(|(nth, size)| backup(nth, *size, None)).collect();
        Chart::of(backups.iter(), (96, 24))
    }

    #[test]
    fn the_line_begins_at_zero() {
        assert_eq!(chart(&[]), None);
        assert_eq!(chart(&[5]), None);
        let half = chart(&[2048, 1024]).unwrap();
        assert_eq!(half.line, "M3.0 3.0L93.0 12.0");
        assert_eq!(half.area, "M3.0 3.0L93.0 12.0L93.0 24L3.0 24z");
        let words = "Sizes of the last 2 good backups: 2.0 KiB at first, 1.0 KiB now, -50% against the usual; between 1.0 KiB and 2.0 KiB";
        assert_eq!(half.words, words);
        // Nothing is divided by zero, and nothing overflows.
        assert_eq!(chart(&[0, 0]).unwrap().line, "M3.0 21.0L93.0 21.0");
        assert!(!chart(&[0, u64::MAX]).unwrap().line.contains("NaN"));
    }

    #[test]
    fn only_the_last_good_backups_are_drawn() {
        let many = chart(&(0..100).map(|nth| nth + 1).collect::<Vec<u64>>()).unwrap();
        assert!(
            many.words.starts_with("Sizes of the last 60 good backups: 41 B at first, 100 B now"),
            "{many:?}"
        );
        let backups = [backup(0, 9, None), backup(1, 1, Some("suspicious: small")), backup(2, 9, None)];
        assert!(Chart::of(backups.iter(), (96, 24)).unwrap().words.contains("last 2 good"));
    }
}
