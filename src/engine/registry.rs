//! The engines there are.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::FromStr;

use super::custom::CUSTOM;
use super::kind::Kind;
use super::mariadb_mysql::kind::{MARIADB, MYSQL};
use super::postgresql::kind::POSTGRESQL;
use super::redis::kind::{REDIS, VALKEY};
use super::shared::units::Units;
use super::sqlite::kind::SQLITE;
use crate::model::engine::EngineName;
use crate::model::manifest::{Manifest, ObjectKind};

/// An engine is its folder, and its line here.
static KINDS: &[&dyn Kind] = &[&POSTGRESQL, &MARIADB, &MYSQL, &REDIS, &VALKEY, &SQLITE, &CUSTOM];

/// One of the engines. What it is and does: [`Kind`].
#[derive(Clone, Copy)]
pub struct Engine(&'static dyn Kind);

impl Engine {
    /// Whatever the label `dumpcar.command` prints.
    pub const CUSTOM: Self = Self::of_kind(&CUSTOM);

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().copied().map(Self::of_kind)
    }

    /// The names of those that Dumpcar knows itself, for a message.
    pub fn names() -> String {
        let known = Self::all().filter(|engine| !engine.is_defined_by_labels());
        known.map(|engine| engine.name()).collect::<Vec<_>>().join(", ")
    }

    /// The engine of a container, by its image's name, else by the names of its variables; `None` when neither says.
    ///
    /// Called for containers that asked to be backed up: an application that is only told its database by
    /// `POSTGRES_PASSWORD` would be taken for one, and then has no `pg_dump`.
    pub fn detect(image: &str, env: &BTreeMap<String, String>) -> Option<Self> {
        let find = |is: &dyn Fn(Self) -> bool| Self::all().find(|engine| is(*engine));
        find(&|engine| engine.detection().is_named(image) || !engine.usual_paths(image).is_empty())
            // MariaDB's images have variables of MySQL as well, and stand before it.
            .or_else(|| find(&|engine| engine.detection().is_set_in(env)))
            .or_else(|| find(&|engine| engine.detection().is_read_in(env)))
    }

    /// The engine of a backup.
    ///
    /// # Errors
    /// This version does not know it, or the backup cannot be one of it.
    pub fn of(manifest: &Manifest) -> Result<Self, WrongEngine> {
        let name = &manifest.engine;
        let engine = Self::named(name.as_str()).ok_or_else(|| WrongEngine::Unknown(name.clone()))?;
        let is_possible = |kind: ObjectKind| match engine.units() {
            Units::Databases => kind != ObjectKind::Dump,
            Units::Whole => kind == ObjectKind::Dump,
        };
        let own = |name: &&String| engine.is_own_database(name);
        if !manifest.objects.iter().all(|object| is_possible(object.kind)) {
            return Err(WrongEngine::Objects(engine));
        }
        match manifest.objects.iter().filter_map(|object| object.database.as_ref()).find(own) {
            Some(name) => Err(WrongEngine::OwnDatabase(engine, name.clone())),
            None => Ok(engine),
        }
    }

    /// As a manifest has it.
    pub fn manifest_name(self) -> EngineName {
        EngineName::known(self.name())
    }

    /// A warning if a server of this kind is older than the one that a backup is of, or of another kind. It is given the dump
    /// nevertheless: nothing is lost by it, and mostly it takes it.
    pub fn older(self, server: &str, of: Self, backup: &str) -> Option<String> {
        let line = |version: &str| -> Option<Vec<u32>> {
            let numbers = version.split(|c: char| !c.is_ascii_digit()).take(self.numbers_of_a_line());
            numbers.map(|number| number.parse().ok()).collect()
        };
        if self != of {
            return Some(format!(
                "the backup is of {of} {backup}, and the server is {self} {server}: neither promises to take the other's dumps; if it \
                 does not, nothing is changed"
            ));
        }
        let is_older = line(server)? < line(backup)?;
        is_older.then(|| {
            format!(
                "the server ({self} {server}) is older than that of the backup ({backup}): nobody promises that it takes everything; \
                 if it does not, nothing is changed"
            )
        })
    }

    pub(super) const fn of_kind(kind: &'static dyn Kind) -> Self {
        Self(kind)
    }

    fn named(text: &str) -> Option<Self> {
        Self::all().find(|engine| engine.name() == text || engine.aliases().contains(&text))
    }
}

impl Deref for Engine {
    type Target = dyn Kind;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl PartialEq for Engine {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Engine {}

impl Hash for Engine {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {} or {}", Engine::names(), Engine::CUSTOM)]
pub struct EngineError;

impl FromStr for Engine {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::named(&text.to_ascii_lowercase()).ok_or(EngineError)
    }
}

/// Nobody can say how this backup comes back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongEngine {
    #[error(
        "this version does not know the engine {0} of the backup: take the version of Dumpcar that made it, or a later one"
    )]
    Unknown(EngineName),
    #[error("the backup has objects that no backup of {0} has")]
    Objects(Engine),
    #[error("the backup has the database {1:?}, which is the own one of every {0}")]
    OwnDatabase(Engine, String),
}
