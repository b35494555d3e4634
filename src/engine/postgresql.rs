//! PostgreSQL: `psql` asks, `pg_dump` dumps a database, `pg_dumpall` the roles.
//!
//! All three look for the server where its [`Address`] says. What that does not say, they know as when an administrator calls
//! them in the container: the usual Unix socket, or the container's own `PGHOST`.

mod edit;
mod globals;
pub(super) mod lacks;
mod paths;
mod restore;
mod restrict;
mod script;
mod surroundings;

pub use edit::{DumpEdit, Loading};
pub use globals::{Globals, Tablespace};
pub(super) use restore::{create, detach, drop_leftovers, drop_staged, end_work, load, swap};
use restrict::RestrictLines;
pub use surroundings::{Placement, Surroundings};
pub(super) use surroundings::{probe, surroundings};

use super::{Address, Command, DatabaseOptions, Engine, Facts, OWN_SERVER, Survey, login};
use crate::model::database::Word;

const SURVEY: &str = include_str!("postgresql/survey.sql");

/// Prints what `pg_dump` leaves out unless it also creates the database: owner, settings, privileges and comment of the
/// database itself, each for `current_database()` so that the dump loads into a database of any name.
const SETTINGS: &str = include_str!("postgresql/settings.sql");

/// Makes what `pg_dumpall` prints loadable into a server that has some of its roles.
const ROLES: &str = include_str!("postgresql/roles.sed");

/// Of the container's own variables only those count that say where the server is, and how it is to be reached. The others would give
/// another login (`PGSERVICE`), another text, or a session with limits; so would settings of the login or of a database, which
/// `PGOPTIONS` overrides: one of them makes every session that of another role. Not through what may be a pooler, which refuses
/// options. `money` is read as it was printed, whatever the servers' currencies are.
const SESSION: &str = r#"
unset PGSERVICE PGSERVICEFILE PGOPTIONS PGDATESTYLE PGTZ PGGEQO PG_COLOR
# It would be above any socket or host.
PGHOST=${DUMPCAR_HOST:-${PGHOSTADDR:-$PGHOST}}
unset PGHOSTADDR
[ -n "$PGHOST" ] && export PGHOST || unset PGHOST
PGCLIENTENCODING=${DUMPCAR_ENCODING-UTF8}
export PGCLIENTENCODING
case ${PGHOST:-/} in
    / | /* | @*)
        PGOPTIONS='-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0'
        PGOPTIONS="$PGOPTIONS -c default_transaction_read_only=off -c quote_all_identifiers=off -c bytea_output=hex"
        PGOPTIONS="$PGOPTIONS -c lc_monetary=C -c array_nulls=on -c role=none"
        export PGOPTIONS
        ;;
esac
"#;

/// A server need not have the database that a variable names, nor even `postgres`; `template1` it has.
/// The last refusal is the one worth reading: by then the name of the database was not the reason.
const CONNECT: &str = r#"
find_tool psql
for PGDATABASE in "$POSTGRES_DB" "$POSTGRESQL_DATABASE" postgres template1 ''; do
    [ -n "$PGDATABASE" ] || continue
    export PGDATABASE
    problem=$(psql -X -w -q -A -t -c 'SELECT 1' 2>&1 >/dev/null) && break
done
if [ -z "$PGDATABASE" ]; then
    printf '%s\n' "$problem" >&2
    exit 2
fi
"#;

/// Of a list of hosts, each must be right, since any may be taken.
const OWN_SCRIPT: &str = r#"
hosts=$PGHOST,
while [ -n "$hosts" ]; do
    own_server "${hosts%%,*}" "${PGPORT:-5432}"
    hosts=${hosts#*,}
done
"#;

const SURVEY_SCRIPT: &str = r#"
exec psql -X -w -q -A -t -v ON_ERROR_STOP=1 -c "$1"
"#;

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
    let made_with = restore::create_statement(database, options.as_ref()).replace(['\r', '\n'], " ");
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

/// How a session of a load calls itself, so that it is found.
const LOADING: &str = "dumpcar-load";

/// What the sessions of a load are doing. That they read rows from their client is no work, and their parallel workers' is.
pub(super) fn activity(facts: &Facts<'_>, database: Option<&str>) -> Command {
    let database = database.map_or_else(|| "datname".to_owned(), restore::literal);
    let sql = format!(
        "SELECT CASE WHEN bool_or(state = 'active' AND coalesce(wait_event_type, '') NOT IN ('Lock', 'Client')) THEN 'working' \
         WHEN bool_or(wait_event_type = 'Lock') \
         THEN 'waiting for a lock of session ' || coalesce(string_agg(DISTINCT blocker::text, ' and '), '?') ELSE 'idle' END \
         FROM pg_catalog.pg_stat_activity LEFT JOIN LATERAL unnest(pg_catalog.pg_blocking_pids(pid)) AS blocker ON true \
         WHERE application_name = '{LOADING}' AND datname = {database}"
    );
    command(facts, &[restore::ELSEWHERE, CONNECT, SURVEY_SCRIPT], vec![sql])
}

/// Rows only, columns divided by `|`.
pub(super) fn query(facts: &Facts<'_>, database: &str, query: &str) -> Command {
    let mut command = command(facts, &[SURVEY_SCRIPT], vec![query.to_owned()]);
    command.env.push(("PGDATABASE".to_owned(), database.to_owned()));
    command
}

/// The same, in whatever database there is.
pub(super) fn ask(facts: &Facts<'_>, query: String) -> Command {
    command(facts, &[CONNECT, SURVEY_SCRIPT], vec![query])
}

/// Runs `before`, and prints the number of the process that answers: nothing where the login may not see it.
pub(super) fn process(facts: &Facts<'_>, before: &str) -> Command {
    const NUMBER: &str = "SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)";
    const SCRIPT: &str = r#"psql -X -w -q -A -t -c 'SELECT 1' >/dev/null || exit
psql -X -w -q -A -t -c "$1" || :
"#;
    command(facts, &[before, CONNECT, SCRIPT], vec![NUMBER.to_owned()])
}

fn command(facts: &Facts<'_>, scripts: &[&str], args: Vec<String>) -> Command {
    let login = login::postgresql(facts);
    let Address { host, port, socket } = Engine::Postgresql.address(facts);
    let by_network = host.is_some()
        || socket.is_none() && ["PGHOST", "PGHOSTADDR"].iter().any(|name| facts.variable(name).is_some());
    let own = if by_network { format!("{OWN_SERVER}{OWN_SCRIPT}") } else { String::new() };
    let script = format!("{SESSION}{own}{}", scripts.concat());
    let mut command = login.command(facts, "PGUSER", "PGPASSWORD", &script, args);
    // Even if there is none: the container may have a variable of that name.
    command.env.push(("DUMPCAR_HOST".to_owned(), host.or(socket).unwrap_or_default()));
    command.env.extend(port.map(|port| ("PGPORT".to_owned(), port.to_string())));
    command.env.extend(facts.shares_network.then(|| ("DUMPCAR_NETWORK".to_owned(), "shared".to_owned())));
    if facts.variable("PGCONNECT_TIMEOUT").is_none() {
        command.env.push(("PGCONNECT_TIMEOUT".to_owned(), "15".to_owned()));
    }
    command
}
