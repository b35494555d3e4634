use super::*;
use std::collections::BTreeMap;

fn diagnosis(engine: Engine, status: i32, stderr: &str) -> Diagnosis {
    let env = BTreeMap::from([("POSTGRES_PASSWORD", "hunter2"), ("MYSQL_ROOT_PASSWORD", "hunter2")]);
    let env = env.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let facts = Facts::new("", &env);
    diagnose(engine, status, stderr, &str::to_owned, &facts, Some("shop"))
}

/// A password may be one of the words that tell: it is left out of what is quoted, and of nothing else.
#[test]
fn secrets_are_left_out_after_all_was_understood() {
    let facts_of = |env: &[(&str, &str)]| -> BTreeMap<String, String> {
        env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    for password in ["password", "authentication", "postgres", "shop", "database", "failed"] {
        let env = facts_of(&[("POSTGRES_PASSWORD", password)]);
        let facts = Facts::new("", &env);
        let hide = |said: &str| said.replace(password, "***");
        let said = "pg_dump: error: FATAL:  password authentication failed for user \"postgres\"\n";
        let refused = diagnose(Engine::POSTGRESQL, 1, said, &hide, &facts, Some("shop"));
        assert_eq!(refused.failure, ToolFailure::AuthRefused, "{password}");
        assert!(
            refused.text.starts_with("the server refused user \"postgres\" with the password"),
            "{}",
            refused.text
        );
        let quoted = refused.text.split_once('(').unwrap().1;
        assert!(!quoted.contains(password), "{}", refused.text);
        let said = "pg_dump: error: FATAL:  database \"shop\" does not exist\n";
        let gone = diagnose(Engine::POSTGRESQL, 1, said, &hide, &facts, Some("shop"));
        assert!(gone.text.starts_with("database \"shop\" is gone since it was listed"), "{}", gone.text);
    }
    let env = facts_of(&[("POSTGRES_PASSWORD", "secrets")]);
    let facts = Facts::new("", &env);
    let hide = |said: &str| said.replace("secrets", "***");
    let said = "dumpcar: cannot read the password file /run/secrets/db\n";
    let unread = diagnose(Engine::POSTGRESQL, 1, said, &hide, &facts, None);
    assert!(unread.text.starts_with("cannot read /run/secrets/db in the container"), "{}", unread.text);
    // Two lines of one secret are looked for together.
    let hide = |said: &str| said.replace("first\nsecond", "***");
    let shown = diagnose(Engine::CUSTOM, 1, "first\nsecond\n", &hide, &facts, None);
    assert!(!shown.text.contains("second"), "{}", shown.text);
}

/// Word for word from pg_dump and psql 15.18 and 17.12.
const POSTGRESQL: [(&str, ToolFailure); 23] = [
    (
        r#"pg_dump: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  database "nope" does not exist"#,
        ToolFailure::DatabaseGone,
    ),
    (
        r#"pg_dump: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  role "nobody" does not exist"#,
        ToolFailure::AuthRefused,
    ),
    (
        r#"pg_dump: error: connection to server at "172.17.0.2", port 5432 failed: FATAL:  password authentication failed for user "postgres""#,
        ToolFailure::AuthRefused,
    ),
    (
        r#"pg_dump: error: connection to server at "172.17.0.2", port 5432 failed: fe_sendauth: no password supplied"#,
        ToolFailure::AuthRefused,
    ),
    (
        r#"pg_dump: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  Peer authentication failed for user "postgres""#,
        ToolFailure::AuthRefused,
    ),
    (
        r#"pg_dump: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  role "lim" is not permitted to log in"#,
        ToolFailure::AuthRefused,
    ),
    (
        "psql: error: connection to server on socket \"/var/run/postgresql/.s.PGSQL.5999\" failed: No such file or directory\n\tIs the server running locally and accepting connections on that socket?",
        ToolFailure::NotAccepting,
    ),
    (
        r#"psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  the database system is starting up"#,
        ToolFailure::NotAccepting,
    ),
    (
        r#"psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  the database system is shutting down"#,
        ToolFailure::NotAccepting,
    ),
    (
        r#"psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  the database system is in recovery mode"#,
        ToolFailure::NotAccepting,
    ),
    (
        r#"pg_dump: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  sorry, too many clients already"#,
        ToolFailure::NotAccepting,
    ),
    (
        "pg_dump: error: Dumping the contents of table \"big\" failed: PQgetCopyData() failed.\npg_dump: detail: Error message from server: server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\tbefore or while processing the request.\npg_dump: detail: Command was: COPY app.big (t) TO stdout;",
        ToolFailure::NotAccepting,
    ),
    (
        "pg_dump: error: Dumping the contents of table \"big\" failed: PQgetResult() failed.\npg_dump: detail: Error message from server: FATAL:  terminating connection due to administrator command\npg_dump: detail: Command was: COPY app.big (t) TO stdout;",
        ToolFailure::NotAccepting,
    ),
    (
        "pg_dump: error: query failed: ERROR:  permission denied for table empty_table\npg_dump: detail: Query was: LOCK TABLE app.empty_table IN ACCESS SHARE MODE",
        ToolFailure::PermissionDenied,
    ),
    (
        "pg_dump: error: query failed: ERROR:  permission denied for table t\npg_dump: detail: Query was: LOCK TABLE app.\"disk full\" IN ACCESS SHARE MODE",
        ToolFailure::PermissionDenied,
    ),
    (
        "pg_dumpall: error: query failed: ERROR:  permission denied for table pg_authid\npg_dumpall: detail: Query was: SELECT oid",
        ToolFailure::PermissionDenied,
    ),
    (
        "pg_dump: error: connection to server on socket \"/var/run/postgresql/.s.PGSQL.5432\" failed: FATAL:  permission denied for database \"shop\"\nDETAIL:  User does not have CONNECT privilege.",
        ToolFailure::PermissionDenied,
    ),
    (
        "pg_dump: error: query failed: ERROR:  canceling statement due to statement timeout\npg_dump: detail: Query was: LOCK TABLE app.log IN ACCESS SHARE MODE",
        ToolFailure::Busy,
    ),
    ("dumpcar: cannot find pg_dump in the container", ToolFailure::ToolMissing),
    ("dumpcar: cannot read password file /run/secrets/pw", ToolFailure::PasswordFile),
    ("pg_dump: error: something new", ToolFailure::Other),
    (r#"ERROR:  role "shop_owner" does not exist"#, ToolFailure::RoleMissing),
    (
        r"psql:<stdin>:2: error: backslash commands are restricted; only \unrestrict is allowed",
        ToolFailure::ClientCommand,
    ),
];

/// Word for word from the tools of MariaDB 10.11.18 and 11.8.9 (the same words) and MySQL 9.7.4.
const MYSQL: [(&str, ToolFailure); 23] = [
    (
        r#"mariadb-dump: Got error: 1049: "Unknown database 'nope'" when selecting the database"#,
        ToolFailure::DatabaseGone,
    ),
    (
        r#"mariadb-dump: Got error: 1045: "Access denied for user 'root'@'localhost' (using password: YES)" when trying to connect"#,
        ToolFailure::AuthRefused,
    ),
    (
        r#"mariadb-dump: Got error: 1044: "Access denied for user 'app'@'%' to database 'empty'" when selecting the database"#,
        ToolFailure::PermissionDenied,
    ),
    (
        "mariadb-dump: Couldn't execute 'show create table `a_view_before_its_base`': SHOW VIEW command denied to user 'app'@'localhost' for table `shop`.`a_view_before_its_base` (1142)",
        ToolFailure::PermissionDenied,
    ),
    (
        r#"mariadb-dump: Got error: 4151: "Access denied, this account is locked" when trying to connect"#,
        ToolFailure::AuthRefused,
    ),
    (
        r#"mariadb-dump: Got error: 2002: "Can't connect to local server through socket '/nope.sock' (2)" when trying to connect"#,
        ToolFailure::NotAccepting,
    ),
    (
        "ERROR 2002 (HY000): Can't connect to local server through socket '/run/mysqld/mysqld.sock' (2)",
        ToolFailure::NotAccepting,
    ),
    (
        "mariadb-dump: Error 2013: Lost connection to server during query when dumping table `big` at row: 17441",
        ToolFailure::NotAccepting,
    ),
    (
        r#"mariadb-dump: Got error: 2002: "Received error packet before completion of TLS handshake. The authenticity of the following error cannot be verified: 1040 - Too many connections" when trying to connect"#,
        ToolFailure::NotAccepting,
    ),
    (
        "--------------\nselect * from mysql.user\n--------------\n\nERROR 1142 (42000) at line 1: SELECT command denied to user 'app'@'localhost' for table `mysql`.`user`",
        ToolFailure::PermissionDenied,
    ),
    (
        "mysqldump: Got error: 1049: Unknown database 'nope' when selecting the database",
        ToolFailure::DatabaseGone,
    ),
    (
        "ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: NO)",
        ToolFailure::AuthRefused,
    ),
    (
        "mysqldump: Got error: 3118: Access denied for user 'locked'@'localhost'. Account is locked. when trying to connect",
        ToolFailure::AuthRefused,
    ),
    (
        "mysqldump: Couldn't execute 'FLUSH /*!40101 LOCAL */ TABLES': Access denied; you need (at least one of) the RELOAD or FLUSH_TABLES privilege(s) for this operation (1227)",
        ToolFailure::PermissionDenied,
    ),
    (
        "mysqldump: Got error: 2002: Can't connect to local MySQL server through socket '/nope.sock' (2) when trying to connect",
        ToolFailure::NotAccepting,
    ),
    (
        "mysqldump: Error 2013: Lost connection to MySQL server during query when dumping table `big` at row: 10787",
        ToolFailure::NotAccepting,
    ),
    ("mysqldump: Got error: 1040: Too many connections when trying to connect", ToolFailure::NotAccepting),
    (
        "ERROR 1142 (42000) at line 1: SELECT command denied to user 'app'@'localhost' for table 'user'",
        ToolFailure::PermissionDenied,
    ),
    (
        "Warning: A partial dump from a server that has GTIDs will by default include the GTIDs of all transactions.",
        ToolFailure::Other,
    ),
    ("dumpcar: cannot find mariadb-dump mysqldump in the container", ToolFailure::ToolMissing),
    ("mysqldump: Error: something new", ToolFailure::Other),
    (r"ERROR at line 2: Unknown command '\!'.", ToolFailure::ClientCommand),
    ("ERROR at line 1: Not allowed in the sandbox mode", ToolFailure::ClientCommand),
];

#[test]
fn what_the_tools_really_say_is_understood() {
    for (stderr, failure) in POSTGRESQL {
        assert_eq!(diagnosis(Engine::POSTGRESQL, 1, stderr).failure, failure, "{stderr}");
    }
    for (stderr, failure) in MYSQL {
        assert_eq!(diagnosis(Engine::MYSQL, 2, stderr).failure, failure, "{stderr}");
        assert_eq!(diagnosis(Engine::MARIADB, 2, stderr).failure, failure, "{stderr}");
    }
}

/// Word for word from psql 17, the clients of MariaDB 11.8 and MySQL 9.7, and their servers' sources.
#[test]
fn what_a_server_lacks_is_no_refusal_and_a_refusal_is_one_whatever_it_names() {
    for (stderr, failure) in [
        (
            "psql:<stdin>:9: ERROR:  out of memory\nDETAIL:  Failed on request of size 1000 in memory context \"x\".",
            ToolFailure::NoMemory,
        ),
        (
            r#"ERROR:  could not resize shared memory segment "/PostgreSQL.1" to 8388608 bytes: No space left on device"#,
            ToolFailure::NoMemory,
        ),
        (
            "ERROR:  out of shared memory\nHINT:  You might need to increase \"max_locks_per_transaction\".",
            ToolFailure::NoMemory,
        ),
        (
            r#"psql:<stdin>:20: ERROR:  could not access file "$libdir/postgis-3": No such file or directory"#,
            ToolFailure::Lacking,
        ),
        (
            "ERROR:  extension \"postgis\" is not available\nDETAIL:  Could not open extension control file \"/x\".",
            ToolFailure::Lacking,
        ),
        (r#"ERROR:  pg_stat_statements must be loaded via "shared_preload_libraries""#, ToolFailure::Lacking),
        ("ERROR 1524 (HY000) at line 2: Plugin 'auth_ed25519' is not loaded", ToolFailure::Lacking),
        ("ERROR 1286 (42000) at line 8: Unknown storage engine 'ROCKSDB'", ToolFailure::Lacking),
        ("ERROR 1114 (HY000) at line 31: The table 't' is full", ToolFailure::DiskFull),
        (
            "ERROR 1206 (HY000) at line 1: The total number of locks exceeds the lock table size",
            ToolFailure::NoMemory,
        ),
        (
            r#"ERROR 3 (HY000) at line 1: Error writing file '/tmp/x' (Errcode: 28 "No space left on device")"#,
            ToolFailure::DiskFull,
        ),
        // Of the dump.
        (r#"ERROR:  relation "no space left on device" does not exist"#, ToolFailure::NameHidden),
        (
            "ERROR:  duplicate key value violates unique constraint \"k\"\nDETAIL:  Key (a)=(out of memory) already exists.",
            ToolFailure::Other,
        ),
        (
            "ERROR 1062 (23000) at line 5: Duplicate entry 'No space left on device' for key 'PRIMARY'",
            ToolFailure::Other,
        ),
        ("ERROR 1049 (42000) at line 7: Unknown database 'b'", ToolFailure::Other),
        (r#"psql:<stdin>:3: ERROR:  database "b" does not exist"#, ToolFailure::Other),
        (
            "ERROR 1153 (08S01) at line 1: Got a packet bigger than 'max_allowed_packet' bytes",
            ToolFailure::Other,
        ),
    ] {
        let engine = if stderr.starts_with("ERROR ") && !stderr.starts_with("ERROR: ") {
            Engine::MYSQL
        } else {
            Engine::POSTGRESQL
        };
        let Diagnosis { failure: found, text, .. } = diagnosis(engine, 1, stderr);
        assert_eq!(found, failure, "{stderr}");
        let is_lacking = text.starts_with("the server lacks what the backup needs: ");
        assert_eq!(is_lacking, failure == ToolFailure::Lacking, "{text}");
        let is_of_dump = matches!(failure, ToolFailure::Other | ToolFailure::NameHidden);
        assert_eq!(found.is_refusal(), is_of_dump, "{stderr}");
    }
}

#[test]
fn every_text_is_one_bounded_line_without_a_secret() {
    let long = format!("mysqldump: Error: {}", "x".repeat(5000));
    let stderrs =
        POSTGRESQL.iter().chain(&MYSQL).map(|(stderr, _)| *stderr).chain(["", long.as_str(), "\u{1b}[31m\r"]);
    for stderr in stderrs {
        let Diagnosis { text, .. } = diagnosis(Engine::POSTGRESQL, 1, stderr);
        assert!(!text.is_empty() && text.len() < 800 && !text.chars().any(char::is_control), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn texts_name_the_thing_and_the_cure() {
    let text = |engine, status, stderr| diagnosis(engine, status, stderr).text;
    let texts = [
        text(Engine::POSTGRESQL, 1, POSTGRESQL[0].0),
        text(Engine::POSTGRESQL, 1, POSTGRESQL[1].0),
        text(Engine::POSTGRESQL, 1, POSTGRESQL[2].0),
        text(Engine::POSTGRESQL, 1, POSTGRESQL[4].0),
        text(Engine::POSTGRESQL, 2, POSTGRESQL[7].0),
        text(Engine::POSTGRESQL, 1, POSTGRESQL[13].0),
        text(Engine::POSTGRESQL, 1, POSTGRESQL[17].0),
        text(Engine::POSTGRESQL, 3, POSTGRESQL[21].0),
        text(Engine::POSTGRESQL, 3, POSTGRESQL[22].0),
        text(Engine::POSTGRESQL, 66, "dumpcar: cannot read password file /run/secrets/pw"),
        text(Engine::MARIADB, 127, "dumpcar: cannot find mariadb-dump mysqldump in the container"),
        text(Engine::MYSQL, 2, MYSQL[1].0),
        text(Engine::MYSQL, 1, MYSQL[21].0),
        text(Engine::MYSQL, 137, ""),
        text(Engine::MYSQL, 143, ""),
        text(Engine::CUSTOM, 127, "sh: 1: mongodump: not found"),
        text(Engine::CUSTOM, 3, "boom"),
    ];
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn only_what_passes_by_itself_is_worth_another_try() {
    for (stderr, is_transient) in [
        (POSTGRESQL[7].0, true),
        (POSTGRESQL[17].0, true),
        (POSTGRESQL[2].0, false),
        (POSTGRESQL[0].0, true),
        (POSTGRESQL[20].0, false),
    ] {
        assert_eq!(diagnosis(Engine::POSTGRESQL, 1, stderr).failure.is_transient(), is_transient, "{stderr}");
    }
    assert!(diagnosis(Engine::CUSTOM, 137, "").failure.is_transient());
}

const DENIED: &str = "ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: YES)";

#[test]
fn a_random_password_of_a_server_made_anew_is_explained() {
    let env = BTreeMap::from([("MYSQL_RANDOM_ROOT_PASSWORD".to_owned(), "yes".to_owned())]);
    let facts = Facts { password_file: Some("/run/secrets/root"), ..Facts::new("", &env) };
    insta::assert_snapshot!(diagnose(Engine::MYSQL, 1, DENIED, &str::to_owned, &facts, None).text, @r#"the server refused user "root" with the password in /run/secrets/root: MYSQL_RANDOM_ROOT_PASSWORD is set, so each time its volume is created, root gets another password; the log of that first start has it (GENERATED ROOT PASSWORD): put it into the file that the label dumpcar.password-file names, or make a login of your own (dumpcar.user) (ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: YES))"#);
    let facts = Facts { user: Some("keeper"), ..facts };
    assert!(!diagnose(Engine::MYSQL, 1, DENIED, &str::to_owned, &facts, None).text.contains("RANDOM"));
}

#[test]
fn a_password_file_with_a_carriage_return_is_named() {
    let said = format!("dumpcar: the password file /run/secrets/root ends in a carriage return\n{DENIED}");
    let env = BTreeMap::new();
    let facts = Facts { password_file: Some("/run/secrets/root"), ..Facts::new("", &env) };
    insta::assert_snapshot!(diagnose(Engine::MARIADB, 1, &said, &str::to_owned, &facts, None).text, @r#"the server refused user "root" with the password in /run/secrets/root, which ends in a carriage return: the file was written on Windows; write it again without one (`tr -d '\r'`) (ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: YES))"#);
}

#[test]
fn where_nobody_listens_the_message_says_where_was_looked() {
    let env = BTreeMap::new();
    let arguments = ["postgres", "-p", "5433"].map(str::to_owned);
    let facts = Facts { arguments: &arguments, ..Facts::new("", &env) };
    let said = |engine: Engine, facts: &Facts<'_>, stderr: &str| {
        let said = diagnose(engine, 2, stderr, &str::to_owned, facts, None);
        format!("{:?}: {}", said.failure, said.text)
    };
    insta::assert_snapshot!(said(Engine::POSTGRESQL, &facts,
        "psql: error: connection to server on socket \"/var/run/postgresql/.s.PGSQL.5433\" failed: No such file or directory\n\
         \tIs the server running locally and accepting connections on that socket?\n"),
        @r#"NotAccepting: nothing listens where the server was looked for, the usual socket folder, port 5433: psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5433" failed: No such file or directory; if it runs and listens elsewhere, say where by the labels dumpcar.socket, or dumpcar.host and dumpcar.port"#);
    let facts = Facts { port: Some(3307), ..Facts::new("", &env) };
    for (engine, stderr) in [
        (Engine::MARIADB, "ERROR 2002 (HY000): Can't connect to server on '127.0.0.1' (111)\n"),
        (Engine::MYSQL, "ERROR 2003 (HY000): Can't connect to MySQL server on '127.0.0.1:3307' (111)\n"),
        (
            Engine::MARIADB,
            "ERROR 2002 (HY000): Can't connect to local server through socket '/run/mysqld/mysqld.sock' (2)\n",
        ),
    ] {
        let said = said(engine, &facts, stderr);
        assert!(said.contains("looked for, 127.0.0.1, port 3307: ERROR 200"), "{said}");
        assert!(said.contains("by the labels dumpcar.socket, or"), "{said}");
    }
    // One that starts is there.
    let starts = "psql: error: connection to server on socket \"/x/.s.PGSQL.5432\" failed: FATAL:  the database system is starting up\n";
    let starts = said(Engine::POSTGRESQL, &facts, starts);
    assert!(starts.starts_with("NotAccepting: the server takes no connection now: "), "{starts}");
    let other =
        "dumpcar: the server at 127.0.0.1, port 5432 is another container's, which shares this network\n";
    insta::assert_snapshot!(said(Engine::POSTGRESQL, &facts, other), @"OtherServer: dumpcar: the server at 127.0.0.1, port 5432 is another container's, which shares this network; say where this container's own server listens by the labels dumpcar.socket, or dumpcar.host and dumpcar.port");
}
