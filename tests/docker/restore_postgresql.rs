//! Databases as people have them: what `pg_dump` prints of them does not load by itself.

use super::support::docker::{Container, until};
use super::support::servers::{POSTGRESQL_15, POSTGRESQL_17, Product, Server};
use super::support::world::{Ended, World};

fn restore(world: &World, args: &[&str]) -> Ended {
    world.run(&[&["restore", "t", "--yes"], args].concat())
}

/// What it said.
fn restored(world: &World, args: &[&str]) -> String {
    let ended = restore(world, args);
    assert_eq!(ended.status, 0, "{args:?}: {}", ended.stderr);
    ended.stderr
}

/// Why not. Nothing has changed, and nothing is left.
fn refused(world: &World, server: &Server, args: &[&str]) -> String {
    let ended = restore(world, args);
    assert_eq!(ended.status, 1, "{args:?}: {}", ended.stderr);
    let problem = ended.problem();
    println!("{args:?}: {problem}");
    assert!(problem.ends_with("; nothing was changed"), "{problem}");
    assert_eq!(server.sql("SELECT datname FROM pg_database WHERE datname LIKE 'dumpcar%';"), "");
    problem
}

fn holds(text: &str, words: &[&str]) {
    assert!(words.iter().all(|words| text.contains(words)), "{words:?} are not all in: {text}");
}

