//! What each kind of database needs: which commands make its dump, what their output means, whether a dump is whole.
//!
//! Everything in here is a function of what is known of a container. Nothing runs a command, reads a clock or sees a
//! password: a [`Command`] names where its password is, and the shell inside the container puts it in place.

mod activity;
mod address;
mod broken;
mod content;
mod custom;
mod detect;
mod diagnosis;
mod facts;
mod keep;
mod login;
mod mysql;
mod postgresql;
mod reload;
mod remarks;
mod restore;
mod scratch;
mod survey;

use std::collections::BTreeMap;

pub use activity::Activity;
pub use address::{Address, is_host, is_socket};
pub use broken::{Broken, Without};
pub use content::ContentError;
pub use custom::hook;
pub use detect::detect;
pub use diagnosis::{Diagnosis, Problem, diagnose};
pub use facts::Facts;
pub use keep::{is_old_name, old_name};
pub use login::{Login, Password, User};
pub use mysql::{
    AccountFilter, Accounts, Control, Definitions, Exchange, Inventory, SESSION, Script, Separated,
    Separation, Separator, Side, Stage, Unexpected, Way,
};
pub use postgresql::{DumpEdit, Globals, Loading, Placement, Surroundings, Tablespace};
pub use remarks::remarks;
pub use restore::{Edit, Replacement, Staged};
pub use scratch::{Answering, Settings};
pub use survey::{Database, Survey, SurveyError};

pub use crate::model::command::Command;
use crate::model::content::Dialect;
use crate::model::database::DatabaseOptions;
pub use crate::model::engine::{Engine, EngineError};
use crate::model::manifest::ObjectKind;
use crate::model::run::RunId;

/// What every script starts with.
pub(crate) const PRELUDE: &str = include_str!("prelude.sh");

/// Behind it, where a server may be reached by this machine's own address.
pub(crate) const OWN_SERVER: &str = include_str!("own_server.sh");

impl Engine {
    /// How this engine's tools log in, chosen by the names of the variables; `None` for a custom one.
    pub fn login(self, facts: &Facts<'_>) -> Option<Login> {
        match self {
            Self::Postgresql => Some(login::postgresql(facts)),
            Self::Mariadb => Some(login::mariadb(facts)),
            Self::Mysql => Some(login::mysql(facts)),
            Self::Custom => None,
        }
    }

    /// Where its server listens, as far as it is known.
    pub fn address(self, facts: &Facts<'_>) -> Address {
        Address::of(self, facts)
    }

    /// Asks the server what is to be dumped, for [`Engine::parse_survey`]; `None` for a custom one, which has one dump.
    pub fn survey(self, facts: &Facts<'_>) -> Option<Command> {
        match self {
            Self::Postgresql => Some(postgresql::survey(facts)),
            Self::Mariadb => Some(mysql::survey(mysql::Flavour::Mariadb, facts)),
            Self::Mysql => Some(mysql::survey(mysql::Flavour::Mysql, facts)),
            Self::Custom => None,
        }
    }

    /// Reads what the survey command printed.
    ///
    /// # Errors
    /// A line that the survey does not print, or a database whose name is not UTF-8.
    pub fn parse_survey(self, stdout: &[u8]) -> Result<Survey, SurveyError> {
        survey::parse(self, stdout)
    }

    /// Prints one database as plain SQL that loads into an empty database of any name; a custom engine's whole dump.
    pub fn dump(self, facts: &Facts<'_>, survey: &Survey, database: &str) -> Command {
        self.dump_without(facts, survey, database, &Without::default())
    }

    /// The same, but for what cannot be dumped: found by [`Engine::examine`].
    pub fn dump_without(
        self,
        facts: &Facts<'_>,
        survey: &Survey,
        database: &str,
        without: &Without,
    ) -> Command {
        match self {
            Self::Postgresql => postgresql::dump(facts, survey, database),
            Self::Mariadb => mysql::dump(mysql::Flavour::Mariadb, facts, survey, database, without),
            Self::Mysql => mysql::dump(mysql::Flavour::Mysql, facts, survey, database, without),
            Self::Custom => custom::dump(facts),
        }
    }

    /// Prints what belongs to the whole server as plain SQL, to be loaded before the databases.
    ///
    /// `None` where there is nothing of the kind: custom engines, and a MariaDB or MySQL login that may not read
    /// accounts ([`Survey::notes`] then says so).
    pub fn globals(self, facts: &Facts<'_>, survey: &Survey) -> Option<Command> {
        match self {
            Self::Postgresql => Some(postgresql::globals(facts, survey)),
            Self::Mariadb => mysql::globals(mysql::Flavour::Mariadb, facts, survey),
            Self::Mysql => mysql::globals(mysql::Flavour::Mysql, facts, survey),
            Self::Custom => None,
        }
    }

    /// How a database gets the content of a dump.
    pub fn replacement(self) -> Replacement {
        match self {
            Self::Postgresql => Replacement::Swap,
            Self::Mariadb | Self::Mysql => Replacement::Exchange,
            Self::Custom => Replacement::InPlace,
        }
    }

