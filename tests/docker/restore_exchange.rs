use super::restore::similar;
use super::support::servers::{Kind, MARIADB_10_11, MARIADB_11_8, MYSQL_9_7, Product, Server};
use super::support::world::{Ended, World};

/// A database with what reaches out of it, and one that reaches into it.
const SHOP: &str = "
SET time_zone = '+00:00';
CREATE TABLE customers (id int PRIMARY KEY, name varchar(20));
INSERT INTO customers VALUES (1, 'one'), (2, 'two');
CREATE TABLE o (id int PRIMARY KEY AUTO_INCREMENT, x int);
CREATE TABLE log (line varchar(80));
CREATE TABLE isam (a int) ENGINE = MyISAM;
INSERT INTO isam VALUES (7);
CREATE TABLE parted (a int PRIMARY KEY) PARTITION BY HASH (a) PARTITIONS 3;
INSERT INTO parted VALUES (1), (2), (3);
CREATE TABLE texts (t text, FULLTEXT KEY words (t));
INSERT INTO texts VALUES ('found');
CREATE TABLE blobs (id int PRIMARY KEY, d longblob);
INSERT INTO blobs VALUES (1, REPEAT(x'07', 9 * 1024 * 1024));
CREATE TABLE ledger (id int PRIMARY KEY, other int, CONSTRAINT out_ FOREIGN KEY (other) REFERENCES crm.orders (id));
CREATE TABLE crm.visits (id int PRIMARY KEY, customer int, CONSTRAINT in_ FOREIGN KEY (customer)
    REFERENCES shop.customers (id) ON DELETE CASCADE);
INSERT INTO crm.visits VALUES (1, 1);
CREATE FUNCTION plus (a int, b int) RETURNS int DETERMINISTIC RETURN a + b;
CREATE VIEW v AS SELECT id, shop.plus(id, 1) AS more FROM customers;
CREATE VIEW a_view_of_v AS SELECT * FROM v;
CREATE VIEW of_crm AS SELECT id FROM crm.orders;
CREATE TRIGGER shop.t1 BEFORE INSERT ON shop.o FOR EACH ROW SET NEW.x = 1;
CREATE TRIGGER shop.t2 AFTER INSERT ON shop.o FOR EACH ROW INSERT INTO shop.log VALUES (NEW.id);
CREATE EVENT beat ON SCHEDULE EVERY 1 SECOND DO INSERT INTO shop.log VALUES ('beat');
CREATE EVENT idle ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM log;
GRANT EXECUTE ON FUNCTION shop.plus TO clerk;
GRANT SELECT ON shop.customers TO clerk;
ALTER DATABASE shop COLLATE utf8mb4_bin;
";

/// With line ends and comments that have to stay.
const CRLF: &[u8] = b"DELIMITER //\nCREATE PROCEDURE crlf () BEGIN\r\n  /* a comment */ -- it's; another\r\n  SELECT 'a\r\nb';\r\nEND //\nDELIMITER ;\n";

const MARIADB_ONLY: &[u8] = b"CREATE SEQUENCE counter;\nCREATE TABLE numbered (id bigint DEFAULT NEXTVAL(shop.counter), a int);\n\
    INSERT INTO numbered (a) VALUES (1);\nCREATE TABLE versioned (id int PRIMARY KEY, a text) WITH SYSTEM VERSIONING;\n\
    INSERT INTO versioned VALUES (1, 'a');\nUPDATE versioned SET a = 'b';\n";

fn scene(world: &World, product: Product) -> Server {
    let server = Server::target(world, product, "secret", &[("name", "t")]);
    server.sql("SET GLOBAL event_scheduler = OFF;");
    server.sql("CREATE DATABASE shop; CREATE DATABASE crm; CREATE USER clerk IDENTIFIED BY 'x';");
    server.load("crm", b"CREATE TABLE orders (id int PRIMARY KEY);\nINSERT INTO orders VALUES (1);\n");
    server.load("shop", SHOP.as_bytes());
    load_binary(&server, CRLF);
    // Of a server that takes rows that may be too long.
    let columns: Vec<_> = (0..250).map(|n| format!("c{n} varchar(10)")).collect();
    let wide = format!(
        "SET SESSION innodb_strict_mode = OFF;\nCREATE TABLE wide ({}) CHARACTER SET utf8mb4;\n",
        columns.join(", ")
    );
    server.load("shop", wide.as_bytes());
    if product.kind == Kind::Mariadb {
        server.load("shop", MARIADB_ONLY);
    }
    server
}

