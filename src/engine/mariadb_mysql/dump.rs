//! `mariadb` or `mysql` asks and prints the accounts, `mariadb-dump` or `mysqldump` a database.

use super::flavour::Flavour;
use super::session::{SURVEY_SCRIPT, Tool, ask, command};
use crate::engine::shared::broken::Without;
use crate::engine::shared::facts::Facts;
use crate::engine::shared::scratch::PROCESS_ONE;
use crate::engine::shared::survey::Survey;
use crate::model::command::Command;

/// What the servers keep for themselves; `ndbinfo` is a cluster's.
pub(super) const OWN_DATABASES: [&str; 5] =
    ["information_schema", "performance_schema", "mysql", "sys", "ndbinfo"];

/// What directories are called that a server takes for schemas: `#mysql50#lost+found`.
pub(super) const NO_SCHEMA: &str = "#mysql50#";

/// `{users}` tells the users' schemas from the server's. Users and grants, which are in the schema `mysql`, are in the globals.
const SURVEY: &str = r#"
SET SESSION sql_mode = '';
SELECT CONCAT('version ', VERSION());
SELECT CONCAT('accounts ', EXISTS (SELECT 1 FROM information_schema.user_privileges WHERE privilege_type = 'SELECT'
    AND grantee = CONCAT('''', LEFT(CURRENT_USER(), CHAR_LENGTH(CURRENT_USER()) - 1
        - CHAR_LENGTH(SUBSTRING_INDEX(CURRENT_USER(), '@', -1))),
        '''@''', SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''')));
SELECT CONCAT('database ', HEX(CONVERT(schema_name USING utf8mb4)), ' ', (SELECT COALESCE(SUM(data_length), 0)
    FROM information_schema.tables WHERE table_schema = schema_name))
    FROM information_schema.schemata WHERE {users};
SELECT CONCAT('options ', HEX(CONVERT(schema_name USING utf8mb4)), ' ', HEX(CONCAT('{"character_set": "',
    default_character_set_name, '", "collation": "', default_collation_name, '"}')))
    FROM information_schema.schemata WHERE {users};
SELECT CONCAT('floats ', HEX(CONVERT(schema_name USING utf8mb4)), ' ', HEX(CONVERT(MIN(place) USING utf8mb4)))
    FROM (SELECT table_schema AS schema_name, CONCAT(table_name, '.', column_name) AS place
        FROM information_schema.columns WHERE data_type = 'float' AND numeric_scale IS NULL) AS floats
    WHERE {users} GROUP BY schema_name
"#;

const DUMP_SCRIPT: &str = include_str!("dump.sh");

/// The session of a dump: it waits for a day, and has no limit of rows or time. Its characters are the tool's, though a server
/// may pass over what a client says of them.
const DUMP_SESSION: &str = "SET NAMES utf8mb4, SESSION net_write_timeout = 86400, net_read_timeout = 86400, wait_timeout = 86400, \
    sql_select_limit = 18446744073709551615, sql_big_selects = 1 /*!50708 , max_execution_time = 0 */ \
    /*M!100300 , max_statement_time = 0, idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0 */";

const EXAMINE_SCRIPT: &str = include_str!("examine.sh");

const GLOBALS_SCRIPT: &str = include_str!("globals.sh");

/// One consistent snapshot that locks no writer out (of transactional tables), row by row instead of table by table in
/// memory, and all that a dump leaves out unless told. Tablespace statements concern NDB only and need a privilege
/// that an application's user lacks.
const DUMP_FLAGS: [&str; 9] = [
    "--single-transaction",
    "--quick",
    "--routines",
    "--triggers",
    "--events",
    "--hex-blob",
    "--no-tablespaces",
    "--default-character-set=utf8mb4",
    "--max-allowed-packet=1G",
];

/// Accounts that every server makes for itself.
const NOT_INTERNAL: &str = "User NOT IN ('mysql.sys', 'mysql.session', 'mysql.infoschema', 'mariadb.sys')";

