//! The server of a drill: like the target as far as a backup needs that, and with nothing that happens by itself.

use super::drill::Image;
use super::support::docker::{Container, docker, unique, until};
use super::support::servers::{MARIADB_11_8, MYSQL_9_7, POSTGRESQL_17, Product, Server};
use super::support::world::World;

/// A target whose server is started with these arguments.
fn started(
    world: &World,
    product: Product,
    password: &str,
    labels: &[(&str, &str)],
    args: &[&str],
) -> Server {
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
    assert_eq!(world.scratch(), "");
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
    let query = "SELECT CONCAT_WS(' ', SLEEP(2), COUNT(*), @@event_scheduler, @@lower_case_table_names, @@innodb_strict_mode) FROM beat";
    let labels = [
        ("name", "source"),
        ("user", "backup"),
        ("password-file", "/tmp/backup"),
        ("drill.query", query),
        ("drill.expect", "0 3 OFF 1 OFF"),
    ];
    let args = [
        "mariadbd",
        "--event-scheduler=ON",
        "--lower_case_table_names=1",
        "--character-set-server",
        "utf8mb4",
        "--plugin-load-add=simple_password_check",
    ];
    let source = started(&world, MARIADB_11_8, "Secret-1!a", &labels, &args);
    source.sql(
        "CREATE USER backup@localhost IDENTIFIED BY 'Kept-1!a'; GRANT ALL ON *.* TO backup@localhost;
         CREATE USER dumpcar_drill@localhost IDENTIFIED BY 'Kept-1!b';
         CREATE DATABASE shop; CREATE TABLE shop.beat (t DATETIME);
         INSERT INTO shop.beat VALUES (NOW()), (NOW()), (NOW());
         SET GLOBAL event_scheduler = OFF; SET GLOBAL innodb_strict_mode = OFF;
         CREATE EVENT shop.e ON SCHEDULE EVERY 1 SECOND STARTS '2020-01-01' DO INSERT INTO shop.beat VALUES (NOW());
         ALTER USER root@localhost IDENTIFIED BY 'Other-1!b';\n",
    );
    source.container.exec(&["sh", "-c", "printf 'Kept-1!a' >/tmp/backup"]);
    world.back_up();
    drills_well(&world);
}

/// Who set the server up is no administrator any more, and has limits; tablespaces, and a library that only its container has.
#[test]
#[ignore = "needs Docker"]
fn a_postgresql_server_of_a_drill_has_a_login_and_libraries_of_its_own() {
    let world = World::new();
    let query = "SELECT concat_ws(' ', current_user, (SELECT count(*) FROM orders), current_setting('max_worker_processes'), \
                 current_setting('shared_preload_libraries'), current_setting('pg_stat_statements.max'))";
    let expect = "app 3 0 \"pg_stat_statements\" 321";
    let labels = [
        ("name", "source"),
        ("user", "boss"),
        ("databases", "shop"),
        ("drill.query", query),
        ("drill.expect", expect),
    ];
    let labels = world.labels(&labels);
    let mut args = vec![
        "--tmpfs",
        "/fast",
        "--tmpfs",
        POSTGRESQL_17.data(),
        "-e",
        "POSTGRES_USER=app",
        "-e",
        "POSTGRES_PASSWORD=secret",
    ];
    args.extend(labels.iter().map(String::as_str));
    let image = POSTGRESQL_17.image();
    args.extend([
        image.as_str(),
        "postgres",
        "-c",
        "shared_preload_libraries=pg_stat_statements,only_here",
        "-c",
        "pg_stat_statements.max=321",
    ]);
    args.extend(["-c", "port=5432", "-c", "shared_buffers=64MB"]);
    let source = Container::made(&args);
    let library = "/usr/lib/postgresql/17/lib/auto_explain.so";
    let other = Container::run(&[&image, "sleep", "infinity"]);
    other.exec(&["cp", library, "/tmp/only_here.so"]);
    let folder = std::env::temp_dir().join(unique());
    let copy = folder.to_str().unwrap();
    docker(&["cp", &format!("{}:/tmp/only_here.so", other.id), copy]);
    docker(&["cp", copy, &format!("{}:/usr/lib/postgresql/17/lib/only_here.so", source.id)]);
    std::fs::remove_file(&folder).unwrap();
    docker(&["start", &source.id]);
    until("the server answers", || {
        source
            .try_exec(&["env", "PGPASSWORD=secret", "psql", "-U", "app", "-h", "127.0.0.1", "-c", "SELECT 1"])
            .is_ok()
    });
    let sql = |database: &str, sql: &str| {
        source.exec(&["psql", "-U", "app", "-XAtq", "-d", database, "-v", "ON_ERROR_STOP=1", "-c", sql])
    };
    source.exec(&["chown", "postgres", "/fast"]);
    sql("app", "CREATE TABLESPACE fast LOCATION '/fast'");
    sql("app", "CREATE DATABASE shop TABLESPACE fast");
    sql("shop", "CREATE EXTENSION pg_stat_statements");
    sql("shop", "CREATE TABLE orders TABLESPACE pg_default AS SELECT generate_series(1, 3) AS id");
    sql("shop", "CREATE INDEX ON orders (id) TABLESPACE fast; CREATE TABLE other (id int) TABLESPACE fast");
    sql(
        "shop",
        "CREATE ROLE boss SUPERUSER LOGIN; CREATE ROLE dumpcar_drill NOLOGIN; ALTER ROLE app SET statement_timeout = '1s'",
    );
    sql("shop", "ALTER ROLE app SET default_transaction_read_only = on");
    world.back_up();
    drills_well(&world);
}

