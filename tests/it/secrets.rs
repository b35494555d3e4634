//! Promise P6. Every secret has words in it that no other text has, in each place where one can be; everything the
//! program says or writes is searched for them, at the highest log level, in runs that end well and in those that do not.

/// What a panic could print, and which code reads a secret.
mod code;
/// What commands and the daemon say and store.
mod commands;
/// Servers that answer with what they were sent.
mod echo;
/// Secrets in files, and in variables that are not for them.
mod settings;
/// Tools that print a secret, and are quoted.
mod tools;

use serde_json::json;

use super::support::docker::{ExecRequest, Script};
use super::support::s3::{ACCESS_KEY, SECRET_KEY};
use super::support::world::{Ended, World};

/// In every secret whose text the tests choose; short, so that the beginning of a secret is found as well.
const WORD: &str = "c4n4ry";
/// `c4n4ry-user:c4n4ry-password`, as it is sent to a proxy.
const PROXY_LOGIN: &str = "YzRuNHJ5LXVzZXI6YzRuNHJ5LXBhc3N3b3Jk";
/// 32 bytes in base64.
const CUSTOMER_KEY: &str = "Y3VzdG9tZXIta2V5LW9mLXRoaXJ0eS10d28tYnl0ZXM=";

/// The environment of a database container whose every variable is a secret.
const TARGET_ENV: [&str; 7] = [
    "POSTGRES_PASSWORD=c4n4ry-postgres",
    "MARIADB_ROOT_PASSWORD=c4n4ry-mariadb",
    "MYSQL_ROOT_PASSWORD=c4n4ry-mysql",
    "MYSQL_PASSWORD=c4n4ry-mysql-user",
    "PGPASSWORD=c4n4ry-pg",
    "API_TOKEN=c4n4ry-token",
    "APP_SECRET_KEY=c4n4ry-key",
];

/// Fails when a secret is in the text. The access key is no secret, but it is nobody's business either.
fn assert_clean(place: &str, text: &str) {
    for secret in [WORD, ACCESS_KEY, SECRET_KEY, PROXY_LOGIN, CUSTOMER_KEY] {
        // The first characters: a text that is cut must not begin with a secret.
        let beginning = secret.get(..secret.len().min(12)).unwrap();
        assert!(!text.contains(beginning), "{secret} is in {place}: {text}");
    }
}

fn assert_says_nothing(place: &str, ended: &Ended) {
    assert_clean(&format!("the log of {place}"), &ended.stderr);
    assert_clean(&format!("the output of {place}"), &ended.stdout);
    assert!(!ended.stderr.contains("panicked"), "{place}: {}", ended.stderr);
}

/// Everything that was left anywhere but in the program's own output.
fn assert_leaves_nothing(world: &World) {
    for exec in world.docker.execs() {
        assert_clean("an exec's arguments", &exec.request.argv.join("\n"));
        assert_clean("an exec's environment", &exec.request.env.join("\n"));
    }
    assert_clean("what Docker was asked", &world.docker.requests().join("\n"));
    for asked in world.s3.asked() {
        assert_clean("the address of a request to the store", &format!("{} {}", asked.path, asked.query));
    }
    for key in world.s3.keys() {
        assert_clean("a key", &key);
        assert_clean(&key, &String::from_utf8_lossy(&world.s3.read(&key)));
    }
}

/// All the ways to give the program a secret that a static access key leaves open.
fn with_every_secret(world: World) -> World {
    let proxy = world.s3.endpoint.replace("http://", "http://ops:c4n4ry-password@");
    world
        .set("DUMPCAR_LOG", "trace")
        .set("AWS_SESSION_TOKEN", "c4n4ry-session-token")
        .set("AWS_PROXY_URL", &proxy)
        .set("HTTPS_PROXY", "http://ops:c4n4ry-password@127.0.0.1:9")
        .set("AWS_SERVER_SIDE_ENCRYPTION", "sse-c")
        .set("AWS_SSE_CUSTOMER_KEY_BASE64", CUSTOMER_KEY)
        .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "c4n4ry-container-token")
        .set("AWS_SOMETHING_NEW", "c4n4ry-new")
        .set(
            "DUMPCAR_NOTIFY_URLS",
            "http://ops:c4n4ry-password@127.0.0.1:9/c4n4ry-path gotify://127.0.0.1:9/c4n4ry-key \
             smtp://ops:c4n4ry-password@127.0.0.1:9?from=a@example.com&to=b@example.com",
        )
        .set("DUMPCAR_NOTIFY_ON", "failure,success")
        .set("DUMPCAR_NOTIFY_SECRET", "whsec_c4n4ryc4n4ryc4n4ryc4n4ryc4n4ryc4")
        .set("DUMPCAR_PING_URL", "http://127.0.0.1:9/c4n4ry-ping")
}

/// The stock tools of three kinds of server, as far as these tests need them.
fn tools(exec: &ExecRequest) -> Script {
    let script = exec.snippet();
    let whole = |last: &str| Script::ends(format!("-- SQL\n{last}\n").as_bytes(), 0);
    if script.contains("pg_dumpall") {
        whole("-- PostgreSQL database cluster dump complete")
    } else if script.contains("exec pg_dump") {
        whole("-- PostgreSQL database dump complete")
    } else if script.contains("$DUMPCAR_DATABASE") {
        whole("-- Dump completed")
    } else if script.contains("dump-it") {
        whole("")
    } else {
        Script::ends(b"version 17.6\naccounts 0\ndatabase 617070 1000\n", 0)
    }
}

/// One target of each kind.
fn add_targets(world: &World) {
    for engine in ["postgresql", "mariadb", "mysql"] {
        let labels = json!({ "dumpcar.enable": "true", "dumpcar.engine": engine, "dumpcar.name": engine });
        world.docker.container(engine, labels, &TARGET_ENV);
    }
    let labels = json!({
        "dumpcar.enable": "true", "dumpcar.command": "dump-it", "dumpcar.before": "echo before",
        "dumpcar.after": "echo after",
    });
    world.docker.container("custom", labels, &TARGET_ENV);
}
