//! Putting back: in place, as neither server can rename a database.

use super::{Command, Facts, Flavour, Tool, command};

/// Whoever is in the database would hold up its removal for as long as a transaction of theirs is open, and may be back
/// with the next one before the removal has begun. One that has gone meanwhile is an error, and none of ours; `--force`
/// does not go on after it with statements of `--execute` (seen with 11.8), only with what is read.
const CREATE_SCRIPT: &str = r#"
client() {
    "$tool" --user="$DUMPCAR_USER" --host=localhost --default-character-set=utf8mb4 --connect-timeout=15 \
        --batch --raw --skip-column-names "$@"
}
tries=12
until
    kill=$(client --execute="$1") || exit
    [ -z "$kill" ] || printf '%s\n' "$kill" | client --force 2>/dev/null
    said=$(client --execute="SET SESSION lock_wait_timeout = 5; $2" 2>&1)
do
    status=$?
    tries=$((tries - 1))
    case $tries$said in [1-9]*'ERROR 1205 '*) ;; *) printf '%s\n' "$said" >&2; exit $status ;; esac
done
client --execute="SET SESSION lock_wait_timeout = 60; $3"
"#;

/// A client that knows the sandbox says so in its help. Others fail on the first line of a newer `mariadb-dump`, a
/// protection against dumps that a hostile server made up.
const LOAD_SCRIPT: &str = r#"
set -- --user="$DUMPCAR_USER" --host=localhost --default-character-set=utf8mb4 --max-allowed-packet=1G --batch \
    --database="$DUMPCAR_DATABASE"
case $("$tool" --help 2>/dev/null) in *--sandbox*) exec "$tool" "$@" ;; esac
sed '1{/^\/\*M!999999.*sandbox/d;}' | "$tool" "$@"
"#;

/// Removes the database and makes an empty one of that name.
pub(in crate::engine) fn create(
    flavour: Flavour,
    facts: &Facts<'_>,
    name: &str,
    options: Option<&str>,
) -> Command {
    let quoted = name.replace('`', "``");
    let literal = name.replace('\\', "\\\\").replace('\'', "''");
    let args = vec![
        format!(
            "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist \
             WHERE db = '{literal}' AND id <> CONNECTION_ID()"
        ),
        format!("DROP DATABASE IF EXISTS `{quoted}`"),
        format!("CREATE DATABASE `{quoted}` {}", options.unwrap_or_default()),
    ];
    command(flavour, facts, Tool::Client, CREATE_SCRIPT, args)
}

/// Loads what it reads into the database; without one, users and grants.
pub(in crate::engine) fn load(flavour: Flavour, facts: &Facts<'_>, database: Option<&str>) -> Command {
    let mut command = command(flavour, facts, Tool::Client, LOAD_SCRIPT, Vec::new());
    command.env.push(("DUMPCAR_DATABASE".to_owned(), database.unwrap_or_default().to_owned()));
    command
}
