//! Redis and Valkey, as their images start them and applications fill them.

use serde_json::Value;

use super::runbook::{self, RUNBOOK};
use super::support::docker::{Container, docker, image, until};
use super::support::world::World;

mod logins;
mod restore;

/// One of the images.
#[derive(Debug, Clone, Copy)]
struct Product {
    engine: &'static str,
    version: &'static str,
    variable: &'static str,
    default: &'static str,
    /// Whether a server keeps functions, and whether fields of its hashes expire.
    has_functions: bool,
    has_expiring_fields: bool,
}

impl Product {
    const fn new(
        engine: &'static str,
        version: &'static str,
        variable: &'static str,
        default: &'static str,
    ) -> Self {
        Self { engine, version, variable, default, has_functions: true, has_expiring_fields: false }
    }

    fn image(self) -> String {
        image(self.variable, self.default)
    }

    fn client(self) -> String {
        format!("{}-cli", self.engine)
    }
}

const REDIS_6_0: Product = Product {
    has_functions: false,
    ..Product::new("redis", "6.0.", "DUMPCAR_TEST_REDIS60", "dumpcar-test/redis:6.0")
};
const REDIS_7_0: Product = Product::new("redis", "7.0.", "DUMPCAR_TEST_REDIS70", "dumpcar-test/redis:7.0");
const REDIS_8_0: Product = Product {
    has_expiring_fields: true,
    ..Product::new("redis", "8.0.", "DUMPCAR_TEST_REDIS80", "dumpcar-test/redis:8.0")
};
const VALKEY_8_1: Product =
    Product::new("valkey", "8.1.", "DUMPCAR_TEST_VALKEY81", "dumpcar-test/valkey:8.1");
/// Its client does not get hashes whose fields expire.
const VALKEY_9_1: Product =
    Product::new("valkey", "9.1.", "DUMPCAR_TEST_VALKEY91", "dumpcar-test/valkey:9.1");

struct Server {
    product: Product,
    container: Container,
}

impl Server {
    /// A target with these labels, started with these arguments of `docker run` and of the server.
    fn start(
        world: &World,
        product: Product,
        labels: &[(&str, &str)],
        args: &[&str],
        command: &[&str],
    ) -> Self {
        let args = [&["--tmpfs", "/data"], args].concat();
        let server = Self { product, container: world.target(&product.image(), labels, &args, command) };
        until("the server answers", || {
            let said = server.container.try_exec(&["sh", "-c", &format!("{} ping 2>&1", product.client())]);
            assert_eq!(
                server.container.inspect("{{.State.Status}}"),
                "running",
                "{}",
                server.container.logs()
            );
            // Without a password it says that it wants one.
            said.is_ok_and(|said| ["PONG", "NOAUTH"].iter().any(|word| said.contains(word)))
        });
        server
    }

    fn target(world: &World, product: Product) -> Self {
        // It waits for other replicas before it sends a dump.
        Self::start(world, product, &[("name", "t")], &[], &["--repl-diskless-sync-delay", "0"])
    }

    /// What the stock client prints for one command.
    fn ask(&self, words: &[&str]) -> String {
        let client = self.product.client();
        self.container.exec(&[&[client.as_str()], words].concat()).trim().to_owned()
    }

    /// Commands, a line each.
    fn feed(&self, commands: &[u8]) {
        let (printed, _) = self.container.feed(&[&self.product.client()], commands);
        let printed = String::from_utf8_lossy(&printed.unwrap()).into_owned();
        let failed = printed.lines().find(|line| line.contains("ERR") || line.contains("WRONGTYPE"));
        assert_eq!(failed, None, "{printed}");
    }

    /// What applications keep, of every type and size.
    fn fill(&self) {
        self.feed(include_bytes!("../../src/model/content/rdb/tests/dumps/fill.redis"));
        let more = include_str!("../../src/model/content/rdb/tests/dumps/fields.redis");
        for line in more.lines() {
            let is_known = if line.starts_with("FUNCTION") {
                self.product.has_functions
            } else {
                self.product.has_expiring_fields
            };
            if is_known {
                self.feed(format!("SELECT 2\n{line}\n").as_bytes());
            }
        }
    }
}

/// What the newest backup of a target has in it: all of it, hashed.
fn content(world: &World, target: &str) -> Value {
    let manifests = world.manifests();
    let newest = manifests.iter().rfind(|manifest| manifest["target"] == target).unwrap();
    newest["objects"][0]["content"].clone()
}

