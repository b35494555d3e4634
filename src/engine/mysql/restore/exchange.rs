//! What a server is asked and told while tables of two databases change places.
//!
//! A control database holds what has to be known to finish the exchange or to take it back: what is to be moved, and the
//! definitions of both sides. The one `RENAME` that moves all tables renames a table of the control database as well: by its name
//! everybody can tell whether it was done.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::separate::{Definitions, quoted};
use crate::engine::mysql::{Flavour, Tool, command};
use crate::engine::restore::{LEFTOVERS, Staged};
use crate::engine::survey::{bytes, name};
use crate::engine::{Command, Facts};
use crate::model::database::DatabaseOptions;
use crate::model::run::RunId;

/// No index of a database is written so.
const CONTROL_INDEX: &str = "00";
/// Rows of a text: well below what a packet may have by default.
const CHUNK: usize = 1024 * 1024;

const CLIENT: &str = r#"
client() {
    "$tool" --no-defaults --user="$DUMPCAR_USER" --host=localhost --default-character-set=utf8mb4 --connect-timeout=15 \
        --init-command='SET SESSION sql_select_limit = 18446744073709551615' --batch --raw --skip-column-names "$@"
}
"#;

/// What is larger than one packet may be by default comes back with a larger limit; a routine that is made again keeps its grants.
/// Who may not set them does without.
const BEGIN_SCRIPT: &str = r#"
client --execute="$1" || exit
client --execute="SET GLOBAL max_allowed_packet = 1073741824" 2>/dev/null
client --execute="SET GLOBAL automatic_sp_privileges = 0" 2>/dev/null
exit 0
"#;

/// One that has gone meanwhile is an error, and none of ours.
const KILL_SCRIPT: &str = r#"
kill=$(printf '%s\n' "$@" | client) || exit
[ -z "$kill" ] || printf '%s\n' "$kill" | client --force 2>/dev/null
exit 0
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

/// All that the old definitions of a database are; what a view of it no longer finds is no obstacle.
const DEFINITIONS_SCRIPT: &str = r#"
"$tool" --no-defaults --user="$DUMPCAR_USER" --host=localhost --no-data --force "$@" -- "$DUMPCAR_DATABASE"
status=$?
[ $status -eq 2 ] || exit $status
"#;

/// How MariaDB and MySQL exchange databases.
#[derive(Debug, Clone, Copy)]
pub struct Exchange(pub(in crate::engine) Flavour);

/// A foreign key from one database to another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    database: String,
    table: String,
    name: String,
    rest: String,
}

/// What is in some databases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    tables: BTreeSet<(String, String)>,
    /// Triggers and the like: kind, database, name.
    objects: Vec<(String, String, String)>,
    /// Those that point into one of the databases from another one.
    keys: Vec<Key>,
    /// Defaults that take the number of a sequence: database, table, column, text.
    defaults: Vec<[String; 4]>,
    /// Databases with their character set and collation.
    options: Vec<[String; 3]>,
}

/// A table's old and new place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Move {
    from: (String, String),
    to: (String, String),
}

/// Which of its two ends an exchange goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Back,
    Forward,
}

impl Way {
    fn word(self) -> &'static str {
        match self {
            Self::Back => "back",
            Self::Forward => "forward",
        }
    }
}

/// What has to be loaded into a database at one end of the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub way: Way,
    /// None where the text names its databases itself.
    pub database: String,
    pub text: Vec<u8>,
}

/// All that has to be known of an exchange.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Control {
    /// The databases, and those they change places with.
    databases: BTreeSet<String>,
    moves: Vec<Move>,
    pub scripts: Vec<Script>,
}

/// How far an exchange has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing of the databases was touched, or everything is in order again.
    Nothing,
    Before,
    After,
}

