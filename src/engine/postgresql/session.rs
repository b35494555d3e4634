//! How `psql` and the others get to the server: each command of this engine begins so.
//!
//! They look for the server where its [`Address`] says. What that does not say, they know as when an administrator calls
//! them in the container: the usual Unix socket, or the container's own `PGHOST`.

use super::address::address;
use super::login::login;
use crate::engine::shared::OWN_SERVER;
use crate::engine::shared::address::Address;
use crate::engine::shared::facts::Facts;
use crate::model::command::Command;

/// How a session of a load calls itself, so that it is found.
pub(super) const LOADING: &str = "dumpcar-load";

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
pub(super) const CONNECT: &str = r#"
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

pub(super) const SURVEY_SCRIPT: &str = r#"
exec psql -X -w -q -A -t -v ON_ERROR_STOP=1 -c "$1"
"#;

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

pub(super) fn command(facts: &Facts<'_>, scripts: &[&str], args: Vec<String>) -> Command {
    let login = login(facts);
    let Address { host, port, socket } = address(facts);
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
