use super::{holds, restore, restored};
use crate::support::docker::{Container, until};
use crate::support::servers::{POSTGRESQL_15, POSTGRESQL_17, Server};
use crate::support::world::World;

/// Who is a member of what, and may pass it on.
const MEMBERS: &str = "SELECT r.rolname, m.rolname, bool_or(admin_option) FROM pg_auth_members a JOIN pg_roles r ON r.oid = roleid \
                       JOIN pg_roles m ON m.oid = member WHERE r.rolname !~ '^pg_' AND m.rolname <> 'postgres' GROUP BY 1, 2 ORDER BY 1, 2;";

/// Another administrator, another locale, another set of extensions; and one that is older.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_a_server_lacks_is_said_before_anything_is_done() {
    let world = World::new();
    let labels = [("name", "t"), ("databases", "here,bags,sorted,guarded")];
    let server = Server::target(&world, POSTGRESQL_17, "secret", &labels);
    server.sql(
        "CREATE ROLE team; CREATE ROLE \"lead er\"; CREATE ROLE dev; GRANT team TO \"lead er\" WITH ADMIN OPTION;
         SET ROLE \"lead er\"; GRANT team TO dev; RESET ROLE; CREATE DATABASE here;",
    );
    for name in ["bags", "sorted", "guarded"] {
        server.sql(&format!("CREATE DATABASE {name} TEMPLATE template0 LOCALE 'C' ENCODING 'UTF8';"));
    }
    server.load("here", "CREATE TABLE t (a text); INSERT INTO t VALUES ('é');".as_bytes());
    server.load("bags", b"CREATE EXTENSION hstore;");
    server.load("sorted", b"CREATE TABLE t (a text COLLATE \"en_US\");");
    server.load(
        "guarded",
        b"CREATE TABLE t (a int); INSERT INTO t VALUES (7); CREATE FUNCTION a() RETURNS int LANGUAGE sql AS 'SELECT a FROM t';
          CREATE MATERIALIZED VIEW v AS SELECT a FROM t; ALTER DATABASE guarded SET default_transaction_read_only = on;
          CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no changes''; END';
          CREATE EVENT TRIGGER no ON ddl_command_start EXECUTE FUNCTION no();",
    );
    let members = server.sql(MEMBERS);
    world.back_up();
    // Read-only by every setting there is, with a trigger that refuses every change, and without the schema of the template.
    server.sql("ALTER ROLE postgres SET default_transaction_read_only = on;");
    restored(&world, &["--database", "guarded"]);
    assert_eq!(server.load("guarded", b"SELECT a FROM v;"), "7\n");
    assert_eq!(server.sql("SELECT datname FROM pg_database WHERE datname LIKE 'dumpcar%';"), "");

    let image = POSTGRESQL_17.image();
    let env = [
        "-e",
        "POSTGRES_PASSWORD=x",
        "-e",
        "POSTGRES_USER=admin",
        "-e",
        "LANG=C",
        "-e",
        "POSTGRES_INITDB_ARGS=--locale=C",
    ];
    let bare = "rm /usr/lib/locale/locale-archive /usr/share/postgresql/*/extension/hstore.control; exec docker-entrypoint.sh postgres";
    let start = ["--entrypoint", "sh", &image, "-c", bare];
    let other = Container::run(&[&["--tmpfs", "/var/lib/postgresql/data"], &env[..], &start].concat());
    let ask = |database: &str, sql: &str| other.try_exec(&["psql", "-U", "admin", "-XAtqc", sql, database]);
    until("it answers", || other.try_exec(&["psql", "-h", "127.0.0.1", "-U", "admin", "-c", ""]).is_ok());
    ask("admin", "CREATE ROLE postgres").unwrap();
    let refused = |args: &[&str]| {
        let ended = restore(&world, &[&["--to", other.name.as_str(), "--database"], args].concat());
        assert_eq!(ended.status, 1, "{args:?}: {}", ended.stderr);
        let problem = ended.problem();
        println!("{args:?}: {problem}");
        assert!(problem.ends_with("; nothing was changed"), "{problem}");
        assert_eq!(
            ask("admin", "SELECT count(*) FROM pg_database; SELECT FROM pg_roles WHERE rolname = 'dev'")
                .unwrap(),
            "4"
        );
        problem
    };
    holds(&refused(&["here", "--globals"]), &["en_US.utf8", "localedef", "--server-locale"]);
    holds(&refused(&["bags"]), &["\"hstore\" is not available", "install the extension"]);
    holds(&refused(&["sorted"]), &["collation", "en_US", "pg_import_system_collations"]);
    for _ in 1..=2 {
        let to = ["--to", &other.name, "--database", "here", "--globals", "--server-locale"];
        let said = restored(&world, &to);
        assert!(!said.contains("left out"), "{said}");
    }
    assert_eq!(ask("here", "SELECT a FROM t; SHOW server_encoding").unwrap(), "é\nUTF8");
    assert_eq!(ask("admin", MEMBERS).unwrap(), members.trim_end());

    let older = Server::plain(POSTGRESQL_15, "other");
    for _ in 1..=2 {
        let said = restored(&world, &["--to", &older.container.name, "--database", "here", "--globals"]);
        holds(&said, &["older"]);
        assert!(!said.contains("left out"), "{said}");
    }
    assert_eq!(older.load("here", b"SELECT a FROM t;"), "é\n");
    assert_eq!(older.sql(MEMBERS), members);
}
