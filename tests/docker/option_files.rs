use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::support::docker::{Container, until};
use super::support::proxy::Proxy;
use super::support::s3_server::S3Server;
use super::support::servers::{
    Kind, MARIADB_10_11, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_15, POSTGRESQL_17, Product, Server,
};
use super::support::world::World;

/// What `/etc/mysql/conf.d` and a home may have: another login, another server, and everything that leaves something out.
const OPTIONS: &str = "\
[client]
user=nobody
password=old
host=nowhere.invalid
port=1
protocol=tcp
default-character-set=latin1
[client_other]
user=somebody
[mysql]
vertical
xml
[mariadb-client]
html
[mysqldump]
where=1=0
no-data
no-create-info
skip-triggers
skip-routines
skip-events
skip-opt
ignore-table=shop.item
xml
databases
skip-network-timeout
[mariadb-dump]
where=1=0
no-data
skip-triggers
";

const CONTENT: &str = "\
CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4; USE shop;
CREATE TABLE item (id int PRIMARY KEY, name varchar(20), raw blob);
INSERT INTO item VALUES (1, 'é', x'00ff'), (2, '😀', NULL), (3, 'a\"b\\\\c', '');
CREATE VIEW named AS SELECT id, name FROM item;
CREATE TRIGGER filled BEFORE INSERT ON item FOR EACH ROW SET NEW.name = COALESCE(NEW.name, '-');
CREATE PROCEDURE count_items() SELECT COUNT(*) FROM item;
CREATE EVENT never ON SCHEDULE AT '2038-01-01 00:00:00' DO DELETE FROM item;
CREATE TABLE place (id int PRIMARY KEY, lat float, exact float(10,6));
CREATE DATABASE crm; CREATE TABLE crm.note (id int PRIMARY KEY); INSERT INTO crm.note VALUES (1), (2);
";

/// What the server itself does to whoever connects: rows left out, statements read in another way, no time.
const SERVER: &str = "SET GLOBAL sql_select_limit = 1, sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES', \
    init_connect = 'SET sql_select_limit = 1';";