    /// Makes the empty database a dump is loaded into, with its [`Database::options`]. With [`Replacement::InPlace`] this
    /// removes the one that is there. `None` where there is nothing of the kind.
    pub fn create(self, facts: &Facts<'_>, name: &str, options: Option<&DatabaseOptions>) -> Option<Command> {
        match self {
            Self::Postgresql => Some(postgresql::create(facts, name, options)),
            Self::Mariadb => Some(mysql::create(mysql::Flavour::Mariadb, facts, name, options)),
            Self::Mysql => Some(mysql::create(mysql::Flavour::Mysql, facts, name, options)),
            Self::Custom => None,
        }
    }

    /// Asks what of the server decides how a backup comes back to it, for [`Engine::parse_surroundings`]; `None` where nothing does.
    pub fn surroundings(self, facts: &Facts<'_>) -> Option<Command> {
        match self {
            Self::Postgresql => Some(postgresql::surroundings(facts)),
            Self::Mariadb | Self::Mysql | Self::Custom => None,
        }
    }

    /// Reads what that command printed.
    ///
    /// # Errors
    /// A line that it does not print.
    pub fn parse_surroundings(self, stdout: &[u8]) -> Result<Surroundings, SurveyError> {
        match self {
            Self::Postgresql => Surroundings::parse(stdout),
            Self::Mariadb | Self::Mysql | Self::Custom => Ok(Surroundings::default()),
        }
    }

    /// Decides what of a backup's globals is loaded into this server; `None` where they are loaded as they are.
    pub fn tailor(self, globals: &[u8], server: &Surroundings, placement: Placement) -> Option<Globals> {
        match self {
            Self::Postgresql => Some(Globals::tailor(globals, server, placement)),
            Self::Mariadb | Self::Mysql | Self::Custom => None,
        }
    }

    /// Makes a tablespace of [`Globals`].
    pub fn make_tablespace(self, facts: &Facts<'_>, tablespace: &Tablespace) -> Command {
        tablespace.make(facts)
    }

    /// Fails if the server cannot make a database like this; `None` where that need not be asked.
    pub fn probe(self, facts: &Facts<'_>, options: &DatabaseOptions) -> Option<Command> {
        match self {
            Self::Postgresql => postgresql::probe(facts, options),
            Self::Mariadb | Self::Mysql | Self::Custom => None,
        }
    }

    /// How databases are exchanged. `None` where that is not how it is done ([`Replacement::Exchange`]).
    pub fn exchange(self) -> Option<Exchange> {
        match self {
            Self::Mariadb => Some(Exchange(mysql::Flavour::Mariadb)),
            Self::Mysql => Some(Exchange(mysql::Flavour::Mysql)),
            Self::Postgresql | Self::Custom => None,
        }
    }

    /// Whether a backup may not replace or make a database of this name: the server's own, one that a restore makes for
    /// itself, or what is no name.
    pub fn is_reserved(self, name: &str) -> bool {
        let is_schema = match self {
            Self::Mariadb | Self::Mysql => !name.starts_with(mysql::NO_SCHEMA),
            Self::Postgresql => true,
            Self::Custom => return false,
        };
        let is_name = is_schema && !name.is_empty() && !name.contains('\0');
        !is_name || self.is_own_database(name) || restore::is_leftover(name)
    }

    /// What a dump has to pass on its way into [`Engine::load`]; of a database that is exchanged, a [`Separator`].
    pub fn edit(self, loading: Loading) -> Edit {
        match self {
            Self::Postgresql => Edit::Postgresql(Box::new(DumpEdit::new(loading))),
            Self::Mariadb | Self::Mysql | Self::Custom => Edit::Nothing,
        }
    }

    /// Reads a dump, edited, from its standard input: one of `database`, or, without one, the globals; a custom engine's by
    /// [`Facts::restore_command`]. `None` when that is not known.
    ///
    /// A dump is what somebody has put into the bucket: the client obeys no command in it that is not the server's, as far
    /// as it can be told so. `word` is for that: letters and digits, random, for this load only.
    pub fn load(self, facts: &Facts<'_>, database: Option<&str>, word: &str) -> Option<Command> {
        match self {
            Self::Postgresql => Some(postgresql::load(facts, database, word)),
            Self::Mariadb => Some(mysql::load(mysql::Flavour::Mariadb, facts, database)),
            Self::Mysql => Some(mysql::load(mysql::Flavour::Mysql, facts, database)),
            Self::Custom => custom::load(facts),
        }
    }

    /// Gives databases that were filled under another name their own, all at once. `None` with [`Replacement::InPlace`].
    pub fn swap(self, facts: &Facts<'_>, staged: &[Staged]) -> Option<Command> {
        match self {
            Self::Postgresql => Some(postgresql::swap(facts, staged)),
            Self::Mariadb | Self::Mysql | Self::Custom => None,
        }
    }

