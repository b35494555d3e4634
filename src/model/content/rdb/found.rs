//! What was found in a dump, on its way to the tally.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::file::{Key, Visitor};
use super::kind::Type;
use crate::model::content::rows::chain;
use crate::model::content::tally::Tally;
use crate::model::content::{Fingerprint, Rows};
use crate::model::line::Name;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Table {
    /// The keys of a database whose values are of one type.
    Keys { database: u64, of: Type },
    /// Libraries of functions.
    Functions,
    /// What modules keep besides keys.
    Modules,
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keys { database, of } => write!(f, "{database} {of}"),
            Self::Functions => f.write_str("functions"),
            Self::Modules => f.write_str("modules"),
        }
    }
}

/// No more than what a piece of a dump had in it.
#[derive(Clone, Default)]
pub(super) struct Found(Arc<Mutex<BTreeMap<Table, Rows>>>);

impl Visitor for Found {
    const BYTES: usize = 0;

    fn key(&mut self, key: Key) {
        self.add(Table::Keys { database: key.database, of: key.value.of }, key.hash);
    }

    fn library(&mut self, hash: u64, _code: Option<Vec<u8>>) {
        self.add(Table::Functions, chain(1, hash));
    }

    fn module(&mut self, hash: u64) {
        self.add(Table::Modules, hash);
    }
}

impl Found {
    fn add(&self, table: Table, row: u64) {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = tables.entry(table).or_default();
        rows.rows += 1;
        rows.sum = Fingerprint(rows.sum.0.wrapping_add(row));
    }

    pub(super) fn hand_over(&self, tally: &mut Tally) {
        let tables = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for (table, rows) in tables {
            tally.rows(&Name::clean(&table.to_string()), rows);
        }
    }
}
