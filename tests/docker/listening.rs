//! Servers that listen elsewhere: on another port, with another socket, by the network only, or beside another container's.

use serde_json::Value;

use super::support::docker::{Container, until};
use super::support::servers::{Kind, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_15, POSTGRESQL_17, Product, Server};
use super::support::world::World;

/// A database of one row, which says whose it is.
fn fill(server: &Server, options: &str, word: &str) {
    let rows = format!("CREATE TABLE whose (word varchar(20));\nINSERT INTO whose VALUES ('{word}');\n");
    match server.product.kind {
        Kind::Postgresql => {
            sql(server, options, "postgres", "CREATE DATABASE shop;\n");
            sql(server, options, "shop", &rows);
        }
        Kind::Mariadb | Kind::Mysql => {
            sql(server, options, "mysql", &format!("CREATE DATABASE shop;\nUSE shop;\n{rows}"));
        }
    }
}

fn sql(server: &Server, options: &str, database: &str, sql: &str) -> String {
    try_sql(server, options, database, sql).unwrap()
}

/// By the stock client, told where the server is by these options of its own.
fn try_sql(server: &Server, options: &str, database: &str, sql: &str) -> Result<String, String> {
    let client = match server.product.kind {
        Kind::Postgresql => "PGPASSWORD=secret psql -U postgres -w -X -A -t -q -v ON_ERROR_STOP=1 -d",
        Kind::Mariadb => "MYSQL_PWD=secret mariadb -uroot -N -B -D",
        Kind::Mysql => "MYSQL_PWD=secret mysql -uroot -N -B -D",
    };
    let command = format!("{client} {database} {options}");
    let (result, problem) = server.container.feed(&["sh", "-c", &command], sql.as_bytes());
    result
        .map(|printed| String::from_utf8_lossy(&printed).trim().to_owned())
        .map_err(|error| format!("{error}{problem}"))
}

/// One that is started with these words; `options` is how its own client finds it.
fn started(
    world: &World,
    product: Product,
    labels: &[(&str, &str)],
    args: &[&str],
    command: &[&str],
    options: &str,
) -> Server {
    let env = format!("{}=secret", product.password_variable());
    let args = [&["--tmpfs", product.data(), "-e", &env], args].concat();
    let labels = [&[("name", "t")], labels].concat();
    let container = world.target(&product.image(), &labels, &args, command);
    let server = Server::of(product, container, "secret");
    let database = if product.kind == Kind::Postgresql { "postgres" } else { "mysql" };
    until("the server answers where it was told to", || {
        assert_eq!(server.container.inspect("{{.State.Status}}"), "running", "{}", server.container.logs());
        // An image sets a server up before the one that stays is process 1.
        let is_set_up =
            server.container.processes().iter().all(|process| !process.contains("docker-entrypoint"));
        is_set_up && try_sql(&server, options, database, "SELECT 1;\n").is_ok()
    });
    server
}

/// All that speaks to the server finds it.
fn does_everything(world: &World, server: &Server, options: &str) {
    fill(server, options, "mine");
    world.back_up();
    let verified = world.run(&["verify", "t"]);
    assert_eq!(verified.status, 0, "{}", verified.stderr);
    let drilled = world.run(&["drill", "t", "--json"]);
    assert_eq!(drilled.status, 0, "{}", drilled.stderr);
    let report: Value = serde_json::from_slice(&drilled.stdout).unwrap();
    assert_eq!(report["results"][0]["result"], "ok", "{report}");
    sql(server, options, "shop", "DELETE FROM whose;\n");
    let restored = world.run(&["restore", "t", "--yes", "--globals"]);
    assert_eq!(restored.status, 0, "{}", restored.stderr);
    assert_eq!(sql(server, options, "shop", "SELECT word FROM whose;\n"), "mine");
}

fn finds(product: Product, labels: &[(&str, &str)], args: &[&str], command: &[&str], options: &str) {
    let world = World::new();
    let server = started(&world, product, labels, args, command, options);
    does_everything(&world, &server, options);
}

