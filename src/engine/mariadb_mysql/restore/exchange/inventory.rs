//! What is in the databases that change places.

use std::collections::BTreeSet;

use super::super::separate::quoted;
use super::{Exchange, Unexpected, decoded, full, lines};
use crate::engine::mariadb_mysql::flavour::Flavour;

/// A foreign key from one database to another, or to a table that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) database: String,
    pub(super) table: String,
    pub(super) name: String,
    /// What it points to.
    to: (String, String),
    /// What is before and behind that.
    columns: String,
    rest: String,
}

impl Key {
    /// Makes it, where its table is in the database `at`, or else in its own. One to a table that is not there points to that
    /// database.
    pub(super) fn add(&self, at: Option<&str>) -> String {
        let Self { database, table, name, to: (to, to_table), columns, rest } = self;
        let to = at.filter(|_| self.is_within()).unwrap_or(to).to_owned();
        let table = full(&(at.unwrap_or(database).to_owned(), table.clone()));
        let to = full(&(to, to_table.clone()));
        format!(
            "ALTER TABLE {table} ADD CONSTRAINT {} FOREIGN KEY ({columns}) REFERENCES {to} {rest};\n",
            quoted(name)
        )
    }

    /// Whether it points to a table that is not there.
    pub(super) fn is_within(&self) -> bool {
        self.database == self.to.0
    }
}

/// What is in some databases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    pub(super) tables: BTreeSet<(String, String)>,
    /// Triggers and the like: kind, database, name.
    objects: Vec<(String, String, String)>,
    /// Those that point into one of the databases from another one, or from itself to a table that is not there.
    pub(super) keys: Vec<Key>,
    /// Defaults that take the number of a sequence: database, table, column, text.
    pub(super) defaults: Vec<[String; 4]>,
    /// Databases with their character set and collation.
    pub(super) options: Vec<[String; 3]>,
}

impl Exchange {
    /// # Errors
    /// It is no inventory.
    pub fn parse_inventory(self, stdout: &[u8]) -> Result<Inventory, Unexpected> {
        let mut found = Inventory::default();
        // What a server says of a key without a rule; where it is said, a server may make something else of it.
        let unsaid = match self.0 {
            Flavour::Mariadb => "RESTRICT",
            Flavour::Mysql => "NO ACTION",
        };
        for (word, fields) in lines(stdout)? {
            match word.as_str() {
                "table" => {
                    let [database, table] = decoded(&fields)?;
                    found.tables.insert((database, table));
                }
                "object" => {
                    let [kind, database, name] = decoded(&fields)?;
                    found.objects.push((kind, database, name));
                }
                "options" => found.options.push(decoded(&fields)?),
                "default" => found.defaults.push(decoded(&fields)?),
                "key" => {
                    let [database, table, name, to, to_table, columns, to_columns, update, delete] =
                        decoded(&fields)?;
                    let rule = |event: &str, rule: &str| {
                        if rule == unsaid { String::new() } else { format!(" ON {event} {rule}") }
                    };
                    let rules = rule("DELETE", &delete) + &rule("UPDATE", &update);
                    let rest = format!("({to_columns}){rules}");
                    found.keys.push(Key { database, table, name, to: (to, to_table), columns, rest });
                }
                _ => return Err(Unexpected(word)),
            }
        }
        Ok(found)
    }
}

impl Inventory {
    /// Whether there is a database of this name.
    pub fn has(&self, database: &str) -> bool {
        self.options.iter().any(|[name, ..]| name == database)
    }

    /// How the database of this name says its character set.
    pub(super) fn options_of(&self, database: &str) -> Option<String> {
        let [_, set, collation] = self.options.iter().find(|[name, ..]| name == database)?;
        Some(format!(" CHARACTER SET {set} COLLATE {collation}"))
    }

    /// The views, by database and name.
    pub(super) fn views(&self) -> BTreeSet<(String, String)> {
        let views = self.objects.iter().filter(|(kind, ..)| kind == "VIEW");
        views.map(|(_, database, name)| (database.clone(), name.clone())).collect()
    }

    /// Drops everything that keeps tables from being moved, and all that is made again: triggers, routines, events, keys from
    /// other databases, and all but these views.
    pub(super) fn clear(&self, kept_views: &BTreeSet<(String, String)>) -> String {
        let mut sql = String::new();
        for key in &self.keys {
            let table = full(&(key.database.clone(), key.table.clone()));
            sql.push_str(&format!("ALTER TABLE {table} DROP FOREIGN KEY {};\n", quoted(&key.name)));
        }
        for (kind, database, name) in &self.objects {
            let place = (database.clone(), name.clone());
            let drop = format!("DROP {kind} IF EXISTS {};\n", full(&place));
            match kind.as_str() {
                "VIEW" if kept_views.contains(&place) => {}
                "TRIGGER" | "EVENT" | "VIEW" | "FUNCTION" | "PROCEDURE" => sql.push_str(&drop),
                // MariaDB 10 knows them in Oracle's mode only.
                "PACKAGE" | "PACKAGE BODY" => {
                    sql.push_str(&format!(
                        "SET SESSION sql_mode = 'ORACLE';\n{drop}SET SESSION sql_mode = '';\n"
                    ));
                }
                _ => {}
            }
        }
        sql
    }
}
