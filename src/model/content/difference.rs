//! How a restored database differs from the dump it was restored from.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::definitions::{Definitions, Group, Kind};
use super::{Content, Dialect};
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
    /// As many rows, with other values.
    Values {
        table: Name,
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
    /// As many tables and rows, with other values, where the manifest does not name the tables.
    ValuesTotal,
    ObjectMissing {
        object: Object,
    },
    /// It is defined otherwise.
    ObjectDiffers {
        object: Object,
    },
    OwnerDiffers {
        object: Object,
    },
    /// Objects that the manifest does not have.
    ObjectsUnexpected {
        objects: u64,
        /// For the local log only.
        #[serde(skip)]
        first: String,
    },
    /// The number of objects of a kind, where the manifest does not name them.
    Objects {
        objects: Kind,
        expected: u64,
        found: u64,
    },
    /// As many objects of a kind, and some of them differ, where the manifest does not name them.
    ObjectsDiffer {
        objects: Kind,
    },
    /// Differences beyond [`MOST_TOLD`].
    More {
        differences: u64,
    },
}

impl Difference {
    /// The first few, and how many more there are.
    pub fn first(mut all: Vec<Self>) -> Vec<Self> {
        let more = all.len().saturating_sub(MOST_TOLD) as u64;
        all.truncate(MOST_TOLD);
        all.extend((more > 0).then_some(Self::More { differences: more }));
        all
    }
}

/// An object of a manifest, by its kind and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    r#type: Kind,
    /// Absent for all of its kind, where the manifest does not name them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Name>,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} {name}", self.r#type),
            None => write!(f, "every {}", self.r#type),
        }
    }
}

/// Two contents, held against each other.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    pub differences: Vec<Difference>,
    /// Objects that the server may only print otherwise: their words are the same.
    pub doubts: Vec<Object>,
}

/// What became of an object that was loaded once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// It is printed in the same way again.
    Same,
    Different,
    Missing,
}

/// Kinds of objects with expressions that a server parses and prints, by [`Dialect`]. Everything else is kept as it was
/// written, the bodies of functions too, or is printed in one way only.
fn is_printed(dialect: Dialect, kind: &str) -> bool {
    let kinds: &[&str] = match dialect {
        Dialect::Postgresql => &[
            "aggregate",
            "check constraint",
            "constraint",
            "default of",
            "domain",
            "foreign table",
            "function",
            "index",
            "materialized view",
            "policy",
            "procedure",
            "publication",
            "rule",
            "statistics",
            "table",
            "trigger",
            "view",
        ],
        Dialect::Mysql => &["check constraint", "view"],
        Dialect::Globals | Dialect::Rdb | Dialect::RdbOnTrial | Dialect::Sqlite => &[],
    };
    kinds.contains(&kind)
}