/// Into the bucket, out of it into the same server, into a drill's, and by the stock tools into an empty one.
fn comes_back(product: Product) {
    let world = World::new();
    let server = Server::target(&world, product);
    server.fill();
    world.back_up();
    let manifests = world.manifests();
    let [manifest] = manifests.as_slice() else { panic!("{manifests:?}") };
    assert_eq!(manifest["engine"], product.engine);
    assert!(manifest["server_version"].as_str().unwrap().starts_with(product.version), "{manifest}");
    assert_eq!(manifest["objects"][0]["name"], "dump.rdb.xz");
    let filled = content(&world, "t");
    assert!(filled["rows"].as_u64().unwrap() > 30, "{filled}");
    assert!(filled["rows_of"]["15 hash"]["rows"] == 1, "{filled}");

    let drilled = world.run(&["drill", "t"]);
    assert_eq!(drilled.status, 0, "{}", drilled.stderr);
    assert!(drilled.stderr.contains(r#""result":"ok""#), "{}", drilled.stderr);
    assert_eq!(world.run(&["verify", "--all"]).status, 0);

    // Changed, lost, and new.
    server.ask(&["SET", "counter", "999"]);
    server.ask(&["DEL", "tags", "queue"]);
    server.ask(&["SET", "later", "x"]);
    server.ask(&["-n", "7", "SET", "of another one", "x"]);
    let restored = world.run(&["restore", "t", "--yes"]);
    assert_eq!(restored.status, 0, "{}", restored.stderr);
    assert_eq!(server.ask(&["GET", "counter"]), "1");
    assert_eq!(server.ask(&["EXISTS", "later"]), "0");
    // A database that the backup has nothing of stays as it is.
    assert_eq!(server.ask(&["-n", "7", "GET", "of another one"]), "x");
    server.ask(&["-n", "7", "FLUSHDB"]);
    world.back_up();
    assert_eq!(content(&world, "t"), filled, "the same to the last field");

    // As the runbook says, with stock tools.
    let labels = world.labels(&[("name", "copy")]);
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let container = Container::run(&[&labels, &[product.image().as_str()][..]].concat());
    let copy = Server { product, container };
    let script =
        format!("set -e\n./dumpcar cat t --stored >dump.rdb.xz\n{}", runbook::commands(RUNBOOK, &["redis"]));
    runbook::run(&world, &script, &[("shop-db-1", &copy.container.id)]);
    until("the file is loaded", || {
        let said = copy.container.try_exec(&[&product.client(), "DBSIZE"]);
        said.is_ok_and(|said| said.trim().parse().is_ok_and(|keys: u32| keys > 0))
    });
    let ended = world.run(&["backup", "copy"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(content(&world, "copy"), filled, "what a server makes of the file");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn everything_in_redis_6_0_comes_back() {
    comes_back(REDIS_6_0);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn everything_in_redis_7_0_comes_back() {
    comes_back(REDIS_7_0);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn everything_in_redis_8_0_comes_back() {
    comes_back(REDIS_8_0);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn everything_in_valkey_8_1_comes_back() {
    comes_back(VALKEY_8_1);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn everything_in_valkey_9_1_comes_back() {
    comes_back(VALKEY_9_1);
}

/// A dump is of one moment, and what expires meanwhile is not held against it.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_expires_is_in_the_backup_and_no_drill_misses_it() {
    let world = World::new();
    let server = Server::target(&world, REDIS_8_0);
    server.feed(
        b"SET lasting x\nSET session y PX 8000\nHSET h a 1 b 2\nHPEXPIRE h 8000 FIELDS 1 a\nHSET only a 1\nHPEXPIRE only 8000 FIELDS 1 a\n",
    );
    world.back_up();
    until("it has expired", || server.ask(&["EXISTS", "session", "only"]) == "0");
    let drilled = world.run(&["drill", "t"]);
    assert_eq!(drilled.status, 0, "{}", drilled.stderr);
    let restored = world.run(&["restore", "t", "--yes"]);
    assert_eq!(restored.status, 0, "{}", restored.stderr);
    assert_eq!(server.ask(&["EXISTS", "lasting", "session"]), "1", "what has expired does not come back");
}

/// A server that ends in mid dump makes no backup.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_server_that_is_killed_in_mid_dump_makes_no_backup() {
    let world = World::new().set("DUMPCAR_COMPRESSION", "xz:9");
    let server = Server::target(&world, REDIS_7_0);
    server.feed(b"EVAL \"math.randomseed(1) for i=1,3000 do local t={} for j=1,10000 do t[j]=string.char(math.random(0,255)) end redis.call('SET',i,table.concat(t)) end\" 0\n");
    let running = world.start(&["backup"]);
    until("the dump runs", || server.ask(&["CLIENT", "LIST"]).contains("cmd=sync"));
    docker(&["kill", &server.container.id]);
    let ended = running.end();
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    world.assert_nothing_is_stored();
}

/// What the client of Valkey 9 cannot do (valkey-io/valkey#4103) is no empty backup.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn fields_that_expire_in_valkey_9_are_told() {
    let world = World::new();
    let server = Server::target(&world, VALKEY_9_1);
    server.feed(b"HSET h a 1 b 2\nHPEXPIREAT h 4102444800000 FIELDS 1 a\n");
    let refused = world.refused(1);
    assert!(
        refused.contains("a Valkey 9 whose hashes have fields that expire cannot be dumped"),
        "{refused}"
    );
}