/// One database of an exchange with what is to become of it.
#[derive(Debug)]
pub struct Side<'a> {
    pub staged: &'a Staged,
    pub options: Option<&'a DatabaseOptions>,
    pub old: Definitions,
    pub new: &'a Definitions,
}

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
             (name VARCHAR(64), value BIGINT) ENGINE = InnoDB; INSERT INTO {control}.settings VALUES \
             ('max_allowed_packet', @@GLOBAL.max_allowed_packet), \
             ('automatic_sp_privileges', @@GLOBAL.automatic_sp_privileges)"
        );
        self.command(facts, BEGIN_SCRIPT, vec![sql])
    }

    /// Prints what is in these databases, for [`Exchange::parse_inventory`].
    pub fn inventory<'a>(self, facts: &Facts<'_>, databases: impl IntoIterator<Item = &'a str>) -> Command {
        let h = |column: &str| format!("HEX(CONVERT({column} USING utf8mb4))");
        let row = |word: &str, columns: &[&str]| {
            let columns: Vec<_> = columns.iter().map(|column| h(column)).collect();
            format!("SELECT CONCAT_WS(' ', '{word}', {})", columns.join(", "))
        };
        let among = |column: &str| format!("FIND_IN_SET({}, @names)", h(column));
        let mut sql = String::from("SET SESSION group_concat_max_len = 1048576;\n");
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
                    "columns WHERE column_default LIKE '%val(%' AND extra NOT LIKE '%GENERATED%' AND {}",
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
        writeln!(
            sql,
            "{} FROM information_schema.referential_constraints r JOIN information_schema.key_column_usage k \
             ON k.constraint_schema = r.constraint_schema AND k.constraint_name = r.constraint_name AND k.table_name = r.table_name \
             WHERE {} AND r.constraint_schema <> r.unique_constraint_schema \
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
    pub fn end_clients<'a>(self, facts: &Facts<'_>, databases: impl IntoIterator<Item = &'a str>) -> Command {
        let mut sql = String::from(
            "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE FIND_IN_SET(HEX(CONVERT(db USING utf8mb4)), @names) AND id <> CONNECTION_ID();",
        );
        match self.0 {
            // It does not say who holds a lock.
            Flavour::Mariadb => {}
            Flavour::Mysql => sql.push_str(
                " SELECT DISTINCT CONCAT('KILL ', t.processlist_id, ';') FROM performance_schema.metadata_locks l \
                 JOIN performance_schema.threads t ON t.thread_id = l.owner_thread_id WHERE FIND_IN_SET(HEX(CONVERT(l.object_schema USING utf8mb4)), @names) AND t.type = 'FOREGROUND' \
                 AND t.processlist_id <> CONNECTION_ID();",
            ),
        }
        self.command(facts, KILL_SCRIPT, [names(databases), vec![sql]].concat())
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

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}

/// Puts names into a variable of the session, as hexadecimal digits. One argument has at most 128 KiB.
fn names<'a>(databases: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let set = |database: &str| format!("SET @names = CONCAT_WS(',', @names, '{}');", hex(database));
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

impl Exchange {
    /// # Errors
    /// It is no inventory.
    pub fn parse_inventory(self, stdout: &[u8]) -> Result<Inventory, Unexpected> {
        let mut found = Inventory::default();
        // What a server says of a key without a rule; where it is said, a server may make something else of it.
        let unsaid = match self.0 {
            Flavour::Mariadb => "RESTRICT",
            Flavour::Mysql => "NO ACTION",
        };
        for (word, fields) in lines(stdout)? {
            match word.as_str() {
                "table" => {
                    let [database, table] = decoded(&fields)?;
                    found.tables.insert((database, table));
                }
                "object" => {
                    let [kind, database, name] = decoded(&fields)?;
                    found.objects.push((kind, database, name));
                }
                "options" => found.options.push(decoded(&fields)?),
                "default" => found.defaults.push(decoded(&fields)?),
                "key" => {
                    let [database, table, name, to, to_table, columns, to_columns, update, delete] =
                        decoded(&fields)?;
                    let to = full(&(to, to_table));
                    let rule = |event: &str, rule: &str| {
                        if rule == unsaid { String::new() } else { format!(" ON {event} {rule}") }
                    };
                    let rules = rule("DELETE", &delete) + &rule("UPDATE", &update);
                    let rest = format!("FOREIGN KEY ({columns}) REFERENCES {to} ({to_columns}){rules}");
                    found.keys.push(Key { database, table, name, rest });
                }
                _ => return Err(Unexpected(word)),
            }
        }
        Ok(found)
    }
}