/// A server that sets the image up answers, is stopped, and the one that stays takes its time; the names are those of servers.
#[test]
#[ignore = "needs Docker"]
fn only_the_server_that_stays_is_ready() {
    let world = World::new();
    let base = Container::run(&["--entrypoint", "sleep", &POSTGRESQL_17.image(), "infinity"]);
    let script = r#"#!/bin/sh
if [ $$ = 1 ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    mkdir -p "$PGDATA" && chown postgres "$PGDATA" /var/run/postgresql && chmod 700 "$PGDATA"
    gosu postgres initdb --auth-local=trust >/dev/null
    gosu postgres pg_ctl -w -o "-c listen_addresses=''" start
    sleep 2
    gosu postgres pg_ctl -w -m fast stop
    sleep 3
    exec gosu postgres "$0" "$@"
fi
sleep 3
exec /usr/lib/postgresql/17/bin/postgres "$@"
"#;
    base.feed(
        &["sh", "-c", "cat >/usr/local/bin/postgres && chmod 755 /usr/local/bin/postgres"],
        script.as_bytes(),
    )
    .0
    .unwrap();
    let image = Image(unique());
    docker(&[
        "commit",
        "--change",
        r#"ENTRYPOINT ["env"]"#,
        "--change",
        "CMD [\"postgres\"]",
        &base.id,
        &image.0,
    ]);
    let labels =
        [("name", "source"), ("engine", "postgresql"), ("drill.query", "SELECT 'asleep' FROM pg_sleep(8)")];
    let target =
        world.target(&image.0, &labels, &["-e", "POSTGRES_PASSWORD=x", "--tmpfs", POSTGRESQL_17.data()], &[]);
    until("a backup is made", || {
        target.logs().matches("ready to accept connections").count() == 2
            && world.run(&["backup"]).status == 0
    });
    drills_well(&world);
}

/// Any Dumpcar there is, whatever its labels begin with, leaves a drill's container alone; so does the kernel for as long as it can.
#[test]
#[ignore = "needs Docker"]
fn no_label_of_an_image_makes_a_target_of_a_drill() {
    let world = World::new();
    let other = World::new();
    let base = Container::run(&[&super::support::docker::tools(), "true"]);
    let image = Image(unique());
    let label = format!(
        "LABEL {}.enable=true {}.command='echo x' traefik.enable=true ofelia.enabled=true com.docker.compose.project=x",
        other.prefix, other.prefix
    );
    docker(&["commit", "--change", &label, &base.id, &image.0]);
    let labels = [
        ("name", "source"),
        ("command", "echo hello"),
        ("restore-command", "cat >/dev/null"),
        ("drill.query", "sleep 60"),
    ];
    let none = format!("{}.enable=false", other.prefix);
    let _source = world.target(&image.0, &labels, &["--label", &none], &["sleep", "infinity"]);
    world.back_up();
    let mut drill = world.start(&["drill"]);
    let id = world.await_scratch();
    let listed = other.run(&["backup"]);
    assert_eq!(listed.status, 4, "{}", listed.stderr);
    let look = |what: &str| docker(&["inspect", "-f", what, &id]);
    assert_eq!(look("{{.HostConfig.OomScoreAdj}}"), "1000");
    let memory: u64 = look("{{.HostConfig.Memory}}").parse().unwrap();
    let available = std::fs::read_to_string("/proc/meminfo").unwrap();
    let available = available.lines().find_map(|line| line.strip_prefix("MemAvailable:")).unwrap().trim();
    let available: u64 = available.strip_suffix(" kB").unwrap().parse().unwrap();
    assert!(memory < available * 1024 * 6 / 10, "{memory} of {available} kB");
    let taken = look("{{range $name, $value := .Config.Labels}}{{$name}}={{$value}} {{end}}");
    for label in ["traefik.enable=false", "ofelia.enabled=false", "com.docker.compose.project= "] {
        assert!(taken.contains(label), "{taken}");
    }
    drill.kill();
}
