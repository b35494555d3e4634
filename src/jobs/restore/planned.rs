//! What a restore is asked for, and what it is going to do.

use crate::discovery::Target;
use crate::engine::{Placement, Staged, Surroundings};
use crate::model::key::BackupKey;
use crate::model::manifest::ManifestObject;
use crate::model::run::RunId;

/// What is put back, and where.
#[derive(Debug)]
pub struct Plan {
    pub key: BackupKey,
    pub target: Target,
    /// Roles and users, which come first.
    pub globals: Option<ManifestObject>,
    pub databases: Vec<Wanted>,
    /// What is run is the command of the manifest, and not one of the container's labels.
    pub manifest_command: Option<String>,
    pub placement: Placement,
    pub surroundings: Surroundings,
    /// What of others ends with what is replaced, and what may not go well: for whoever is asked, and for the log.
    pub warnings: Vec<String>,
    /// A copy may reach into the original by name.
    pub allow_references: bool,
}

/// One database, or a custom engine's dump.
#[derive(Debug)]
pub struct Wanted {
    pub object: ManifestObject,
    /// The name it gets; empty for a custom dump.
    pub name: String,
    /// Whether there is a database of that name, which is replaced.
    pub is_there: bool,
    /// About how many bytes that one has on disk, if the server says it.
    pub size: Option<u64>,
    /// The name under which that one stays; without one it will be gone.
    pub old: Option<String>,
}

impl Wanted {
    pub(super) fn staged(&self, run: &RunId, index: usize) -> Staged {
        Staged::new(&self.name, self.is_there, run, index).keeping(self.old.as_deref())
    }
}

/// What a user asks for.
#[derive(Debug, Default)]
pub struct Selection {
    /// Empty means all.
    pub databases: Vec<String>,
    pub new_name: Option<String>,
    pub globals: bool,
    /// Whether a custom engine's dump may be put back by the command of its manifest: whoever writes the bucket chooses that.
    pub manifest_command: bool,
    pub placement: Placement,
    /// Whether a copy (`new_name`) may have definitions that name the original.
    pub allow_references: bool,
    /// Whether what is replaced stays beside it.
    pub keep_old: bool,
}
