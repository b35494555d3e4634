//! What MariaDB and MySQL are.

use std::collections::BTreeMap;

use super::flavour::Flavour;
use super::restore::exchange::Exchange;
use super::{address, dump, login, restore, session, settings, signs};
use crate::engine::kind::{Kind, ScratchServer};
use crate::engine::shared::address::Address;
use crate::engine::shared::broken::Without;
use crate::engine::shared::detection::Detection;
use crate::engine::shared::facts::Facts;
use crate::engine::shared::failure::ToolFailure;
use crate::engine::shared::login::{Login, User, tool_version};
use crate::engine::shared::names::shell_quoted;
use crate::engine::shared::replacement::{self, Replacement};
use crate::engine::shared::scratch::{self, FOLDER_IN_LAYER};
use crate::engine::shared::settings::Rules;
use crate::engine::shared::signs::Said;
use crate::engine::shared::survey::Survey;
use crate::engine::shared::units::Units;
use crate::model::command::Command;
use crate::model::content::Dialect;
use crate::model::database::DatabaseOptions;
use crate::model::manifest::ObjectKind;

pub(in crate::engine) static MARIADB: MariadbMysql = MariadbMysql(Flavour::Mariadb);
pub(in crate::engine) static MYSQL: MariadbMysql = MariadbMysql(Flavour::Mysql);

pub(in crate::engine) struct MariadbMysql(Flavour);

impl Kind for MariadbMysql {
    fn name(&self) -> &'static str {
        match self.0 {
            Flavour::Mariadb => "mariadb",
            Flavour::Mysql => "mysql",
        }
    }

    fn detection(&self) -> Detection {
        match self.0 {
            Flavour::Mariadb => Detection {
                images: &[],
                words: &["mariadb"],
                set: &["MARIADB_VERSION", "MARIADB_MAJOR"],
                read: &[
                    "MARIADB_ROOT_PASSWORD",
                    "MARIADB_ROOT_PASSWORD_FILE",
                    "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD",
                    "MARIADB_RANDOM_ROOT_PASSWORD",
                ],
            },
            Flavour::Mysql => Detection {
                images: &["percona", "percona-xtradb-cluster", "community-server", "percona-server"],
                words: &["mysql"],
                set: &["MYSQL_MAJOR", "MYSQL_VERSION", "MYSQL_SHELL_VERSION"],
                read: &[
                    "MYSQL_ROOT_PASSWORD",
                    "MYSQL_ROOT_PASSWORD_FILE",
                    "MYSQL_ALLOW_EMPTY_PASSWORD",
                    "MYSQL_RANDOM_ROOT_PASSWORD",
                ],
            },
        }
    }

    fn family(&self) -> &'static str {
        "mysql"
    }

    fn units(&self) -> Units {
        Units::Databases
    }

    fn extension<'a>(&self, _facts: &Facts<'a>) -> &'a str {
        "sql"
    }

    fn login(&self, facts: &Facts<'_>) -> Option<Login> {
        Some(login::login(self.0, facts))
    }

    fn address(&self, facts: &Facts<'_>) -> Address {
        address::address(self.0, facts)
    }

    fn looked_for(&self, facts: &Facts<'_>) -> String {
        address::looked_for(self.0, facts)
    }

    fn own_databases(&self) -> &'static [&'static str] {
        &dump::OWN_DATABASES
    }

    /// In whatever case: where file names know none, `MySQL` is `mysql`.
    fn is_own_database(&self, name: &str) -> bool {
        dump::OWN_DATABASES.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    fn is_reserved(&self, name: &str) -> bool {
        let is_name = !name.is_empty() && !name.contains('\0') && !name.starts_with(dump::NO_SCHEMA);
        !is_name || self.is_own_database(name) || replacement::is_leftover(name)
    }

    fn survey(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(dump::survey(self.0, facts))
    }

    fn tool_version(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(tool_version(facts, session::tools(self.0, session::Tool::Dump)))
    }

    fn without_accounts(&self) -> Option<&'static str> {
        Some(
            "the login may not read the accounts: users and grants are not backed up; \
             name a login that may by the labels dumpcar.user and dumpcar.password-file",
        )
    }

    /// Those of one line print the same.
    fn numbers_of_a_line(&self) -> usize {
        2
    }

    fn dump_without(&self, facts: &Facts<'_>, survey: &Survey, database: &str, without: &Without) -> Command {
        dump::dump(self.0, facts, survey, database, without)
    }

    fn globals(&self, facts: &Facts<'_>, survey: &Survey) -> Option<Command> {
        dump::globals(self.0, facts, survey)
    }

    fn examine(&self, facts: &Facts<'_>, database: &str, failure: &str) -> Option<Command> {
        Some(dump::examine(self.0, facts, database, failure))
    }

    fn last_line(&self, kind: ObjectKind) -> Option<&'static str> {
        match kind {
            ObjectKind::Database => Some("-- Dump completed"),
            ObjectKind::Globals => Some("-- dumpcar globals complete"),
            ObjectKind::Dump => None,
        }
    }

    fn dialect(&self, kind: ObjectKind) -> Option<Dialect> {
        match kind {
            ObjectKind::Database => Some(Dialect::Mysql),
            ObjectKind::Globals => Some(Dialect::Globals),
            ObjectKind::Dump => None,
        }
    }

    fn failure(&self, said: &Said<'_>) -> Option<ToolFailure> {
        signs::failure(said)
    }

    fn message(&self, failure: ToolFailure, said: &Said<'_>) -> Option<String> {
        signs::message(failure, said, &login::login(self.0, said.facts))
    }

    fn replacement(&self) -> Replacement {
        Replacement::Exchange
    }

    fn create(&self, facts: &Facts<'_>, name: &str, options: Option<&DatabaseOptions>) -> Option<Command> {
        Some(restore::create(self.0, facts, name, options))
    }

    fn exchange(&self) -> Option<Exchange> {
        Some(Exchange(self.0))
    }

    fn load(&self, facts: &Facts<'_>, database: Option<&str>, _word: &str) -> Option<Command> {
        Some(restore::load(self.0, facts, database))
    }

    fn activity(&self, facts: &Facts<'_>, _database: Option<&str>) -> Option<Command> {
        Some(dump::activity(self.0, facts))
    }

    fn quiet_old(&self, facts: &Facts<'_>, name: &str, old: &[&str]) -> Option<Command> {
        Some(Exchange(self.0).drop_keys_of(facts, name, old))
    }

    fn drop_by_hand(&self, facts: &Facts<'_>, container: &str, name: &str) -> Option<String> {
        let user = match login::login(self.0, facts).user {
            User::Named(user) => shell_quoted(&user),
            User::Unknown | User::InFile(_) => "USER".to_owned(),
        };
        let Address { host, port, socket } = address::address(self.0, facts);
        let option = |letter: char, value: Option<String>| {
            value.map(|value| format!(" -{letter} {}", shell_quoted(&value))).unwrap_or_default()
        };
        let port = port.filter(|_| host.is_some()).map(|port| port.to_string());
        let place = option('h', host) + &option('P', port) + &option('S', socket);
        let statement = format!("DROP DATABASE `{}`", name.replace('`', "``"));
        Some(format!(
            "docker exec -it {} {} -u {user}{place} -p -e {}",
            shell_quoted(container),
            self.name(),
            shell_quoted(&statement)
        ))
    }
}

