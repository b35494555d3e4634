use std::process::Stdio;

use super::support::docker::{Container, tools, until};
use super::support::servers::{MARIADB_11_8, MYSQL_9_7, POSTGRESQL_17, Product, Server};
use super::support::world::{Ended, Running, World};

const GOODS: &[u8] = b"CREATE TABLE goods (word varchar(20));\nINSERT INTO goods VALUES ('as it was');\n";
const CHANGED: &[u8] = b"UPDATE goods SET word = 'changed';\n";

fn server(world: &World, product: Product, databases: &[&str]) -> Server {
    let labels = [("name", "t"), ("databases", &databases.join(","))];
    let server = Server::target(world, product, "secret", &labels);
    for name in databases {
        server.sql(&format!("CREATE DATABASE {name};"));
        server.load(name, GOODS);
    }
    server
}

fn word(server: &Server, database: &str) -> String {
    server.load(database, b"SELECT word FROM goods;\n").trim().to_owned()
}

fn restore(world: &World, args: &[&str]) -> Ended {
    world.run(&[&["restore", "t", "--yes"], args].concat())
}

fn restored(world: &World, args: &[&str]) {
    let ended = restore(world, args);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}

/// The one reason why nothing was done.
fn refused(world: &World, args: &[&str], status: i32) -> String {
    let ended = world.run(args);
    assert_eq!(ended.status, status, "{args:?}: {}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    world.plain(&ended.problem())
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_cannot_be_meant_is_answered_with_what_there_is() {
    let world = World::new();
    let server = server(&world, POSTGRESQL_17, &["shop", "blog"]);
    world.back_up();
    let stamp = world.manifests()[0]["stamp"].as_str().unwrap().to_owned();
    server.load("shop", CHANGED);
    let maria = Server::plain(MARIADB_11_8, "other");
    for (args, status, words) in [
        (&["t"][..], 2, vec!["there is no terminal to ask on", "pass --yes"]),
        (&["nope", "--yes"], 4, vec!["there is no such backup; there are some of t"]),
        (
            &["t", "--at", "2020-01-01T00-00-00Z", "--yes"],
            4,
            vec!["there is no such backup; the nearest one is ", &stamp],
        ),
        (
            &["t", "--at", "2020-01-01T00:00:00Z", "--yes"],
            4,
            vec!["there is no such backup; the nearest one is ", &stamp],
        ),
        (&["t", "--at", "tomorrow", "--yes"], 2, vec![]),
        (
            &["t", "--database", "shpo", "--yes"],
            4,
            vec!["no database \"shpo\": it has blog, shop", "nothing was changed"],
        ),
        (&["t", "--as", "copy", "--yes"], 4, vec!["--as is for one database", "blog, shop"]),
        (&["t", "--to", "nope", "--yes"], 4, vec!["there is no container nope"]),
        (
            &["t", "--to", &maria.container.name, "--yes"],
            1,
            vec!["the backup is of postgresql, and container", "is mariadb"],
        ),
    ] {
        let args = [&["restore"], args].concat();
        if words.is_empty() {
            let ended = world.run(&args);
            assert_eq!(ended.status, status, "{args:?}: {}", ended.stderr);
            assert!(ended.stderr.contains("must be latest, a stamp"), "{}", ended.stderr);
            continue;
        }
        let problem = refused(&world, &args, status);
        println!("{args:?}: {problem}");
        assert!(words.iter().all(|words| problem.contains(words)), "{args:?}: {problem}");
        assert_eq!(word(&server, "shop"), "changed");
    }
    let name = server.container.name.clone();
    drop(server);
    let problem = refused(&world, &["restore", "t", "--yes"], 4);
    assert!(problem.contains("name the one to restore into by --to"), "{problem}");
    let problem = refused(&world, &["restore", "t", "--to", &name, "--yes"], 4);
    assert!(problem.contains("there is no container"), "{problem}");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn one_database_comes_back_by_any_name_from_any_time_into_any_container() {
    let world = World::new();
    let server = server(&world, POSTGRESQL_17, &["shop", "blog"]);
    world.back_up();
    let first = world.manifests()[0]["stamp"].as_str().unwrap().to_owned();
    server.load("shop", CHANGED);
    server.load("blog", CHANGED);
    world.back_up();
    server.load("shop", b"UPDATE goods SET word = 'again'");

    restored(&world, &["--database", "shop", "--as", "shop before", "--at", &first]);
    assert_eq!([word(&server, "shop before"), word(&server, "shop")], ["as it was", "again"]);
    restored(&world, &["--database", "shop"]);
    assert_eq!([word(&server, "shop"), word(&server, "blog")], ["changed", "changed"]);
    restored(&world, &["--database", "blog", "--database", "shop", "--at", &first]);
    assert_eq!([word(&server, "shop"), word(&server, "blog")], ["as it was", "as it was"]);
    let other = Server::plain(POSTGRESQL_17, "other");
    restored(&world, &["--to", &other.container.name, "--database", "shop"]);
    assert_eq!(word(&other, "shop"), "changed");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_role_that_is_missing_is_named_with_the_cure() {
    let world = World::new();
    let server = server(&world, POSTGRESQL_17, &["shop"]);
    server.load("shop", b"CREATE ROLE shop_owner; ALTER TABLE goods OWNER TO shop_owner;\n");
    world.back_up();
    let other = Server::plain(POSTGRESQL_17, "other");
    let to = ["restore", "t", "--yes", "--to", &other.container.name];
    let problem = refused(&world, &to, 1);
    assert!(problem.contains(r#"role "shop_owner" does not exist; add --globals"#), "{problem}");
    assert!(problem.ends_with("; nothing was changed"), "{problem}");
    restored(&world, &["--to", &other.container.name, "--globals"]);
    assert_eq!(word(&other, "shop"), "as it was");
}

/// One client stays in a transaction, one comes back into one as soon as it is thrown out, and four come and go.
fn clients_are_no_obstacle(product: Product, clients: [&str; 3]) {
    let world = World::new();
    let server = server(&world, product, &["shop"]);
    world.back_up();
    server.load("shop", CHANGED);
    let id = &server.container.id;
    let clients = clients.map(|script| {
        let mut command = std::process::Command::new("docker");
        command.args(["exec", id, "sh", "-c", script]).stdin(Stdio::null());
        Running::start(command)
    });
    until("all are in it", || clients.iter().all(|client| client.printed().contains("changed")));
    restored(&world, &[]);
    assert_eq!(word(&server, "shop"), "as it was");
    until("they are back", || clients[1..].iter().all(|client| client.printed().contains("as it was")));
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn clients_of_a_postgresql_are_no_obstacle() {
    clients_are_no_obstacle(
        POSTGRESQL_17,
        [
            "(echo 'BEGIN; SELECT * FROM goods;'; exec sleep 1000) | psql -U postgres shop",
            "while :; do psql -U postgres -c 'BEGIN; SELECT word FROM goods' -c 'SELECT pg_sleep(8)' shop; done",
            "for i in 1 2 3 4; do while :; do psql -U postgres -c 'SELECT word FROM goods' shop; done & done; wait",
        ],
    );
}

fn clients_of_mysql_are_no_obstacle(product: Product, client: &str) {
    let client = format!("{client} -n -uroot -psecret");
    clients_are_no_obstacle(
        product,
        [
            &format!("(echo 'BEGIN; SELECT * FROM goods;'; exec sleep 1000) | {client} shop"),
            &format!("while :; do {client} -e 'BEGIN; SELECT word FROM goods; SELECT SLEEP(8)' shop; done"),
            &format!(
                "for i in 1 2 3 4; do while :; do {client} -e 'SELECT word FROM goods' shop; done & done; wait"
            ),
        ],
    );
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn clients_of_a_mariadb_are_no_obstacle() {
    clients_of_mysql_are_no_obstacle(MARIADB_11_8, "mariadb");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn clients_of_a_mysql_are_no_obstacle() {
    clients_of_mysql_are_no_obstacle(MYSQL_9_7, "mysql");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_custom_target_comes_back_by_its_own_command() {
    let world = World::new();
    let target = |name: &str, labels: &[(&str, &str)]| {
        let labels = [&[("name", name), ("command", "cat /data")], labels].concat();
        let target = world.target(&tools(), &labels, &[], &["sleep", "infinity"]);
        target.feed(&["sh", "-c", "cat >/data"], b"as it was\n").0.unwrap();
        target
    };
    let read = |target: &Container| target.exec(&["cat", "/data"]);
    let with = target("t", &[("restore-command", "cat >/new; mv /new /data")]);
    let without = target("u", &[]);
    world.back_up();
    with.exec(&["sh", "-c", "echo changed >/data"]);
    restored(&world, &[]);
    assert_eq!(read(&with), "as it was");
    let problem = refused(&world, &["restore", "u", "--yes"], 1);
    assert!(problem.contains("set the label dumpcar.restore-command"), "{problem}");
    // One that stops half-way ends there.
    with.exec(&["sh", "-c", "echo changed >/data"]);
    drop((with, without));
    let bad = target("t", &[("restore-command", "head -c 3 >/new; false; mv /new /data")]);
    let problem = refused(&world, &["restore", "t", "--yes"], 1);
    assert!(problem.ends_with("the target's content is INCOMPLETE now: restore it again"), "{problem}");
    assert_eq!(read(&bad), "as it was");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_restore_does_not_begin_while_a_backup_runs_and_the_other_way_round() {
    let world = World::new();
    let slow = "echo dump; while [ -e /wait ]; do sleep 0.1; done";
    let labels = [
        ("name", "t"),
        ("command", slow),
        ("restore-command", "cat; touch /runs; while [ -e /wait ]; do sleep 0.1; done"),
    ];
    let target = world.target(&tools(), &labels, &[], &["sleep", "infinity"]);
    let _other = world.custom("u", "echo other");
    world.back_up();
    target.exec(&["touch", "/wait"]);
    let backup = world.start(&["backup", "t"]);
    until("it is dumped", || target.processes().iter().any(|process| process.starts_with("sleep 0.1")));
    let problem = refused(&world, &["restore", "t", "--yes"], 1);
    assert!(
        problem.contains("a backup or a restore of t is running") && problem.ends_with("nothing was changed"),
        "{problem}"
    );
    // Another one's backup goes there as little.
    let into = ["restore", "u", "--to", &target.name, "--yes"];
    let problem = refused(&world, &into, 1);
    assert!(problem.contains("a backup or a restore of t is running"), "{problem}");
    target.exec(&["rm", "/wait"]);
    assert_eq!(backup.end().status, 0);

    for restore in [&["restore", "t", "--yes"][..], &into] {
        target.exec(&["sh", "-c", "touch /wait; rm -f /runs"]);
        let restore = world.start(restore);
        until("it is restored", || target.try_exec(&["test", "-e", "/runs"]).is_ok());
        let problem = refused(&world, &["backup", "t"], 1);
        assert!(problem.contains("running"), "{problem}");
        target.exec(&["rm", "/wait"]);
        let ended = restore.end();
        assert_eq!(ended.status, 0, "{}", ended.stderr);
    }
}

/// Puts this in front of the container's real client.
fn install(server: &Server, client: &str, script: &str) {
    let path = format!("/usr/local/bin/{client}");
    let install = ["sh", "-c", "cat >$1 && chmod 755 $1", "sh", &path];
    server.container.feed(&install, script.as_bytes()).0.unwrap();
}

/// The last step: it fails, or only its answer is lost.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_swap_that_fails_is_a_failure_and_one_that_was_done_is_none() {
    let world = World::new();
    let server = server(&world, POSTGRESQL_17, &["shop", "blog"]);
    world.back_up();
    for (script, status, words) in [
        ("echo 'ERROR: it cannot be' >&2; exit 3", 1, ["changed", "changed"]),
        (
            "/usr/bin/psql \"$@\"; echo 'FATAL: terminating connection' >&2; exit 2",
            0,
            ["as it was", "as it was"],
        ),
        // Its client has gone, and the server is still about to do it.
        (
            "sql=$(echo \"$*\" | sed 's/.*-c //; s/COMMIT;/SELECT pg_sleep(30); COMMIT;/'); (/usr/bin/psql -Xqc \"$sql\"; :) >/dev/null 2>&1 & sleep 1; exit 3",
            1,
            ["changed", "changed"],
        ),
    ] {
        server.load("shop", CHANGED);
        server.load("blog", CHANGED);
        let script =
            format!("#!/bin/sh\ncase \"$*\" in *'RENAME TO'*) {script} ;; esac\nexec /usr/bin/psql \"$@\"\n");
        install(&server, "psql", &script);
        let ended = restore(&world, &[]);
        assert_eq!(ended.status, status, "{}", ended.stderr);
        assert_eq!([word(&server, "shop"), word(&server, "blog")], words);
        let databases = server.sql("SELECT datname FROM pg_database;");
        assert!(!databases.contains("dumpcar_"), "{databases}");
        if status == 1 {
            let problem = ended.problem();
            assert!(problem.ends_with("; nothing was changed"), "{problem}");
        }
    }
}

/// Puts a client in front of the real one that fails on the lines older ones do not know.
fn make_older(server: &Server, client: &str, flag: &str, line: &str) {
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n*--help*) /usr/bin/{client} \"$@\" | grep -v -- '{flag}'; exit ;;\n\
         *' -c '* | *--execute* | *--print-defaults*) exec /usr/bin/{client} \"$@\" ;;\nesac\n\
         # Several may run at a time.\n\
         cat >/tmp/input.$$\nif grep -q '{line}' /tmp/input.$$; then echo 'ERROR: invalid command' >&2; exit 3; fi\n\
         touch /tmp/older\nexec /usr/bin/{client} \"$@\" </tmp/input.$$\n"
    );
    install(server, client, &script);
}

fn an_older_client_restores(product: Product, client: &str, flag: &str, line: &str) {
    let world = World::new();
    let server = server(&world, product, &["shop"]);
    world.back_up();
    let dump = world.run(&["cat", "t", "--database", "shop"]).stdout;
    assert!(String::from_utf8_lossy(&dump).contains(line.trim_start_matches("^.")), "{line}");
    server.load("shop", CHANGED);
    make_older(&server, client, flag, line);
    restored(&world, &[]);
    server.container.exec(&["test", "-e", "/tmp/older"]);
    assert_eq!(word(&server, "shop"), "as it was");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_psql_that_does_not_know_restrict_restores() {
    an_older_client_restores(POSTGRESQL_17, "psql", "restrict", "^.restrict ");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_mariadb_that_does_not_know_the_sandbox_restores() {
    an_older_client_restores(MARIADB_11_8, "mariadb", "sandbox", "enable the sandbox mode");
}