#[test]
#[ignore = "needs Docker"]
fn the_command_line_of_postgresql_says_the_port() {
    finds(POSTGRESQL_17, &[], &[], &["postgres", "-c", "port=5433"], "-p 5433");
}

#[test]
#[ignore = "needs Docker"]
fn the_command_line_of_postgresql_says_the_sockets_folder_and_it_has_no_other() {
    finds(
        POSTGRESQL_15,
        &[],
        &[],
        &["postgres", "-c", "unix_socket_directories=/tmp", "-p", "5433", "-c", "listen_addresses="],
        "-h /tmp -p 5433",
    );
}

#[test]
#[ignore = "needs Docker"]
fn a_postgresql_without_a_socket_is_reached_by_the_network() {
    finds(POSTGRESQL_17, &[], &[], &["postgres", "-c", "unix_socket_directories="], "-h 127.0.0.1");
}

#[test]
#[ignore = "needs Docker"]
fn the_command_line_of_mariadb_says_the_socket() {
    let command = ["mariadbd", "--port", "3307", "--socket", "/tmp/m.sock"];
    finds(MARIADB_11_8, &[], &[], &command, "-S /tmp/m.sock");
}

#[test]
#[ignore = "needs Docker"]
fn the_command_line_of_mysql_says_the_socket() {
    finds(MYSQL_9_7, &[], &[], &["mysqld", "--port=3307", "--socket=/tmp/m.sock"], "-S /tmp/m.sock");
}

/// What only a file inside the container says.
fn by_label(product: Product, file: &str, text: &str, labels: &[(&str, &str)], options: &str, looked: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own");
    std::fs::write(&path, text).unwrap();
    let script = match product.kind {
        // Behind what the image has set up.
        Kind::Postgresql => format!(
            "cat >/docker-entrypoint-initdb.d/own.sh <<'E'\ncat >>\"$PGDATA/postgresql.conf\" <<'F'\n{text}\nF\nE\nexec docker-entrypoint.sh postgres"
        ),
        Kind::Mariadb => format!(
            "printf '%s\\n' '{text}' >{file}; exec docker-entrypoint.sh mariadbd --defaults-file={file}"
        ),
        Kind::Mysql => format!(
            "printf '%s\\n' '{text}' >{file}; exec docker-entrypoint.sh mysqld --defaults-file={file}"
        ),
    };
    let args = ["--entrypoint", "bash"];
    let command = ["-c", script.as_str()];
    let (without, with) = (World::new(), World::new());
    let more = without.labels(&[("name", "t")]);
    let more: Vec<_> = more.iter().map(String::as_str).collect();
    let server = started(&with, product, labels, &[&args, more.as_slice()].concat(), &command, options);
    let refused = without.refused(1);
    assert!(refused.contains("nothing listens where the server was looked for"), "{refused}");
    assert!(refused.contains(looked) && refused.contains("dumpcar.socket, or dumpcar.host"), "{refused}");
    does_everything(&with, &server, options);
}

#[test]
#[ignore = "needs Docker"]
fn a_label_says_what_only_a_file_of_postgresql_says() {
    let file = "port = 5433\nunix_socket_directories = '/tmp'";
    let labels = [("port", "5433"), ("socket", "/tmp")];
    by_label(POSTGRESQL_17, "", file, &labels, "-h /tmp -p 5433", "the usual socket folder, port 5432");
}

#[test]
#[ignore = "needs Docker"]
fn a_label_says_what_only_a_file_of_mariadb_says() {
    let file = "[mariadbd]\nsocket = /tmp/m.sock\nport = 3307\ndatadir = /var/lib/mysql\nuser = mysql";
    by_label(
        MARIADB_11_8,
        "/tmp/own.cnf",
        file,
        &[("socket", "/tmp/m.sock")],
        "-S /tmp/m.sock",
        "the usual socket",
    );
}

#[test]
#[ignore = "needs Docker"]
fn a_label_says_that_mysql_is_to_be_reached_by_the_network() {
    let file = "[mysqld]\nsocket = /tmp/m.sock\nport = 3307\ndatadir = /var/lib/mysql\nuser = mysql";
    by_label(
        MYSQL_9_7,
        "/tmp/own.cnf",
        file,
        &[("port", "3307")],
        "-h 127.0.0.1 -P 3307",
        "the usual socket",
    );
}