impl ScratchServer for MariadbMysql {
    fn scratch_env(
        &self,
        target: &BTreeMap<String, String>,
        wanted: &[String],
        password: &str,
    ) -> BTreeMap<String, String> {
        // Images read one or the other. That of a user without a name is passed over.
        let (kept, passwords): (&[&str], &[&str]) = match self.0 {
            Flavour::Mariadb => (
                &["MARIADB_USER", "MARIADB_DATABASE", "MYSQL_USER", "MYSQL_DATABASE"],
                &["MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD", "MARIADB_PASSWORD", "MYSQL_PASSWORD"],
            ),
            Flavour::Mysql => (&["MYSQL_USER", "MYSQL_DATABASE"], &["MYSQL_ROOT_PASSWORD", "MYSQL_PASSWORD"]),
        };
        scratch::env(target, kept, wanted, passwords, password)
    }

    /// Accounts of the backup replace those of the image, and who loads is decided before that.
    fn scratch_account(&self, facts: &Facts<'_>, name: &str) -> Option<Command> {
        // Without a password, as whoever gets there is in the container already. Only who may act for others can restore
        // that somebody may, and that is no part of ALL.
        let make = format!(
            "CREATE USER '{name}'@'localhost'; GRANT ALL PRIVILEGES ON *.* TO '{name}'@'localhost' WITH GRANT OPTION; \
             INSERT INTO mysql.proxies_priv SELECT Host, '{name}', Proxied_host, Proxied_user, With_grant, Grantor, \
             Timestamp FROM mysql.proxies_priv WHERE User = 'root' AND Host = 'localhost'; FLUSH PRIVILEGES"
        );
        Some(session::ask(self.0, facts, make))
    }

    fn accounts_are_replaced(&self) -> bool {
        true
    }

    fn calm(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(session::ask(self.0, facts, "SET GLOBAL event_scheduler = OFF".to_owned()))
    }

    /// A row that was dumped has to get back in. And a function that the target could make without a binary log, or when nobody
    /// minded.
    fn calm_arguments(&self) -> &'static [&'static str] {
        &["--event-scheduler=OFF", "--max-allowed-packet=1G", "--log-bin-trust-function-creators=ON"]
    }

    fn setting_rules(&self) -> Option<&'static Rules> {
        Some(&settings::RULES)
    }

    fn ask_settings(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(settings::query(self.0, facts))
    }

    /// Where they have their sockets.
    fn run_folders(&self) -> &'static [&'static str] {
        &["/run/mysqld"]
    }

    fn data_in_layer(&self) -> (BTreeMap<String, String>, Vec<String>) {
        (BTreeMap::new(), vec![format!("--datadir={FOLDER_IN_LAYER}")])
    }

    fn servers(&self) -> &'static [&'static str] {
        match self.0 {
            Flavour::Mariadb => &["mariadbd", "mysqld"],
            Flavour::Mysql => &["mysqld"],
        }
    }

    fn answering(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(dump::process(self.0, facts))
    }

    fn query(&self, facts: &Facts<'_>, database: &str, query: &str) -> Command {
        session::query(self.0, facts, database, query)
    }

    fn set_aside(&self, facts: &Facts<'_>, database: &str, _index: usize) -> Option<Command> {
        Some(dump::drop_database(self.0, facts, database))
    }

    fn definitions(&self) -> &'static [&'static str] {
        &["--no-data", "--skip-triggers", "--skip-events"]
    }
}