/// With `skip_name_resolve` the server ignores accounts for host names, and `SHOW CREATE USER` fails on them.
const NOT_IGNORED: &str = "NOT (@@skip_name_resolve AND Host <> 'localhost' AND Host REGEXP '[a-z]' \
    AND Host NOT REGEXP '[%_:/]')";

/// Grants on tables, columns and routines. As rows and not as `GRANT`, which fails until the object is there: accounts
/// are loaded before the databases, because views and routines name accounts.
const OBJECT_GRANTS: [&str; 3] = [
    "SELECT CONCAT('REPLACE INTO mysql.tables_priv (Host, Db, User, Table_name, Grantor, Table_priv, Column_priv) \
     VALUES (', CONCAT_WS(', ', QUOTE(Host), QUOTE(Db), QUOTE(User), QUOTE(Table_name), QUOTE(Grantor), \
     QUOTE(Table_priv), QUOTE(Column_priv)), ');') FROM mysql.tables_priv",
    "SELECT CONCAT('REPLACE INTO mysql.columns_priv (Host, Db, User, Table_name, Column_name, Column_priv) VALUES (', \
     CONCAT_WS(', ', QUOTE(Host), QUOTE(Db), QUOTE(User), QUOTE(Table_name), QUOTE(Column_name), QUOTE(Column_priv)), \
     ');') FROM mysql.columns_priv",
    "SELECT CONCAT('REPLACE INTO mysql.procs_priv (Host, Db, User, Routine_name, Routine_type, Grantor, Proc_priv) \
     VALUES (', CONCAT_WS(', ', QUOTE(Host), QUOTE(Db), QUOTE(User), QUOTE(Routine_name), QUOTE(Routine_type), \
     QUOTE(Grantor), QUOTE(Proc_priv)), ');') FROM mysql.procs_priv",
];

pub(super) fn survey(flavour: Flavour, facts: &Facts<'_>) -> Command {
    let servers = OWN_DATABASES.join("', '");
    let users = format!("schema_name NOT IN ('{servers}') AND schema_name NOT LIKE '{NO_SCHEMA}%'");
    command(flavour, facts, Tool::Client, SURVEY_SCRIPT, vec![SURVEY.replace("{users}", &users)])
}

/// Neither `--databases` nor `USE`: the dump loads into whatever database the client is in. `CREATE DATABASE` with its
/// character set is in the globals.
pub(super) fn dump(
    flavour: Flavour,
    facts: &Facts<'_>,
    survey: &Survey,
    database: &str,
    without: &Without,
) -> Command {
    let mut args = vec![DUMP_SESSION.to_owned()];
    args.extend(DUMP_FLAGS.map(str::to_owned));
    match flavour {
        Flavour::Mariadb => {
            // A table whose default takes a number of a sequence does not load inside LOCK TABLES.
            args.push("--skip-add-locks".to_owned());
            // Else only the current rows of system-versioned tables are dumped. The tool knows the option since 10.11.
            args.extend(survey.is_at_least(10, 11).then(|| "--dump-history".to_owned()));
        }
        // A dump that sets the server's GTIDs does not load into a server that has some.
        Flavour::Mysql => args.push("--set-gtid-purged=OFF".to_owned()),
    }
    args.extend(without.tables.iter().map(|table| format!("--ignore-table={database}.{table}")));
    let kinds = [(without.routines, "--skip-routines"), (without.events, "--skip-events")];
    args.extend(kinds.into_iter().filter(|(is_out, _)| *is_out).map(|(_, flag)| flag.to_owned()));
    args.extend(facts.args.iter().cloned());
    let mut command = command(flavour, facts, Tool::Dump, DUMP_SCRIPT, args);
    command.env.push(("DUMPCAR_DATABASE".to_owned(), database.to_owned()));
    command
}