/// The stock client otherwise makes one line end of two bytes.
fn load_binary(server: &Server, sql: &[u8]) {
    let tool = if server.product.kind == Kind::Mariadb { "mariadb" } else { "mysql" };
    let script = format!(
        "MYSQL_PWD=secret exec {tool} -uroot --binary-mode --comments --default-character-set=utf8mb4 shop"
    );
    server.container.feed(&["sh", "-c", &script], sql).0.unwrap();
}

/// All that is in both databases: rows by their checksums, definitions as the server prints them.
fn content(server: &Server) -> String {
    let tool =
        if server.product.kind == Kind::Mariadb { "mariadb-dump" } else { "mysqldump --set-gtid-purged=OFF" };
    let script = format!(
        "MYSQL_PWD=secret {tool} -uroot --routines --triggers --events --no-data --skip-comments --skip-dump-date --databases shop crm"
    );
    let definitions = server.container.exec(&["sh", "-c", &script]);
    let definitions: Vec<_> = definitions.lines().filter(|line| !line.contains("SETVAL")).collect();
    let tables = server.sql(
        "SELECT CONCAT('CHECKSUM TABLE `', table_schema, '`.`', table_name, '`;') FROM information_schema.tables \
         WHERE table_schema IN ('shop', 'crm') AND table_type <> 'VIEW' AND table_type <> 'SEQUENCE' \
         ORDER BY table_schema, table_name;\n",
    );
    let rows = server.sql(&tables);
    let seen = server.sql(
        "SELECT HEX(routine_definition) FROM information_schema.routines WHERE routine_schema = 'shop' ORDER BY routine_name;\n\
         SELECT * FROM shop.a_view_of_v;\nSELECT * FROM shop.of_crm;\nSHOW GRANTS FOR clerk;\n\
         SELECT user, host, db, routine_name, proc_priv FROM mysql.procs_priv;\n\
         SELECT @@GLOBAL.max_allowed_packet, @@GLOBAL.automatic_sp_privileges;\n\
         SELECT * FROM shop.texts WHERE MATCH (t) AGAINST ('found');\n",
    );
    format!("{}\n{rows}\n{seen}", definitions.join("\n"))
}

pub(super) fn assert_nothing_is_left(server: &Server) {
    let databases = server.sql("SHOW DATABASES;\n");
    assert!(!databases.contains("dumpcar"), "{databases}");
}

pub(super) fn restore(world: &World, args: &[&str]) -> Ended {
    let ended = world.run(&[&["restore", "t", "--yes"], args].concat());
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    ended
}

pub(super) fn restored(world: &World, args: &[&str]) -> Ended {
    let ended = restore(world, args);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    ended
}

/// The words of a restore that was not done.
pub(super) fn refused(world: &World, args: &[&str]) -> String {
    let ended = restore(world, args);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    ended.problem()
}

/// What is said to the server before everything is there, as far as it is not the text of a trigger or the like.
fn heads_of_the_load(server: &Server) -> Vec<String> {
    let log = server.sql("SELECT REPLACE(CONVERT(LEFT(argument, 3000) USING utf8mb4), '\\n', ' ') FROM mysql.general_log ORDER BY event_time;\n");
    let is_body = ["FOR EACH ROW", " DO ", "BEGIN", "RETURN "];
    log.lines()
        .take_while(|line| !line.contains("exchange_before"))
        .filter(|line| !line.contains("information_schema") && !line.starts_with("root@"))
        .map(|line| {
            is_body.iter().filter_map(|word| line.find(word)).min().map_or(line, |at| &line[..at]).to_owned()
        })
        .collect()
}

/// What is found only when everything was loaded, and when it is in place already.
fn what_fails_late_leaves_all_as_it_was(world: &World, server: &Server) {
    // The key of `crm` cannot point to what is in the backup.
    server.sql("ALTER TABLE crm.visits DROP FOREIGN KEY in_;");
    server.load("shop", b"UPDATE customers SET name = 'new';\nINSERT INTO o VALUES (5, 5);\nALTER TABLE customers MODIFY id bigint;\n");
    server.sql(
        "ALTER TABLE crm.visits MODIFY customer bigint; ALTER TABLE crm.visits ADD CONSTRAINT in_ FOREIGN KEY \
         (customer) REFERENCES shop.customers (id) ON DELETE CASCADE;",
    );
    let old = content(server);
    let problem = refused(world, &["--database", "shop"]);
    println!("{problem}");
    assert!(problem.contains("in_") && problem.ends_with("; nothing was changed"), "{problem}");
    similar(&old, &content(server));
    assert_nothing_is_left(server);
    server.sql(
        "ALTER TABLE crm.visits DROP FOREIGN KEY in_; ALTER TABLE crm.visits MODIFY customer int; \
         ALTER TABLE shop.customers MODIFY id int; \
         ALTER TABLE crm.visits ADD CONSTRAINT in_ FOREIGN KEY (customer) REFERENCES shop.customers (id) ON DELETE CASCADE;",
    );
}

