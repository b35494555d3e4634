//! What Redis and Valkey are.

use std::collections::BTreeMap;

use super::commands::Commands;
use super::said::SERVERS;
use super::{address, dump, login, restore, settings, signs};
use crate::engine::edit::Edit;
use crate::engine::kind::{Kind, ScratchServer};
use crate::engine::shared::address::Address;
use crate::engine::shared::broken::Without;
use crate::engine::shared::completeness::{self, IncompleteDump};
use crate::engine::shared::detection::Detection;
use crate::engine::shared::facts::Facts;
use crate::engine::shared::failure::ToolFailure;
use crate::engine::shared::loading::Loading;
use crate::engine::shared::login::{Login, tool_version};
use crate::engine::shared::replacement::{Replacement, Staged};
use crate::engine::shared::scratch::{self, FOLDER_IN_LAYER};
use crate::engine::shared::settings::Rules;
use crate::engine::shared::signs::Said;
use crate::engine::shared::surroundings::Surroundings;
use crate::engine::shared::survey::{Survey, SurveyError};
use crate::engine::shared::units::Units;
use crate::model::command::Command;
use crate::model::content::Dialect;
use crate::model::database::DatabaseOptions;
use crate::model::manifest::ObjectKind;
use crate::model::run::RunId;

pub(in crate::engine) static REDIS: RedisValkey = RedisValkey { is_valkey: false };
pub(in crate::engine) static VALKEY: RedisValkey = RedisValkey { is_valkey: true };

pub(in crate::engine) struct RedisValkey {
    is_valkey: bool,
}

impl Kind for RedisValkey {
    fn name(&self) -> &'static str {
        if self.is_valkey { "valkey" } else { "redis" }
    }

    fn detection(&self) -> Detection {
        if self.is_valkey {
            return Detection {
                images: &[],
                words: &["valkey"],
                set: &["VALKEY_VERSION"],
                read: &["VALKEY_PASSWORD", "VALKEY_PASSWORD_FILE", "VALKEY_EXTRA_FLAGS"],
            };
        }
        Detection {
            images: &["redis-stack-server", "redis-stack", "keydb", "redict"],
            words: &["redis"],
            set: &["REDIS_VERSION"],
            read: &["REDIS_PASSWORD", "REDIS_PASSWORD_FILE", "REDIS_ARGS"],
        }
    }

    fn family(&self) -> &'static str {
        "redis"
    }

    fn units(&self) -> Units {
        Units::Whole
    }

    fn extension<'a>(&self, _facts: &Facts<'a>) -> &'a str {
        "rdb"
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

    /// The whole of a server has no name.
    fn is_reserved(&self, name: &str) -> bool {
        !name.is_empty()
    }

    fn survey(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(dump::survey(facts))
    }

    fn tool_version(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(tool_version(facts, "redis-cli valkey-cli redict-cli keydb-cli"))
    }

    fn numbers_of_a_line(&self) -> usize {
        1
    }

    fn dump_without(&self, facts: &Facts<'_>, _: &Survey, _: &str, _: &Without) -> Command {
        dump::dump(facts)
    }

    /// Whether it is whole says its checksum, which the counter of its content looks at.
    fn check(
        &self,
        _kind: ObjectKind,
        head: &[u8],
        tail: &[u8],
        plain_bytes: u64,
    ) -> Result<(), IncompleteDump> {
        completeness::check(None, head, tail, plain_bytes)?;
        let is_dump = head.starts_with(b"REDIS") || head.starts_with(b"VALKEY");
        if is_dump { Ok(()) } else { Err(IncompleteDump::NoMagic("REDIS")) }
    }

    fn dialect(&self, kind: ObjectKind) -> Option<Dialect> {
        match kind {
            ObjectKind::Dump => Some(Dialect::Rdb),
            ObjectKind::Database | ObjectKind::Globals => None,
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

    /// It would have no name.
    fn can_keep_old(&self) -> bool {
        false
    }

    fn surroundings(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(restore::surroundings(facts))
    }

    fn parse_surroundings(&self, stdout: &[u8]) -> Result<Surroundings, SurveyError> {
        restore::parse_surroundings(stdout)
    }

    fn edit(&self, loading: Loading, server: &Surroundings, staged: &str) -> Edit {
        Edit::Redis(Box::new(Commands::new(&server.free, staged, loading.is_on_trial)))
    }

    fn create(&self, _: &Facts<'_>, _: &str, _: Option<&DatabaseOptions>) -> Option<Command> {
        None
    }

    fn load(&self, facts: &Facts<'_>, _database: Option<&str>, _word: &str) -> Option<Command> {
        Some(restore::load(facts))
    }

    fn swap(&self, facts: &Facts<'_>, staged: &[Staged]) -> Option<Command> {
        Some(restore::swap(facts, staged))
    }

    fn swapped(&self, facts: &Facts<'_>, staged: &[Staged]) -> Option<Command> {
        Some(restore::swapped(facts, staged))
    }

    fn drop_staged(&self, facts: &Facts<'_>, name: &str) -> Option<Command> {
        Some(restore::drop_staged(facts, name))
    }

    fn drop_leftovers(&self, facts: &Facts<'_>, run: &RunId) -> Option<Command> {
        Some(restore::drop_leftovers(facts, run))
    }
}

impl ScratchServer for RedisValkey {
    fn scratch_env(
        &self,
        target: &BTreeMap<String, String>,
        wanted: &[String],
        password: &str,
    ) -> BTreeMap<String, String> {
        let mut env = scratch::env(target, &[], wanted, &[], password);
        // Nobody can get to the server but from inside of its container.
        if target.keys().any(|name| name.starts_with("BITNAMI_")) {
            env.insert("ALLOW_EMPTY_PASSWORD".to_owned(), "yes".to_owned());
        }
        env
    }

    /// It writes nothing to a disk, and does not wait for other replicas before it sends a dump.
    fn calm_arguments(&self) -> &'static [&'static str] {
        &["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"]
    }

    fn setting_rules(&self) -> Option<&'static Rules> {
        Some(&settings::RULES)
    }

    fn ask_settings(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(settings::query(facts))
    }

    fn data_in_layer(&self) -> (BTreeMap<String, String>, Vec<String>) {
        (
            BTreeMap::new(),
            vec![
                "--dir".to_owned(),
                FOLDER_IN_LAYER.rsplit_once('/').map_or("/tmp", |(folder, _)| folder).to_owned(),
            ],
        )
    }

    fn servers(&self) -> &'static [&'static str] {
        &SERVERS
    }

    fn answering(&self, facts: &Facts<'_>) -> Option<Command> {
        Some(dump::process(facts))
    }

    fn query(&self, facts: &Facts<'_>, database: &str, query: &str) -> Command {
        dump::query(facts, database, query)
    }
}