/// Tries the views, and the tables that `failure` names, one by one.
pub(super) fn examine(flavour: Flavour, facts: &Facts<'_>, database: &str, failure: &str) -> Command {
    let list = format!(
        "SELECT HEX(CONVERT(table_name USING utf8mb4)), table_type, CONCAT('`', REPLACE(table_name, '`', '``'), '`'), \
         table_name FROM information_schema.tables WHERE HEX(CONVERT(table_schema USING utf8mb4)) = '{}'",
        hex::encode_upper(database)
    );
    let mut args = vec![list, failure.to_owned()];
    args.extend(["--no-tablespaces", "--default-character-set=utf8mb4"].map(str::to_owned));
    args.extend((flavour == Flavour::Mysql).then(|| "--set-gtid-purged=OFF".to_owned()));
    let mut command = command(flavour, facts, Tool::Dump, EXAMINE_SCRIPT, args);
    command.env.push(("DUMPCAR_DATABASE".to_owned(), database.to_owned()));
    command
}

/// Empty databases with their character sets, users with their password hashes, roles and grants.
///
/// The server's own word for it (`SHOW CREATE USER`, `SHOW GRANTS`), made loadable before the databases and more than
/// once. Accounts of the name that Dumpcar logs in with keep their password where they exist: a restore must not
/// change the lock under its own feet. `mariadb-dump --system=users` gives statements that fail on an account that
/// exists and on grants whose table does not, and is refused altogether where one account is for a host name and the
/// server has `skip_name_resolve`.
pub(super) fn globals(flavour: Flavour, facts: &Facts<'_>, survey: &Survey) -> Option<Command> {
    if !survey.reads_accounts {
        return None;
    }
    let session = match flavour {
        Flavour::Mariadb => "SET SESSION sql_mode = '';",
        // The salt of a caching_sha2_password hash is any bytes; the comment's version is the first with the setting.
        Flavour::Mysql => {
            "SET SESSION sql_mode = '', group_concat_max_len = 1048576; \
             /*!80017 SET SESSION print_identified_with_as_hex = 1 */;"
        }
    };
    let accounts = match flavour {
        Flavour::Mariadb => format!("mysql.user WHERE is_role = 'N' AND {NOT_INTERNAL}"),
        Flavour::Mysql => format!("mysql.user WHERE {NOT_INTERNAL}"),
    };
    let mut steps: Vec<(&str, String)> = Vec::new();
    // One argument has at most 128 KiB; a name has at most 64 characters.
    for databases in survey.databases.chunks(200) {
        let names: Vec<_> =
            databases.iter().map(|database| format!("'{}'", hex::encode_upper(&database.name))).collect();
        steps.push(("show", list_databases(&names.join(", "))));
    }
    steps.push(("text", format!(
        "SELECT CONCAT('-- left out, the server ignores accounts for host names (skip_name_resolve): ', HEX(User), \
         '@', HEX(Host)) FROM {accounts} AND NOT ({NOT_IGNORED})"
    )));
    steps.push((
        "show",
        format!(
            "SELECT CONCAT('SELECT ''', IF(User = LEFT(CURRENT_USER(), CHAR_LENGTH(CURRENT_USER()) - 1 \
         - CHAR_LENGTH(SUBSTRING_INDEX(CURRENT_USER(), '@', -1))), 'own', 'other'), '''; SHOW CREATE USER ', \
         QUOTE(User), '@', QUOTE(Host), ';') FROM {accounts} AND {NOT_IGNORED} ORDER BY User, Host"
        ),
    ));
    match flavour {
        // PUBLIC (10.11) is listed as a role, but nobody creates it.
        Flavour::Mariadb => {
            const ROLES: &str = "FROM mysql.user WHERE is_role = 'Y'";
            steps.push((
                "text",
                format!(
                    "SELECT CONCAT('CREATE ROLE IF NOT EXISTS `', REPLACE(User, '`', '``'), '`;') {ROLES} \
                 AND User <> 'PUBLIC'"
                ),
            ));
            steps.push(("roles", format!(
                "SELECT CONCAT('REPLACE INTO mysql.roles_mapping (Host, User, Role, Admin_option) VALUES (', \
                 CONCAT_WS(', ', QUOTE(Host), QUOTE(User), QUOTE(Role), QUOTE(Admin_option)), ');') \
                 FROM mysql.roles_mapping WHERE {NOT_INTERNAL}"
            )));
            steps.push(("show", format!(
                "SELECT CONCAT('SHOW GRANTS FOR ', IF(User = 'PUBLIC', 'PUBLIC', CONCAT('`', REPLACE(User, '`', '``'), \
                 '`')), ';') {ROLES} ORDER BY User"
            )));
        }
        // Roles are accounts here.
        Flavour::Mysql => {}
    }
    steps.push(("show", format!(
        "SELECT CONCAT('SHOW GRANTS FOR ', QUOTE(User), '@', QUOTE(Host), ';') FROM {accounts} AND {NOT_IGNORED} \
         ORDER BY User, Host"
    )));
    match flavour {
        // `SHOW GRANTS` has them.
        Flavour::Mariadb => {}
        Flavour::Mysql => steps.push(("text", String::from(
            "/*!80000 SELECT CONCAT('SET DEFAULT ROLE ', GROUP_CONCAT(CONCAT(QUOTE(DEFAULT_ROLE_USER), '@', \
             QUOTE(DEFAULT_ROLE_HOST)) SEPARATOR ', '), ' TO ', QUOTE(User), '@', QUOTE(Host), ';') \
             FROM mysql.default_roles GROUP BY User, Host ORDER BY User, Host */",
        ))),
    }
    steps.extend(OBJECT_GRANTS.map(|list| ("text", format!("{list} WHERE {NOT_INTERNAL}"))));
    let steps = steps.into_iter().flat_map(|(how, list)| [how.to_owned(), list]);
    let args = std::iter::once(session.to_owned()).chain(steps).collect();
    Some(command(flavour, facts, Tool::Client, GLOBALS_SCRIPT, args))
}

