//! What a server is asked and told while tables of two databases change places.
//!
//! A control database holds what has to be known to finish the exchange or to take it back: what is to be moved, and the
//! definitions of both sides. The one `RENAME` that moves all tables renames a table of the control database as well: by its name
//! everybody can tell whether it was done.

mod control;
mod inventory;

pub use control::{Control, SESSION, Script, Side, Stage, Way};
pub use inventory::Inventory;

use std::fmt::Write as _;

use super::separate::{Definitions, quoted};
use crate::engine::mariadb_mysql::flavour::Flavour;
use crate::engine::mariadb_mysql::session::{Tool, command};
use crate::engine::shared::facts::Facts;
use crate::engine::shared::replacement::LEFTOVERS;
use crate::engine::shared::survey::name;
use crate::model::command::Command;
use crate::model::run::RunId;

/// No index of a database is written so.
const CONTROL_INDEX: &str = "00";

const CLIENT: &str = r#"
client() {
    "$tool" --no-defaults --user="$DUMPCAR_USER" --host="$DUMPCAR_HOST" --default-character-set=utf8mb4 --connect-timeout=15 \
        --init-command='SET SESSION sql_select_limit = 18446744073709551615, autocommit = 1, sql_mode = 0' --batch --raw --skip-column-names "$@"
}
"#;

/// What is larger than one packet may be by default comes back with a larger limit; a routine that is made again keeps its grants;
/// and one that says nothing of what it does is taken by a server that logs. Who may not set them does without. The second argument
/// is the table of the settings that are put back.
const BEGIN_SCRIPT: &str = r#"
client --execute="$1" || exit
for setting in max_allowed_packet=1073741824 automatic_sp_privileges=0 log_bin_trust_function_creators=1; do
    name=${setting%%=*}
    client --execute="INSERT INTO $2 SELECT '$name', @@GLOBAL.$name; SET GLOBAL $setting" 2>/dev/null
done
exit 0
"#;

/// One that has gone meanwhile is an error, and none of ours.
const KILL_SCRIPT: &str = r#"
kill=$(printf '%s\n' "$@" | client) || exit
[ -z "$kill" ] || printf '%s\n' "$kill" | client --force 2>/dev/null
exit 0
"#;

const DROP_KEYS_SCRIPT: &str = r#"
drop=$(printf '%s\n' "$@" | client) || exit
[ -z "$drop" ] || printf '%s\n' "$drop" | client
"#;

/// A server goes on with a statement whose client has gone.
const END_SCRIPT: &str = r#"
tries=0
while busy=$(client --execute="$1") || exit; [ "$busy" ] && [ $tries -lt 60 ]; do
    printf '%s\n' "$busy" | client --force 2>/dev/null
    tries=$((tries + 1))
    sleep 1
done
"#;

/// The control database goes last: the settings that are to be put back are in it.
const DROP_SCRIPT: &str = r#"
names=$(client --execute="$2") || exit
[ "$names" ] || exit 0
settings=$(client --execute="$3" 2>/dev/null)
[ -z "$settings" ] || printf '%s\n' "$settings" | client --force 2>/dev/null
status=0
for name in $names; do
    client --execute="SET SESSION foreign_key_checks = 0; DROP DATABASE IF EXISTS $name" || status=3
done
exit $status
"#;

/// All that the old definitions of a database are. A view that finds no more what it is of, or a table that is damaged, is no
/// obstacle; but an end of the session is.
const DEFINITIONS_SCRIPT: &str = r#"
exec 3>&1
said=$("$tool" --no-defaults --user="$DUMPCAR_USER" --host="$DUMPCAR_HOST" --no-data --force "$@" -- "$DUMPCAR_DATABASE" 2>&1 >&3)
status=$?
[ -z "$said" ] || printf '%s\n' "$said" >&2
case $said in *'ost connection'* | *'gone away'* | *' killed'* | *'shutdown in progress'*) exit 1 ;; esac
[ $status -eq 2 ] || exit $status
"#;

/// How MariaDB and MySQL exchange databases.
#[derive(Debug, Clone, Copy)]
pub struct Exchange(pub(in crate::engine) Flavour);

impl Exchange {
    fn command(self, facts: &Facts<'_>, script: &str, args: Vec<String>) -> Command {
        command(self.0, facts, Tool::Client, &format!("{CLIENT}{script}"), args)
    }