impl Content {
    /// How `other` differs, to the last letter; empty when it does not.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        self.compare_by(other, &|_| false).differences
    }

    /// How what was restored differs from the dump: in what it is, or only in how it is printed.
    pub fn compare(&self, restored: &Self, dialect: Dialect) -> Comparison {
        self.compare_by(restored, &|kind| is_printed(dialect, kind))
    }

    fn compare_by(&self, other: &Self, is_printed: &dyn Fn(&str) -> bool) -> Comparison {
        let mut all = Vec::new();
        self.compare_rows(other, &mut all);
        let mut doubts = Vec::new();
        self.definitions.compare(&other.definitions, is_printed, &mut all, &mut doubts);
        without_parts(&mut all);
        Comparison { differences: Difference::first(all), doubts }
    }

    fn compare_rows(&self, other: &Self, all: &mut Vec<Difference>) {
        let are_named = [self, other].map(|content| !content.rows_of.is_empty() || content.tables == 0);
        if are_named == [true, true] {
            for (table, expected) in &self.rows_of {
                let table = table.clone();
                match other.rows_of.get(&table) {
                    None => all.push(Difference::TableMissing { table }),
                    Some(found) if found.rows != expected.rows => {
                        all.push(Difference::Rows { table, expected: expected.rows, found: found.rows });
                    }
                    Some(found) if found.sum != expected.sum => all.push(Difference::Values { table }),
                    Some(_) => {}
                }
            }
            let mut unexpected = other.rows_of.keys().filter(|table| !self.rows_of.contains_key(*table));
            if let Some(first) = unexpected.next() {
                let tables = 1 + unexpected.count() as u64;
                all.push(Difference::TablesUnexpected { tables, first: first.to_string() });
            }
        } else if self.tables != other.tables {
            all.push(Difference::Tables { expected: self.tables, found: other.tables });
        } else if self.rows != other.rows {
            all.push(Difference::RowsTotal { expected: self.rows, found: other.rows });
        } else if self.fingerprint != other.fingerprint {
            all.push(Difference::ValuesTotal);
        }
    }

    /// Names only what `other` names: what is told of it may be written where `other` is.
    #[must_use]
    pub fn named_like(mut self, other: &Self) -> Self {
        if other.rows_of.is_empty() {
            self.rows_of.clear();
        }
        for (kind, group) in &mut self.definitions.0 {
            if let None | Some(Group::Summed(_)) = other.definitions.0.get(kind) {
                group.forget_names();
            }
        }
        self
    }

    /// What became of an object in `other`, into which the definitions of this one were loaded.
    pub fn reloaded(&self, other: &Self, object: &Object) -> Reloaded {
        let groups = [self, other].map(|content| content.definitions.0.get(&object.r#type));
        let (is_there, is_same) = match (groups, &object.name) {
            ([Some(Group::Named(one)), Some(Group::Named(two))], Some(name)) => {
                (two.contains_key(name), one.contains_key(name) && one.get(name) == two.get(name))
            }
            // The others of a kind that is not named may hide the one that is missing.
            ([Some(one), Some(two)], _) => {
                let (one, two) = (one.sums(), two.sums());
                ((one.count, one.names) == (two.count, two.names), one == two)
            }
            _ => (false, false),
        };
        match (is_there, is_same) {
            (_, true) => Reloaded::Same,
            (true, false) => Reloaded::Different,
            (false, false) => Reloaded::Missing,
        }
    }
}

impl Definitions {
    fn compare(
        &self,
        other: &Self,
        is_printed: &dyn Fn(&str) -> bool,
        all: &mut Vec<Difference>,
        doubts: &mut Vec<Object>,
    ) {
        let (mut unexpected, mut first) = (0_u64, None);
        let mut surplus = |kind: &Kind, number: u64, name: Option<&Name>| {
            unexpected = unexpected.saturating_add(number);
            first.get_or_insert_with(|| Object { r#type: kind.clone(), name: name.cloned() }.to_string());
        };
        for (kind, group) in &other.0 {
            match (self.0.get(kind), group) {
                (None, Group::Named(found)) => {
                    surplus(kind, found.len() as u64, found.keys().next());
                }
                (None, Group::Summed(found)) => surplus(kind, found.count, None),
                (Some(Group::Named(expected)), Group::Named(found)) => {
                    let new = found.keys().filter(|name| !expected.contains_key(*name));
                    new.for_each(|name| surplus(kind, 1, Some(name)));
                }
                (Some(_), _) => {}
            }
        }
        let none = Group::Named(Default::default());
        for (kind, group) in &self.0 {
            let found = other.0.get(kind).unwrap_or(&none);
            let object = |name: Option<&Name>| Object { r#type: kind.clone(), name: name.cloned() };
            let (Group::Named(expected), Group::Named(found)) = (group, found) else {
                let (expected, found) = (group.sums(), found.sums());
                let are_same = (expected.names, expected.owners) == (found.names, found.owners);
                if expected.count != found.count {
                    let (expected, found) = (expected.count, found.count);
                    all.push(Difference::Objects { objects: kind.clone(), expected, found });
                } else if are_same && expected.texts == found.texts {
                } else if are_same && is_printed(kind) && expected.skeletons == found.skeletons {
                    doubts.push(object(None));
                } else {
                    all.push(Difference::ObjectsDiffer { objects: kind.clone() });
                }
                continue;
            };
            for (name, expected) in expected {
                let object = object(Some(name));
                match found.get(name) {
                    None => all.push(Difference::ObjectMissing { object }),
                    Some(found) if found.owner != expected.owner => {
                        all.push(Difference::OwnerDiffers { object });
                    }
                    Some(found) if found.text == expected.text => {}
                    Some(found) if is_printed(kind) && found.skeleton == expected.skeleton => {
                        doubts.push(object);
                    }
                    Some(_) => all.push(Difference::ObjectDiffers { object }),
                }
            }
        }
        if let Some(first) = first {
            all.push(Difference::ObjectsUnexpected { objects: unexpected, first });
        }
    }
}

/// What is missing because its table is says nothing more.
fn without_parts(all: &mut Vec<Difference>) {
    let (mut tables, mut told) = (BTreeSet::new(), BTreeSet::new());
    for difference in &*all {
        if let Difference::TableMissing { table } = difference {
            told.insert(table.to_string());
            tables.insert(table.to_string());
        } else if let Difference::ObjectMissing { object } = difference
            && &*object.r#type == "table"
        {
            tables.insert(object.name.as_deref().unwrap_or_default().to_owned());
        }
    }
    let is_part = |name: &str, table: &str| {
        name == table
            || name.strip_suffix(table).is_some_and(|before| before.ends_with(' '))
            || name
                .strip_prefix("column ")
                .and_then(|column| column.strip_prefix(table))
                .is_some_and(|rest| rest.starts_with('.'))
    };
    all.retain(|difference| {
        let Difference::ObjectMissing { object } = difference else { return true };
        let name = object.name.as_deref().unwrap_or_default();
        if &*object.r#type == "table" {
            return !told.contains(name);
        }
        !tables.iter().any(|table| is_part(name, table))
    });
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TableMissing { table } => write!(f, "table {table} is missing"),
            Self::Rows { table, expected, found } => {
                write!(f, "table {table} has {found} rows instead of {expected}")
            }
            Self::Values { table } => write!(f, "table {table} has as many rows, with other values"),
            Self::TablesUnexpected { tables: 1, first } => write!(f, "unexpected table {first}"),
            Self::TablesUnexpected { tables, first } => {
                write!(f, "{tables} unexpected tables, the first is {first}")
            }
            Self::Tables { expected, found } => write!(f, "{found} tables instead of {expected}"),
            Self::RowsTotal { expected, found } => write!(f, "{found} rows instead of {expected}"),
            Self::ValuesTotal => f.write_str("as many tables and rows, with other values"),
            Self::ObjectMissing { object } => write!(f, "{object} is missing"),
            Self::ObjectDiffers { object } => write!(f, "{object} is not the same"),
            Self::OwnerDiffers { object } => write!(f, "{object} has another owner"),
            Self::ObjectsUnexpected { objects: 1, first } => write!(f, "unexpected {first}"),
            Self::ObjectsUnexpected { objects, first } => {
                write!(f, "{objects} unexpected objects, the first is {first}")
            }
            Self::Objects { objects, expected, found } => {
                write!(f, "{found} objects of the kind {objects} instead of {expected}")
            }
            Self::ObjectsDiffer { objects } => {
                write!(f, "as many objects of the kind {objects}, and some are not the same")
            }
            Self::More { differences } => write!(f, "and {differences} more"),
        }
    }
}
