//! Putting back: in place, as neither server can rename a database.

use super::{Command, Facts, Flavour, Tool, command};
use crate::engine::restore::as_user;
use crate::model::database::DatabaseOptions;

/// Whoever is in the database would hold up its removal for as long as a transaction of theirs is open, and may be back
/// with the next one before the removal has begun. One that has gone meanwhile is an error, and none of ours; `--force`
/// does not go on after it with statements of `--execute` (seen with 11.8), only with what is read.
const CREATE_SCRIPT: &str = r#"
tries=12
until
    kill=$(client --raw --execute="$1") || exit
    [ -z "$kill" ] || printf '%s\n' "$kill" | client --force 2>/dev/null
    said=$(client --execute="SET SESSION lock_wait_timeout = 5; $2" 2>&1)
do
    status=$?
    tries=$((tries - 1))
    case $tries$said in [1-9]*'ERROR 1205 '*) ;; *) printf '%s\n' "$said" >&2; exit $status ;; esac
done
client --execute="SET SESSION lock_wait_timeout = 60; $3"
"#;

/// A dump is for the server and not for the client, whose own commands run programs and read files. In binary mode it knows
/// none of them in what it reads, but for the delimiter; and a line end in a routine stays what it was.
///
/// It has a lock of a name by which its session is found ([`super::activity`]): as one `SET`, which can set more.
///
/// Two options that not every client has: it says so in its help. Others than MariaDB's newer ones fail on the first line of a
/// newer `mariadb-dump`, which switches on the sandbox.
const LOAD_SCRIPT: &str = r#"
set -- "$tool" --no-defaults --user="$DUMPCAR_USER" --host=localhost --default-character-set=utf8mb4 --max-allowed-packet=1G --batch \
    --binary-mode --local-infile=0 --init-command="SET @dumpcar = GET_LOCK('dumpcar-load', 0)" --database="$DUMPCAR_DATABASE"
as_user mysql "$@" --execute='DO 0'
help=$("$tool" --no-defaults --help 2>/dev/null)
case $help in *--system-command*) set -- "$@" --system-command=OFF ;; esac
case $help in *--sandbox*) exec $as "$@" --sandbox ;; esac
sed '1{/^\/\*M!999999.*sandbox/d;}' | $as "$@"
"#;

/// Removes the database and makes an empty one of that name.
pub(in crate::engine) fn create(
    flavour: Flavour,
    facts: &Facts<'_>,
    name: &str,
    options: Option<&DatabaseOptions>,
) -> Command {
    let quoted = name.replace('`', "``");
    let literal = name.replace('\\', "\\\\").replace('\'', "''");
    let args = vec![
        format!(
            "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist \
             WHERE db = '{literal}' AND id <> CONNECTION_ID()"
        ),
        format!("DROP DATABASE IF EXISTS `{quoted}`"),
        create_statement(&quoted, options),
    ];
    command(flavour, facts, Tool::Client, CREATE_SCRIPT, args)
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
    let script = format!("{}{LOAD_SCRIPT}", as_user(facts));
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
