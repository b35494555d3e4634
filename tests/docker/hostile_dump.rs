//! A dump that somebody else has put into the bucket, with a manifest that is right. It gets what the server lets its login
//! do, and no more: no command of the client's, and nothing as root.

use std::thread;

use ring::digest;
use serde_json::Value;

use super::support::docker::{tools, until};
use super::support::servers::{
    Kind, MARIADB_10_11, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_15, POSTGRESQL_17, Product, Server,
};
use super::support::world::World;

/// A backup of the database `shop` with one row.
fn backed_up(world: &World, product: Product) -> Server {
    let labels = [("name", "t"), ("databases", "shop"), ("compression", "none")];
    let server = Server::target(world, product, "secret", &labels);
    server.sql("CREATE DATABASE shop;");
    server.load("shop", b"CREATE TABLE goods (word varchar(20));\nINSERT INTO goods VALUES ('as it was');\n");
    world.back_up();
    server
}

/// Changes the only backup: its dump of `shop`, and what its manifest says of that and of all.
fn plant(world: &World, dump: impl Fn(&str) -> String, change: impl Fn(&mut Value, usize)) {
    let mut manifest = world.manifests().pop().unwrap();
    let folder = format!("{}/{}", manifest["target"].as_str().unwrap(), manifest["stamp"].as_str().unwrap());
    let objects = manifest["objects"].as_array().unwrap();
    let place = objects.iter().position(|object| object["database"] == "shop").unwrap();
    let key = format!("{folder}/{}", objects[place]["name"].as_str().unwrap());
    let planted = dump(&String::from_utf8(world.read(&key)).unwrap());
    let digest = digest::digest(&digest::SHA256, planted.as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    for form in ["plain", "stored"] {
        manifest["objects"][place][format!("{form}_bytes")] = planted.len().into();
        manifest["objects"][place][format!("{form}_sha256")] = digest.clone().into();
    }
    change(&mut manifest, place);
    world.write(&key, planted.as_bytes());
    world.write(&format!("{folder}/manifest.json"), &serde_json::to_vec(&manifest).unwrap());
}

/// The dump with a line behind the first table, where nothing is quoted, and without what protects a client from it: nobody
/// who writes a hostile one would leave that in.
fn with(dump: &str, line: &str) -> String {
    let protects = |line: &&str| {
        ["\\restrict ", "\\unrestrict ", "/*M!999999\\- "].iter().any(|start| line.starts_with(start))
    };
    let lines: Vec<_> = dump.lines().filter(|line| !protects(line)).collect();
    let (start, rest) =
        lines.join("\n").split_once(");\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    format!("{start});\n{line}\n{rest}\n")
}

/// The dump with a line of the key that it has itself.
fn with_its_key(dump: &str, line: &str) -> String {
    let key = dump.lines().find_map(|line| line.strip_prefix("\\restrict ")).unwrap();
    let (start, rest) = dump.split_once(");\n").unwrap();
    format!("{start});\n\\unrestrict {key}\n{line}\n{rest}")
}

fn word(server: &Server, database: &str) -> String {
    server.load(database, b"SELECT word FROM goods;\n").trim().to_owned()
}

fn the_client_obeys_nothing(product: Product, lines: &[&str], words: &str) {
    let world = World::new();
    let server = backed_up(&world, product);
    let whole = world.read(&world.keys().into_iter().find(|key| key.contains("/shop.")).unwrap());
    let whole = String::from_utf8(whole).unwrap();
    for line in lines {
        plant(&world, |_| with(&whole, line), |_, _| {});
        let ended = world.run(&["restore", "t", "--as", "copy", "--yes"]);
        assert_eq!(ended.status, 1, "{line}: {}", ended.stderr);
        assert!(ended.problem().contains(words), "{line}: {}", ended.problem());
        assert!(server.container.try_exec(&["test", "-e", "/tmp/pwn"]).is_err(), "{line}");
        assert_eq!(word(&server, "shop"), "as it was", "{line}");
    }
    if product.kind == Kind::Postgresql {
        plant(&world, |_| with_its_key(&whole, lines[0]), |_, _| {});
        let ended = world.run(&["restore", "t", "--as", "copy", "--yes"]);
        assert!(ended.problem().contains(words), "{}", ended.problem());
        assert!(server.container.try_exec(&["test", "-e", "/tmp/pwn"]).is_err());
    }
    // It was the lines.
    plant(&world, |_| with(&whole, "SELECT 1;"), |_, _| {});
    let ended = world.run(&["restore", "t", "--as", "copy", "--yes"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(word(&server, "copy"), "as it was");
}

const OF_PSQL: &[&str] = &[
    r"\! id >/tmp/pwn",
    r"\set x `id >/tmp/pwn`",
    r"SELECT 1 \g |id >/tmp/pwn",
    r"\copy goods to program 'id >/tmp/pwn'",
    r"\o |id >/tmp/pwn",
    r"\i /etc/passwd",
    "\\unrestrict guessed\n\\! id >/tmp/pwn",
];

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn psql_17_obeys_no_dump() {
    the_client_obeys_nothing(POSTGRESQL_17, OF_PSQL, "the dump contains a command for psql itself");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn psql_15_obeys_no_dump() {
    the_client_obeys_nothing(POSTGRESQL_15, OF_PSQL, "the dump contains a command for psql itself");
}

/// One that does not know how to refuse a dump's commands: it cannot start a program.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn an_older_psql_runs_no_program() {
    const OLD: &str = r#"#!/bin/sh
case "$*" in --help=commands) exec /usr/bin/psql --help=variables ;; esac
exec /usr/bin/psql "$@"
"#;
    let world = World::new();
    let server = backed_up(&world, POSTGRESQL_17);
    let put = "cat >/usr/local/bin/psql && chmod 755 /usr/local/bin/psql";
    server.container.feed(&["sh", "-c", put], OLD.as_bytes()).0.unwrap();
    let whole = world.read(&world.keys().into_iter().find(|key| key.contains("/shop.")).unwrap());
    let whole = String::from_utf8(whole).unwrap();
    for line in &OF_PSQL[..5] {
        plant(&world, |_| with(&whole, line), |_, _| {});
        let ended = world.run(&["restore", "t", "--as", "copy", "--yes"]);
        assert!(server.container.try_exec(&["test", "-e", "/tmp/pwn"]).is_err(), "{line}: {}", ended.stderr);
        assert_eq!(word(&server, "shop"), "as it was", "{line}");
    }
    plant(&world, |_| with(&whole, OF_PSQL[0]), |_, _| {});
    let ended = world.run(&["restore", "t", "--as", "copy", "--yes"]);
    assert!(ended.problem().contains("the dump contains a command for psql itself"), "{}", ended.problem());
    plant(&world, |_| with(&whole, "SELECT 1;"), |_, _| {});
    let ended = world.run(&["restore", "t", "--as", "another", "--yes"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(word(&server, "another"), "as it was");
}

const OF_MYSQL: &[&str] = &[
    r"\! id >/tmp/pwn",
    r"SELECT 1; \! id >/tmp/pwn",
    r"\. /etc/passwd",
    r"\T /tmp/pwn",
    r"\-SELECT 1; \! id >/tmp/pwn",
];

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_client_of_mariadb_10_11_obeys_no_dump() {
    the_client_obeys_nothing(MARIADB_10_11, OF_MYSQL, "the dump contains a command for the client itself");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_client_of_mariadb_11_8_obeys_no_dump() {
    the_client_obeys_nothing(MARIADB_11_8, OF_MYSQL, "the dump contains a command for the client itself");
    // Words, and so a mistake in the eyes of the server.
    let words = ["system id >/tmp/pwn;", "source /etc/passwd;", "tee /tmp/pwn;"];
    the_client_obeys_nothing(MARIADB_11_8, &words, "You have an error in your SQL syntax");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_client_of_mysql_9_7_obeys_no_dump() {
    the_client_obeys_nothing(MYSQL_9_7, OF_MYSQL, "the dump contains a command for the client itself");
}

/// The users that the client runs as which loads a dump.
fn the_client_is_not_root(product: Product, client: &str, wait: &str) {
    let world = World::new();
    let server = backed_up(&world, product);
    plant(&world, |dump| with(dump, wait), |_, _| {});
    let uids = thread::scope(|scope| {
        let restore = scope.spawn(|| world.run(&["restore", "t", "--as", "copy", "--yes"]));
        let mut uids = String::new();
        until("the dump is loaded", || {
            // Of all clients, the one that has something to read.
            let list = r#"for p in /proc/[0-9]*; do
                tr '\0' ' ' <$p/cmdline | grep -q "^[^ ]*$0 .*$1" || continue
                sed -n 's/^Uid:[^0-9]*\([0-9]*\).*/\1/p' $p/status
            done 2>/dev/null"#;
            // Those that try out a setting first read nothing.
            let marks =
                if product.kind == Kind::Postgresql { "-o /dev/null" } else { "--init-command=SET @dumpcar" };
            uids = server.container.try_exec(&["sh", "-c", list, client, marks]).unwrap_or_default();
            !uids.is_empty()
        });
        let ended = restore.join().unwrap();
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        uids
    });
    assert_eq!(uids, "999");
    assert_eq!(word(&server, "copy"), "as it was");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn psql_is_not_root() {
    the_client_is_not_root(POSTGRESQL_17, "psql", "SELECT pg_sleep(3);");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_client_of_mariadb_is_not_root() {
    the_client_is_not_root(MARIADB_11_8, "mariadb", "SELECT sleep(3);");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_client_of_mysql_is_not_root() {
    the_client_is_not_root(MYSQL_9_7, "mysql", "SELECT sleep(3);");
}

/// A server that lets nobody but the system's root in. The restore has to work as it did.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn root_it_is_where_nobody_else_can_log_in() {
    let world = World::new();
    let server = backed_up(&world, POSTGRESQL_17);
    server.container.exec(&[
        "sh",
        "-c",
        "echo 'root root postgres' >>$PGDATA/pg_ident.conf
         sed -i '1i local all all peer map=root' $PGDATA/pg_hba.conf
         gosu postgres pg_ctl reload",
    ]);
    until("root is let in, and nobody else", || {
        let try_as = |user: &str| {
            server.container.try_exec(&["gosu", user, "psql", "-U", "postgres", "-c", "SELECT 1"]).is_ok()
        };
        try_as("root") && !try_as("postgres")
    });
    let ended = world.run(&["restore", "t", "--as", "copy", "--yes"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(word(&server, "copy"), "as it was");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn options_are_no_sql() {
    let world = World::new();
    let server = backed_up(&world, MARIADB_11_8);
    let injected = "; CREATE DATABASE injected; -- ";
    for options in [Value::from(injected), serde_json::json!({ "collation": injected })] {
        plant(&world, str::to_owned, |manifest, place| {
            manifest["objects"][place]["options"] = options.clone();
        });
        let ended = world.run(&["restore", "t", "--as", "copy", "--yes"]);
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        assert!(!server.sql("SHOW DATABASES;").contains("injected"), "{}", ended.stderr);
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn options_of_postgresql_make_the_database_what_it_was() {
    let world = World::new();
    let server = Server::target(&world, POSTGRESQL_17, "secret", &[("name", "t"), ("exclude", "postgres")]);
    server.sql(
        "CREATE DATABASE c TEMPLATE template0 LOCALE 'C' ENCODING 'SQL_ASCII';\n\
         CREATE DATABASE icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-u-co-phonebk' \
         ICU_RULES '&a < ''*''' LOCALE 'en_US.utf8' ENCODING 'UTF8';\n\
         CREATE DATABASE built TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' ENCODING 'UTF8';\n",
    );
    let list = "SELECT datname, pg_encoding_to_char(encoding), datlocprovider, datcollate, datctype, datlocale, \
                daticurules FROM pg_database ORDER BY datname;";
    let before = server.sql(list);
    assert!(before.contains("icu|UTF8|i|en_US.utf8|en_US.utf8|de-u-co-phonebk|&a < '*'"), "{before}");
    world.back_up();
    server.sql("DROP DATABASE c;\nDROP DATABASE icu;\nDROP DATABASE built;\n");
    let ended = world.run(&["restore", "t", "--yes"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(server.sql(list), before);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_servers_own_databases_are_never_replaced() {
    let world = World::new();
    let server = backed_up(&world, MARIADB_11_8);
    for args in [&["--as", "mysql"][..], &["--as", ""], &["--as", "Sys"]] {
        let ended = world.run(&[&["restore", "t", "--yes"], args].concat());
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        assert!(ended.problem().contains("is no name that a backup may restore"), "{}", ended.problem());
    }
    plant(&world, str::to_owned, |manifest, place| manifest["objects"][place]["database"] = "mysql".into());
    let ended = world.run(&["restore", "t", "--yes"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    server.sql("CREATE USER still_possible;");
}

/// The label of today's container decides, or the user does.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_command_of_a_manifest_runs_only_by_the_users_word() {
    let world = World::new();
    let labels = [("name", "t"), ("command", "cat /data"), ("restore-command", "cat >/data")];
    let target = world.target(&tools(), &labels, &[], &["sleep", "infinity"]);
    target.exec(&["sh", "-c", "echo as it was >/data"]);
    world.back_up();
    drop(target);
    let target = world.target(&tools(), &labels[..2], &[], &["sleep", "infinity"]);
    let ended = world.run(&["restore", "t", "--yes"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    let problem = world.plain(&ended.problem());
    let words = ["has the command \"cat >/data\"", "--manifest-command", "nothing was changed"];
    assert!(words.iter().all(|words| problem.contains(words)), "{problem}");
    assert!(target.try_exec(&["test", "-e", "/data"]).is_err());

    let ended = world.run(&["restore", "t", "--yes", "--manifest-command"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains(r#"cat >/data"#), "{}", ended.stderr);
    assert_eq!(target.exec(&["cat", "/data"]), "as it was");
}
