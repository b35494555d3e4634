//! What PostgreSQL is.

use std::collections::BTreeMap;

use super::edit::DumpEdit;
use super::globals::{Globals, Tablespace};
use super::{address, dump, login, restore, session, settings, signs, surroundings};
use crate::engine::edit::Edit;
use crate::engine::kind::{Kind, ScratchServer};
use crate::engine::shared::address::Address;
use crate::engine::shared::broken::Without;
use crate::engine::shared::detection::Detection;
use crate::engine::shared::facts::Facts;
use crate::engine::shared::failure::ToolFailure;
use crate::engine::shared::loading::Loading;
use crate::engine::shared::login::{Login, User, tool_version};
use crate::engine::shared::names::shell_quoted;
use crate::engine::shared::replacement::{Replacement, Staged};
use crate::engine::shared::scratch::{self, FOLDER_IN_LAYER};
use crate::engine::shared::settings::Rules;
use crate::engine::shared::signs::Said;
use crate::engine::shared::surroundings::{Placement, Surroundings};
use crate::engine::shared::survey::{Survey, SurveyError};
use crate::engine::shared::units::Units;
use crate::model::command::Command;
use crate::model::content::Dialect;
use crate::model::database::DatabaseOptions;
use crate::model::manifest::ObjectKind;
use crate::model::run::RunId;

/// What the names begin with of databases that went out of the way. No run is called so, and no backup has one of this name: it
/// would be one that a restore makes for itself.
const ASIDE: &str = "dumpcar_replaced_0000000000000000_";

pub(in crate::engine) static POSTGRESQL: Postgresql = Postgresql;

pub(in crate::engine) struct Postgresql;

impl Kind for Postgresql {
    fn name(&self) -> &'static str {
        "postgresql"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["postgres"]
    }

    fn detection(&self) -> Detection {
        Detection {
            images: &[
                "postgis",
                "timescaledb",
                "timescaledb-ha",
                "pgvector",
                "pgvecto-rs",
                "pgautoupgrade",
                "vchord-postgres",
                "citus",
            ],
            words: &["postgres", "postgresql"],
            set: &["PG_MAJOR", "PGDATA", "POSTGRESQL_VOLUME_DIR"],
            read: &[
                "POSTGRES_PASSWORD",
                "POSTGRES_PASSWORD_FILE",
                "POSTGRES_HOST_AUTH_METHOD",
                "POSTGRESQL_PASSWORD",
                "POSTGRESQL_PASSWORD_FILE",
            ],
        }
    }

    fn units(&self) -> Units {
        Units::Databases
    }

    fn extension<'a>(&self, _facts: &Facts<'a>) -> &'a str {
        "sql"
    }

    fn login(&self, facts: &Facts<'_>) -> Option<Login> {
        Some(login::login(facts))
    }

    fn address(&self, facts: &Facts<'_>) -> Address {
        address::address(facts)
    }

    fn looked_for(&self, facts: &Facts<'_>) -> String {
        address::looked_for(facts)
    }

    /// What every new database is made from.
    fn own_databases(&self) -> &'static [&'static str] {
        &["template0", "template1"]
    }

    fn first_database(&self) -> Option<&'static str> {
        Some("postgres")
    }

    fn survey(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(dump::survey(facts))
    }

    fn tool_version(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(tool_version(facts, "pg_dump"))
    }

    fn without_accounts(&self) -> Option<&'static str> {
        Some(
            "the login is no superuser: roles are backed up without their passwords; \
             name a superuser by the label dumpcar.user",
        )
    }

    fn numbers_of_a_line(&self) -> usize {
        1
    }

    fn dump_without(&self, facts: &Facts<'_>, survey: &Survey, database: &str, _: &Without) -> Command {
        dump::dump(facts, survey, database)
    }

    fn globals(&self, facts: &Facts<'_>, survey: &Survey) -> Option<Command> {
        Some(dump::globals(facts, survey))
    }

    fn last_line(&self, kind: ObjectKind) -> Option<&'static str> {
        match kind {
            ObjectKind::Database => Some("-- PostgreSQL database dump complete"),
            ObjectKind::Globals => Some("-- PostgreSQL database cluster dump complete"),
            ObjectKind::Dump => None,
        }
    }

    fn dialect(&self, kind: ObjectKind) -> Option<Dialect> {
        match kind {
            ObjectKind::Database => Some(Dialect::Postgresql),
            ObjectKind::Globals => Some(Dialect::Globals),
            ObjectKind::Dump => None,
        }
    }

    fn failure(&self, said: &Said<'_>) -> Option<ToolFailure> {
        signs::failure(said)
    }

    fn message(&self, failure: ToolFailure, said: &Said<'_>) -> Option<String> {
        signs::message(failure, said, &login::login(said.facts).who())
    }

    fn replacement(&self) -> Replacement {
        Replacement::Swap
    }

    fn create(&self, facts: &Facts<'_>, name: &str, options: Option<&DatabaseOptions>) -> Option<Command> {
        Some(restore::create(facts, name, options))
    }

    fn surroundings(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(surroundings::surroundings(facts))
    }

    fn parse_surroundings(&self, stdout: &[u8]) -> Result<Surroundings, SurveyError> {
        Surroundings::parse(stdout)
    }

    fn tailor(&self, globals: &[u8], server: &Surroundings, placement: Placement) -> Option<Globals> {
        Some(Globals::tailor(globals, server, placement))
    }

    fn make_tablespace(&self, facts: &Facts<'_>, tablespace: &Tablespace) -> Option<Command> {
        Some(tablespace.make(facts))
    }

    fn probe(&self, facts: &Facts<'_>, options: &DatabaseOptions) -> Option<Command> {
        surroundings::probe(facts, options)
    }

    fn edit(&self, loading: Loading, _server: &Surroundings, _staged: &str) -> Edit {
        Edit::Postgresql(Box::new(DumpEdit::new(loading)))
    }

    fn load(&self, facts: &Facts<'_>, database: Option<&str>, word: &str) -> Option<Command> {
        Some(restore::load(facts, database, word))
    }

    fn activity(&self, facts: &Facts<'_>, database: Option<&str>) -> Option<Command> {
        Some(dump::activity(facts, database))
    }

    fn swap(&self, facts: &Facts<'_>, staged: &[Staged]) -> Option<Command> {
        Some(restore::swap(facts, staged))
    }

    fn end_work(&self, facts: &Facts<'_>, run: &RunId) -> Option<Command> {
        Some(restore::end_work(facts, run))
    }

    fn drop_staged(&self, facts: &Facts<'_>, name: &str) -> Option<Command> {
        Some(restore::drop_staged(facts, name))
    }

    fn drop_leftovers(&self, facts: &Facts<'_>, run: &RunId) -> Option<Command> {
        Some(restore::drop_leftovers(facts, run))
    }

    fn quiet_old(&self, facts: &Facts<'_>, name: &str, _old: &[&str]) -> Option<Command> {
        Some(restore::detach(facts, name))
    }

    fn drop_by_hand(&self, facts: &Facts<'_>, container: &str, name: &str) -> Option<String> {
        let user = match login::login(facts).user {
            User::Named(user) => shell_quoted(&user),
            User::Unknown | User::InFile(_) => "USER".to_owned(),
        };
        let Address { host, port, socket } = address::address(facts);
        let host = host.or(socket).map(|host| format!(" -h {}", shell_quoted(&host))).unwrap_or_default();
        let port = port.map(|port| format!(" -p {port}")).unwrap_or_default();
        let statement = format!("DROP DATABASE \"{}\"", name.replace('"', "\"\""));
        Some(format!(
            "docker exec -it {} psql -U {user}{host}{port} -d template1 -c {}",
            shell_quoted(container),
            shell_quoted(&statement)
        ))
    }
}

