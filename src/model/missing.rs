//! What a backup does not have, though it should.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::line::{Line, Name};

/// How many of them a manifest names.
pub const MOST: usize = 1000;

/// How many are named in one line.
const NAMED: usize = 3;

/// Something of a server that could not be dumped, while other things could.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Absent: it is the roles and users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Name>,
    /// A table or view of the database, or its `routines`; absent: all of it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Name>,
    pub reason: Line<512>,
}

impl Missing {
    pub fn new(database: Option<&str>, object: Option<&str>, reason: &str) -> Self {
        Self {
            database: database.map(Name::clean),
            object: object.map(Name::clean),
            reason: Line::clean(reason),
        }
    }

    /// Whether all of this database is missing.
    pub fn is_all_of(&self, database: &str) -> bool {
        self.object.is_none() && self.database.as_ref() == Some(&Name::clean(database))
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.database, &self.object) {
            (None, _) => write!(f, "roles and users: {}", self.reason),
            (Some(database), None) => write!(f, "database \"{database}\": {}", self.reason),
            (Some(database), Some(object)) => {
                write!(f, "\"{object}\" of database \"{database}\": {}", self.reason)
            }
        }
    }
}

/// The first of them in one line; `None` when nothing is missing.
pub fn summary(missing: &[Missing]) -> Option<String> {
    let named: Vec<String> = missing.iter().take(NAMED).map(ToString::to_string).collect();
    let others = match missing.len().saturating_sub(NAMED) {
        0 => String::new(),
        count => format!("; {count} more"),
    };
    (!named.is_empty()).then(|| format!("{}{others}", named.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_in_one_line() {
        assert_eq!(summary(&[]), None);
        let all = [
            Missing::new(None, None, "refused"),
            Missing::new(Some("aaa"), None, "gone\nbad"),
            Missing::new(Some("aaa"), Some("v"), "invalid"),
            Missing::new(Some("b"), None, "x"),
        ];
        assert_eq!(
            summary(&all).unwrap(),
            r#"roles and users: refused; database "aaa": gone\nbad; "v" of database "aaa": invalid; 1 more"#
        );
        assert!(all[1].is_all_of("aaa") && !all[2].is_all_of("aaa") && !all[0].is_all_of("aaa"));
    }
}
