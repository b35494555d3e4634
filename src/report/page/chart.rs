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
