//! Loading definitions once more, in a drill: whether a server goes on printing them as it does after a restore.
//!
//! They are loaded under the database's own name, which their texts may have in them, as a restore loads them. So the restored
//! database goes out of the way, and nothing may be asked of it afterwards.

use super::restore::Staged;
use super::{Command, Engine, Facts, mysql, postgresql};

/// What the names begin with of databases that went out of the way. No run is called so, and no backup has one of this name: it
/// would be one that a restore makes for itself.
const ASIDE: &str = "dumpcar_replaced_0000000000000000_";

impl Engine {
    /// Takes its name from a database of a drill's server, the `index`th of them. `None` for a custom one.
    pub fn set_aside(self, facts: &Facts<'_>, database: &str, index: usize) -> Option<Command> {
        match self {
            Self::Postgresql => {
                // What somebody subscribes to can be renamed, and not dropped.
                let name = format!("{ASIDE}{index}");
                let (staged, replaced) = (database.to_owned(), String::new());
                let aside = Staged { name, is_there: false, staged, replaced, keeps_old: false };
                Some(postgresql::swap(facts, &[aside]))
            }
            Self::Mariadb => Some(mysql::drop_database(mysql::Flavour::Mariadb, facts, database)),
            Self::Mysql => Some(mysql::drop_database(mysql::Flavour::Mysql, facts, database)),
            Self::Custom => None,
        }
    }

    /// Further arguments of the dump tool by which it prints definitions only. Those of triggers and events are kept as they
    /// were written.
    pub fn definitions(self) -> &'static [&'static str] {
        match self {
            Self::Postgresql => &["--schema-only"],
            Self::Mariadb | Self::Mysql => &["--no-data", "--skip-triggers", "--skip-events"],
            Self::Custom => &[],
        }
    }
}
