//! Putting back: into a new database, which takes the old one's name when everything is in it.
//!
//! Until that moment the old one is whole, and in use. One transaction around a load into the old one would not do:
//! `pg_dump` writes a `COMMIT` of its own behind large objects, and dropping what is there first would lock everybody out for
//! as long as the load takes.

use super::session::{CONNECT, LOADING, command};
use crate::engine::shared::facts::Facts;
use crate::engine::shared::replacement::{LEFTOVERS, Staged, as_user};
use crate::model::command::Command;
use crate::model::database::{DatabaseOptions, LocaleProvider, Text, Word};
use crate::model::run::RunId;

/// Before [`CONNECT`]: not in a database that is being replaced.
pub(super) const ELSEWHERE: &str = "\nPOSTGRES_DB=template1 POSTGRESQL_DATABASE=";

const CREATE_SCRIPT: &str = r#"
exec psql -X -w -q -v ON_ERROR_STOP=1 -c "$1"
"#;

/// A dump is for the server and not for `psql`, whose own commands run programs and read files: it gets a `\restrict` with
/// a word that no dump can know, and from then on refuses them. A `psql` that can do that says so in its help. An older one
/// may start no process, so that what it is told to run fails; it can still read and write files. The limit (`-u` in bash, `-p`
/// in dash) does not hold for root, and is set behind the change of user: one who is over it then may start no program at all.
/// Where `psql` is a script that has to start something itself, there is no limit.
const LOAD_SCRIPT: &str = r#"
find_tool psql
set -- psql -X -w -q -o /dev/null -v ON_ERROR_STOP=1
as_user postgres "$@" -c 'SELECT 1'
# What is said is read by a program. And one whose reader waits for the store does nothing for a while.
english="DO \$\$BEGIN PERFORM set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout';
SET lc_messages = 'C'; EXCEPTION WHEN insufficient_privilege THEN NULL; END\$\$"
case $(psql --help=commands 2>/dev/null) in
    *'\restrict'*) set -- "$@" -c "$english" -c "\\restrict $DUMPCAR_RESTRICT" -f - ;;
    *)
        alone='for flag in -u -p; do (ulimit $flag 0) 2>/dev/null && ulimit $flag 0 && break; done; exec "$@"'
        if echo 'SELECT 1;' | $as sh -c "$alone" sh "$@" >/dev/null 2>&1; then set -- sh -c "$alone" sh "$@"; fi ;;
esac
exec $as "$@"
"#;

/// Clients that were thrown out come back at once, and a database somebody is in cannot be renamed.
const SWAP_SCRIPT: &str = r#"
tries=0
until problem=$(psql -X -w -q -o /dev/null -v ON_ERROR_STOP=1 -c "$1" 2>&1); do
    tries=$((tries + 1))
    case $tries:$problem in
        [0-9]:*'being accessed by other users'*) ;;
        *) printf '%s\n' "$problem" >&2; exit 3 ;;
    esac
done
"#;

/// A server goes on with a statement whose client has gone: what it is about to make or rename would be found by nobody, and a
/// database it is in could not be dropped.
const END_SCRIPT: &str = r#"
tries=0
while busy=$(psql -X -w -q -A -t -v ON_ERROR_STOP=1 -c "$1") || exit; [ "$busy" ] && [ $tries -lt 20 ]; do
    tries=$((tries + 1))
    sleep 1
done
"#;

/// A database that subscribes to something, or that somebody subscribes to, cannot be dropped. Workers of an extension come back.
const DROP_SCRIPT: &str = r#"
names=$(psql -X -w -q -A -t -v ON_ERROR_STOP=1 -c "$2") || exit
status=0
for name in $names; do
    tries=0
    while
        detached=$(PGDATABASE=$name psql -X -w -q -o /dev/null -v ON_ERROR_STOP=1 -c "$3" 2>&1)
        ! problem=$(psql -X -w -q -v ON_ERROR_STOP=1 -c "DROP DATABASE IF EXISTS $name" 2>&1)
    do
        tries=$((tries + 1))
        case $tries:$problem in
            [0-9]:*'being accessed by other users'* | [0-9]:*' replication '*) ;;
            *) printf '%s\n' "$detached" "$problem" >&2; status=3; break ;;
        esac
        psql -X -w -q -o /dev/null -c "$1"
        sleep 1
    done
done
exit $status
"#;

const DETACH_SCRIPT: &str = r#"
exec psql -X -w -q -o /dev/null -v ON_ERROR_STOP=1 -c "$1"
"#;

