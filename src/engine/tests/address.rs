use std::collections::BTreeMap;

use super::*;
use crate::model::words;

fn words(line: &str) -> Vec<String> {
    words::split(line).unwrap()
}

/// `host port socket`, each `-` if nothing is known.
fn shown(address: &Address) -> String {
    let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let port = address.port.map(|port| port.to_string());
    [or(address.host.as_deref()), or(port.as_deref()), or(address.socket.as_deref())].join(" ")
}

fn of(engine: Engine, arguments: &[String], variables: &[(&str, &str)]) -> String {
    let env: BTreeMap<_, _> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    shown(&engine.address(&Facts { arguments, ..Facts::new("db", &env) }))
}

#[test]
fn the_command_line_of_postgresql_is_understood() {
    for (line, is) in [
        ("", "- - -"),
        ("postgres", "- - -"),
        ("postgres -c port=5433", "- 5433 -"),
        ("postgres -cport=5433", "- 5433 -"),
        ("postgres -c 'port = 5433'", "- 5433 -"),
        ("postgres -p 5433", "- 5433 -"),
        ("postgres -p5433", "- 5433 -"),
        ("postgres --port=5433", "- 5433 -"),
        ("-c jit=off -p 5433", "- 5433 -"),
        ("docker-entrypoint.sh postgres -p 5433 -p 5434", "- 5434 -"),
        ("postgres -c unix_socket_directories=/tmp", "- - /tmp"),
        ("postgres --unix-socket-directories=/tmp -c port=5433", "- 5433 /tmp"),
        ("postgres -k /tmp", "- - /tmp"),
        ("postgres -k/tmp", "- - /tmp"),
        ("postgres -c unix_socket_directories='/run/a, /run/b'", "- - /run/a"),
        ("postgres -c unix_socket_directories='relative,@name'", "- - @name"),
        ("postgres -c unix_socket_directories=", "localhost - -"),
        ("postgres -c unix_socket_directories=\"''\" -h 10.0.0.5,::1 -p 1", "10.0.0.5 1 -"),
        ("postgres -k '' -c listen_addresses='*'", "localhost - -"),
        ("/usr/lib/postgresql/17/bin/postgres -D /data -p 5433", "- 5433 -"),
        ("sh -c 'exec docker-entrypoint.sh postgres -c port=5433 -k /tmp'", "- 5433 /tmp"),
        // What is in front of the server's name is the entry point's.
        ("wait-for -p 80 -- postgres -p 5433", "- 5433 -"),
        // What is not for this, or cannot be right.
        ("postgres -c port", "- - -"),
        ("postgres -p", "- - -"),
        ("postgres -p 0", "- - -"),
        ("postgres -p 65536", "- - -"),
        ("postgres -p -1", "- - -"),
        ("postgres -c port=5433;reboot", "- - -"),
        ("sh -c 'postgres -p $PORT -k /tmp/$X'", "- - -"),
        ("postgres -k '/tmp/`x`'", "- - -"),
        ("postgres -k relative", "- - -"),
        ("postgres -c unix_socket_directories='/a\n/b'", "- - -"),
        ("postgres -c archive_command='cp -p 5433' --passwords=x", "- - -"),
    ] {
        assert_eq!(of(Engine::POSTGRESQL, &words(line), &[]), is, "{line}");
    }
}

#[test]
fn the_command_line_of_mariadb_and_mysql_is_understood() {
    for (line, is) in [
        ("", "- - -"),
        ("mariadbd --port 3307 --socket /tmp/m.sock", "- 3307 /tmp/m.sock"),
        ("mariadbd --port=3307 --socket=/tmp/m.sock", "- 3307 /tmp/m.sock"),
        ("mysqld -P 3307 -S /tmp/m.sock", "- 3307 /tmp/m.sock"),
        ("mysqld -P3307 -S/tmp/m.sock", "- 3307 /tmp/m.sock"),
        ("--loose-port=3307", "- 3307 -"),
        ("docker-entrypoint.sh mysqld --port=1 --port=3308", "- 3308 -"),
        ("sh -c 'exec docker-entrypoint.sh mariadbd --socket /tmp/m.sock'", "- - /tmp/m.sock"),
        ("mysqld --port", "- - -"),
        ("mysqld --port=x --socket=m.sock", "- - -"),
        ("mysqld --socket=/tmp/$NAME", "- - -"),
        ("mysqld --socket=\"/tmp/\r\"", "- - -"),
        ("mysqld --portal=3307 --report-port=3307 --mysqlx-socket=/x --admin-port=3", "- - -"),
    ] {
        for engine in [Engine::MARIADB, Engine::MYSQL] {
            assert_eq!(of(engine, &words(line), &[]), is, "{engine} {line}");
        }
    }
    assert_eq!(of(Engine::CUSTOM, &words("mysqld --port=3307"), &[("PGPORT", "1")]), "- - -");
}

