use super::{holds, refused, restore, restored};
use crate::support::servers::{POSTGRESQL_17, Server};
use crate::support::world::World;

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
