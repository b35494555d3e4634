use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use super::restore::similar;
use super::restore_exchange::{assert_nothing_is_left, refused, restore, restored};
use super::support::docker::until;
use super::support::servers::{Kind, MARIADB_10_11, MARIADB_11_8, MYSQL_9_7, Product, Server};
use super::support::world::World;

/// What does not come back by itself: triggers in an order that is neither that of their names nor of their making; functions that
/// say nothing of what they do, in a server that logs; a default that looks like a sequence's; a view whose definer is gone.
const SHOP: &str = "
CREATE TABLE customers (id int PRIMARY KEY, kind varchar(30) DEFAULT 'removal(s)');
INSERT INTO customers (id) VALUES (1), (2);
CREATE TABLE orders (id int PRIMARY KEY, customer int, CONSTRAINT own FOREIGN KEY (customer) REFERENCES customers (id));
INSERT INTO orders VALUES (1, 1);
CREATE TABLE blobs (id int PRIMARY KEY, d longblob);
INSERT INTO blobs VALUES (1, REPEAT(x'07', 3 * 1024 * 1024));
CREATE TABLE gone (id int PRIMARY KEY);
CREATE TABLE crm.visits (id int PRIMARY KEY, customer int, CONSTRAINT in_ FOREIGN KEY (customer) REFERENCES shop.customers (id));
INSERT INTO crm.visits VALUES (1, 1);
CREATE FUNCTION dice () RETURNS int RETURN RAND() * 6;
CREATE VIEW seen AS SELECT * FROM customers;
CREATE VIEW also_seen AS SELECT * FROM seen;
CREATE DEFINER = nobody@localhost SQL SECURITY INVOKER VIEW of_nobody AS SELECT id FROM customers;
CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW SET NEW.customer = 1;
CREATE TRIGGER a BEFORE INSERT ON orders FOR EACH ROW FOLLOWS t SET NEW.customer = NEW.customer * 1;
CREATE TRIGGER z BEFORE INSERT ON orders FOR EACH ROW PRECEDES t SET NEW.customer = 2;
CREATE TRIGGER m BEFORE INSERT ON orders FOR EACH ROW FOLLOWS t SET NEW.customer = NEW.customer + 0;
CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1;
";

const SEQUENCES: &[u8] =
    b"CREATE SEQUENCE one;\nCREATE SEQUENCE crm.other;\nCREATE TABLE numbered (id int PRIMARY KEY, \
    a bigint DEFAULT NEXTVAL(one), b bigint DEFAULT LASTVAL(one), c bigint DEFAULT NEXTVAL(crm.other));\n\
    INSERT INTO numbered (id) VALUES (1);\nCREATE VIEW of_numbered AS SELECT * FROM numbered;\n";

/// Kills the session that exchanges databases, so many seconds after it has begun. Each says by a lock that it watches, and ends
/// when it is over: a restore may be quicker.
const KILLER: &str = "CREATE DATABASE tool;\nUSE tool;\nCREATE TABLE ends (is_over int);\nDELIMITER //
CREATE PROCEDURE killer (pause double) BEGIN
    DECLARE found bigint;
    DO GET_LOCK('watching', 60);
    REPEAT
        SELECT MAX(IS_USED_LOCK(CONCAT('dumpcar-', SUBSTRING_INDEX(SUBSTRING_INDEX(schema_name, '_', -2), '_', 1)))) INTO found
            FROM information_schema.schemata WHERE schema_name LIKE 'dumpcar\\_replaced\\_%\\_00';
    UNTIL found IS NOT NULL OR EXISTS (SELECT * FROM ends) END REPEAT;
    IF found IS NOT NULL THEN
        DO SLEEP(pause);
        KILL found;
        SELECT 'killed';
    END IF;
END //
CREATE PROCEDURE load_killer () BEGIN
    DECLARE found bigint;
    DO GET_LOCK('watching', 60);
    REPEAT
        SELECT IS_USED_LOCK('dumpcar-load') INTO found;
    UNTIL found IS NOT NULL OR EXISTS (SELECT * FROM ends) END REPEAT;
    IF found IS NOT NULL THEN
        DO SLEEP(0.05);
        KILL found;
        SELECT 'killed';
    END IF;
END //\nDELIMITER ;\n";