#[test]
fn the_environment_is_asked_after_the_command_line() {
    let (nothing, port) = (Vec::new(), words("postgres -p 5434"));
    for (arguments, variables, is) in [
        (&nothing, &[("PGPORT", "5433")][..], "- 5433 -"),
        (&port, &[("PGPORT", "5433")], "- 5434 -"),
        (&nothing, &[("POSTGRESQL_PORT_NUMBER", "5435"), ("PGPORT", "5432")], "- 5435 -"),
        (&nothing, &[("PGPORT", "")], "- - -"),
        (&nothing, &[("PGPORT", "x"), ("PGHOST", "elsewhere")], "- - -"),
    ] {
        assert_eq!(of(Engine::POSTGRESQL, arguments, variables), is, "{arguments:?} {variables:?}");
    }
    assert_eq!(of(Engine::MARIADB, &nothing, &[("MARIADB_PORT_NUMBER", "3307")]), "- 3307 -");
    assert_eq!(of(Engine::MARIADB, &nothing, &[("MYSQL_TCP_PORT", "3307")]), "- 3307 -");
    assert_eq!(of(Engine::MYSQL, &nothing, &[("MYSQL_PORT_NUMBER", "3307")]), "- 3307 -");
    assert_eq!(of(Engine::MYSQL, &nothing, &[("MARIADB_PORT_NUMBER", "3307")]), "- - -");
}

#[test]
fn a_label_is_above_both() {
    let env = BTreeMap::from([("PGPORT".to_owned(), "5433".to_owned())]);
    let arguments = words("postgres -k /tmp -p 5434");
    let facts = Facts { arguments: &arguments, ..Facts::new("db", &env) };
    let postgresql = |facts: Facts<'_>| shown(&Engine::POSTGRESQL.address(&facts));
    assert_eq!(postgresql(Facts { port: Some(1), ..facts }), "- 1 /tmp");
    assert_eq!(postgresql(Facts { socket: Some("/run/x"), ..facts }), "- 5434 /run/x");
    assert_eq!(postgresql(Facts { socket: Some("/run/x/.s.PGSQL.7"), ..facts }), "- 7 /run/x");
    assert_eq!(postgresql(Facts { socket: Some("/.s.PGSQL.7"), port: Some(8), ..facts }), "- 8 /");
    assert_eq!(postgresql(Facts { host: Some("127.0.0.1"), ..facts }), "127.0.0.1 5434 -");
    let arguments = words("mysqld --socket=/tmp/m --port=3307");
    let facts = Facts { arguments: &arguments, ..Facts::new("db", &env) };
    for engine in [Engine::MARIADB, Engine::MYSQL] {
        let mysql = |facts: Facts<'_>| shown(&engine.address(&facts));
        assert_eq!(mysql(Facts { socket: Some("/run/x"), ..facts }), "- 3307 /run/x");
        assert_eq!(mysql(Facts { socket: Some("/run/x"), port: Some(1), ..facts }), "- 1 /run/x");
        // Their clients would take the socket.
        assert_eq!(mysql(Facts { port: Some(1), ..facts }), "127.0.0.1 1 -");
        assert_eq!(mysql(Facts { host: Some("localhost"), ..facts }), "127.0.0.1 3307 -");
        assert_eq!(mysql(Facts { host: Some("db"), ..facts }), "db 3307 -");
    }
}

#[test]
fn what_is_said_of_it_names_what_was_tried() {
    let env = BTreeMap::from([("PGHOST".to_owned(), "elsewhere".to_owned())]);
    let none = BTreeMap::new();
    let described = |engine: Engine, facts: Facts<'_>| engine.looked_for(&facts);
    let plain = Facts::new("db", &none);
    for (engine, facts, is) in [
        (Engine::POSTGRESQL, plain, "the usual socket folder, port 5432"),
        (Engine::POSTGRESQL, Facts::new("db", &env), "elsewhere (PGHOST of the container), port 5432"),
        (
            Engine::POSTGRESQL,
            Facts { socket: Some("/tmp"), port: Some(1), ..plain },
            "the socket folder /tmp, port 1",
        ),
        (Engine::POSTGRESQL, Facts { host: Some("db"), ..plain }, "db, port 5432"),
        (Engine::MARIADB, plain, "the usual socket"),
        (Engine::MYSQL, Facts { socket: Some("/tmp/m"), ..plain }, "the socket /tmp/m"),
        (Engine::MYSQL, Facts { port: Some(3307), ..plain }, "127.0.0.1, port 3307"),
    ] {
        assert_eq!(described(engine, facts), is);
    }
}

#[test]
fn hosts_and_sockets_are_nothing_else() {
    for host in ["db", "127.0.0.1", "::1", "fe80::1", "a.example.com", "my_db-1"] {
        assert!(is_host(host), "{host}");
    }
    for host in ["", "-h", "a b", "a;b", "db,other", "host=x", "a/b", "$(x)", "\u{e9}", &"a".repeat(256)] {
        assert!(!is_host(host), "{host}");
    }
    for socket in ["/tmp", "/run/my sql/x.sock"] {
        assert!(is_socket(socket), "{socket}");
    }
    for socket in ["", "tmp", "@x", "/a\nb", "/a\u{202e}", &"/a".repeat(200)] {
        assert!(!is_socket(socket), "{socket:?}");
    }
}