    /// Prints who is logged in, for [`Exchange::parse_login`].
    pub fn login(self, facts: &Facts<'_>) -> Command {
        let host = "CHAR_LENGTH(SUBSTRING_INDEX(CURRENT_USER(), '@', -1))";
        let sql = format!(
            "SELECT CONCAT('login ', HEX(CONVERT(LEFT(CURRENT_USER(), CHAR_LENGTH(CURRENT_USER()) - 1 - {host}) USING utf8mb4)))"
        );
        self.command(facts, "client --execute=\"$1\"\n", vec![sql])
    }

    /// # Errors
    /// It is no login.
    pub fn parse_login(stdout: &[u8]) -> Result<String, Unexpected> {
        match lines(stdout)?.as_slice() {
            [(word, fields)] if word == "login" => decoded::<1>(fields).map(|[name]| name),
            _ => Err(Unexpected(String::from_utf8_lossy(stdout).chars().take(200).collect())),
        }
    }

    /// Makes the control database, and gives a load what it needs.
    pub fn begin(self, facts: &Facts<'_>, run: &RunId) -> Command {
        let control = control(run);
        let sql = format!(
            "CREATE DATABASE IF NOT EXISTS {control}; CREATE TABLE {control}.settings \
             (name VARCHAR(64) PRIMARY KEY, value BIGINT) ENGINE = InnoDB"
        );
        self.command(facts, BEGIN_SCRIPT, vec![sql, format!("{control}.settings")])
    }