impl Inventory {
    /// Whether there is a database of this name.
    pub fn has(&self, database: &str) -> bool {
        self.options.iter().any(|[name, ..]| name == database)
    }

    /// Drops everything that keeps tables from being moved, and all that is made again: triggers, views, routines, events, and
    /// keys from other databases.
    pub fn clear(&self) -> String {
        let mut sql = String::new();
        for key in &self.keys {
            let table = full(&(key.database.clone(), key.table.clone()));
            sql.push_str(&format!("ALTER TABLE {table} DROP FOREIGN KEY {};\n", quoted(&key.name)));
        }
        for (kind, database, name) in &self.objects {
            let is_known = ["TRIGGER", "EVENT", "VIEW", "FUNCTION", "PROCEDURE", "PACKAGE", "PACKAGE BODY"]
                .contains(&kind.as_str());
            if is_known {
                sql.push_str(&format!(
                    "DROP {kind} IF EXISTS {};\n",
                    full(&(database.clone(), name.clone()))
                ));
            }
        }
        sql
    }
}

impl Stage {
    /// # Errors
    /// It is no stage.
    pub fn parse(stdout: &[u8]) -> Result<Self, Unexpected> {
        match String::from_utf8_lossy(stdout).trim() {
            "" => Ok(Self::Nothing),
            "marker exchange_before" => Ok(Self::Before),
            "marker exchange_after" => Ok(Self::After),
            other => Err(Unexpected(other.chars().take(200).collect())),
        }
    }
}

