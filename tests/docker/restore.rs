//! What was backed up comes back: everything of it, into whatever is there, or nothing.

use super::support::servers::{
    Kind, MARIADB_10_11, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_15, POSTGRESQL_17, Product, Server,
};
use super::support::world::World;

/// Like `assert_eq`, but shows only the lines that differ.
pub(crate) fn similar(source: &str, copy: &str) {
    let missing: Vec<_> = source.lines().filter(|line| !copy.lines().any(|other| other == *line)).collect();
    let surplus: Vec<_> = copy.lines().filter(|line| !source.lines().any(|other| other == *line)).collect();
    assert!(source == copy, "only in the source: {missing:#?}\nonly in the copy: {surplus:#?}");
}

fn restore(world: &World, args: &[&str]) {
    let ended = world.run(&[&["restore", "source", "--yes"], args].concat());
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}

/// The names of all databases but the server's own.
fn databases(server: &Server) -> Vec<String> {
    let sql = match server.product.kind {
        Kind::Postgresql => {
            "SELECT datname FROM pg_database WHERE NOT datistemplate AND datallowconn AND datname <> 'postgres'"
        }
        Kind::Mariadb | Kind::Mysql => {
            "SELECT schema_name FROM information_schema.schemata \
             WHERE schema_name NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys')"
        }
    };
    let names = server.sql(&format!("{sql};\n"));
    // The client of MySQL shows a backslash as two.
    let mut names: Vec<_> = names.lines().map(|name| name.replace(r"\\", r"\")).collect();
    names.sort();
    names
}

fn quoted(server: &Server, name: &str) -> String {
    match server.product.kind {
        Kind::Postgresql => format!("\"{}\"", name.replace('"', "\"\"")),
        Kind::Mariadb | Kind::Mysql => format!("`{}`", name.replace('`', "``")),
    }
}

/// Dropped, emptied, and changed behind the backup's back; then everything as it was.
fn what_was_lost_comes_back(product: Product) {
    let world = World::new();
    let source = Server::target(&world, product, "secret", &[("name", "source")]);
    source.fill();
    let checksums = source.checksums();
    world.back_up();

    let names = databases(&source);
    assert!(names.len() >= 2, "{names:?}");
    for (index, name) in names.iter().enumerate() {
        if index % 2 == 0 {
            source.sql(&format!("DROP DATABASE {};\n", quoted(&source, name)));
        } else {
            source.load(name, b"CREATE TABLE made_since (a int);\nINSERT INTO made_since VALUES (1);\n");
        }
    }
    assert_ne!(databases(&source), names);

    restore(&world, &["--globals"]);
    similar(&checksums, &source.checksums());
    assert_eq!(databases(&source), names, "nothing of the restore's own is left");
}

fn an_empty_server_becomes_the_same(from: Product, to: Product) {
    let world = World::new();
    let source = Server::target(&world, from, "secret", &[("name", "source")]);
    source.fill();
    let checksums = source.checksums();
    world.back_up();
    let copy = Server::plain(to, "other");
    restore(&world, &["--globals", "--to", &copy.container.id]);
    similar(&of_any_version(from, &checksums), &of_any_version(to, &copy.checksums()));
}

/// Without what each version says in its own way: PostgreSQL the text of a view and a rule, and an owner's privileges, of which
/// newer versions have more; MariaDB its own number, which it writes into every account.
fn of_any_version(product: Product, checksums: &str) -> String {
    let account = |line: &str| -> Option<String> {
        let hex = line.strip_prefix("account\t")?.rsplit_once('\t')?.1;
        let digit = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let json = String::from_utf8(hex.as_bytes().chunks(2).map(digit).collect::<Option<_>>()?).ok()?;
        let (start, rest) = json.split_once(r#""version_id": "#)?;
        Some(line.replace(hex, &format!("{start}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()))))
    };
    let line = |line: &str| match product.kind {
        Kind::Postgresql if ["relation|", "rule|", "view|"].iter().any(|start| line.starts_with(start)) => {
            None
        }
        Kind::Mariadb => Some(account(line).unwrap_or_else(|| line.to_owned())),
        Kind::Postgresql | Kind::Mysql => Some(line.to_owned()),
    };
    checksums.lines().filter_map(line).map(|line| line + "\n").collect()
}

#[test]
#[ignore = "needs Docker"]
fn what_was_lost_in_postgresql_17_comes_back() {
    what_was_lost_comes_back(POSTGRESQL_17);
}

#[test]
#[ignore = "needs Docker"]
fn what_was_lost_in_mariadb_11_8_comes_back() {
    what_was_lost_comes_back(MARIADB_11_8);
}

#[test]
#[ignore = "needs Docker"]
fn what_was_lost_in_mysql_9_7_comes_back() {
    what_was_lost_comes_back(MYSQL_9_7);
}

#[test]
#[ignore = "needs Docker"]
fn postgresql_15_is_upgraded_to_17_by_a_restore() {
    an_empty_server_becomes_the_same(POSTGRESQL_15, POSTGRESQL_17);
}

#[test]
#[ignore = "needs Docker"]
fn mariadb_10_11_is_upgraded_to_11_8_by_a_restore() {
    an_empty_server_becomes_the_same(MARIADB_10_11, MARIADB_11_8);
}

/// Whoever may create roles chooses their names, and what a restore makes of them is run by the administrator.
#[test]
#[ignore = "needs Docker"]
fn roles_of_any_name_come_back_and_run_nothing() {
    let names = [
        "a\nb",
        "a\r\nCREATE ROLE victim;\nb",
        "a'b\\",
        "q\"\"x",
        "x$dumpcar$; ALTER ROLE victim SUPERUSER; --",
        "y'; ALTER ROLE victim SUPERUSER; --",
    ];
    let world = World::new();
    let source = Server::target(&world, POSTGRESQL_17, "secret", &[("name", "source")]);
    for name in names {
        source.sql(&format!("CREATE ROLE \"{name}\" VALID UNTIL '2099-01-01';\n"));
    }
    source.sql("CREATE ROLE victim;\nCOMMENT ON ROLE \"a\nb\" IS '\"\nCREATE ROLE victim;\n';\n");
    let roles = |server: &Server| {
        server.sql(
            "SELECT encode(convert_to(rolname, 'UTF8'), 'hex'), rolsuper, rolvaliduntil FROM pg_roles \
             WHERE rolname !~ '^pg_' ORDER BY 1;\n",
        )
    };
    let before = roles(&source);
    assert_eq!(before.lines().count(), names.len() + 2, "{before}");
    world.back_up();
    source.sql("DROP ROLE victim;\nALTER ROLE \"a\nb\" SUPERUSER;\n");
    restore(&world, &["--globals"]);
    assert_eq!(roles(&source), before, "into the same server");
    let copy = Server::plain(POSTGRESQL_17, "other");
    restore(&world, &["--globals", "--to", &copy.container.id]);
    assert_eq!(roles(&copy), before, "into an empty one");
}
