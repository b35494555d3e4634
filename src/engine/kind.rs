//! What an engine is: everything that Dumpcar asks of a kind of database.
//!
//! Only an engine's own folder knows how it is done; nobody else asks which engine it is. A method that has an answer here need
//! not be there: `None` is for engines that have nothing of the kind.

mod scratch_server;

pub use scratch_server::ScratchServer;

use jiff::Timestamp;

use super::edit::Edit;
use super::mariadb_mysql::restore::exchange::Exchange;
use super::postgresql::globals::{Globals, Tablespace};
use super::shared::address::Address;
use super::shared::broken::Without;
use super::shared::completeness::{self, IncompleteDump};
use super::shared::detection::Detection;
use super::shared::facts::Facts;
use super::shared::failure::ToolFailure;
use super::shared::loading::Loading;
use super::shared::login::Login;
use super::shared::names;
use super::shared::replacement::{self, Replacement, Staged};
use super::shared::signs::Said;
use super::shared::surroundings::{Placement, Surroundings};
use super::shared::survey::{self, Survey, SurveyError};
use super::shared::units::Units;
use crate::model::command::Command;
use crate::model::content::Dialect;
use crate::model::database::DatabaseOptions;
use crate::model::manifest::ObjectKind;
use crate::model::run::RunId;

/// A kind of database.
pub trait Kind: ScratchServer {
    /// As labels and manifests have it.
    fn name(&self) -> &'static str;

    /// What else it may be called in a label.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// How a container of this kind is known when no label says so.
    fn detection(&self) -> Detection {
        Detection::default()
    }

