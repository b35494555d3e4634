use std::collections::BTreeMap;

use super::*;

mod address;
mod completeness;
mod detection;
mod diagnosis;
mod keep;
mod login;
mod redis;
mod registry;
mod scratch;
mod settings;
mod sqlite;
mod survey;

/// For tests only: nobody else names one.
impl Engine {
    pub const POSTGRESQL: Self = Self::of_kind(&postgresql::kind::POSTGRESQL);
    pub const MARIADB: Self = Self::of_kind(&mariadb_mysql::kind::MARIADB);
    pub const MYSQL: Self = Self::of_kind(&mariadb_mysql::kind::MYSQL);
    pub const REDIS: Self = Self::of_kind(&crate::engine::redis::kind::REDIS);
    pub const VALKEY: Self = Self::of_kind(&crate::engine::redis::kind::VALKEY);
    pub const SQLITE: Self = Self::of_kind(&crate::engine::sqlite::kind::SQLITE);
}

const ENGINES: [Engine; 6] =
    [Engine::POSTGRESQL, Engine::MARIADB, Engine::MYSQL, Engine::REDIS, Engine::VALKEY, Engine::CUSTOM];
const DATABASE: &str = "we ird\"`$(reboot)`'";

/// Every command of every engine for a container whose values must not show up in it.
fn commands(
    variables: &[(&str, &str)],
    user: Option<&str>,
    password_file: Option<&str>,
) -> Vec<(Engine, Command)> {
    let env: BTreeMap<String, String> =
        variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let args = ["--exclude-table=x y".to_owned()];
    let facts = Facts {
        user,
        password_file,
        exec_user: Some("999"),
        args: &args,
        command: Some("redis-cli --rdb -"),
        extension: Some("rdb"),
        ..Facts::new("db", &env)
    };
    let survey = Survey {
        server_version: "11.8.9-MariaDB".to_owned(),
        databases: vec![Database { name: DATABASE.to_owned(), size_hint: None, options: None }],
        reads_accounts: true,
        leftovers: Vec::new(),
        notes: Vec::new(),
        hints: Vec::new(),
    };
    let all = |engine: Engine| {
        let optional = engine.survey(&facts).into_iter().chain(engine.globals(&facts, &survey));
        optional
            .chain([engine.dump(&facts, &survey, DATABASE)])
            .map(|command| (engine, command))
            .collect::<Vec<_>>()
    };
    ENGINES.into_iter().flat_map(all).collect()
}

#[test]
fn no_password_is_in_any_field_of_a_command() {
    let names =
        ["POSTGRES_PASSWORD", "MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD", "PGPASSWORD", "MYSQL_PWD"];
    for (engine, command) in commands(&names.map(|name| (name, "hunter2")), None, None) {
        assert!(!format!("{command:?}").contains("hunter2"), "{engine}");
        assert!(
            engine == Engine::CUSTOM || command.script.contains("_PASSWORD"),
            "{engine}: {}",
            command.script
        );
    }
}

#[test]
fn names_and_paths_are_never_part_of_a_script() {
    for (engine, command) in commands(&[], Some("me;rm"), Some("/run/secrets/my pw")) {
        for word in ["reboot", "me;rm", "my pw", "x y"] {
            assert!(!command.script.contains(word), "{engine} {word}: {}", command.script);
        }
        assert_eq!(command.exec_user.as_deref(), Some("999"), "{engine}");
    }
}

#[test]
fn a_script_is_the_tool_itself_in_the_end() {
    let mut shells = 0;
    for (engine, command) in commands(&[], None, None) {
        assert!(command.script.contains("trap 'exit 143' TERM"), "{engine}: {}", command.script);
        let last = command.script.lines().rfind(|line| line.starts_with("exec ") || *line == "run=exec");
        // The globals, what Redis and Valkey are asked, and what the owner of a custom engine wrote.
        shells += usize::from(last.is_none());
        // Nor has it children beside the tool, for which a PostgreSQL that is process 1 would care.
        assert!(engine.family() == "redis" || !command.script.contains(" | sed"), "{engine}");
    }
    assert_eq!(shells, 6);
}

