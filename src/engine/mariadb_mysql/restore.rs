//! Putting back: a dump is loaded into a staged database, whose tables then change places with those of the old one.

pub(in crate::engine) mod accounts;
pub(in crate::engine) mod exchange;
pub(in crate::engine) mod separate;
mod statements;
mod tokens;

use super::flavour::Flavour;
use super::session::{Tool, command};
use crate::engine::shared::facts::Facts;
use crate::engine::shared::replacement::as_user;
use crate::model::command::Command;
use crate::model::database::DatabaseOptions;

const CREATE_SCRIPT: &str = r#"
run=exec
client --execute="$1"
"#;

/// A dump is for the server and not for the client, whose own commands run programs and read files. In binary mode it knows
/// none of them in what it reads, but for the delimiter; and a line end in a routine stays what it was.
///
/// Comments in a routine are part of it. What is set for the session: a server may be stricter than the one the rows are of, and
/// may be impatient with a store that is slow. Not every server has all of it, nor lets everybody set it.
///
/// It has a lock of a name by which its session is found ([`Kind::activity`](crate::engine::Kind::activity)).
///
/// Two options that not every client has: it says so in its help. Others than MariaDB's newer ones fail on the first line of a
/// newer `mariadb-dump`, which switches on the sandbox.
const LOAD_SCRIPT: &str = r#"
set -- "$tool" --no-defaults --user="$DUMPCAR_USER" --host="$DUMPCAR_HOST" --default-character-set=utf8mb4 --max-allowed-packet=1G --batch \
    --binary-mode --comments --local-infile=0 --database="$DUMPCAR_DATABASE" "$@"
as_user mysql "$@" --execute='DO 0'
session="SET @dumpcar = GET_LOCK('dumpcar-load', 0), SESSION autocommit = 1"
for setting in net_read_timeout=3600 net_write_timeout=3600 wait_timeout=86400 innodb_strict_mode=0 \
    check_constraint_checks=0 max_statement_time=0 sql_require_primary_key=0 sql_generate_invisible_primary_key=0 \
    restrict_fk_on_non_standard_key=0; do
    ! "$@" --execute="SET SESSION $setting" >/dev/null 2>&1 || session="$session, SESSION $setting"
done
set -- "$@" --init-command="$session"
help=$("$tool" --no-defaults --help 2>/dev/null)
case $help in *--system-command*) set -- "$@" --system-command=OFF ;; esac
case $help in *--sandbox*) set -- "$@" --sandbox; filter= ;; *) filter=y ;; esac
read_dump() { if [ "$filter" ]; then sed '1{/^\/\*M!999999.*sandbox/d;}'; else cat; fi; }
"#;

const LOAD_DATABASE: &str = r#"
[ "$filter" ] || exec $as "$@"
read_dump | $as "$@"
"#;

/// One account that this server cannot have does not cost the others theirs. Of each failed statement there is the number of the
/// error and the line; a message may quote a password's hash.
const LOAD_ACCOUNTS: &str = r#"
said=$(read_dump | $as "$@" --force 2>&1 >/dev/null)
printf '%s\n' "$said" | sed -n 's/^ERROR \([0-9]*\) ([^)]*) at line \([0-9]*\):.*/account \1 \2/p'
broken=$(printf '%s\n' "$said" | sed -n -e '/^ERROR /{/^ERROR [0-9]* ([^)]*) at line [0-9]/!p;}' -e '/^ERROR 1115 /p' -e '/^ERROR 1273 /p')
[ -z "$broken" ] || { printf '%s\n' "$broken" >&2; exit 1; }
"#;

/// Makes an empty database of that name.
pub(in crate::engine) fn create(
    flavour: Flavour,
    facts: &Facts<'_>,
    name: &str,
    options: Option<&DatabaseOptions>,
) -> Command {
    let statement = create_statement(&name.replace('`', "``"), options);
    command(flavour, facts, Tool::Client, CREATE_SCRIPT, vec![statement])
}

pub(super) fn create_statement(quoted: &str, options: Option<&DatabaseOptions>) -> String {
    let mut sql = format!("CREATE DATABASE `{quoted}`");
    if let Some(DatabaseOptions { character_set, collation, .. }) = options {
        for (option, value) in [("CHARACTER SET", character_set), ("COLLATE", collation)] {
            if let Some(value) = value {
                sql.push_str(&format!(" {option} {}", value.as_str()));
            }
        }
    }
    sql
}

/// Loads what it reads into the database; without one, users and grants.
pub(in crate::engine) fn load(flavour: Flavour, facts: &Facts<'_>, database: Option<&str>) -> Command {
    let last = if database.is_some() { LOAD_DATABASE } else { LOAD_ACCOUNTS };
    let script = format!("{}{LOAD_SCRIPT}{last}", as_user(facts));
    let mut command = command(flavour, facts, Tool::Client, &script, Vec::new());
    command.env.push(("DUMPCAR_DATABASE".to_owned(), database.unwrap_or_default().to_owned()));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_database_is_made_like_the_old_one() {
        let options = serde_json::from_str(r#"{"character_set": "utf8mb4", "collation": "utf8mb4_bin"}"#);
        assert_eq!(
            create_statement("shop", Some(&options.unwrap())),
            "CREATE DATABASE `shop` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        );
        assert_eq!(create_statement("shop", None), "CREATE DATABASE `shop`");
    }
}