    /// Engines of one family take each other's dumps, mostly.
    fn family(&self) -> &'static str {
        self.name()
    }

    fn units(&self) -> Units;

    /// Whether its databases are files of an application, which a helper container reads: there is no server, and no tool.
    fn is_file(&self) -> bool {
        false
    }

    /// Where an application of this image has its databases, if that is known: [`Facts::paths`] without a label.
    fn usual_paths(&self, _image: &str) -> &'static [&'static str] {
        &[]
    }

    /// Whether only its owner's labels know how it is dumped, restored, started and asked.
    fn is_defined_by_labels(&self) -> bool {
        false
    }

    /// The object's extension without its dot and without the compression's.
    fn extension<'a>(&self, facts: &Facts<'a>) -> &'a str;

    /// How its tools log in, chosen by the names of the variables.
    fn login(&self, _facts: &Facts<'_>) -> Option<Login> {
        None
    }

    /// Where its server listens, as far as it is known.
    fn address(&self, _facts: &Facts<'_>) -> Address {
        Address::default()
    }

    /// For a message: where its tools look for the server.
    fn looked_for(&self, _facts: &Facts<'_>) -> String {
        "its usual place".to_owned()
    }

    // What there is.

    /// The databases that are the server's own.
    fn own_databases(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a database of this name is the server's own: never dumped, so never put back.
    fn is_own_database(&self, name: &str) -> bool {
        self.own_databases().contains(&name)
    }

    /// Whether a backup may not replace or make a database of this name: the server's own, one that a restore makes for
    /// itself, or what is no name.
    fn is_reserved(&self, name: &str) -> bool {
        let is_name = !name.is_empty() && !name.contains('\0');
        !is_name || self.is_own_database(name) || replacement::is_leftover(name)
    }

    /// The database that every server is set up with, mostly empty. One without any is an error then.
    fn first_database(&self) -> Option<&'static str> {
        None
    }

    /// Why there is nothing to back up, when there is nothing at all.
    fn nothing(&self, _facts: &Facts<'_>) -> String {
        "the server has neither a database nor users that this login may read".to_owned()
    }

    /// Asks the server what is to be dumped, for [`Kind::parse_survey`].
    fn survey(&self, _facts: &Facts<'_>) -> Option<Command> {
        None
    }

    /// Reads what the survey command printed.
    ///
    /// # Errors
    /// A line that the survey does not print, or a database whose name is not UTF-8.
    fn parse_survey(&self, stdout: &[u8]) -> Result<Survey, SurveyError> {
        survey::parse(stdout, self.without_accounts())
    }

    /// What a backup lacks if the login may not read accounts ([`Survey::reads_accounts`]), and the cure.
    fn without_accounts(&self) -> Option<&'static str> {
        None
    }

    /// How many numbers of a version name a line of releases whose servers all take each other's dumps; 0 if none do.
    fn numbers_of_a_line(&self) -> usize {
        0
    }

    /// Prints the version of its dump tool, without asking the server; `None` where there is no tool to ask.
    fn tool_version(&self, _facts: &Facts<'_>) -> Option<Command> {
        None
    }

    // A dump.

    /// Prints one database as it loads into an empty database of any name; of [`Units::Whole`], everything. But for what
    /// cannot be dumped: found by [`Kind::examine`].
    fn dump_without(&self, facts: &Facts<'_>, survey: &Survey, database: &str, without: &Without) -> Command;

    /// The same, with everything.
    fn dump(&self, facts: &Facts<'_>, survey: &Survey, database: &str) -> Command {
        self.dump_without(facts, survey, database, &Without::default())
    }

    /// Prints what belongs to the whole server, to be loaded before the databases.
    ///
    /// `None` also if the login may not read accounts ([`Survey::notes`] then says so).
    fn globals(&self, _facts: &Facts<'_>, _survey: &Survey) -> Option<Command> {
        None
    }

    /// Finds the tables and views that the dump of a database fails on, for [`super::Broken::parse`]; `failure` is what the
    /// tool said. `None` where a dump cannot leave out one of them.
    fn examine(&self, _facts: &Facts<'_>, _database: &str, _failure: &str) -> Option<Command> {
        None
    }

    /// What a whole dump has in its last lines, at the start of one; `None` if it has nothing of the kind.
    fn last_line(&self, _kind: ObjectKind) -> Option<&'static str> {
        None
    }

    /// Whether a dump is whole, by its first and last bytes (up to 4 KiB each).
    ///
    /// # Errors
    /// It is empty, or does not end as this engine's tool ends a finished dump.
    fn check(
        &self,
        kind: ObjectKind,
        head: &[u8],
        tail: &[u8],
        plain_bytes: u64,
    ) -> Result<(), IncompleteDump> {
        completeness::check(self.last_line(kind), head, tail, plain_bytes)
    }

    /// How its dump is written, for whoever counts what is in it; `None` if nobody can tell.
    fn dialect(&self, _kind: ObjectKind) -> Option<Dialect> {
        None
    }

    // What its tools say.

    /// What a failed tool means; `None` if only its exit status tells.
    fn failure(&self, _said: &Said<'_>) -> Option<ToolFailure> {
        None
    }

    /// The message for a failure, where it is not the same for every engine.
    fn message(&self, _failure: ToolFailure, _said: &Said<'_>) -> Option<String> {
        None
    }

    // Putting it back.

    /// How a database gets the content of a dump.
    fn replacement(&self) -> Replacement {
        Replacement::InPlace
    }

    /// Whether what is replaced can stay beside what is restored.
    fn can_keep_old(&self) -> bool {
        self.replacement() != Replacement::InPlace
    }

    /// The name under which an old database stays beside the restored one.
    fn old_name(&self, name: &str, at: Timestamp) -> String {
        names::old_name(name, at)
    }

    /// Why a database of a backup has no place in this container; `None` if it has.
    fn misplaced(&self, _facts: &Facts<'_>, _name: &str) -> Option<String> {
        None
    }

    /// Makes the empty database a dump is loaded into, with its options. With [`Replacement::InPlace`] this removes the one
    /// that is there.
    fn create(&self, _facts: &Facts<'_>, _name: &str, _options: Option<&DatabaseOptions>) -> Option<Command> {
        None
    }

    /// Asks what of the server decides how a backup comes back to it, for [`Kind::parse_surroundings`].
    fn surroundings(&self, _facts: &Facts<'_>) -> Option<Command> {
        None
    }

    /// Reads what that command printed.
    ///
    /// # Errors
    /// A line that it does not print.
    fn parse_surroundings(&self, _stdout: &[u8]) -> Result<Surroundings, SurveyError> {
        Ok(Surroundings::default())
    }

    /// Decides what of a backup's globals is loaded into this server; `None` where they are loaded as they are.
    fn tailor(&self, _globals: &[u8], _server: &Surroundings, _placement: Placement) -> Option<Globals> {
        None
    }

    /// Makes a tablespace of [`Globals`].
    fn make_tablespace(&self, _facts: &Facts<'_>, _tablespace: &Tablespace) -> Option<Command> {
        None
    }

    /// Fails if the server cannot make a database like this; `None` where that need not be asked.
    fn probe(&self, _facts: &Facts<'_>, _options: &DatabaseOptions) -> Option<Command> {
        None
    }

    /// How databases are exchanged, with [`Replacement::Exchange`].
    fn exchange(&self) -> Option<Exchange> {
        None
    }

    /// What a dump has to pass on its way into [`Kind::load`], into what is staged under this name; of a database that is
    /// exchanged, a [`super::Separator`].
    fn edit(&self, _loading: Loading, _server: &Surroundings, _staged: &str) -> Edit {
        Edit::Nothing
    }

    /// Reads a dump, edited, from its standard input: one of `database`, or, without one, the globals; a custom engine's by
    /// [`Facts::restore_command`]. `None` when that is not known.
    ///
    /// A dump is what somebody has put into the bucket: the client obeys no command in it that is not the server's, as far
    /// as it can be told so. `word` is for that: letters and digits, random, for this load only.
    fn load(&self, facts: &Facts<'_>, database: Option<&str>, word: &str) -> Option<Command>;

    /// Asks what the load into `database` (or of the globals) is doing, for [`super::Activity::parse`]; `None` where nobody
    /// can tell.
    fn activity(&self, _facts: &Facts<'_>, _database: Option<&str>) -> Option<Command> {
        None
    }

    /// Gives databases that were filled under another name their own, all at once, with [`Replacement::Swap`].
    fn swap(&self, _facts: &Facts<'_>, _staged: &[Staged]) -> Option<Command> {
        None
    }

    /// Fails if that is still to be done. `None` where the survey tells.
    fn swapped(&self, _facts: &Facts<'_>, _staged: &[Staged]) -> Option<Command> {
        None
    }

    /// Ends what the server still does for a restore whose client has gone. `None` where nothing can come of it.
    fn end_work(&self, _facts: &Facts<'_>, _run: &RunId) -> Option<Command> {
        None
    }

    /// Drops one database that a restore has filled in vain.
    fn drop_staged(&self, _facts: &Facts<'_>, _name: &str) -> Option<Command> {
        None
    }

    /// Drops what a restore made for itself: what it did not come to use, and what it has replaced. `None` where it makes
    /// nothing.
    fn drop_leftovers(&self, _facts: &Facts<'_>, _run: &RunId) -> Option<Command> {
        None
    }

    /// Ends what an old database would go on doing to others: it is kept to be looked at. `old` are those of one restore.
    fn quiet_old(&self, _facts: &Facts<'_>, _name: &str, _old: &[&str]) -> Option<Command> {
        None
    }

    /// What a person types on the host to drop a database.
    fn drop_by_hand(&self, _facts: &Facts<'_>, _container: &str, _name: &str) -> Option<String> {
        None
    }
}