/// The other server is not asked: it may be away, and its slot may be the one that the restored database goes on with.
const DETACH: &str = "DO $$
DECLARE name text;
BEGIN
-- No event trigger has a say.
BEGIN
PERFORM pg_catalog.set_config('session_replication_role', 'replica', true);
EXCEPTION WHEN insufficient_privilege THEN NULL;
END;
FOR name IN SELECT subname FROM pg_catalog.pg_subscription JOIN pg_catalog.pg_database d ON d.oid = subdbid
WHERE d.datname = pg_catalog.current_database()
LOOP
EXECUTE pg_catalog.format('ALTER SUBSCRIPTION %I DISABLE', name);
EXECUTE pg_catalog.format('ALTER SUBSCRIPTION %I SET (slot_name = NONE)', name);
EXECUTE pg_catalog.format('DROP SUBSCRIPTION %I', name);
END LOOP;
PERFORM pg_catalog.pg_terminate_backend(active_pid) FROM pg_catalog.pg_replication_slots
WHERE database = pg_catalog.current_database() AND active_pid IS NOT NULL;
PERFORM pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots
WHERE database = pg_catalog.current_database();
END $$";

pub(in crate::engine) fn create_statement(name: &str, options: Option<&DatabaseOptions>) -> String {
    let mut sql = format!("CREATE DATABASE {} TEMPLATE template0", quoted(name));
    let Some(options) = options else { return sql + ";" };
    let DatabaseOptions { encoding, locale_provider, collate, ctype, locale, icu_rules, tablespace, .. } =
        options;
    let locale_of = match locale_provider {
        Some(LocaleProvider::Icu) => "ICU_LOCALE",
        Some(LocaleProvider::Builtin) => "BUILTIN_LOCALE",
        Some(LocaleProvider::Libc) | None => "LOCALE",
    };
    for (option, value) in [
        ("ENCODING", encoding.as_ref().map(Word::as_str)),
        ("LOCALE_PROVIDER", locale_provider.map(LocaleProvider::name)),
        ("LC_COLLATE", collate.as_ref().map(Text::as_str)),
        ("LC_CTYPE", ctype.as_ref().map(Text::as_str)),
        (locale_of, locale.as_ref().map(Text::as_str)),
        ("ICU_RULES", icu_rules.as_ref().map(Text::as_str)),
    ] {
        if let Some(value) = value {
            sql.push_str(&format!(" {option} {}", literal(value)));
        }
    }
    if let Some(tablespace) = tablespace {
        sql.push_str(&format!(" TABLESPACE {}", quoted(tablespace.as_str())));
    }
    sql + ";"
}

/// What makes a collation of a provider.
pub(super) fn locale_options(provider: &str, options: &[(&str, &str)]) -> String {
    let options = options.iter().map(|(name, value)| format!(", {name} = {}", literal(value)));
    format!("PROVIDER = {provider}{}", options.collect::<String>())
}

pub(in crate::engine) fn create(facts: &Facts<'_>, name: &str, options: Option<&DatabaseOptions>) -> Command {
    command(facts, &[ELSEWHERE, CONNECT, CREATE_SCRIPT], vec![create_statement(name, options)])
}

/// Loads what it reads into the database; without one, the roles. `word` is what only this load knows.
pub(in crate::engine) fn load(facts: &Facts<'_>, database: Option<&str>, word: &str) -> Command {
    let as_user = as_user(facts);
    let mut command = match database {
        None => command(facts, &[as_user, ELSEWHERE, CONNECT, LOAD_SCRIPT], Vec::new()),
        Some(database) => {
            let mut command = command(facts, &[as_user, LOAD_SCRIPT], Vec::new());
            command.env.push(("PGDATABASE".to_owned(), database.to_owned()));
            command
        }
    };
    command.env.push(("PGAPPNAME".to_owned(), LOADING.to_owned()));
    command.env.push(("DUMPCAR_RESTRICT".to_owned(), word.to_owned()));
    command
}

