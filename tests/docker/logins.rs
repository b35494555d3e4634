//! Logins of least rights, as `docs/logins.md` makes them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::support::servers::{
    Kind, MARIADB_10_11, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_15, POSTGRESQL_17, Product, Server,
};
use super::support::world::World;

const PAGE: &str = include_str!("../../docs/logins.md");
const PASSWORD: &str = "a long random word";

/// The statements of the page.
fn statements(product: Product) -> &'static str {
    block(match product.kind {
        Kind::Postgresql => "postgresql",
        Kind::Mariadb => "mariadb",
        Kind::Mysql => "mysql",
    })
}

fn block(name: &str) -> &'static str {
    let start = format!("\n```sql {name}\n");
    let (_, rest) = PAGE.split_once(&start).unwrap();
    rest.split_once("```").unwrap().0
}

/// What a backup has in its databases, a line each.
fn contents(world: &World) -> BTreeSet<String> {
    let manifests = world.manifests();
    let [manifest] = manifests.as_slice() else { panic!("{manifests:?}") };
    assert_eq!(manifest.get("missing"), None, "{manifest}");
    let objects = manifest["objects"].as_array().unwrap();
    let databases = objects.iter().filter(|object| object["kind"] == "database");
    databases.flat_map(|object| leaves(object["name"].as_str().unwrap(), &object["content"])).collect()
}

fn leaves(path: &str, value: &Value) -> Vec<String> {
    let Some(fields) = value.as_object() else { return vec![format!("{path}: {value}")] };
    fields.iter().flat_map(|(name, value)| leaves(&format!("{path} {name}"), value)).collect()
}

/// The statements of the globals, but for those about the two logins: each leaves itself alone.
fn globals(world: &World) -> Vec<String> {
    let ended = world.run(&["cat", "t", "--globals"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let text = String::from_utf8(ended.stdout).unwrap();
    let is_content = |line: &&str| {
        !line.starts_with("--")
            && !line.starts_with('\\')
            && !line.is_empty()
            && !line.contains("dumpcar")
            && !line.starts_with("ALTER USER `root`@")
    };
    text.lines().filter(is_content).map(str::to_owned).collect()
}

/// One server, backed up by its administrator and by the login of the page.
struct Both {
    server: Server,
    admin: World,
    least: World,
    /// What was logged of the second backup.
    log: String,
}

fn backs_up_everything(product: Product) -> Both {
    let (admin, least) = (World::new(), World::new());
    let own = [("name", "t"), ("user", "dumpcar"), ("password-file", "/tmp/dumpcar")];
    let labels = [admin.labels(&[("name", "t")]), least.labels(&own)].concat();
    let server = Server::started(product, "secret", &labels).wait();
    server.fill();
    server.fill_grown();
    server.sql(statements(product));
    if product.kind == Kind::Mariadb {
        server.sql(block("function"));
    }
    // As an editor leaves it.
    let write = format!("umask 022; printf '{PASSWORD}\\n' >/tmp/dumpcar");
    server.container.exec(&["sh", "-c", &write]);
    if product.kind == Kind::Postgresql {
        for database in server.sql("SELECT datname FROM pg_database WHERE NOT datistemplate;").lines() {
            // One of them has a role for its sessions.
            server.load(database, format!("SET ROLE NONE; {}", block("database")).as_bytes());
        }
        // The image trusts everybody who is in the container.
        let ask = "sed -i '1i local all dumpcar scram-sha-256' \"$PGDATA/pg_hba.conf\"";
        server.container.exec(&["sh", "-c", ask]);
        server.sql("SELECT pg_reload_conf();");
    }
    admin.back_up();
    let log = least.back_up().stderr;
    let (by_admin, by_least) = (contents(&admin), contents(&least));
    // The options of a mapping are another's secret, as the page says; and one table counts who logs in.
    let may_differ = |line: &&String| {
        let of_grown = ["definitions user mapping ", "fingerprint:", "rows:", "rows_of public.logins "];
        product.kind == Kind::Postgresql
            && line
                .strip_prefix("grown.sql.xz ")
                .is_some_and(|rest| of_grown.iter().any(|start| rest.starts_with(start)))
    };
    let differ: Vec<_> = by_admin.symmetric_difference(&by_least).filter(|line| !may_differ(line)).collect();
    assert_eq!(differ, [""; 0], "{log}");
    assert!(by_least.len() > 50, "{by_least:?}");
    Both { server, admin, least, log }
}

fn sees_everything(product: Product) {
    let both = backs_up_everything(product);
    assert_eq!(globals(&both.admin), globals(&both.least), "{}", both.log);
    let rename = match product.kind {
        Kind::Postgresql => "UPDATE pg_catalog.pg_authid SET rolname = 'x';",
        Kind::Mariadb | Kind::Mysql => "UPDATE mysql.user SET User = 'x';",
    };
    changes_nothing(&both, rename, "CREATE DATABASE x;");
}

/// That the login may do none of these.
fn changes_nothing(both: &Both, first: &str, second: &str) {
    for statement in [first, second] {
        let client = match both.server.product.kind {
            Kind::Postgresql => r#"PGPASSWORD=$1 psql -U dumpcar -d postgres -w -X -c "$2""#,
            Kind::Mariadb => r#"MYSQL_PWD=$1 mariadb -udumpcar -e "$2""#,
            Kind::Mysql => r#"MYSQL_PWD=$1 mysql -udumpcar -e "$2""#,
        };
        let refused =
            both.server.container.try_exec(&["sh", "-c", client, "sh", PASSWORD, statement]).unwrap_err();
        let refused = refused.to_lowercase();
        assert!(refused.contains("denied") || refused.contains("permission"), "{statement}: {refused}");
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_least_login_of_postgresql_15_sees_everything() {
    sees_everything(POSTGRESQL_15);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_least_login_of_postgresql_17_sees_everything() {
    sees_everything(POSTGRESQL_17);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_least_login_of_mariadb_10_11_sees_everything() {
    sees_everything(MARIADB_10_11);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_least_login_of_mariadb_11_8_sees_everything() {
    sees_everything(MARIADB_11_8);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_least_login_of_mysql_9_7_sees_everything() {
    sees_everything(MYSQL_9_7);
}
