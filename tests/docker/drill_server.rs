//! The server of a drill: like the target as far as a backup needs that, and with nothing that happens by itself.

use super::drill::{Image, result, scratch};
use super::support::docker::{Container, docker, unique, until};
use super::support::servers::{MARIADB_11_8, MYSQL_9_7, POSTGRESQL_17, Product, Server};
use super::support::world::World;

/// A target whose server is started with these arguments.
fn started(world: &World, product: Product, password: &str, labels: &[(&str, &str)], args: &[&str]) -> Server {
    let labels = world.labels(labels);
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let (env, image) = (format!("{}={password}", product.password_variable()), product.image());
    let settings = ["-e", &env, "--tmpfs", product.data()];
    let container = Container::run(&[&settings, labels.as_slice(), &[image.as_str()], args].concat());
    Server::of(product, container, password).wait()
}

fn drills_well(world: &World) {
    let ended = world.run(&["drill"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(scratch(world), "");
}

/// An event each second, and a server whose names of tables are those of its command line: it cannot be asked for them any more.
#[test]
#[ignore = "needs Docker"]
fn a_server_of_a_drill_runs_no_event_and_has_the_names_of_the_target() {
    let world = World::new();
    let query = "SELECT CONCAT_WS(' ', SLEEP(2), COUNT(*), (SELECT COUNT(*) FROM orders), @@event_scheduler, \
                 @@lower_case_table_names, @@max_connections <> 17) FROM beat";
    let labels =
        [("name", "source"), ("drill.query", query), ("drill.expect", "0 3 30 OFF 1 1"), ("engine", "mysql")];
    let args = ["--lower-case-table-names=1", "--max-connections", "17", "--log-bin=/var/lib/mysql/here"];
    let source = started(&world, MYSQL_9_7, "secret", &labels, &args);
    source.sql(
        "CREATE DATABASE Shop; CREATE TABLE Shop.Orders (id INT PRIMARY KEY AUTO_INCREMENT);
         INSERT INTO Shop.Orders WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 30) SELECT i FROM n;
         CREATE TABLE Shop.Beat (t DATETIME); INSERT INTO Shop.Beat VALUES (NOW()), (NOW()), (NOW());
         CREATE EVENT Shop.e ON SCHEDULE EVERY 1 SECOND STARTS '2099-01-01' DO INSERT INTO Shop.Beat VALUES (NOW());
         SET GLOBAL event_scheduler = OFF; ALTER EVENT Shop.e ON SCHEDULE EVERY 1 SECOND STARTS '2020-01-01';\n",
    );
    world.back_up();
    drills_well(&world);
}

/// Its accounts are what a backup replaces: whoever loads is none of them.
#[test]
#[ignore = "needs Docker"]
fn no_account_of_a_mariadb_backup_ends_the_drill() {
    let world = World::new();
    let query = "SELECT CONCAT_WS(' ', SLEEP(2), COUNT(*), @@event_scheduler, @@lower_case_table_names) FROM beat";
    let labels = [
        ("name", "source"),
        ("user", "backup"),
        ("password-file", "/tmp/backup"),
        ("drill.query", query),
        ("drill.expect", "0 3 OFF 1"),
    ];
    let args = ["mariadbd", "--event-scheduler=ON", "--lower_case_table_names", "1", "--plugin-load-add=simple_password_check"];
    let source = started(&world, MARIADB_11_8, "Secret-1!a", &labels, &args);
    source.sql(
        "CREATE USER backup@localhost IDENTIFIED BY 'Kept-1!a'; GRANT ALL ON *.* TO backup@localhost;
         CREATE USER dumpcar_drill@localhost IDENTIFIED BY 'Kept-1!b';
         CREATE DATABASE shop; CREATE TABLE shop.beat (t DATETIME);
         INSERT INTO shop.beat VALUES (NOW()), (NOW()), (NOW());
         SET GLOBAL event_scheduler = OFF;
         CREATE EVENT shop.e ON SCHEDULE EVERY 1 SECOND STARTS '2020-01-01' DO INSERT INTO shop.beat VALUES (NOW());
         ALTER USER root@localhost IDENTIFIED BY 'Other-1!b';\n",
    );
    source.container.exec(&["sh", "-c", "printf 'Kept-1!a' >/tmp/backup"]);
    world.back_up();
    drills_well(&world);
}