/// Gives all of them their names, in one transaction.
pub(in crate::engine) fn swap(facts: &Facts<'_>, staged: &[Staged]) -> Command {
    let mut sql = String::from("BEGIN;\n");
    let mut rename = |from: &str, to: &str| {
        sql.push_str(&format!(
            "{};\nALTER DATABASE {} RENAME TO {};\n",
            end_sessions(from),
            quoted(from),
            quoted(to),
        ));
    };
    for one in staged.iter().filter(|one| one.is_there) {
        rename(&one.name, &one.replaced);
    }
    for one in staged {
        // An extension may have workers of its own in it.
        rename(&one.staged, &one.name);
    }
    sql.push_str("COMMIT;\n");
    command(facts, &[ELSEWHERE, CONNECT, SWAP_SCRIPT], vec![sql])
}

/// Ends what the server still does for a restore whose client has gone.
pub(in crate::engine) fn end_work(facts: &Facts<'_>, run: &RunId) -> Command {
    command(facts, &[ELSEWHERE, CONNECT, END_SCRIPT], vec![end_statement(run)])
}

/// Removes the databases of a restore that are not to stay, and prints nothing.
pub(in crate::engine) fn drop_leftovers(facts: &Facts<'_>, run: &RunId) -> Command {
    let find = format!("SELECT datname FROM pg_catalog.pg_database WHERE {}", is_of(run));
    let args = vec![end_statement(run), find, DETACH.to_owned()];
    command(facts, &[ELSEWHERE, CONNECT, END_SCRIPT, DROP_SCRIPT], args)
}

/// Ends the subscriptions and slots of a database that is kept beside the one that has taken its place.
pub(in crate::engine) fn detach(facts: &Facts<'_>, name: &str) -> Command {
    let mut command = command(facts, &[DETACH_SCRIPT], vec![DETACH.to_owned()]);
    command.env.push(("PGDATABASE".to_owned(), name.to_owned()));
    command
}

/// Removes one that a restore has made for itself.
pub(in crate::engine) fn drop_staged(facts: &Facts<'_>, name: &str) -> Command {
    let args = vec![end_sessions(name), format!("SELECT {}", literal(name)), DETACH.to_owned()];
    command(facts, &[ELSEWHERE, CONNECT, DROP_SCRIPT], args)
}

/// Throws out whoever is in the database. Autovacuum belongs to nobody, so that not everybody may end it: whoever renames or drops a
/// database ends that without being asked.
fn end_sessions(database: &str) -> String {
    format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid IS NOT NULL AND datname = {}",
        literal(database)
    )
}

fn end_statement(run: &RunId) -> String {
    format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid IS NOT NULL AND pid <> pg_backend_pid() \
         AND ({} OR state = 'active' AND position('{}{run}_' IN query) > 0)",
        is_of(run),
        LEFTOVERS[0]
    )
}

/// The databases that this restore made for itself.
fn is_of(run: &RunId) -> String {
    let names = LEFTOVERS.map(|start| format!("{start}{run}_"));
    // `_` is any character to LIKE, and older servers know no starts_with().
    names.map(|name| format!("left(datname::text, {}) = '{name}'", name.len())).join(" OR ")
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn literal(text: &str) -> String {
    // As `quote_literal` does it, whatever standard_conforming_strings says.
    let escaped = text.replace('\\', "\\\\").replace('\'', "''");
    if text.contains('\\') { format!("E'{escaped}'") } else { format!("'{escaped}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(options: &serde_json::Value) -> String {
        let options = serde_json::from_value(options.clone()).unwrap();
        create_statement("a\"b", Some(&options))
    }

    #[test]
    fn options_are_rendered_and_never_taken_as_sql() {
        assert_eq!(create_statement("x", None), r#"CREATE DATABASE "x" TEMPLATE template0;"#);
        let options = serde_json::json!({
            "encoding": "UTF8", "locale_provider": "icu", "collate": "de_DE.utf8", "ctype": "C",
            "locale": "und-u-ks-level2", "icu_rules": "&a < b", "tablespace": "fa\"st", "tablespaces": ["slow"],
        });
        assert_eq!(
            statement(&options),
            r#"CREATE DATABASE "a""b" TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER 'icu' LC_COLLATE 'de_DE.utf8' LC_CTYPE 'C' ICU_LOCALE 'und-u-ks-level2' ICU_RULES '&a < b' TABLESPACE "fa""st";"#
        );
        let options =
            serde_json::json!({ "locale_provider": "builtin", "locale": "x'; DROP DATABASE shop; --\\' " });
        assert_eq!(
            statement(&options),
            r#"CREATE DATABASE "a""b" TEMPLATE template0 LOCALE_PROVIDER 'builtin' BUILTIN_LOCALE E'x''; DROP DATABASE shop; --\\'' ';"#
        );
    }
}