fn a_copy_reaches_nothing_of_the_original(world: &World, server: &Server) {
    let old = content(server);
    let problem = refused(world, &["--database", "shop", "--as", "copy"]);
    println!("{problem}");
    assert!(problem.contains("by name: trigger t2;") && problem.contains("--allow-references"), "{problem}");
    assert!(problem.ends_with("; nothing was changed"), "{problem}");
    assert!(!server.sql("SHOW DATABASES;").contains("copy"));
    let ended = restored(world, &["--database", "shop", "--as", "copy", "--allow-references"]);
    assert!(
        ended.stderr.contains("events of a copy are disabled") && ended.stderr.contains("\"beat\""),
        "{}",
        ended.stderr
    );
    let events =
        server.sql("SELECT event_schema, event_name, status FROM information_schema.events ORDER BY 1, 2;");
    assert_eq!(
        events,
        "copy\tbeat\tDISABLED\ncopy\tidle\tDISABLED\nshop\tbeat\tENABLED\nshop\tidle\tDISABLED\n"
    );
    similar(&old, &content(server));
    assert_eq!(server.sql("SELECT * FROM copy.a_view_of_v;"), server.sql("SELECT * FROM shop.a_view_of_v;"));
    if server.product.kind == Kind::Mariadb {
        let taken = "SELECT next_not_cached_value FROM shop.counter;";
        let before = server.sql(taken);
        server.sql("INSERT INTO copy.numbered (a) VALUES (1);");
        assert_eq!(server.sql(taken), before);
    }
    server.sql("DROP DATABASE copy;");
}

fn one_comes_back_beside_those_that_use_it(world: &World, server: &Server, whole: &str) {
    server.load(
        "shop",
        b"DROP TRIGGER t1;\nDROP VIEW of_crm;\nDELETE FROM isam;\nDROP FUNCTION plus;\nDROP TABLE blobs;\n\
          CREATE TABLE since (a int);\nCREATE TABLE of_crm (a int);\nDELETE FROM o;\nALTER DATABASE shop COLLATE utf8mb4_general_ci;\n\
          CREATE FUNCTION plus (a int, b int) RETURNS int DETERMINISTIC RETURN a;\nGRANT EXECUTE ON FUNCTION shop.plus TO clerk;\n",
    );
    server.container.exec(&["sh", "-c", "echo stray >/var/lib/mysql/shop/stray.txt"]);
    server.sql("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON;");
    restored(world, &["--database", "shop"]);
    server.sql("SET GLOBAL general_log = OFF;");
    similar(whole, &content(server));
    assert_nothing_is_left(server);
    let heads = heads_of_the_load(server);
    assert!(heads.iter().any(|head| head.starts_with("INSERT INTO `customers`")), "{heads:#?}");
    // Then the old definitions are read.
    let end = heads
        .iter()
        .position(|head| head.contains("LOGFILE GROUP") || head.starts_with("shop"))
        .unwrap_or(heads.len());
    for head in &heads[..end] {
        assert!(!head.contains("`shop`") && !head.contains("shop."), "{head}: {heads:#?}");
    }
    assert!(end > 50, "{heads:#?}");
    // The key of the other database works.
    server.sql("DELETE FROM shop.customers WHERE id = 1;");
    assert_eq!(server.sql("SELECT COUNT(*) FROM crm.visits;").trim(), "0");
}

fn all_come_back_together(world: &World, server: &Server, whole: &str) {
    let other = Server::plain(server.product, "secret");
    other.sql("SET GLOBAL event_scheduler = OFF;");
    restored(world, &["--to", &other.container.name, "--globals"]);
    similar(whole, &content(&other));
    assert_nothing_is_left(&other);
    server.sql("DROP TABLE crm.visits; DELETE FROM shop.isam;");
    restored(world, &[]);
    similar(whole, &content(server));
    assert_nothing_is_left(server);
}