/// A second server in the network of the first one, which has the usual port.
fn beside(
    world: &World,
    first: &Container,
    product: Product,
    labels: &[(&str, &str)],
    args: &[&str],
    command: &[&str],
    options: &str,
) -> Server {
    let network = format!("--network=container:{}", first.id);
    started(world, product, labels, &[&[network.as_str()], args].concat(), command, options)
}

fn words_of(world: &World) -> String {
    let ended = world.run(&["cat", "t", "--database=shop"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    String::from_utf8(ended.stdout).unwrap()
}

/// Both have a database `shop`, and each backup is of its own.
fn are_told_apart(product: Product, port: &str, command: &[&str], host: &str, own: &str, usual: &str) {
    let first_world = World::new();
    let first = started(&first_world, product, &[("host", "127.0.0.1")], &[], &[], usual);
    fill(&first, usual, "first");
    // By itself, by its port, and by an address without a port, which is the other one's.
    let (by_itself, by_port, wrong) = (World::new(), World::new(), World::new());
    let more = [
        by_port.labels(&[("name", "t"), ("host", "127.0.0.1"), ("port", port)]),
        wrong.labels(&[("name", "t"), ("host", host), ("port", usual.rsplit(' ').next().unwrap())]),
    ];
    let more = more.concat();
    let more: Vec<_> = more.iter().map(String::as_str).collect();
    let second = beside(&by_itself, &first.container, product, &[], &more, command, own);
    fill(&second, own, "second");
    for (world, word, other) in
        [(&first_world, "first", "second"), (&by_itself, "second", "first"), (&by_port, "second", "first")]
    {
        world.back_up();
        let dump = words_of(world);
        assert!(dump.contains(word) && !dump.contains(other), "{dump}");
    }
    let refused = wrong.refused(1);
    assert!(refused.contains("is another container's, which shares this network"), "{refused}");
    assert!(refused.contains("dumpcar.socket, or dumpcar.host and dumpcar.port"), "{refused}");
}

#[test]
#[ignore = "needs Docker"]
fn two_postgresql_in_one_network_are_told_apart() {
    are_told_apart(
        POSTGRESQL_17,
        "5433",
        &["postgres", "-p", "5433"],
        "localhost",
        "-p 5433",
        "-h 127.0.0.1 -p 5432",
    );
}

#[test]
#[ignore = "needs Docker"]
fn two_mariadb_in_one_network_are_told_apart() {
    are_told_apart(
        MARIADB_11_8,
        "3307",
        &["mariadbd", "--port=3307"],
        "127.0.0.1",
        "-h 127.0.0.1 -P 3307",
        "-h 127.0.0.1 -P 3306",
    );
}

/// The container's own variables: one leads to the other server, one to its own.
#[test]
#[ignore = "needs Docker"]
fn variables_of_postgresql_do_not_lead_into_another_container() {
    let (first_world, world, right) = (World::new(), World::new(), World::new());
    let first = started(&first_world, POSTGRESQL_15, &[], &[], &[], "-h 127.0.0.1");
    fill(&first, "", "first");
    let file = "cat >/docker-entrypoint-initdb.d/own.sh <<'E'\necho 'port = 5433' >>\"$PGDATA/postgresql.conf\"\nE\n\
        exec docker-entrypoint.sh postgres";
    let more = right.labels(&[("name", "t"), ("port", "5433")]);
    let more: Vec<_> = more.iter().map(String::as_str).collect();
    let args = [&["--entrypoint", "bash", "-e", "PGHOST=localhost"], more.as_slice()].concat();
    let second =
        beside(&world, &first.container, POSTGRESQL_15, &[], &args, &["-c", file], "-h 127.0.0.1 -p 5433");
    fill(&second, "-h 127.0.0.1 -p 5433", "second");
    let refused = world.refused(1);
    assert!(refused.contains("the server at localhost, port 5432 is another container's"), "{refused}");
    right.back_up();
    assert!(words_of(&right).contains("second"));
}
