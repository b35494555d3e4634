//! The kinds of database there are, by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kinds of database Dumpcar knows, and the one it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Postgresql,
    Mariadb,
    Mysql,
    /// Whatever the label `dumpcar.command` prints.
    Custom,
}

/// What MariaDB and MySQL keep for themselves; `ndbinfo` is a cluster's.
const OF_MYSQL: [&str; 5] = ["information_schema", "performance_schema", "mysql", "sys", "ndbinfo"];
/// What every new database of PostgreSQL is made from.
const OF_POSTGRESQL: [&str; 2] = ["template0", "template1"];

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgresql => "postgresql",
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
            Self::Custom => "custom",
        }
    }

    /// The databases that are the server's own.
    pub fn own_databases(self) -> &'static [&'static str] {
        match self {
            Self::Postgresql => &OF_POSTGRESQL,
            Self::Mariadb | Self::Mysql => &OF_MYSQL,
            Self::Custom => &[],
        }
    }

    /// Whether a database of this name is the server's own: never dumped, so never put back. In whatever case: where file
    /// names know none, `MySQL` is `mysql`.
    pub fn is_own_database(self, name: &str) -> bool {
        let is_same = |own: &&str| match self {
            Self::Postgresql => *own == name,
            Self::Mariadb | Self::Mysql | Self::Custom => own.eq_ignore_ascii_case(name),
        };
        self.own_databases().iter().any(is_same)
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be postgresql, mariadb, mysql or custom")]
pub struct EngineError;

impl FromStr for Engine {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "postgresql" | "postgres" => Ok(Self::Postgresql),
            "mariadb" => Ok(Self::Mariadb),
            "mysql" => Ok(Self::Mysql),
            "custom" => Ok(Self::Custom),
            _ => Err(EngineError),
        }
    }
}
