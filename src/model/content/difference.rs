//! How a restored database differs from the dump it was restored from.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Content;
use crate::model::line::Name;

/// At most so many are told; the others are counted.
const MOST_TOLD: usize = 5;

/// One difference. What is serialized goes into the bucket: only names that the manifest has, and numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Difference {
    TableMissing {
        table: Name,
    },
    Rows {
        table: Name,
        expected: u64,
        found: u64,
    },
    /// Tables that the manifest does not have.
    TablesUnexpected {
        tables: u64,
        /// For the local log only: the restored dump chose the name, and it may be a secret that the dump has read.
        #[serde(skip)]
        first: String,
    },
    /// The number of tables, where the manifest does not name them.
    Tables {
        expected: u64,
        found: u64,
    },
    /// The number of all rows, where the manifest does not name the tables.
    RowsTotal {
        expected: u64,
        found: u64,
    },
    Lines {
        expected: u64,
        found: u64,
    },
    /// A row or a definition has another text.
    Fingerprint,
    /// Differences beyond [`MOST_TOLD`].
    More {
        differences: u64,
    },
}

impl Content {
    /// How `other` differs; empty when it does not.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut all = Vec::new();
        for (name, &expected) in &self.rows_of {
            match other.rows_of.get(name) {
                None if !other.rows_of.is_empty() || other.tables == 0 => {
                    all.push(Difference::TableMissing { table: Name::clean(name) });
                }
                Some(&found) if found != expected => {
                    all.push(Difference::Rows { table: Name::clean(name), expected, found });
                }
                None | Some(_) => {}
            }
        }
        let more = all.len().saturating_sub(MOST_TOLD) as u64;
        all.truncate(MOST_TOLD);
        all.extend((more > 0).then_some(Difference::More { differences: more }));
        let mut unexpected = other.rows_of.keys().filter(|name| !self.rows_of.contains_key(*name));
        if !self.rows_of.is_empty()
            && let Some(first) = unexpected.next()
        {
            let tables = 1 + unexpected.count() as u64;
            all.push(Difference::TablesUnexpected { tables, first: first.clone() });
        }
        if !all.is_empty() {
            return all;
        }
        let numbers = [(self.tables, other.tables), (self.rows, other.rows), (self.lines, other.lines)];
        let [tables, rows, lines] =
            numbers.map(|pair| Some(pair).filter(|(expected, found)| expected != found));
        let tables = tables.map(|(expected, found)| Difference::Tables { expected, found });
        let rows = rows.map(|(expected, found)| Difference::RowsTotal { expected, found });
        let lines = lines.map(|(expected, found)| Difference::Lines { expected, found });
        let text = (self.fingerprint != other.fingerprint).then_some(Difference::Fingerprint);
        tables.or(rows).or(lines).or(text).into_iter().collect()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TableMissing { table } => write!(f, "table {table} is missing"),
            Self::Rows { table, expected, found } => {
                write!(f, "table {table} has {found} rows instead of {expected}")
            }
            Self::TablesUnexpected { tables: 1, first } => write!(f, "unexpected table {first}"),
            Self::TablesUnexpected { tables, first } => {
                write!(f, "{tables} unexpected tables, the first is {first}")
            }
            Self::Tables { expected, found } => write!(f, "{found} tables instead of {expected}"),
            Self::RowsTotal { expected, found } => write!(f, "{found} rows instead of {expected}"),
            Self::Lines { expected, found } => {
                write!(f, "{found} lines of definitions and rows instead of {expected}")
            }
            Self::Fingerprint => {
                f.write_str("as many tables and rows, but some of them, or a definition, are not the same")
            }
            Self::More { differences } => write!(f, "and {differences} more"),
        }
    }
}