/// Drops it, whatever refers to it.
pub(super) fn drop_database(flavour: Flavour, facts: &Facts<'_>, database: &str) -> Command {
    let name = database.replace('`', "``");
    ask(flavour, facts, format!("SET SESSION foreign_key_checks = 0; DROP DATABASE `{name}`"))
}

/// What the session of a load is doing.
pub(super) fn activity(flavour: Flavour, facts: &Facts<'_>) -> Command {
    const WHAT: &str = "SELECT CASE WHEN p.id IS NULL OR p.command = 'Sleep' THEN 'idle' \
        WHEN p.state LIKE 'Waiting for%' AND p.state NOT LIKE '%handler commit' \
        THEN CONCAT('waiting ', SUBSTRING(p.state, 9)) ELSE 'working' END \
        FROM (SELECT IS_USED_LOCK('dumpcar-load') AS id) AS me \
        LEFT JOIN information_schema.processlist AS p ON p.id = me.id";
    ask(flavour, facts, WHAT.to_owned())
}

/// Prints what [`PROCESS_ONE`] does, and the number of the process that answers: nothing where its file cannot be read.
pub(super) fn process(flavour: Flavour, facts: &Facts<'_>) -> Command {
    const SCRIPT: &str = r#"
file=$(client --raw --execute='SELECT @@pid_file') || exit
case $file in /*) ;; *) file=$(client --raw --execute='SELECT @@datadir')/$file ;; esac
cat "$file" 2>/dev/null || :
"#;
    command(flavour, facts, Tool::Client, &format!("{PROCESS_ONE}{SCRIPT}"), Vec::new())
}

fn list_databases(names: &str) -> String {
    format!(
        "SELECT CONCAT('SHOW CREATE DATABASE IF NOT EXISTS `', REPLACE(schema_name, '`', '``'), '`;') \
         FROM information_schema.schemata WHERE HEX(CONVERT(schema_name USING utf8mb4)) IN ({names}) \
         ORDER BY schema_name"
    )
}