fn scene(world: &World, product: Product) -> Server {
    let labels =
        [("name", "t"), ("user", "keeper"), ("password-file", "/tmp/keeper"), ("databases", "shop,crm")];
    let server = Server::target(world, product, "secret", &labels);
    server.container.exec(&["sh", "-c", "echo word >/tmp/keeper"]);
    server.sql("CREATE USER keeper@localhost IDENTIFIED BY 'word'; GRANT ALL ON *.* TO keeper@localhost WITH GRANT OPTION;");
    server.sql("SET GLOBAL event_scheduler = OFF; SET GLOBAL log_bin_trust_function_creators = 1;");
    server.sql(KILLER);
    server.sql("CREATE DATABASE crm; CREATE DATABASE shop;");
    server.load("shop", SHOP.as_bytes());
    if product.kind == Kind::Mariadb {
        server.load("shop", SEQUENCES);
    }
    server.sql("SET GLOBAL log_bin_trust_function_creators = 0;");
    server
}

fn content(server: &Server) -> String {
    let tables = server.sql(
        "SELECT CONCAT('CHECKSUM TABLE `', table_schema, '`.`', table_name, '`;') FROM information_schema.tables \
         WHERE table_schema IN ('shop', 'crm') AND table_type = 'BASE TABLE' ORDER BY table_schema, table_name;\n",
    );
    let rows = server.sql(&tables);
    let definitions = server.sql(
        "SELECT table_schema, table_name, view_definition, definer FROM information_schema.views WHERE table_schema IN ('shop', 'crm') ORDER BY 1, 2;\n\
         SELECT trigger_name, action_order, action_statement FROM information_schema.triggers WHERE trigger_schema = 'shop' ORDER BY 1;\n\
         SELECT routine_name, routine_definition FROM information_schema.routines WHERE routine_schema = 'shop' ORDER BY 1;\n\
         SELECT event_name, status, event_definition FROM information_schema.events WHERE event_schema = 'shop' ORDER BY 1;\n\
         SELECT constraint_schema, constraint_name, unique_constraint_schema, referenced_table_name FROM information_schema.referential_constraints ORDER BY 1, 2;\n\
         SELECT table_schema, table_name, column_name, column_default FROM information_schema.columns WHERE table_schema IN ('shop', 'crm') ORDER BY 1, 2, 3;\n\
         SELECT @@GLOBAL.max_allowed_packet, @@GLOBAL.automatic_sp_privileges, @@GLOBAL.log_bin_trust_function_creators;\n",
    );
    format!("{rows}\n{definitions}")
}

/// Does `work` while somebody watches for a session to kill, and says whether that one was killed.
fn while_watched<T>(server: &Server, call: &str, work: impl FnOnce() -> T) -> (T, bool) {
    thread::scope(|scope| {
        let killer = scope.spawn(|| server.sql(call));
        until("the killer watches", || server.sql("SELECT IS_USED_LOCK('watching');").trim() != "NULL");
        // It ends whatever becomes of the work.
        let done = catch_unwind(AssertUnwindSafe(work));
        server.sql("INSERT INTO tool.ends VALUES (1);");
        // The session may have ended before it was killed.
        let has_killed = killer.join().is_ok_and(|said| said.trim() == "killed");
        server.sql("DELETE FROM tool.ends;");
        (done.unwrap_or_else(|panic| resume_unwind(panic)), has_killed)
    })
}

/// What a server demands of everybody's tables and sessions; and databases that need each other, of which there is none yet.
fn what_is_odd_comes_back(world: &World, server: &Server, whole: &str) {
    let (strict, usual) = match server.product.kind {
        Kind::Mariadb => ("innodb_force_primary_key = ON", "innodb_force_primary_key = OFF"),
        Kind::Mysql | Kind::Postgresql => ("sql_require_primary_key = ON", "sql_require_primary_key = OFF"),
    };
    let mode = server.sql("SELECT @@GLOBAL.sql_mode;");
    server.sql(&format!("SET GLOBAL {strict}; SET GLOBAL autocommit = OFF; SET GLOBAL sql_mode = 'ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH';"));
    let ended = restored(world, &[]);
    server.sql("SET SESSION autocommit = ON; SET SESSION foreign_key_checks = OFF; DROP DATABASE crm; DROP DATABASE shop;");
    let again = restored(world, &[]);
    server.sql(&format!(
        "SET GLOBAL {usual}; SET GLOBAL autocommit = ON; SET GLOBAL sql_mode = '{}';",
        mode.trim()
    ));
    similar(whole, &content(server));
    assert_nothing_is_left(server);
    assert!(!ended.stderr.contains("put back") && !again.stderr.contains("put back"), "{}", again.stderr);
}