    /// Prints what is in these databases, for [`Exchange::parse_inventory`].
    pub fn inventory<'a>(self, facts: &Facts<'_>, databases: impl IntoIterator<Item = &'a str>) -> Command {
        let h = |column: &str| format!("HEX(CONVERT({column} USING utf8mb4))");
        let row = |word: &str, columns: &[&str]| {
            let columns: Vec<_> = columns.iter().map(|column| h(column)).collect();
            format!("SELECT CONCAT_WS(' ', '{word}', {})", columns.join(", "))
        };
        let among = |column: &str| format!("FIND_IN_SET({}, @names)", h(column));
        // A default is told in the quotes of the session's mode.
        let mut sql = String::from("SET SESSION group_concat_max_len = 1048576, sql_mode = '';\n");
        for (select, from) in [
            (
                row("table", &["table_schema", "table_name"]),
                format!("tables WHERE table_type <> 'VIEW' AND {}", among("table_schema")),
            ),
            (
                row("object", &["'TRIGGER'", "trigger_schema", "trigger_name"]),
                format!("triggers WHERE {}", among("trigger_schema")),
            ),
            (
                row("object", &["'EVENT'", "event_schema", "event_name"]),
                format!("events WHERE {}", among("event_schema")),
            ),
            (
                row("object", &["'VIEW'", "table_schema", "table_name"]),
                format!("tables WHERE table_type = 'VIEW' AND {}", among("table_schema")),
            ),
            (
                row("object", &["routine_type", "routine_schema", "routine_name"]),
                format!("routines WHERE {} ORDER BY routine_type = 'PACKAGE'", among("routine_schema")),
            ),
            (
                row("options", &["schema_name", "default_character_set_name", "default_collation_name"]),
                format!("schemata WHERE {}", among("schema_name")),
            ),
            (
                row("default", &["table_schema", "table_name", "column_name", "column_default"]),
                format!(
                    "columns WHERE column_default LIKE '%val(%' AND {} AND {}",
                    // MySQL has no sequences, and gives a text without its quotes.
                    if self.0 == Flavour::Mariadb { "extra NOT LIKE '%GENERATED%'" } else { "FALSE" },
                    among("table_schema")
                ),
            ),
        ] {
            writeln!(sql, "{select} FROM information_schema.{from};").expect("a string takes everything");
        }
        let columns = |column: &str| {
            format!(
                "GROUP_CONCAT(CONCAT('`', REPLACE({column}, '`', '``'), '`') ORDER BY k.ordinal_position)"
            )
        };
        let (own, other) = (columns("k.column_name"), columns("k.referenced_column_name"));
        let fields = [
            "r.constraint_schema",
            "r.table_name",
            "r.constraint_name",
            "r.unique_constraint_schema",
            "r.referenced_table_name",
            &own,
            &other,
            "r.update_rule",
            "r.delete_rule",
        ];
        // Where there is no such table, the key would go on pointing to the place its own table was made in.
        writeln!(
            sql,
            "{} FROM information_schema.referential_constraints r JOIN information_schema.key_column_usage k \
             ON k.constraint_schema = r.constraint_schema AND k.constraint_name = r.constraint_name AND k.table_name = r.table_name \
             WHERE {} AND (r.constraint_schema <> r.unique_constraint_schema OR NOT EXISTS (SELECT 1 \
             FROM information_schema.tables t WHERE t.table_schema = r.unique_constraint_schema \
             AND t.table_name = r.referenced_table_name)) \
             GROUP BY r.constraint_schema, r.table_name, r.constraint_name, r.unique_constraint_schema, \
             r.referenced_table_name, r.update_rule, r.delete_rule;",
            row("key", &fields),
            among("r.unique_constraint_schema")
        )
        .expect("a string takes everything");
        self.command(facts, "printf '%s\\n' \"$@\" | client\n", [names(databases), vec![sql]].concat())
    }

    /// Prints the definitions of a database that is replaced, as its dump tool does.
    pub fn definitions(self, facts: &Facts<'_>, database: &str) -> Command {
        let mut args: Vec<String> = [
            "--single-transaction",
            "--routines",
            "--triggers",
            "--events",
            "--no-tablespaces",
            "--default-character-set=utf8mb4",
        ]
        .map(str::to_owned)
        .into();
        args.push(match self.0 {
            Flavour::Mariadb => "--skip-add-locks".to_owned(),
            Flavour::Mysql => "--set-gtid-purged=OFF".to_owned(),
        });
        let mut command = command(self.0, facts, Tool::Dump, DEFINITIONS_SCRIPT, args);
        command.env.push(("DUMPCAR_DATABASE".to_owned(), database.to_owned()));
        command
    }

    /// Ends the sessions of whoever is in one of these databases.
    pub fn end_clients<'a>(
        self,
        facts: &Facts<'_>,
        run: &RunId,
        databases: impl IntoIterator<Item = &'a str>,
    ) -> Command {
        // Not the session that exchanges them: see [`Exchange::hold`].
        let is_other = |id: &str| {
            format!("{id} <> CONNECTION_ID() AND {id} <> COALESCE(IS_USED_LOCK('dumpcar-{run}'), 0)")
        };
        let mut sql = format!(
            "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE FIND_IN_SET(HEX(CONVERT(db USING utf8mb4)), @names) AND {};",
            is_other("id")
        );
        match self.0 {
            // It does not say who holds a lock.
            Flavour::Mariadb => {}
            Flavour::Mysql => sql.push_str(&format!(
                " SELECT DISTINCT CONCAT('KILL ', t.processlist_id, ';') FROM performance_schema.metadata_locks l \
                 JOIN performance_schema.threads t ON t.thread_id = l.owner_thread_id WHERE FIND_IN_SET(HEX(CONVERT(l.object_schema USING utf8mb4)), @names) AND t.type = 'FOREGROUND' \
                 AND {};",
                is_other("t.processlist_id")
            )),
        }
        self.command(facts, KILL_SCRIPT, [names(databases), vec![sql]].concat())
    }

    /// The first statement of the session that exchanges databases: by this lock, others know it.
    pub fn hold(run: &RunId) -> String {
        format!("DO GET_LOCK('dumpcar-{run}', 60);\n")
    }

    /// Ends what the server still does for a restore whose client has gone.
    pub fn end_work(self, facts: &Facts<'_>, run: &RunId) -> Command {
        self.command(facts, END_SCRIPT, vec![end_statement(run)])
    }

    /// Drops what a restore made for itself, and puts back what it had set.
    pub fn drop_leftovers(self, facts: &Facts<'_>, run: &RunId) -> Command {
        let control = control(run);
        let find = format!(
            "SELECT schema_name FROM information_schema.schemata WHERE {} ORDER BY schema_name = '{control}'",
            is_of(run, "schema_name")
        );
        let settings =
            format!("SELECT CONCAT('SET GLOBAL ', name, ' = ', value, ';') FROM {control}.settings");
        self.command(facts, &format!("{END_SCRIPT}{DROP_SCRIPT}"), vec![end_statement(run), find, settings])
    }

    /// Makes what an old database had besides its tables, in the place where those are now.
    pub fn old_definitions(name: &str, definitions: &Definitions) -> Vec<u8> {
        let start = format!("{SESSION}USE {};\n", quoted(name));
        [start.as_bytes(), &definitions.objects, &definitions.views].concat()
    }

    /// Drops the foreign keys by which an old database would go on holding rows of databases other than `old`.
    pub(in crate::engine::mariadb_mysql) fn drop_keys_of(
        self,
        facts: &Facts<'_>,
        name: &str,
        old: &[&str],
    ) -> Command {
        let h = |column: &str| format!("HEX(CONVERT({column} USING utf8mb4))");
        let q = |column: &str| format!("CONCAT('`', REPLACE({column}, '`', '``'), '`')");
        let sql = format!(
            "SELECT CONCAT('ALTER TABLE ', {}, '.', {}, ' DROP FOREIGN KEY ', {}, ';') \
             FROM information_schema.referential_constraints WHERE {} = '{}' AND NOT FIND_IN_SET({}, @names);",
            q("constraint_schema"),
            q("table_name"),
            q("constraint_name"),
            h("constraint_schema"),
            hex::encode_upper(name),
            h("unique_constraint_schema"),
        );
        self.command(facts, DROP_KEYS_SCRIPT, [names(old.iter().copied()), vec![sql]].concat())
    }

    /// Prints how far the exchange of this run has come, for [`Stage::parse`].
    pub fn stage(self, facts: &Facts<'_>, run: &RunId) -> Command {
        let sql = format!(
            "SELECT CONCAT('marker ', table_name) FROM information_schema.tables WHERE table_schema = '{}' \
             AND table_name IN ('exchange_before', 'exchange_after')",
            control(run)
        );
        self.command(facts, "client --execute=\"$1\"\n", vec![sql])
    }

    /// Prints what the control database has, for [`Control::parse`].
    pub fn control(self, facts: &Facts<'_>, run: &RunId) -> Command {
        let control = control(run);
        let sql = format!(
            "SELECT CONCAT('database ', name) FROM {control}.names; \
             SELECT CONCAT_WS(' ', 'move', from_database, from_table, to_database, to_table) FROM {control}.moves ORDER BY n; \
             SELECT CONCAT_WS(' ', 'script', n, way, CONCAT('x', name), HEX(text)) FROM {control}.scripts ORDER BY n, part"
        );
        self.command(facts, "client --quick --execute=\"$1\"\n", vec![sql])
    }
}

