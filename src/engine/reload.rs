//! Loading definitions once more, in a drill: whether a server goes on printing them as it does after a restore.

use super::restore::as_user;
use super::{Command, DatabaseOptions, Engine, Facts, mysql, postgresql};

/// The database of a drill's server that gets the definitions of a restored one. No backup has one of this name: it would be one
/// that a restore makes for itself.
pub(super) const DATABASE: &str = "dumpcar_restore_0000000000000000_0";

/// What fails to load is missing afterwards, and so proves nothing: an error need not stop anything.
pub(super) const POSTGRESQL: &str = r#"
find_tool psql
find_tool pg_dump
again=$1
as_user postgres psql -X -w -q -o /dev/null -c 'SELECT 1'
psql -X -w -q -v ON_ERROR_STOP=1 -c "DROP DATABASE IF EXISTS $again" -c "$2" 2>/dev/null || exit
shift 2
status=$({ { pg_dump "$@" || echo $? >&3; } | PGDATABASE=$again $as psql -X -w -q -o /dev/null >/dev/null 2>&1; } 3>&1)
exit ${status:-0}
"#;

/// Without triggers and events, whose texts are no matter of printing.
pub(super) const MYSQL: &str = r#"
dump=$tool
find_tool mariadb mysql
again=$1
client() {
    $as "$tool" --user="$DUMPCAR_USER" --host=localhost --default-character-set=utf8mb4 --batch "$@"
}
as_user mysql "$tool" --user="$DUMPCAR_USER" --host=localhost --batch --execute='DO 0'
client --execute="DROP DATABASE IF EXISTS $again; $2" || exit
shift 2
status=$({ { "$dump" --user="$DUMPCAR_USER" --host=localhost "$@" -- "$DUMPCAR_DATABASE" || echo $? >&3; } |
    client --binary-mode --force --database="$again" >/dev/null 2>&1; } 3>&1)
exit ${status:-0}
"#;

impl Engine {
    /// Dumps the definitions of a database of a drill's server and loads them into another one, whose name is returned: what
    /// is in there can be dumped with [`Engine::definitions`]. `None` for a custom one.
    pub fn reload(
        self,
        facts: &Facts<'_>,
        database: &str,
        options: Option<&DatabaseOptions>,
    ) -> Option<(&'static str, Command)> {
        let command = match self {
            Self::Postgresql => postgresql::reload(facts, as_user(facts), database, options),
            Self::Mariadb => mysql::reload(mysql::Flavour::Mariadb, facts, as_user(facts), database, options),
            Self::Mysql => mysql::reload(mysql::Flavour::Mysql, facts, as_user(facts), database, options),
            Self::Custom => return None,
        };
        Some((DATABASE, command))
    }

    /// Further arguments of the dump tool by which it prints definitions only.
    pub fn definitions(self) -> &'static [&'static str] {
        match self {
            Self::Postgresql => &["--schema-only"],
            Self::Mariadb | Self::Mysql => &["--no-data", "--skip-triggers", "--skip-events"],
            Self::Custom => &[],
        }
    }
}
