//! Whether a new backup is so much smaller than the last good one that a person should look before anybody relies on it.
//!
//! A dump that is whole can still be the dump of a database that has lost its rows: a volume that was not mounted, a
//! restore that broke off, a `DELETE` without `WHERE`. Its size shows it, and where that is too small to say anything, its rows.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::content::Content;
use super::manifest::{ManifestObject, ObjectKind};

/// What was smaller than this in the last good backup may come and go: a handful of rows is half of it.
pub const FLOOR: u64 = 64 * 1024;

/// By how many percent a dump may shrink; one that shrinks by more makes its backup suspicious.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShrinkAlert(Option<u8>);

/// The text is no such percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a percentage from 1% to 99%, or off")]
pub struct ShrinkAlertError;

impl ShrinkAlert {
    /// Every size is right.
    pub const OFF: Self = Self(None);

    pub fn is_off(self) -> bool {
        self == Self::OFF
    }

    fn is_exceeded(self, was: u64, now: u64) -> bool {
        self.0.is_some_and(|percent| {
            u128::from(now) * 100 < u128::from(was) * u128::from(100_u8.saturating_sub(percent))
        })
    }
}

impl Default for ShrinkAlert {
    fn default() -> Self {
        Self(Some(50))
    }
}

impl FromStr for ShrinkAlert {
    type Err = ShrinkAlertError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(Self::OFF);
        }
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        let percent = number.parse().ok().filter(|percent| (1..=99).contains(percent));
        percent.map(|percent| Self(Some(percent))).ok_or(ShrinkAlertError)
    }
}

impl fmt::Display for ShrinkAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(percent) => write!(f, "{percent}%"),
            None => f.write_str("off"),
        }
    }
}

/// Something that is far smaller than it was in the last good backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    pub what: What,
    pub measure: Measure,
    pub was: u64,
    /// `None`: it is not there at all.
    pub now: Option<u64>,
}

/// What the two were compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Of the plain dumps: compressed ones also differ when only the compression was changed.
    Bytes,
    Rows,
    /// All of them are gone.
    Tables,
}

/// Where the last good backup was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// On this Docker engine, as far as is known.
    Here,
    /// On another one. There may be a new host with empty databases, so even the smallest loss tells something.
    Elsewhere,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Database(String),
    /// A custom engine's dump.
    Dump,
    /// All of it together, when no single one shows what the sum does.
    Total,
}

/// Compares the objects of a new backup with those of the last good one; an empty answer means that all is well.
///
/// Globals do not count. `is_wanted` says of an object of the last good backup whether it would be made again: what the
/// labels exclude by now has not been lost. The total then stands for what is below the [`FLOOR`] one by one.
///
/// Below the floor, a database that has no table left although it had rows is found all the same. And there is no floor, and the
/// rows have to be there as well, where the last good backup comes from `Elsewhere`.
pub fn compare(
    alert: ShrinkAlert,
    origin: Origin,
    good: &[ManifestObject],
    new: &[ManifestObject],
    is_wanted: impl Fn(ObjectKind, Option<&str>) -> bool,
) -> Vec<Shrunk> {
    let (mut was, now) = (sizes(good), sizes(new));
    was.retain(|(kind, database), _| is_wanted(*kind, *database));
    let floor = match origin {
        Origin::Here => FLOOR,
        Origin::Elsewhere => 1,
    };
    let far_smaller = |was: u64, now: u64| was >= floor && alert.is_exceeded(was, now);
    let shrank = |was: Size, now: Option<Size>| {
        let bytes = now.map(|now| now.bytes);
        if far_smaller(was.bytes, bytes.unwrap_or(0)) {
            return Some((Measure::Bytes, was.bytes, bytes));
        }
        let (was, now) = (was.content?, now?.content?);
        if was.rows > 0 && now.tables == 0 && !alert.is_off() {
            return Some((Measure::Tables, was.tables, Some(0)));
        }
        let has_lost_rows = origin == Origin::Elsewhere && alert.is_exceeded(was.rows, now.rows);
        has_lost_rows.then_some((Measure::Rows, was.rows, Some(now.rows)))
    };
    let mut shrunk: Vec<Shrunk> = was
        .iter()
        .filter_map(|(key @ (_, database), &was)| {
            let (measure, was, now) = shrank(was, now.get(key).copied())?;
            let what = database.map_or(What::Dump, |name| What::Database(name.to_owned()));
            Some(Shrunk { what, measure, was, now })
        })
        .collect();
    let (was, now) = (sum(was.values()), sum(now.values()));
    if shrunk.is_empty() && far_smaller(was, now) {
        shrunk.push(Shrunk { what: What::Total, measure: Measure::Bytes, was, now: Some(now) });
    }
    shrunk
}

/// How much there is of something.
#[derive(Debug, Clone, Copy)]
struct Size {
    bytes: u64,
    /// `None` when it is not known.
    content: Option<Extent>,
}

#[derive(Debug, Clone, Copy)]
struct Extent {
    tables: u64,
    rows: u64,
}

fn sizes(objects: &[ManifestObject]) -> BTreeMap<(ObjectKind, Option<&str>), Size> {
    let mut sizes: BTreeMap<_, Size> = BTreeMap::new();
    for object in objects.iter().filter(|object| object.kind != ObjectKind::Globals) {
        let content = object
            .content
            .as_ref()
            .map(|Content { tables, rows, .. }| Extent { tables: *tables, rows: *rows });
        sizes
            .entry((object.kind, object.database.as_deref()))
            // A manifest that names a database twice is nobody's, and no reason to panic.
            .and_modify(|size| size.bytes = size.bytes.saturating_add(object.plain_bytes))
            .or_insert(Size { bytes: object.plain_bytes, content });
    }
    sizes
}

/// The numbers come out of a file in the bucket: they may be anything.
fn sum<'a>(sizes: impl Iterator<Item = &'a Size>) -> u64 {
    sizes.fold(0, |sum, size| sum.saturating_add(size.bytes))
}

#[cfg(test)]
mod tests;
