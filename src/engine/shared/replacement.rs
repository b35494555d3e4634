//! What putting a dump back needs besides loading it.

use super::facts::Facts;
use crate::model::run::RunId;
pub(in crate::engine) use crate::model::run::{LEFTOVERS, is_leftover};

/// A load executes what somebody has put into the bucket: it does so as the server's user, and not as root.
const AS_USER: &str = include_str!("as_user.sh");

/// Defines `as_user`. The label says who it is; without one, nobody has asked for the image's root.
pub(in crate::engine) fn as_user(facts: &Facts<'_>) -> &'static str {
    match facts.exec_user {
        Some(_) => "as_user() { as=; }\n",
        None => AS_USER,
    }
}

/// How a database gets the content of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// A new database is filled and takes the old one's name at the end: the old one is whole until then.
    Swap,
    /// A new database is filled, and its tables and those of the old one change places at the end.
    Exchange,
    /// The old content goes first. Whatever fails after that leaves a part of the new one.
    InPlace,
}

/// A database that is filled under another name than it will have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// The name it will have.
    pub name: String,
    /// Whether there is a database of that name, which is replaced.
    pub is_there: bool,
    /// Its name until then.
    pub staged: String,
    /// The name of the old one from then on, until it is dropped.
    pub replaced: String,
    /// Nobody drops it but its owner.
    pub keeps_old: bool,
}

impl Staged {
    /// The names of the `index`th database of a run.
    pub fn new(name: &str, is_there: bool, run: &RunId, index: usize) -> Self {
        let [staged, replaced] = LEFTOVERS.map(|start| format!("{start}{run}_{index}"));
        Self { name: name.to_owned(), is_there, staged, replaced, keeps_old: false }
    }

    /// The old one stays, under this name.
    #[must_use]
    pub fn keeping(self, old: Option<&str>) -> Self {
        match old.filter(|_| self.is_there) {
            Some(old) => Self { replaced: old.to_owned(), keeps_old: true, ..self },
            None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_restore_named_is_a_leftover() {
        let run: RunId = "0123456789abcdef".parse().unwrap();
        let Staged { staged, replaced, .. } = Staged::new("shop", true, &run, 12);
        assert_eq!(staged, "dumpcar_restore_0123456789abcdef_12");
        assert_eq!(replaced, "dumpcar_replaced_0123456789abcdef_12");
        assert!(is_leftover(&staged) && is_leftover(&replaced));
        for name in [
            "shop",
            "dumpcar_restore_",
            "dumpcar_restore_x_0",
            "dumpcar_restore_0123456789abcdef",
            "dumpcar_replaced_0123456789abcdef_x",
        ] {
            assert!(!is_leftover(name), "{name}");
        }
    }
}