/// Each of these is found only when everything was loaded, or while it is.
fn what_fails_late_leaves_all_as_it_was(world: &World, server: &Server) {
    // A view that is broken cannot be made again, so it has to stay.
    server.load(
        "shop",
        b"INSERT INTO customers VALUES (3, 'new');\nINSERT INTO orders VALUES (7, 3);\nDROP TABLE gone;\n\
          CREATE TABLE bare (x int, y int);\nCREATE VIEW broken AS SELECT x FROM bare;\nALTER TABLE bare DROP COLUMN x;\n\
          ALTER TABLE orders DROP FOREIGN KEY own;\nALTER TABLE crm.visits DROP FOREIGN KEY in_;\n\
          ALTER TABLE customers MODIFY id bigint;\nALTER TABLE crm.visits MODIFY customer bigint;\n\
          ALTER TABLE crm.visits ADD CONSTRAINT in_ FOREIGN KEY (customer) REFERENCES shop.customers (id);\n",
    );
    let old = content(server);
    let fails = |why: &str, words: &[&str]| {
        let problem = refused(world, &["--database", "shop"]);
        println!("{why}: {problem}");
        assert!(words.iter().all(|word| problem.contains(word)), "{why}: {problem}");
        assert!(problem.ends_with("; nothing was changed"), "{why}: {problem}");
        similar(&old, &content(server));
        assert_nothing_is_left(server);
    };
    fails("a key of another database", &["in_"]);

    let stray = ["sh", "-c", "cd /var/lib/mysql/shop && cp customers.ibd gone.ibd"];
    server.container.exec(&stray);
    fails("a stray file", &["gone"]);
    server.container.exec(&["rm", "/var/lib/mysql/shop/gone.ibd"]);

    let ((), was_killed) = while_watched(server, "CALL tool.load_killer();", || {
        fails("an end of the loading session", &["restore database \"shop\"", "ended the session"]);
    });
    assert!(was_killed);

    let rights = match server.product.kind {
        Kind::Mariadb => "SUPER",
        Kind::Mysql | Kind::Postgresql => "SUPER, SYSTEM_VARIABLES_ADMIN",
    };
    let limit = server.sql("SELECT @@GLOBAL.max_allowed_packet;");
    server.sql(&format!(
        "SET GLOBAL max_allowed_packet = 1048576; REVOKE {rights} ON *.* FROM keeper@localhost;"
    ));
    let small = content(server);
    let problem = refused(world, &["--database", "shop"]);
    println!("a packet: {problem}");
    assert!(
        problem.contains("max_allowed_packet") && problem.ends_with("; nothing was changed"),
        "{problem}"
    );
    similar(&small, &content(server));
    server
        .sql(&format!("SET GLOBAL max_allowed_packet = {limit}; GRANT {rights} ON *.* TO keeper@localhost;"));
    similar(&old, &content(server));
    assert_nothing_is_left(server);
}

/// By somebody who ends the session in the middle of it.
fn an_exchange_that_is_ended_is_finished_or_taken_back(world: &World, server: &Server, whole: &str) {
    server.sql("ALTER TABLE crm.visits DROP FOREIGN KEY in_; ALTER TABLE crm.visits MODIFY customer int;");
    let mut ended_by_killer = 0;
    for pause in [0.0, 0.004, 0.01, 0.02, 0.08] {
        server.load("shop", b"DELETE FROM orders;\nDROP VIEW IF EXISTS also_seen;\n");
        let old = content(server);
        let call = format!("CALL tool.killer({pause});");
        let (ended, was_killed) = while_watched(server, &call, || restore(world, &["--database", "shop"]));
        ended_by_killer += u32::from(was_killed);
        println!("after {pause} s: {} {:?}", ended.status, ended.reasons());
        assert_nothing_is_left(server);
        if ended.status == 0 {
            // The rest of what the killer broke off was done behind it.
            assert!(content(server).contains("also_seen"));
        } else {
            assert!(ended.problem().ends_with("; nothing was changed"), "{}", ended.stderr);
            similar(&old, &content(server));
        }
    }
    assert!(ended_by_killer > 0);
    restored(world, &[]);
    similar(whole, &content(server));
}

/// One server for all of it.
fn a_restore_that_fails_late(product: Product) {
    let world = World::new().set("DUMPCAR_COMPRESSION", "none");
    let server = scene(&world, product);
    let whole = content(&server);
    world.back_up();
    what_is_odd_comes_back(&world, &server, &whole);
    what_fails_late_leaves_all_as_it_was(&world, &server);
    an_exchange_that_is_ended_is_finished_or_taken_back(&world, &server, &whole);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_restore_that_fails_late_leaves_a_mariadb_10_11_as_it_was() {
    a_restore_that_fails_late(MARIADB_10_11);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_restore_that_fails_late_leaves_a_mariadb_11_8_as_it_was() {
    a_restore_that_fails_late(MARIADB_11_8);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_restore_that_fails_late_leaves_a_mysql_9_7_as_it_was() {
    a_restore_that_fails_late(MYSQL_9_7);
}