/// Each has a name in it that only its own path finds, and what tells that it came back.
const PATHS: [(&str, &str, &str); 7] = [
    (
        "photos",
        "CREATE FUNCTION clean(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';
         CREATE FUNCTION k(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT clean($1)';
         CREATE TABLE p (n text, g text GENERATED ALWAYS AS (k(n)) STORED); CREATE INDEX p_k ON p (k(n));
         INSERT INTO p VALUES ('X');",
        "SELECT n, g FROM public.p WHERE public.k(n) = 'x'",
    ),
    (
        "bags",
        "CREATE SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext; ALTER DATABASE bags SET search_path = public, ext;
         SET search_path = public, ext; CREATE TABLE h (p hstore);
         CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER t BEFORE UPDATE ON h FOR EACH ROW WHEN (OLD.p IS DISTINCT FROM NEW.p) EXECUTE FUNCTION keep();
         INSERT INTO h VALUES ('a=>1');",
        "SELECT p, (SELECT tgname FROM pg_trigger) FROM public.h",
    ),
    (
        "sums",
        "CREATE TABLE src (n text); INSERT INTO src VALUES ('A');
         CREATE FUNCTION look() RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT n FROM src; END';
         CREATE MATERIALIZED VIEW mv AS SELECT * FROM look() AS n;",
        "SELECT n FROM public.mv",
    ),
    (
        "owned",
        "CREATE ROLE \"Own er\"; ALTER ROLE \"Own er\" SET search_path = '$user', app; ALTER DATABASE owned OWNER TO \"Own er\";
         CREATE SCHEMA \"Own er\"; CREATE SCHEMA app; SET search_path = app;
         CREATE FUNCTION \"Own er\".one() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
         CREATE FUNCTION two(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 + one(); END';
         CREATE TABLE c (a int, b int GENERATED ALWAYS AS (two(a)) STORED, CHECK (two(a) > 0));
         SET search_path = \"Own er\", app; INSERT INTO c VALUES (1);",
        "SELECT a, b FROM app.c",
    ),
    (
        "by_name",
        "CREATE SCHEMA app; SET search_path = app; CREATE TABLE limits (most int); INSERT INTO limits VALUES (9);
         CREATE FUNCTION is_small(int) RETURNS bool LANGUAGE sql AS 'SELECT $1 <= most FROM limits';
         CREATE TABLE c (a int CHECK (is_small(a))); INSERT INTO c VALUES (3);",
        "SELECT a FROM app.c",
    ),
    (
        "words",
        "CREATE EXTENSION unaccent; CREATE FUNCTION bare(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT unaccent(''unaccent'', $1)';
         CREATE TABLE w (t text, u text GENERATED ALWAYS AS (bare(t)) STORED); INSERT INTO w VALUES ('é');",
        "SELECT t, u FROM public.w",
    ),
    // Nothing says which schema: each has what its own objects ask for.
    (
        "tenants",
        "CREATE SCHEMA one; SET search_path = one; CREATE COLLATION mine FROM \"C\"; CREATE TABLE most (m int); INSERT INTO most VALUES (5);
         CREATE FUNCTION few() RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT m FROM most); END';
         CREATE FUNCTION above(text) RETURNS bool IMMUTABLE LANGUAGE sql AS $$SELECT $1 COLLATE mine > 'a'$$;
         CREATE TABLE c (a int CHECK (a < few()), t text CHECK (above(t))); INSERT INTO c VALUES (1, 'b');
         CREATE FUNCTION \"add\"(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + few()'; CREATE INDEX ON c (\"add\"(a));
         CREATE SCHEMA two; SET search_path = two; CREATE TABLE most (m int); INSERT INTO most VALUES (500); CREATE TYPE mood AS ENUM ('x');
         CREATE FUNCTION few() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$DECLARE m mood := 'x'; BEGIN RETURN (SELECT most.m FROM most); END$$;
         CREATE TABLE c (a int CHECK (a < few())); INSERT INTO c VALUES (100);",
        "SET search_path = one; SELECT * FROM one.c WHERE one.add(a) = 6; SET search_path = two;
         SELECT * FROM two.c WHERE a + two.few() = 600; RESET search_path",
    ),
];

/// What loads without an error, and would not be the same; and what loads in another order only.
const MEANINGS: [(&str, &str, &str); 2] = [
    (
        "folded",
        "CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; SET search_path = public, ext;
         CREATE TABLE u (e citext, n int); INSERT INTO u VALUES ('A', 0); CREATE TABLE w (e citext); INSERT INTO w VALUES ('a');
         CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n = OLD.n + 1; RETURN NEW; END';
         CREATE TRIGGER t BEFORE UPDATE ON u FOR EACH ROW WHEN (OLD.e IS DISTINCT FROM NEW.e) EXECUTE FUNCTION changed();
         CREATE VIEW v AS SELECT CASE e WHEN 'a'::citext THEN 'same' END AS c, NULLIF(e, 'a'::citext) AS d, e IN ('a'::citext, 'b') AS i FROM u;
         CREATE VIEW j AS SELECT count(*) FROM u JOIN w USING (e);
         CREATE TABLE k (e citext CHECK (e IS NOT DISTINCT FROM 'a'::citext)); INSERT INTO k VALUES ('A');",
        "SELECT * FROM public.v; SELECT * FROM public.j; SELECT * FROM public.k;
         BEGIN; UPDATE public.u SET e = 'a'; SELECT n FROM public.u; ROLLBACK",
    ),
    (
        "views",
        "CREATE TABLE s (i int); INSERT INTO s VALUES (1), (2); CREATE MATERIALIZED VIEW z AS SELECT sum(i) AS t FROM s;
         CREATE FUNCTION public.get() RETURNS SETOF bigint LANGUAGE sql AS 'SELECT t FROM public.z';
         CREATE MATERIALIZED VIEW m AS SELECT g FROM public.get() AS g; CREATE UNIQUE INDEX ON m (g);
         CREATE FUNCTION public.again() RETURNS SETOF bigint LANGUAGE sql AS 'SELECT g FROM public.m';
         CREATE MATERIALIZED VIEW a AS SELECT g FROM public.again() AS g; CREATE MATERIALIZED VIEW empty AS SELECT g FROM a WITH NO DATA;",
        "SELECT * FROM public.a, public.m, public.z; SELECT matviewname FROM pg_matviews WHERE NOT ispopulated",
    ),
];

fn what_loads_is_what_it_was(product: Product) {
    let world = World::new();
    let names = MEANINGS.map(|(name, ..)| name).join(",");
    let server = Server::target(&world, product, "secret", &[("name", "t"), ("databases", &names)]);
    let content = |server: &Server| {
        MEANINGS.map(|(name, _, query)| server.load(name, format!("{query};\n").as_bytes()))
    };
    for (name, sql, _) in MEANINGS {
        server.sql(&format!("CREATE DATABASE {name};"));
        server.load(name, sql.as_bytes());
    }
    let before = content(&server);
    assert_eq!(before, ["same||t\n1\nA\n0\n", "3|3|3\nempty\n"]);
    world.back_up();
    let said = restored(&world, &[]);
    assert_eq!(content(&server), before);
    assert!(!said.contains("its own search_path"), "{said}");
    let drilled = world.run(&["drill", "t"]);
    assert_eq!(drilled.status, 0, "{}", drilled.stderr);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_loads_in_postgresql_15_is_what_it_was() {
    what_loads_is_what_it_was(POSTGRESQL_15);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_loads_in_postgresql_17_is_what_it_was() {
    what_loads_is_what_it_was(POSTGRESQL_17);
}

/// Functions are what they were: the path they got for the load is not one they keep.
const SETTINGS: &str =
    "SELECT count(*) FROM pg_proc WHERE proconfig IS NOT NULL AND pronamespace::regnamespace::text !~ '^pg_'";

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_is_found_only_by_a_path_comes_back() {
    let world = World::new();
    let names = PATHS.map(|(name, ..)| name).join(",");
    let server = Server::target(&world, POSTGRESQL_15, "secret", &[("name", "t"), ("databases", &names)]);
    let content = |server: &Server| {
        PATHS.map(|(name, _, query)| server.load(name, format!("{query};\n{SETTINGS};\n").as_bytes()))
    };
    for (name, sql, _) in PATHS {
        server.sql(&format!("CREATE DATABASE {name};"));
        server.load(name, sql.as_bytes());
    }
    let before = content(&server);
    world.back_up();
    server.sql("DROP DATABASE photos;");
    let said = restored(&world, &[]);
    assert_eq!(content(&server), before);
    for (name, ..) in PATHS {
        holds(&said, &[&format!("database \\\"{name}\\\" was loaded with its own search_path")]);
    }
    let drilled = world.run(&["drill", "t"]);
    assert_eq!(drilled.status, 0, "{}", drilled.stderr);
    // A newer server makes indexes and fills views with an empty path, whatever it is told.
    let newer = Server::plain(POSTGRESQL_17, "other");
    restored(&world, &["--globals", "--to", &newer.container.name]);
    assert_eq!(content(&newer), before);
}

const ARGUMENTS: [&str; 10] = [
    "-c",
    "shared_preload_libraries=pg_cron,timescaledb",
    "-c",
    "cron.database_name=jobs",
    "-c",
    "wal_level=logical",
    "-c",
    "max_prepared_transactions=4",
    "-c",
    "timescaledb.telemetry_level=off",
];

/// What is tied to the server it is on, and what tells that it came back.
const TIED: [(&str, &str, &str); 5] = [
    (
        "jobs",
        "CREATE EXTENSION pg_cron; SELECT cron.schedule('yearly', '0 0 1 1 *', 'SELECT 1');",
        "SELECT jobid, schedule, jobname FROM cron.job",
    ),
    (
        "metrics",
        "CREATE EXTENSION timescaledb; CREATE TABLE m (t timestamptz NOT NULL, v float);
         SELECT create_hypertable('m', 't');
         INSERT INTO m SELECT '2026-01-01'::timestamptz + i * interval '1 day', i FROM generate_series(1, 60) AS i;",
        "SELECT count(*), sum(v) FROM m; SELECT count(*) FROM show_chunks('m'); SELECT current_setting('timescaledb.restoring')",
    ),
    (
        "quick",
        "CREATE TABLE a (t text); INSERT INTO a VALUES (E'\\nSET default_tablespace = slow;\\n');
         CREATE TABLE b (i int, s varchar(9) CHECK (s IN ('x', 'y'))) TABLESPACE slow; CREATE INDEX b_i ON b (i) TABLESPACE \"s p\"; CREATE TABLE c (i int) TABLESPACE pg_default;",
        "SELECT relname, spcname FROM pg_class LEFT JOIN pg_tablespace t ON t.oid = reltablespace WHERE relname ~ '^[abc](_|$)' ORDER BY 1;
         SELECT t FROM a; SELECT spcname FROM pg_database JOIN pg_tablespace t ON t.oid = dattablespace WHERE datname = current_database()",
    ),
    (
        "news",
        "CREATE TABLE n (i int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE n;
         SELECT pg_create_logical_replication_slot('s1', 'pgoutput');",
        "SELECT pubname FROM pg_publication",
    ),
    (
        "reader",
        "CREATE TABLE n (i int PRIMARY KEY);
         CREATE SUBSCRIPTION s CONNECTION 'dbname=news user=postgres' PUBLICATION p WITH (create_slot = false, slot_name = 's1');",
        "SELECT subname, subslotname FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    ),
];

fn tied(server: &Server) -> [String; 5] {
    TIED.map(|(name, _, query)| server.load(name, format!("{query};\n").as_bytes()))
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_is_tied_to_a_server_comes_back_to_it() {
    let world = World::new();
    let names = TIED.map(|(name, ..)| name).join(",");
    let labels = [
        ("name", "t"),
        ("databases", names.as_str()),
        (
            "drill.args",
            "-c shared_preload_libraries=pg_cron,timescaledb -c cron.database_name=jobs -c cron.launch_active_jobs=off",
        ),
    ];
    let server = Server::set_up(&world, POSTGRESQL_17, "secret", &labels, &ARGUMENTS);
    for (name, folder) in [("fast", "/ts/1"), ("slow", "/ts/2"), ("\"s p\"", "/ts/3 s")] {
        server.container.exec(&["install", "-d", "-o", "postgres", folder]);
        server.sql(&format!("CREATE TABLESPACE {name} LOCATION '{folder}';"));
    }
    server.sql("CREATE ROLE app LOGIN PASSWORD 'old'; CREATE ROLE team; GRANT team TO app;");
    server.sql("GRANT ALL ON TABLESPACE fast TO app; ALTER ROLE app SET search_path TO '$user', public;");
    for (name, sql, _) in TIED {
        server.sql(&format!(
            "CREATE DATABASE {name} {};",
            if name == "quick" { "TABLESPACE fast" } else { "" }
        ));
        server.load(name, sql.as_bytes());
    }
    let before = tied(&server);
    println!("{before:#?}");
    world.back_up();

    let hash =
        |role: &str| server.sql(&format!("SELECT rolpassword FROM pg_authid WHERE rolname = '{role}';"));
    let app = hash("app");
    server.sql("ALTER ROLE postgres PASSWORD 'new'; ALTER ROLE app NOLOGIN PASSWORD 'new'; ALTER DATABASE news ALLOW_CONNECTIONS false;");
    let postgres = hash("postgres");
    for round in 1..=3 {
        let only: &[&str] = if round == 2 { &["--database", "reader"] } else { &[] };
        let said = restored(&world, &[&["--globals"], only].concat());
        assert_eq!(tied(&server), before, "round {round}");
        assert_eq!((hash("postgres"), hash("app")), (postgres.clone(), app.clone()), "round {round}");
        holds(
            &said,
            &[
                "role \\\"postgres\\\" is the login of this restore",
                "subscription \\\"s\\\" of the database \\\"reader\\\" that is replaced ends with it",
                "SELECT pg_drop_replication_slot('s1')",
                "subscription \\\"s\\\" is restored disabled: `ALTER SUBSCRIPTION \\\"s\\\" ENABLE`",
            ],
        );
        let slot = "logical replication slot \\\"s1\\\" of the database \\\"news\\\" that is replaced";
        assert_eq!(said.contains(slot), round == 1, "{said}");
        assert!(!said.contains("left out") && !said.contains("databases of this restore are left"), "{said}");
    }
    assert_eq!(server.sql("SELECT datname FROM pg_database WHERE datname LIKE 'dumpcar%';"), "");
    assert_eq!(
        server.sql("SELECT subenabled FROM pg_subscription; SELECT count(*) FROM pg_replication_slots;"),
        "f\n0\n"
    );
    restored(&world, &["--database", "jobs", "--as", "copy"]);
    assert_eq!(server.load("copy", b"SELECT jobname FROM cron.job;"), "yearly\n");
    let drilled = world.run(&["drill", "t"]);
    assert_eq!(drilled.status, 0, "{}", drilled.stderr);

    // What stands in the way of an exchange is known before anything is loaded.
    server.sql("ALTER DATABASE quick IS_TEMPLATE true;");
    holds(&refused(&world, &server, &["--database", "quick"]), &["is a template", "IS_TEMPLATE false"]);
    server.sql("ALTER DATABASE quick IS_TEMPLATE false;");
    server.load("quick", b"BEGIN; INSERT INTO b VALUES (1); PREPARE TRANSACTION 'half';");
    holds(
        &refused(&world, &server, &["--database", "quick"]),
        &["prepared transaction", "ROLLBACK PREPARED", "half"],
    );

    let bare = Server::plain(POSTGRESQL_17, "other");
    let to = ["--to", bare.container.name.as_str(), "--database"];
    let refused = |args: &[&str]| refused(&world, &bare, &[&to, args].concat());
    holds(&refused(&["jobs"]), &["shared_preload_libraries", "dumpcar.drill.args"]);
    holds(&refused(&["metrics"]), &["shared_preload_libraries", "dumpcar.drill.args"]);
    holds(&refused(&["quick"]), &["tablespace \"s p\"", "--no-tablespaces"]);
    let ended = restore(&world, &[&to[..], &["quick", "--globals"]].concat());
    holds(&ended.stderr, &["mkdir -p /ts/1 && chown postgres /ts/1", "roles and users are restored"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    restored(&world, &[&to[..], &["quick", "--no-tablespaces"]].concat());
    let moved = tied_to_default(&bare);
    holds(&moved, &["SET default_tablespace = slow;", "pg_default"]);
    assert!(!moved.contains("slow\n"), "{moved}");
}

fn tied_to_default(server: &Server) -> String {
    let (.., query) = TIED[2];
    server.load("quick", format!("{query};\n").as_bytes())
}

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

/// Whoever owns a database may put it back, also while the server cleans up in it.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn an_owner_restores_while_autovacuum_is_at_work() {
    let world = World::new();
    let labels = [("name", "t"), ("databases", "own"), ("user", "app")];
    let slow =
        ["autovacuum_naptime=1s", "autovacuum_vacuum_cost_delay=100ms", "autovacuum_vacuum_cost_limit=1"];
    let slow: Vec<_> = slow.iter().flat_map(|setting| ["-c", setting]).collect();
    let server = Server::set_up(&world, POSTGRESQL_17, "secret", &labels, &slow);
    server.sql("CREATE ROLE app LOGIN CREATEDB;");
    server.sql("CREATE DATABASE own OWNER app;");
    server.load("own", b"SET ROLE app; CREATE EXTENSION citext; CREATE TABLE t AS SELECT i FROM generate_series(1, 200000) AS i;");
    world.back_up();
    server.load("own", b"DELETE FROM t WHERE i > 1;");
    let is_cleaning =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'own' AND backend_type = 'autovacuum worker';";
    until("it cleans up", || server.sql(is_cleaning) == "1\n");
    restored(&world, &[]);
    assert_eq!(server.load("own", b"SELECT count(*) FROM t;"), "200000\n");
    assert_eq!(server.sql("SELECT datname FROM pg_database WHERE datname LIKE 'dumpcar%';"), "");
}