impl ScratchServer for Postgresql {
    fn scratch_env(
        &self,
        target: &BTreeMap<String, String>,
        wanted: &[String],
        password: &str,
    ) -> BTreeMap<String, String> {
        // The backup gives the administrator back a password that nobody knows here. Nobody can get to the server but from
        // inside of its container.
        if target.keys().any(|name| name.starts_with("BITNAMI_")) {
            // bitnami's `POSTGRESQL_USERNAME` is no administrator: it comes with the backup's roles.
            let kept = ["POSTGRESQL_INITDB_ARGS", "POSTGRES_INITDB_ARGS"];
            let mut env = scratch::env(target, &kept, wanted, &[], password);
            env.insert("ALLOW_EMPTY_PASSWORD".to_owned(), "yes".to_owned());
            return env;
        }
        let kept = ["POSTGRES_USER", "POSTGRES_DB", "POSTGRES_INITDB_ARGS"];
        let mut env = scratch::env(target, &kept, wanted, &["POSTGRES_PASSWORD"], password);
        let args = env.entry("POSTGRES_INITDB_ARGS".to_owned()).or_default();
        *args = format!("{args} --auth-local=trust").trim_start().to_owned();
        env.insert("POSTGRES_HOST_AUTH_METHOD".to_owned(), "trust".to_owned());
        env
    }

    fn scratch_account(&self, facts: &Facts<'_>, name: &str) -> Option<Command> {
        // A trigger on logins (17) would write into what is compared, or refuse this one.
        let make = format!(
            "CREATE ROLE {name} SUPERUSER LOGIN; DO 'BEGIN IF current_setting(''server_version_num'')::int >= 170000 \
             THEN ALTER ROLE {name} SET event_triggers = off; END IF; END'"
        );
        Some(session::ask(facts, make))
    }

    /// Jobs of extensions (pg_cron, TimescaleDB) are background workers, and subscriptions are. They are counted at the start.
    fn calm_arguments(&self) -> &'static [&'static str] {
        &["-c", "max_worker_processes=0"]
    }

    fn setting_rules(&self) -> Option<&'static Rules> {
        Some(&settings::RULES)
    }

    fn ask_settings(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(settings::query(facts))
    }

    /// Where it has its sockets.
    fn run_folders(&self) -> &'static [&'static str] {
        &["/run/postgresql"]
    }

    fn data_in_layer(&self) -> (BTreeMap<String, String>, Vec<String>) {
        (BTreeMap::from([("PGDATA".to_owned(), FOLDER_IN_LAYER.to_owned())]), Vec::new())
    }

    fn servers(&self) -> &'static [&'static str] {
        &["postgres"]
    }

    fn answering(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(dump::process(facts))
    }

    fn query(&self, facts: &Facts<'_>, database: &str, query: &str) -> Command {
        session::query(facts, database, query)
    }

    /// What somebody subscribes to can be renamed, and not dropped.
    fn set_aside(&self, facts: &Facts<'_>, database: &str, index: usize) -> Option<Command> {
        let name = format!("{ASIDE}{index}");
        let (staged, replaced) = (database.to_owned(), String::new());
        let aside = Staged { name, is_there: false, staged, replaced, keeps_old: false };
        Some(restore::swap(facts, &[aside]))
    }

    fn definitions(&self) -> &'static [&'static str] {
        &["--schema-only"]
    }
}