impl Control {
    /// Plans an exchange.
    pub fn new(sides: &[Side<'_>], inventory: &Inventory) -> Self {
        let mut control = Self::default();
        let names: BTreeSet<&str> = sides.iter().map(|side| side.staged.name.as_str()).collect();
        for Side { staged, .. } in sides {
            control.databases.extend([staged.name.clone(), staged.staged.clone()]);
            let in_database = |wanted: &str| {
                inventory
                    .tables
                    .iter()
                    .filter(move |(database, _)| database == wanted)
                    .cloned()
                    .collect::<Vec<_>>()
            };
            for (from, to) in [(&staged.name, &staged.replaced), (&staged.staged, &staged.name)] {
                control.moves.extend(
                    in_database(from)
                        .into_iter()
                        .map(|table| Move { to: (to.clone(), table.1.clone()), from: table }),
                );
            }
        }
        for side in sides {
            control.add(Way::Back, &side.staged.name, side.start_of_old(inventory));
            control.add(Way::Back, &side.staged.name, side.old.objects.clone());
            control.add(Way::Forward, &side.staged.name, side.start_of_new(inventory));
            control.add(Way::Forward, &side.staged.name, side.new.objects.clone());
        }
        for side in sides {
            control.add(Way::Back, &side.staged.name, side.old.views.clone());
            control.add(Way::Forward, &side.staged.name, side.new.views.clone());
        }
        for side in sides {
            control.add(Way::Forward, &side.staged.name, keys(&side.new.keys));
        }
        for key in &inventory.keys {
            let table = full(&(key.database.clone(), key.table.clone()));
            let sql = format!("ALTER TABLE {table} ADD CONSTRAINT {} {};\n", quoted(&key.name), key.rest);
            control.add(Way::Back, "", keys(sql.as_bytes()));
            if !names.contains(key.database.as_str()) {
                control.add(Way::Forward, "", keys(sql.as_bytes()));
            }
        }
        control
    }

    fn add(&mut self, way: Way, database: &str, text: Vec<u8>) {
        if !text.is_empty() {
            self.scripts.push(Script { way, database: database.to_owned(), text });
        }
    }

    /// Makes the databases of the other side, and writes all of this down.
    pub fn write(&self, run: &RunId, sides: &[Side<'_>]) -> String {
        let control = control(run);
        let mut sql = format!(
            "CREATE TABLE {control}.names (name TEXT CHARACTER SET ascii) ENGINE = InnoDB;\n\
             CREATE TABLE {control}.moves (n INT PRIMARY KEY, from_database TEXT CHARACTER SET ascii, from_table TEXT CHARACTER SET ascii, \
             to_database TEXT CHARACTER SET ascii, to_table TEXT CHARACTER SET ascii) ENGINE = InnoDB;\n\
             CREATE TABLE {control}.scripts (n INT, part INT, way CHAR(7) CHARACTER SET ascii, name TEXT CHARACTER SET ascii, \
             text LONGBLOB, PRIMARY KEY (n, part)) ENGINE = InnoDB;\n"
        );
        for Side { staged, .. } in sides {
            sql.push_str(&format!("CREATE DATABASE {};\n", quoted(&staged.replaced)));
        }
        for database in &self.databases {
            sql.push_str(&format!("INSERT INTO {control}.names VALUES ('{}');\n", hex(database)));
        }
        for (n, Move { from, to }) in self.moves.iter().enumerate() {
            let [a, b, c, d] = [&from.0, &from.1, &to.0, &to.1].map(|name| hex(name));
            let start =
                if n % 500 == 0 { format!("INSERT INTO {control}.moves VALUES\n") } else { ",\n".to_owned() };
            let end = if n % 500 == 499 || n + 1 == self.moves.len() { ";\n" } else { "" };
            sql.push_str(&format!("{start}({n}, '{a}', '{b}', '{c}', '{d}'){end}"));
        }
        for (n, Script { way, database, text }) in self.scripts.iter().enumerate() {
            for (part, chunk) in text.chunks(CHUNK).enumerate() {
                let text: String = chunk.iter().map(|byte| format!("{byte:02X}")).collect();
                sql.push_str(&format!(
                    "INSERT INTO {control}.scripts VALUES ({n}, {part}, '{}', '{}', x'{text}');\n",
                    way.word(),
                    hex(database)
                ));
            }
        }
        // Until it is there, nothing has begun.
        sql.push_str(&format!("CREATE TABLE {control}.exchange_before (a INT) ENGINE = InnoDB;\n"));
        // One that somebody else has made meanwhile is an error, and is not dropped.
        for (n, Side { staged, options, .. }) in sides.iter().filter(|side| !side.staged.is_there).enumerate()
        {
            let made = super::create_statement(&staged.name.replace('`', "``"), *options);
            let undo = hex(&format!("DROP DATABASE IF EXISTS {};\n", quoted(&staged.name)));
            let n = self.scripts.len() + n;
            sql.push_str(&format!(
                "{made};\nINSERT INTO {control}.scripts VALUES ({n}, 0, 'back', '', x'{undo}');\n"
            ));
        }
        sql
    }

    /// # Errors
    /// It is no control database's content.
    pub fn parse(stdout: &[u8]) -> Result<Self, Unexpected> {
        let mut control = Self::default();
        let mut last = None;
        for (word, fields) in lines(stdout)? {
            match (word.as_str(), fields.as_slice()) {
                ("database", fields) => {
                    let [database] = decoded(fields)?;
                    control.databases.insert(database);
                }
                ("move", fields) => {
                    let [a, b, c, d] = decoded(fields)?;
                    control.moves.push(Move { from: (a, b), to: (c, d) });
                }
                ("script", [n, way, database, text]) => {
                    let way = if way == Way::Back.word() { Way::Back } else { Way::Forward };
                    let [database] = decoded(&[database.trim_start_matches('x').to_owned()])?;
                    let text = bytes(text).map_err(|_| Unexpected(word.clone()))?;
                    match control.scripts.last_mut().filter(|_| last.as_ref() == Some(n)) {
                        Some(script) => script.text.extend_from_slice(&text),
                        None => control.scripts.push(Script { way, database, text }),
                    }
                    last = Some(n.clone());
                }
                (word, _) => return Err(Unexpected(word.to_owned())),
            }
        }
        Ok(control)
    }

    /// The databases whose tables are moved, and those they come from.
    pub fn databases(&self) -> impl Iterator<Item = &str> + Clone {
        self.databases.iter().map(String::as_str)
    }

    /// The same, and those where the replaced ones go.
    pub fn all_databases(&self) -> BTreeSet<&str> {
        let ends = self.moves.iter().flat_map(|of| [of.from.0.as_str(), of.to.0.as_str()]);
        self.databases().chain(ends).collect()
    }

    /// The one statement that moves all tables that are not where they belong, and with them the marker.
    pub fn rename(&self, way: Way, run: &RunId, inventory: &Inventory, stage: Stage) -> String {
        let mut tables = inventory.tables.clone();
        let mut moves: Vec<Move> = Vec::new();
        let mut go = |from: &(String, String), to: &(String, String)| {
            if tables.contains(from) && !tables.contains(to) {
                tables.remove(from);
                tables.insert(to.clone());
                moves.push(Move { from: from.clone(), to: to.clone() });
            }
        };
        match way {
            Way::Forward => self.moves.iter().for_each(|of| go(&of.from, &of.to)),
            Way::Back => self.moves.iter().rev().for_each(|of| go(&of.to, &of.from)),
        }
        let marker = |stage: &str| (control(run), format!("exchange_{stage}"));
        let (from, to) = match way {
            Way::Forward => (marker("before"), marker("after")),
            Way::Back => (marker("after"), marker("before")),
        };
        let is_behind = matches!((way, stage), (Way::Forward, Stage::Before) | (Way::Back, Stage::After));
        moves.extend(is_behind.then_some(Move { from, to }));
        if moves.is_empty() {
            return String::new();
        }
        let moves: Vec<_> =
            moves.iter().map(|of| format!("{} TO {}", full(&of.from), full(&of.to))).collect();
        format!("RENAME TABLE {};\n", moves.join(", "))
    }

    /// What is to be made at one end, once the tables are there.
    pub fn definitions(&self, way: Way) -> Vec<u8> {
        let mut text = Vec::new();
        for script in self.scripts.iter().filter(|script| script.way == way) {
            if !script.database.is_empty() {
                text.extend_from_slice(format!("USE {};\n", quoted(&script.database)).as_bytes());
            }
            text.extend_from_slice(&script.text);
        }
        text
    }

    /// Everything is where it belongs.
    pub fn end(run: &RunId, way: Way) -> String {
        let marker = match way {
            Way::Forward => "exchange_after",
            Way::Back => "exchange_before",
        };
        format!("DROP TABLE {}.{marker};\n", control(run))
    }
}

/// What every statement of an exchange runs with: whoever is in the way is thrown out, and it is tried again.
pub const SESSION: &str = "SET SESSION lock_wait_timeout = 5, foreign_key_checks = 0, sql_mode = '';\n";

fn keys(statements: &[u8]) -> Vec<u8> {
    if statements.is_empty() { Vec::new() } else { [SESSION.as_bytes(), statements].concat() }
}

impl Side<'_> {
    fn start_of_old(&self, inventory: &Inventory) -> Vec<u8> {
        let own =
            inventory.options.iter().find(|[name, ..]| *name == self.staged.name && self.staged.is_there);
        let sql = own
            .map(|[_, set, collation]| format!("ALTER DATABASE CHARACTER SET {set} COLLATE {collation};\n"));
        sql.unwrap_or_default().into_bytes()
    }

    fn start_of_new(&self, inventory: &Inventory) -> Vec<u8> {
        let own = inventory.options.iter().find(|[name, ..]| *name == self.staged.staged);
        let mut sql = own.map_or_else(String::new, |[_, set, collation]| {
            format!("ALTER DATABASE CHARACTER SET {set} COLLATE {collation};\n")
        });
        let staged = quoted(&self.staged.staged);
        for [_, table, column, text] in
            inventory.defaults.iter().filter(|[name, ..]| *name == self.staged.staged)
        {
            let text = text.replace(&format!("{staged}."), &format!("{}.", quoted(&self.staged.name)));
            sql.push_str(&format!(
                "ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {text};\n",
                quoted(table),
                quoted(column)
            ));
        }
        sql.into_bytes()
    }
}