    /// Ends what the server still does for a restore whose client has gone. `None` where nothing can come of it.
    pub fn end_work(self, facts: &Facts<'_>, run: &RunId) -> Option<Command> {
        match self {
            Self::Postgresql => Some(postgresql::end_work(facts, run)),
            Self::Mariadb | Self::Mysql | Self::Custom => None,
        }
    }

    /// Drops one database that a restore has filled in vain.
    pub fn drop_staged(self, facts: &Facts<'_>, name: &str) -> Option<Command> {
        match self {
            Self::Postgresql => Some(postgresql::drop_staged(facts, name)),
            Self::Mariadb | Self::Mysql | Self::Custom => None,
        }
    }

    /// Drops what a restore made for itself: what it did not come to use, and what it has replaced. `None` where it makes
    /// nothing.
    pub fn drop_leftovers(self, facts: &Facts<'_>, run: &RunId) -> Option<Command> {
        match self {
            Self::Postgresql => Some(postgresql::drop_leftovers(facts, run)),
            Self::Mariadb | Self::Mysql | Self::Custom => None,
        }
    }

    /// The environment of a throwaway server of this kind, for a target with this one: what its set-up needs, what is
    /// `wanted` besides, and `password` wherever there is one.
    pub fn scratch_env(
        self,
        target: &BTreeMap<String, String>,
        wanted: &[String],
        password: &str,
    ) -> BTreeMap<String, String> {
        scratch::env(self, target, wanted, password)
    }

    /// Makes an administrator of a throwaway server that no backup changes. `name`: letters, digits and `_`, in no backup.
    pub fn scratch_account(self, facts: &Facts<'_>, name: &str) -> Option<Command> {
        scratch::account(self, facts, name)
    }

    /// Ends what a throwaway server does by itself; `None` where nothing has to be said.
    pub fn calm(self, facts: &Facts<'_>) -> Option<Command> {
        scratch::calm(self, facts)
    }

    /// Of a container's command line, as Docker tells its arguments: what a throwaway server gets as well.
    pub fn settings_of(self, arguments: &[String]) -> Settings {
        Settings::of_arguments(self, arguments)
    }

    /// Asks a server for its settings, for [`Engine::with_settings`].
    pub fn ask_settings(self, facts: &Facts<'_>) -> Option<Command> {
        scratch::query_settings(self, facts)
    }

    /// Adds what a server has told of its settings.
    pub fn with_settings(self, settings: Settings, stdout: &[u8]) -> Settings {
        settings.told(self, stdout)
    }

    /// The command line of a throwaway server, behind its image's entry point. `image`: the command of its image; `wanted`: the
    /// label's arguments.
    pub fn scratch_arguments(
        self,
        image: &[String],
        settings: &Settings,
        more: &[String],
        wanted: &[String],
    ) -> Vec<String> {
        scratch::arguments(self, image, settings, more, wanted)
    }

    /// Folders outside of its image's volumes that a server must be able to write to.
    pub fn run_folders(self) -> &'static [&'static str] {
        scratch::run_folders(self)
    }

    /// Variables and arguments by which a server keeps its data in the container's own layer.
    pub fn data_in_layer(self) -> (BTreeMap<String, String>, Vec<String>) {
        scratch::data_in_layer(self)
    }

    /// Asks which process answers as the server, for [`Engine::parse_answering`]; `None` for a custom one.
    pub fn answering(self, facts: &Facts<'_>) -> Option<Command> {
        scratch::answering(self, facts)
    }

    /// Reads what that command printed.
    pub fn parse_answering(self, stdout: &[u8]) -> Answering {
        Answering::read(self, stdout)
    }

    /// Asks a question in a database and prints the answer, rows only.
    pub fn query(self, facts: &Facts<'_>, database: &str, query: &str) -> Command {
        scratch::query(self, facts, database, query)
    }

    /// Whether a dump is whole, by its first and last bytes (up to 4 KiB each).
    ///
    /// # Errors
    /// It is empty, or does not end as this engine's tool ends a finished dump.
    pub fn check(
        self,
        kind: ObjectKind,
        head: &[u8],
        tail: &[u8],
        plain_bytes: u64,
    ) -> Result<(), ContentError> {
        content::check(self, kind, head, tail, plain_bytes)
    }

    /// How its dump is written, for whoever counts what is in it; `None` for a custom one.
    pub fn dialect(self, kind: ObjectKind) -> Option<Dialect> {
        match (self, kind) {
            (Self::Custom, _) | (_, ObjectKind::Dump) => None,
            (_, ObjectKind::Globals) => Some(Dialect::Globals),
            (Self::Postgresql, ObjectKind::Database) => Some(Dialect::Postgresql),
            (Self::Mariadb | Self::Mysql, ObjectKind::Database) => Some(Dialect::Mysql),
        }
    }

    /// The object's extension without its dot and without the compression's: `sql`, or `dumpcar.extension`.
    pub fn extension<'a>(self, facts: &Facts<'a>) -> &'a str {
        match self {
            Self::Postgresql | Self::Mariadb | Self::Mysql => "sql",
            Self::Custom => facts.extension.unwrap_or("dump"),
        }
    }
}

#[cfg(test)]
mod tests;