/// The databases of the newest backup with their content, all that was dumped, without what is of the moment, and the log.
fn dumped(world: &World) -> (Vec<(Value, Value)>, String, String) {
    let ended = world.run(&["backup"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let manifest = world.manifests().pop().unwrap();
    let objects = manifest["objects"].as_array().unwrap();
    let content = objects.iter().map(|object| (object["database"].clone(), object["content"].clone()));
    let cat = |object: &Value| {
        let which = match object["database"].as_str() {
            Some(name) => format!("--database={name}"),
            None => "--globals".to_owned(),
        };
        let ended = world.run(&["cat", "t", &which]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        String::from_utf8(ended.stdout).unwrap()
    };
    let text: String = objects.iter().map(cat).collect();
    let of_the_moment = ["-- Host: ", "-- Dump completed", "\\restrict ", "\\unrestrict "];
    let is_kept = |line: &&str| !of_the_moment.iter().any(|start| line.starts_with(start));
    let text = text.lines().filter(is_kept).collect::<Vec<_>>().join("\n");
    (content.collect(), text, ended.stderr)
}

fn write(container: &Container, path: &str, text: &str) {
    container.feed(&["sh", "-c", "cat >\"$1\"", "sh", path], text.as_bytes()).0.unwrap();
}

/// C8, and C6 on the same server.
fn nothing_but_the_server_decides(product: Product) {
    let proxy = Proxy::to(S3Server::shared().port);
    let world = World::new()
        .set("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", proxy.port))
        .set("DUMPCAR_COMPRESSION", "none")
        .set("DUMPCAR_S3_PART_SIZE", "5MiB");
    let labels = world.labels(&[("name", "t")]);
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let password = match product.kind {
        Kind::Mariadb => "MARIADB_ROOT_PASSWORD=secret",
        Kind::Mysql | Kind::Postgresql => "MYSQL_ROOT_PASSWORD=secret",
    };
    let args = [&["-e", password, "-e", "MYSQL_GROUP_SUFFIX=_other"], labels.as_slice()].concat();
    let server = Server::with(product, "secret", &args).wait();
    server.sql(CONTENT);
    let before = dumped(&world);
    assert!(before.2.contains("the first is \\\"place.lat\\\""), "{}", before.2);
    assert!(before.1.contains("INSERT") && before.1.contains("never") && before.1.contains("filled"));
    assert!(
        before.0.iter().any(|(database, content)| database == "crm" && content["rows"] == 2),
        "{before:?}"
    );

    server.sql(SERVER);
    write(&server.container, "/etc/mysql/conf.d/z.cnf", OPTIONS);
    write(&server.container, "/root/.my.cnf", OPTIONS);
    if product.kind == Kind::Mysql {
        let set = "mysql_config_editor set --login-path=client --user=nobody --host=127.0.0.1 --skip-warn";
        server.container.exec(&["sh", "-c", set]);
    }
    let after = dumped(&world);
    assert_eq!(before.0, after.0);
    assert!(before.1 == after.1, "{}\n--- became ---\n{}", before.1, after.1);

    stalled_store(&world, &proxy, &server);
}

/// A store that takes nothing for longer than the server waits for its reader.
fn stalled_store(world: &World, proxy: &Proxy, server: &Server) {
    let client = if server.product.kind == Kind::Mysql { "mysql" } else { "mariadb" };
    let big = "SET SESSION sql_select_limit = DEFAULT, sql_mode = ''; SET GLOBAL net_write_timeout = 1, wait_timeout = 2; \
        CREATE TABLE crm.big (id int PRIMARY KEY AUTO_INCREMENT, d longtext); \
        INSERT INTO crm.big (d) VALUES (REPEAT('0123456789abcdef', 1024)); SET sql_select_limit = 1000000; "
        .to_owned()
        + &"INSERT INTO crm.big (d) SELECT d FROM crm.big; ".repeat(12);
    let command = [
        "sh",
        "-c",
        "MYSQL_PWD=secret exec \"$0\" --no-defaults -uroot -S \"$(ls /run/mysqld/*.sock | head -n1)\"",
        client,
    ];
    server.container.feed(&command, big.as_bytes()).0.unwrap();
    proxy.hold_after(6 << 20);
    let dumpcar = world.start(&["backup"]);
    until("the store is stalled", || proxy.held() > 0);
    thread::sleep(Duration::from_secs(6));
    proxy.let_go();
    let ended = dumpcar.end();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let manifest = world.manifests().pop().unwrap();
    let rows: u64 =
        manifest["objects"].as_array().unwrap().iter().filter_map(|o| o["content"]["rows"].as_u64()).sum();
    assert_eq!(rows, 4096 + 2 + 3);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn option_files_of_mariadb_10_11_change_nothing_and_a_stall_costs_nothing() {
    nothing_but_the_server_decides(MARIADB_10_11);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn option_files_of_mariadb_11_8_change_nothing_and_a_stall_costs_nothing() {
    nothing_but_the_server_decides(MARIADB_11_8);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn option_files_of_mysql_9_7_change_nothing_and_a_stall_costs_nothing() {
    nothing_but_the_server_decides(MYSQL_9_7);
}

/// What the environment of a container may have for `libpq`. Its entry point does without.
const VARIABLES: [&str; 8] = [
    "PGSERVICE=other",
    "PGSERVICEFILE=/etc/other.conf",
    "PGOPTIONS=-c search_path=nowhere -c default_transaction_read_only=on",
    "PGCLIENTENCODING=LATIN1",
    "PGTZ=Asia/Tokyo",
    "PGDATESTYLE=German",
    "PG_COLOR=always",
    "PGPASSFILE=/etc/other.pass",
];

fn variables_of_postgresql(product: Product) {
    let world = World::new().set("DUMPCAR_COMPRESSION", "none");
    let labels = world.labels(&[("name", "t")]);
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let variables: Vec<_> = VARIABLES.iter().flat_map(|variable| ["-e", variable]).collect();
    let clean = "unset PGSERVICE PGSERVICEFILE PGOPTIONS PGCLIENTENCODING PGTZ PGDATESTYLE PG_COLOR PGPASSFILE; exec ";
    let start = format!("{clean} docker-entrypoint.sh postgres");
    let image = product.image();
    let fixed =
        ["-e", "POSTGRES_PASSWORD=secret", "--tmpfs", "/var/lib/postgresql/data", "--entrypoint", "sh"];
    let container =
        Container::run(&[&fixed, variables.as_slice(), &labels, &[&image, "-c", &start]].concat());
    let ask = |sql: &str, database: &str| {
        let script = format!("{clean} psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -U postgres -w \"$1\"");
        let command = ["env", "PGPASSWORD=secret", "sh", "-c", &script, "sh", database];
        container.feed(&command, sql.as_bytes()).0
    };
    let psql = |sql: &str, database: &str| drop(ask(sql, database).unwrap());
    // While the image sets the server up, it answers on its socket only.
    until("the server answers", || ask("SELECT 1;", "postgres").is_ok());
    write(&container, "/etc/other.conf", "[other]\nuser=nobody\ndbname=template1\nhost=/tmp\n");
    write(&container, "/root/.psqlrc", "\\! touch /tmp/psqlrc\n");
    psql("CREATE DATABASE shop;", "postgres");
    psql(
        "CREATE TABLE item (id int PRIMARY KEY, name text, raw bytea, at timestamptz);
         INSERT INTO item VALUES (1, 'é✓', '\\x00ff', '2026-01-01 12:00:00+00');
         ALTER ROLE postgres SET quote_all_identifiers = on;
         ALTER ROLE postgres SET statement_timeout = 1;
         ALTER ROLE postgres SET lock_timeout = 1;
         ALTER ROLE postgres SET idle_in_transaction_session_timeout = 1;
         ALTER ROLE postgres SET search_path = nowhere;
         ALTER ROLE postgres SET bytea_output = escape;
         ALTER ROLE postgres SET extra_float_digits = -15;
         ALTER ROLE postgres SET default_transaction_read_only = on;
         ALTER ROLE postgres SET client_encoding = 'LATIN1';
         ALTER DATABASE shop SET client_encoding = 'SQL_ASCII';
         ALTER DATABASE shop SET datestyle = 'SQL, DMY';
         ALTER DATABASE shop SET timezone = 'Asia/Tokyo';",
        "shop",
    );
    let (content, text, _) = dumped(&world);
    let databases: Vec<_> = content.iter().filter_map(|(database, _)| database.as_str()).collect();
    assert_eq!(databases, ["postgres", "shop"]);
    let row = "1\té✓\t\\\\x00ff\t2026-01-01 12:00:00+00\n";
    assert!(text.contains(row) && text.contains("SET client_encoding = 'UTF8'"), "{text}");
    assert!(text.contains("CREATE TABLE public.item"), "{text}");
    // An amount of money is read in the way it was printed.
    assert!(text.contains("SET lc_monetary = 'C';\n"), "{text}");
    assert!(container.try_exec(&["test", "-e", "/tmp/psqlrc"]).is_err());
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn variables_of_postgresql_15_change_nothing() {
    variables_of_postgresql(POSTGRESQL_15);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn variables_of_postgresql_17_change_nothing() {
    variables_of_postgresql(POSTGRESQL_17);
}
