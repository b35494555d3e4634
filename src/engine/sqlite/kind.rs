//! What SQLite is.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::applications;
use crate::engine::kind::{Kind, ScratchServer};
use crate::engine::shared::broken::Without;
use crate::engine::shared::completeness::{self, IncompleteDump};
use crate::engine::shared::facts::Facts;
use crate::engine::shared::failure::ToolFailure;
use crate::engine::shared::names::{old_name_of_any_length, shell_quoted};
use crate::engine::shared::replacement::{LEFTOVERS, Replacement, Staged, is_leftover};
use crate::engine::shared::signs::Said;
use crate::engine::shared::survey::{Database, Survey, SurveyError};
use crate::engine::shared::units::Units;
use crate::model::command::Command;
use crate::model::content::Dialect;
use crate::model::glob::Glob;
use crate::model::helper::{self, Databases, Request, is_file_path, split_path};
use crate::model::manifest::ObjectKind;
use crate::model::run::RunId;

pub(in crate::engine) static SQLITE: Sqlite = Sqlite;

pub(in crate::engine) struct Sqlite;

/// The first bytes of a database file.
const MAGIC: &str = "SQLite format 3\0";

impl Kind for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["sqlite3"]
    }

    fn units(&self) -> Units {
        Units::Databases
    }

    fn is_file(&self) -> bool {
        true
    }

    fn usual_paths(&self, image: &str) -> &'static [&'static str] {
        applications::paths(image)
    }

    fn extension<'a>(&self, _facts: &Facts<'a>) -> &'a str {
        "sqlite"
    }

    fn is_reserved(&self, name: &str) -> bool {
        !is_file_path(name) || is_leftover(split_path(name).1)
    }

    fn nothing(&self, facts: &Facts<'_>) -> String {
        format!(
            "there is no database file {} in the container: is the path right (label dumpcar.path), and has the application made its database?",
            facts.paths.join(" or ")
        )
    }

    fn survey(&self, facts: &Facts<'_>) -> Option<Command> {
        let is_guess = facts.paths == applications::paths(facts.image);
        Some(Command::request(&Request::Survey { patterns: facts.paths.to_vec(), is_guess }))
    }

    fn parse_survey(&self, stdout: &[u8]) -> Result<Survey, SurveyError> {
        let Databases { version, found, leftovers, notes } = serde_json::from_slice(stdout)
            .map_err(|_| SurveyError::Line(String::from_utf8_lossy(stdout).chars().take(200).collect()))?;
        let hints = found.iter().filter_map(|one| Some((one.path.clone(), one.hint.clone()?))).collect();
        let database = |one: helper::Database| {
            let helper::Database { path: name, bytes, .. } = one;
            Database { name, size_hint: Some(bytes), options: None }
        };
        let databases = found.into_iter().map(database).collect();
        Ok(Survey { server_version: version, databases, reads_accounts: true, leftovers, notes, hints })
    }

    fn dump_without(&self, _: &Facts<'_>, _: &Survey, database: &str, _: &Without) -> Command {
        Command::request(&Request::Dump { path: database.to_owned() })
    }

    /// Whether it is whole says the reader of its content, by the number of its pages.
    fn check(
        &self,
        _kind: ObjectKind,
        head: &[u8],
        tail: &[u8],
        plain_bytes: u64,
    ) -> Result<(), IncompleteDump> {
        completeness::check(None, head, tail, plain_bytes)?;
        if head.starts_with(MAGIC.as_bytes()) {
            Ok(())
        } else {
            Err(IncompleteDump::NoMagic("SQLite format 3"))
        }
    }

    fn dialect(&self, kind: ObjectKind) -> Option<Dialect> {
        match kind {
            ObjectKind::Database => Some(Dialect::Sqlite),
            ObjectKind::Dump | ObjectKind::Globals => None,
        }
    }

    /// By the exit statuses of [`crate::helper`].
    fn failure(&self, said: &Said<'_>) -> Option<ToolFailure> {
        match said.exit_status {
            75 => Some(ToolFailure::Busy),
            64..=70 | 74 => Some(ToolFailure::Other),
            _ => None,
        }
    }

    fn message(&self, _failure: ToolFailure, said: &Said<'_>) -> Option<String> {
        said.shown.strip_prefix("dumpcar: ").map(str::to_owned)
    }

    fn replacement(&self) -> Replacement {
        Replacement::Swap
    }

    /// A path has no room that a name has not.
    fn old_name(&self, name: &str, at: Timestamp) -> String {
        old_name_of_any_length(name, at)
    }

    /// A backup names files, and whoever writes the bucket writes the names.
    fn misplaced(&self, facts: &Facts<'_>, name: &str) -> Option<String> {
        let is_of = |pattern: &String| {
            let ((folder, glob), (of, file)) = (split_path(pattern), split_path(name));
            folder == of && Glob::new(glob).matches(file)
        };
        (!facts.paths.iter().any(is_of)).then(|| {
            format!(
                "{name} is none of the files of this container ({}, by the label dumpcar.path or its image): say where it goes by --as PATH",
                facts.paths.join(", ")
            )
        })
    }

    fn load(&self, facts: &Facts<'_>, database: Option<&str>, _word: &str) -> Option<Command> {
        Some(Command::request(&Request::Load(staged(facts, database?))))
    }

    fn swap(&self, facts: &Facts<'_>, all: &[Staged]) -> Option<Command> {
        let swap = |one: &Staged| helper::Swap {
            staged: staged(facts, &one.staged),
            path: one.name.clone(),
            keep: one.keeps_old.then(|| one.replaced.clone()),
        };
        Some(Command::request(&Request::Swap { files: all.iter().map(swap).collect() }))
    }

    fn swapped(&self, facts: &Facts<'_>, all: &[Staged]) -> Option<Command> {
        let files = all.iter().map(|one| staged(facts, &one.staged)).collect();
        Some(Command::request(&Request::Swapped { files }))
    }

    fn drop_staged(&self, facts: &Facts<'_>, name: &str) -> Option<Command> {
        Some(Command::request(&Request::Drop { path: staged(facts, name).path() }))
    }

    fn drop_leftovers(&self, facts: &Facts<'_>, run: &RunId) -> Option<Command> {
        let starts = LEFTOVERS.map(|start| format!("{start}{run}_")).to_vec();
        Some(Command::request(&Request::Remove { folder: folder(facts), starts }))
    }

    fn drop_by_hand(&self, _facts: &Facts<'_>, container: &str, name: &str) -> Option<String> {
        // The image may have no `rm`.
        let [container, name] = [container, name].map(shell_quoted);
        Some(format!("docker run --rm --volumes-from {container} alpine rm {name}"))
    }
}

/// What is restored is first beside the first database that the label names: there is room for databases, and they can be written.
fn folder(facts: &Facts<'_>) -> String {
    let first = facts.paths.first().map_or("/", |path| split_path(path).0);
    first.to_owned()
}

fn staged(facts: &Facts<'_>, name: &str) -> helper::Staged {
    helper::Staged { folder: folder(facts), name: name.to_owned() }
}

impl ScratchServer for Sqlite {
    /// There is no server.
    fn scratch_env(
        &self,
        _target: &BTreeMap<String, String>,
        _wanted: &[String],
        _password: &str,
    ) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn query(&self, _facts: &Facts<'_>, database: &str, query: &str) -> Command {
        Command::request(&Request::Query { path: database.to_owned(), query: query.to_owned() })
    }
}
