//! What a dump contains, read off the dump itself while it passes.
//!
//! A drill restores a dump, dumps what it restored, and compares the two contents: so every row, definition, grant and
//! sequence is compared, as of the very snapshot that was dumped, and the database has no more work than before.
//!
//! Text is not content: a server prints some definitions in another way once they were reloaded, and the children of an altered
//! table with their columns in another order. So a content has two halves.
//!
//! - **Rows.** For each table their number and a sum of hashes of rows, each made of the sum of the hashes of its fields with
//!   their columns' names ([`rows`]). Neither the order of rows matters nor that of columns. Equal, or the backup is not good.
//! - **Definitions.** Objects by kind and name, each with the hash of its text and of its owner ([`definitions`]). The same
//!   objects, or the backup is not good. Where only a text differs, [`Content::compare`] says whether it may be that the server
//!   just prints it otherwise; that is the case if all words are the same ([`skeleton`]), and proved by a second reload.

mod count;
mod definitions;
mod difference;
mod globals;
mod mysql;
mod postgresql;
mod rdb;
mod rows;
mod skeleton;
mod sqlite;
mod tally;
mod verdict;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use count::Counter;
pub use definitions::Definitions;
pub use difference::{Comparison, Difference, Object, Reloaded};
pub use rdb::{DumpPart, DumpParts, PUT_OFF};
pub use verdict::{NotWhole, Unread};

use crate::model::line::Name;

/// How a dump is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `pg_dump`: rows behind `COPY`.
    Postgresql,
    /// `mariadb-dump` and `mysqldump`: rows in `INSERT`.
    Mysql,
    /// Roles, accounts and grants of either: a statement a line.
    Globals,
    /// Redis and Valkey: the format of `dump.rdb`, keys with their values.
    Rdb,
    /// The same of a server on trial, whose times were put off by [`PUT_OFF`].
    RdbOnTrial,
    /// SQLite: the image of a database, page by page.
    Sqlite,
}

impl Dialect {
    /// How a server dumps what was loaded into it for a drill.
    #[must_use]
    pub fn on_trial(self) -> Self {
        match self {
            Self::Rdb | Self::RdbOnTrial => Self::RdbOnTrial,
            Self::Postgresql | Self::Mysql | Self::Globals | Self::Sqlite => self,
        }
    }
}

/// What is in a dump.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub tables: u64,
    pub rows: u64,
    /// Of all rows with their tables' names.
    pub fingerprint: Fingerprint,
    /// The rows of each table, by its name; absent when there are more than [`MOST_TABLES`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows_of: BTreeMap<Name, Rows>,
    /// What there is besides rows.
    #[serde(default, skip_serializing_if = "Definitions::is_empty")]
    pub definitions: Definitions,
}

/// A manifest is read by every `list`: it does not name more tables than this, nor more objects.
pub const MOST_TABLES: usize = 2_000;
pub const MOST_OBJECTS: usize = 10_000;

/// The rows of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    pub rows: u64,
    /// The sum of their hashes.
    pub sum: Fingerprint,
}

impl Content {
    /// Whether its numbers go together.
    pub(super) fn adds_up(&self) -> bool {
        let is_named = !self.rows_of.is_empty();
        let rows = self.rows_of.values().try_fold(0_u64, |sum, rows| sum.checked_add(rows.rows));
        let sum = self.rows_of.iter().map(|(name, rows)| rows.weight(name)).fold(0, u64::wrapping_add);
        let is_sum =
            self.rows_of.len() as u64 == self.tables && rows == Some(self.rows) && sum == self.fingerprint.0;
        self.rows_of.len() <= MOST_TABLES && (!is_named || is_sum) && self.definitions.is_bounded()
    }

    /// About how many bytes of a manifest its names take.
    pub(super) fn named_bytes(&self) -> usize {
        const BESIDES: usize = 100;
        let tables = self.rows_of.keys().map(|name| name.len() + BESIDES).sum::<usize>();
        tables + self.definitions.named_bytes()
    }

    /// The numbers alone.
    #[must_use]
    pub fn numbers(&self) -> Self {
        Self { tables: self.tables, rows: self.rows, ..Self::default() }
    }

    /// Keeps the numbers and sums only.
    pub(super) fn forget_names(&mut self) {
        self.rows_of.clear();
        self.definitions.forget_names();
    }
}

impl Rows {
    /// What they add to the fingerprint of all rows: it can be added up, table by table or row by row.
    fn weight(self, table: &str) -> u64 {
        self.sum.0.wrapping_mul(rows::seeded(0, table.as_bytes()) | 1)
    }
}

/// 64 bits, written as 16 hexadecimal digits: JSON's readers keep only 53.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint(pub u64);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        format!("{fingerprint:?}")
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        digits(&text, 16).map(Self).ok_or("a fingerprint is 16 hexadecimal digits")
    }
}

/// The value of so many hexadecimal digits, and nothing else.
fn digits(text: &str, number: usize) -> Option<u64> {
    let is_plain = text.len() == number && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_plain.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests;