#[test]
fn arguments_of_the_label_reach_the_dump_only() {
    for (engine, command) in commands(&[], None, None) {
        let has = command.args.iter().any(|arg| arg == "--exclude-table=x y");
        let is_sql = command.args.iter().any(|arg| arg == "--format=plain" || arg == "--single-transaction");
        let is_dump = is_sql || command.script.contains(r#"client "$@" --rdb -"#);
        assert_eq!(has, is_dump, "{engine}: {command:?}");
    }
}

#[test]
fn what_differs_between_mariadb_and_mysql() {
    let has = |wanted: Engine, flag: &str| {
        commands(&[], None, None)
            .iter()
            .any(|(engine, c)| *engine == wanted && c.args.iter().any(|arg| arg == flag))
    };
    for (flag, mariadb, mysql) in [
        ("--set-gtid-purged=OFF", false, true),
        ("--dump-history", true, false),
        ("--skip-add-locks", true, false),
        ("--single-transaction", true, true),
        ("--routines", true, true),
        ("--events", true, true),
        ("--triggers", true, true),
        ("--hex-blob", true, true),
        ("--no-tablespaces", true, true),
        ("--default-character-set=utf8mb4", true, true),
    ] {
        assert_eq!((has(Engine::MARIADB, flag), has(Engine::MYSQL, flag)), (mariadb, mysql), "{flag}");
    }
}

#[test]
fn roles_are_dumped_without_what_the_login_may_not_read() {
    let (env, survey) = (BTreeMap::new(), Survey { server_version: "17".to_owned(), ..Survey::default() });
    let facts = Facts::new("", &env);
    let globals = Engine::POSTGRESQL.globals(&facts, &survey).unwrap();
    assert!(globals.args.iter().any(|arg| arg == "--no-role-passwords"), "{globals:?}");
    assert_eq!(Engine::MYSQL.globals(&facts, &survey), None);
}

#[test]
fn the_debug_form_of_facts_has_no_values_of_variables() {
    let env = BTreeMap::from([("POSTGRES_PASSWORD".to_owned(), "hunter2".to_owned())]);
    let facts = Facts::new("", &env);
    let text = format!("{facts:?}");
    assert!(text.contains("POSTGRES_PASSWORD") && !text.contains("hunter2"), "{text}");
}

#[test]
fn an_engine_has_one_name_and_one_nickname() {
    for engine in ENGINES {
        assert_eq!(engine.to_string().parse(), Ok(engine));
    }
    assert_eq!("postgres".parse(), Ok(Engine::POSTGRESQL));
    assert_eq!("oracle".parse::<Engine>(), Err(EngineError));
}

#[test]
fn a_load_leaves_the_dump_nothing_but_the_server() {
    let env = BTreeMap::new();
    let load = |engine: Engine, facts: &Facts<'_>| engine.load(facts, Some(DATABASE), "word").unwrap();
    let facts = Facts::new("", &env);
    let psql = load(Engine::POSTGRESQL, &facts);
    assert!(psql.script.contains(r#"-c "\\restrict $DUMPCAR_RESTRICT" -f -"#), "{}", psql.script);
    assert!(psql.env.contains(&("DUMPCAR_RESTRICT".to_owned(), "word".to_owned())), "{psql:?}");
    for (engine, user) in
        [(Engine::POSTGRESQL, "postgres"), (Engine::MARIADB, "mysql"), (Engine::MYSQL, "mysql")]
    {
        let script = load(engine, &facts).script;
        assert!(script.contains("setpriv") && script.contains(&format!("as_user {user} ")), "{script}");
        let flags = ["--binary-mode", "--local-infile=0", "--sandbox", "--system-command=OFF"];
        assert!(engine == Engine::POSTGRESQL || flags.iter().all(|flag| script.contains(flag)), "{script}");
        // The label says who it is.
        let script = load(engine, &Facts { exec_user: Some("0"), ..facts }).script;
        assert!(!script.contains("setpriv"), "{script}");
    }
}

#[test]
fn the_servers_own_databases_are_reserved() {
    for (engine, names) in [
        (Engine::POSTGRESQL, &["template0", "template1", "dumpcar_restore_0123456789abcdef_0"][..]),
        (
            Engine::MARIADB,
            &["mysql", "SYS", "Information_Schema", "performance_schema", "#mysql50#lost+found"],
        ),
        (Engine::MYSQL, &["mysql", "ndbinfo"]),
    ] {
        for name in names.iter().chain(&["", "a\0b"]) {
            assert!(engine.is_reserved(name), "{engine} {name:?}");
        }
        for name in ["shop", "postgres", "mysql_shop", "we ird\"`"] {
            assert!(!engine.is_reserved(name), "{engine} {name:?}");
        }
    }
    assert!(!Engine::CUSTOM.is_reserved(""));
}