/// The name of a run's control database.
fn control(run: &RunId) -> String {
    format!("{}{run}_{CONTROL_INDEX}", LEFTOVERS[1])
}

fn is_of(run: &RunId, column: &str) -> String {
    let names = LEFTOVERS.map(|start| format!("{start}{run}_"));
    names.map(|name| format!("LEFT({column}, {}) = '{name}'", name.len())).join(" OR ")
}

fn end_statement(run: &RunId) -> String {
    let statement = LEFTOVERS.map(|start| format!("LOCATE('{start}{run}_', info) > 0")).join(" OR ");
    format!(
        "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND ({} OR {statement})",
        is_of(run, "db")
    )
}

/// Puts names into a variable of the session, as hexadecimal digits. One argument has at most 128 KiB.
fn names<'a>(databases: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let set =
        |database: &str| format!("SET @names = CONCAT_WS(',', @names, '{}');", hex::encode_upper(database));
    std::iter::once("SET NAMES utf8mb4;".to_owned()).chain(databases.into_iter().map(set)).collect()
}

fn full((database, table): &(String, String)) -> String {
    format!("{}.{}", quoted(database), quoted(table))
}

/// The server did not answer what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("unexpected answer from the server: {0:?}")]
pub struct Unexpected(String);

fn lines(stdout: &[u8]) -> Result<Vec<(String, Vec<String>)>, Unexpected> {
    let text = String::from_utf8_lossy(stdout);
    let line = |line: &str| {
        let mut fields = line.split(' ').map(str::to_owned);
        fields.next().map(|word| (word, fields.collect())).ok_or_else(|| Unexpected(line.to_owned()))
    };
    text.lines().filter(|line| !line.is_empty()).map(line).collect()
}

fn decoded<const N: usize>(fields: &[String]) -> Result<[String; N], Unexpected> {
    let unexpected = || Unexpected(fields.join(" ").chars().take(200).collect());
    let names: Result<Vec<_>, _> =
        fields.iter().map(|field| if field.is_empty() { Ok(String::new()) } else { name(field) }).collect();
    names.ok().and_then(|names| names.try_into().ok()).ok_or_else(unexpected)
}