/// One server for all of it.
fn databases_change_places(product: Product) {
    let world = World::new();
    let server = scene(&world, product);
    let whole = content(&server);
    world.back_up();
    a_copy_reaches_nothing_of_the_original(&world, &server);
    what_fails_late_leaves_all_as_it_was(&world, &server);
    one_comes_back_beside_those_that_use_it(&world, &server, &whole);
    all_come_back_together(&world, &server, &whole);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn databases_of_a_mariadb_10_11_change_places() {
    databases_change_places(MARIADB_10_11);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn databases_of_a_mariadb_11_8_change_places() {
    databases_change_places(MARIADB_11_8);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn databases_of_a_mysql_9_7_change_places() {
    databases_change_places(MYSQL_9_7);
}

/// The accounts of one server, in another one whose administrator and health check have other passwords.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn accounts_are_restored_but_for_those_a_server_has_to_itself() {
    let world = World::new();
    let server = Server::target(&world, MARIADB_10_11, "secret", &[("name", "t")]);
    server.sql(
        "CREATE DATABASE shop; CREATE TABLE shop.goods (a int); CREATE USER healthcheck@localhost IDENTIFIED BY 'one'; \
         CREATE USER clerk IDENTIFIED BY 'x'; GRANT SELECT ON shop.* TO clerk; INSTALL SONAME 'auth_ed25519'; \
         CREATE USER ed IDENTIFIED VIA ed25519 USING PASSWORD('y'); GRANT SELECT ON shop.* TO ed; CREATE USER odd@localhost IDENTIFIED BY 'z'; GRANT SELECT ON shop.* TO odd@localhost;",
    );
    world.back_up();
    // No plugin of that name can be had there.
    let other = Server::plain(MARIADB_11_8, "another");
    other
        .sql("CREATE USER healthcheck@localhost IDENTIFIED BY 'two'; CREATE USER clerk IDENTIFIED BY 'old';");
    let hash = "SELECT user, host, authentication_string FROM mysql.user WHERE user IN ('root', 'healthcheck') ORDER BY 1, 2;";
    let before = other.sql(hash);
    let ended = restore(&world, &["--to", &other.container.name, "--globals"]);
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("account ed@%: this server has not its authentication plugin (error 1524)"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("accounts left alone") && ended.stderr.contains("healthcheck@localhost"),
        "{}",
        ended.stderr
    );
    assert_eq!(other.sql(hash), before);
    let clerk = "SELECT authentication_string FROM mysql.user WHERE user = 'clerk';";
    assert_eq!(other.sql(clerk), server.sql(clerk));
    assert!(other.sql("SHOW GRANTS FOR odd@localhost;").contains("`shop`"));
}

/// One of an older server: its plugin, and a privilege, are not known any more; the database's collation to the server of its kind.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_a_server_does_not_know_is_named_before_anything_is_changed() {
    let world = World::new();
    let server = Server::target(&world, MYSQL_9_7, "secret", &[("name", "t")]);
    server.sql("CREATE DATABASE shop COLLATE utf8mb4_0900_ai_ci; CREATE TABLE shop.goods (a int); CREATE USER clerk IDENTIFIED BY 'x';");
    world.back_up();
    let other = Server::plain(MARIADB_10_11, "secret");
    other.sql("CREATE DATABASE shop; CREATE TABLE shop.goods (word varchar(20)); INSERT INTO shop.goods VALUES ('as it was');");
    let problem = refused(&world, &["--to", &other.container.name]);
    println!("{problem}");
    assert!(
        problem.contains("utf8mb4_0900_ai_ci") && problem.ends_with("; nothing was changed"),
        "{problem}"
    );
    assert_eq!(other.sql("SELECT word FROM shop.goods;").trim(), "as it was");
    assert_nothing_is_left(&other);
    // An account that cannot be had does not cost the others theirs.
    server.sql("DROP DATABASE shop; CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; CREATE TABLE shop.goods (a int);");
    world.back_up();
    let ended = restore(&world, &["--to", &other.container.name, "--globals"]);
    println!("{}", ended.stderr);
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert!(
        ended.stderr.contains(
            "account clerk@%: it has a grant or an option that this server does not know (error 1064)"
        ),
        "{}",
        ended.stderr
    );
    assert_eq!(other.sql("SELECT COUNT(*) FROM shop.goods;").trim(), "0");
}
