//! `psql` asks, `pg_dump` dumps a database, `pg_dumpall` the roles.

use super::restore::{ELSEWHERE, create_statement, literal};
use super::session::{CONNECT, LOADING, SURVEY_SCRIPT, command};
use crate::engine::shared::facts::Facts;
use crate::engine::shared::scratch::PROCESS_ONE;
use crate::engine::shared::survey::Survey;
use crate::model::command::Command;
use crate::model::database::{DatabaseOptions, Word};

const SURVEY: &str = include_str!("survey.sql");

/// Prints what `pg_dump` leaves out unless it also creates the database: owner, settings, privileges and comment of the
/// database itself, each for `current_database()` so that the dump loads into a database of any name.
const SETTINGS: &str = include_str!("settings.sql");

/// Makes what `pg_dumpall` prints loadable into a server that has some of its roles.
const ROLES: &str = include_str!("roles.sed");

const DUMP_SCRIPT: &str = r#"
find_tool psql
find_tool pg_dump
# Times are printed with their offset: of one zone, wherever the server believes to be.
PGTZ=UTC
export PGTZ
settings=$(psql -X -w -q -A -t -v ON_ERROR_STOP=1 -c "$1") || exit
printf -- '-- Made with: %s\n%s\n' "$2" "$settings"
shift 2
exec pg_dump "$@"
"#;

/// `pg_dumpall` starts `sh -c 'pg_dump -V'` first. Killed at that moment it leaves both to process 1, and a PostgreSQL
/// that is process 1 takes the exit status of that shell for a crash and restarts (seen with 17). So it is no `exec`:
/// the shell outlives it, keeps its few kilobytes, and may die again only when it prints them.
const GLOBALS_SCRIPT: &str = r#"
find_tool pg_dump
find_tool pg_dumpall
roles=$1
shift
globals=$(pg_dumpall "$@") || exit
trap - TERM HUP INT
printf '%s\n' "$globals" | LC_ALL=C sed -E "$roles"
"#;

/// Every database that accepts connections and is no template. `postgres` is one of them: people keep data in it.
pub(super) fn survey(facts: &Facts<'_>) -> Command {
    command(facts, &[CONNECT, SURVEY_SCRIPT], vec![SURVEY.to_owned()])
}

/// Neither `--create`, which ties a dump to one name, nor `--clean`, which drops what is there: it is for an empty
/// database. With owners and privileges, whose roles are in the globals.
///
/// A lock it cannot get for five minutes fails the dump; it would otherwise wait for ever, and every later statement
/// on that table behind it.
pub(super) fn dump(facts: &Facts<'_>, survey: &Survey, database: &str) -> Command {
    let flags = ["--no-password", "--format=plain", "--lock-wait-timeout=300000"].map(str::to_owned);
    let options = survey.databases.iter().find(|known| known.name == database);
    let options = options.and_then(|known| known.options.as_ref()).map(anywhere);
    // A line break in a name must not end the comment.
    let made_with = create_statement(database, options.as_ref()).replace(['\r', '\n'], " ");
    let args = [SETTINGS.to_owned(), made_with].into_iter();
    let args = args.chain(flags).chain(facts.args.iter().cloned()).collect();
    let mut command = command(facts, &[DUMP_SCRIPT], args);
    // What a login or a database is set to may not be able to say all of it.
    let encoding = options.as_ref().and_then(|options| options.encoding.as_ref());
    command.env.push(("DUMPCAR_ENCODING".to_owned(), encoding.map_or("", Word::as_str).to_owned()));
    // By the environment: `--dbname` would take a name with `=` in it for a connection string.
    command.env.push(("PGDATABASE".to_owned(), database.to_owned()));
    command
}

/// Without its tablespace, which is a matter of the server and not of the content.
fn anywhere(options: &DatabaseOptions) -> DatabaseOptions {
    DatabaseOptions { tablespace: None, ..options.clone() }
}

/// Roles with their passwords, memberships and settings, and tablespaces; loads with `ON_ERROR_STOP` into a new server. Without passwords where the login may not
/// read them, which the survey notes.
pub(super) fn globals(facts: &Facts<'_>, survey: &Survey) -> Command {
    let mut args = vec![ROLES.to_owned(), "--no-password".to_owned(), "--globals-only".to_owned()];
    if !survey.reads_accounts {
        args.push("--no-role-passwords".to_owned());
    }
    command(facts, &[CONNECT, GLOBALS_SCRIPT], args)
}

/// What the sessions of a load are doing. That they read rows from their client is no work, and their parallel workers' is.
pub(super) fn activity(facts: &Facts<'_>, database: Option<&str>) -> Command {
    let database = database.map_or_else(|| "datname".to_owned(), literal);
    let sql = format!(
        "SELECT CASE WHEN bool_or(state = 'active' AND coalesce(wait_event_type, '') NOT IN ('Lock', 'Client')) THEN 'working' \
         WHEN bool_or(wait_event_type = 'Lock') \
         THEN 'waiting for a lock of session ' || coalesce(string_agg(DISTINCT blocker::text, ' and '), '?') ELSE 'idle' END \
         FROM pg_catalog.pg_stat_activity LEFT JOIN LATERAL unnest(pg_catalog.pg_blocking_pids(pid)) AS blocker ON true \
         WHERE application_name = '{LOADING}' AND datname = {database}"
    );
    command(facts, &[ELSEWHERE, CONNECT, SURVEY_SCRIPT], vec![sql])
}

/// Prints what [`PROCESS_ONE`] does, and the number of the process that answers: nothing where the login may not see it.
pub(super) fn process(facts: &Facts<'_>) -> Command {
    const NUMBER: &str = "SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)";
    const SCRIPT: &str = r#"psql -X -w -q -A -t -c 'SELECT 1' >/dev/null || exit
psql -X -w -q -A -t -c "$1" || :
"#;
    command(facts, &[PROCESS_ONE, CONNECT, SCRIPT], vec![NUMBER.to_owned()])
}
