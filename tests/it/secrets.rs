//! Promise P6. Every secret has words in it that no other text has, in each place where one can be; everything the
//! program says or writes is searched for them, at the highest log level, in runs that end well and in those that do not.

use std::collections::BTreeMap;
use std::sync::Arc;

use dumpcar::app::App;
use dumpcar::config::Config;
use dumpcar::discovery::State;
use dumpcar::engine::{Command, Facts, Survey};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde_json::json;
use tokio::net::TcpListener;

use super::support::docker::{ExecRequest, Script, Step};
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
    let proxy = world.s3.endpoint.replace("http://", "http://c4n4ry-user:c4n4ry-password@");
    world
        .set("DUMPCAR_LOG", "trace")
        .set("AWS_SESSION_TOKEN", "c4n4ry-session-token")
        .set("AWS_PROXY_URL", &proxy)
        .set("HTTPS_PROXY", "http://c4n4ry-user:c4n4ry-password@127.0.0.1:9")
        .set("AWS_SERVER_SIDE_ENCRYPTION", "sse-c")
        .set("AWS_SSE_CUSTOMER_KEY_BASE64", CUSTOMER_KEY)
        .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "c4n4ry-container-token")
        .set("AWS_SOMETHING_NEW", "c4n4ry-new")
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

const COMMANDS: [&[&str]; 12] = [
    &["backup"],
    &["backup", "--json"],
    &["list"],
    &["list", "--json"],
    &["cat", "postgresql"],
    &["cat", "nobody"],
    &["prune"],
    &["prune", "--dry-run", "--json"],
    &["config"],
    &["config", "--json"],
    &["policy"],
    &["healthcheck"],
];

#[tokio::test]
async fn no_command_shows_or_stores_a_secret() {
    let world = with_every_secret(World::new(tools).await);
    add_targets(&world);
    for command in COMMANDS {
        let ended = world.run(command).await;
        assert_says_nothing(&command.join(" "), &ended);
        if command[0] == "backup" {
            assert_eq!(ended.status, 0, "{}", ended.stderr);
        }
    }
    assert!(world.manifests().len() >= 4, "there was something to look at");
    assert_leaves_nothing(&world);
    let config = world.run(&["config"]).await.stdout;
    for name in ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROXY_URL", "AWS_SSE_CUSTOMER_KEY_BASE64"]
    {
        let line = config.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        assert!(line.contains("(set)"), "{line}");
    }
}

#[tokio::test]
async fn secrets_in_files_stay_secret_too() {
    let mut world = with_every_secret(World::new(tools).await);
    add_targets(&world);
    let folder = tempfile::tempdir().unwrap();
    let proxy = world.s3.endpoint.replace("http://", "http://c4n4ry-user:c4n4ry-password@");
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_SESSION_TOKEN", "c4n4ry-session-token"),
        ("AWS_PROXY_URL", &proxy),
        ("AWS_SSE_CUSTOMER_KEY_BASE64", CUSTOMER_KEY),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{value}\n")).unwrap();
        world = world.unset(name).set(&format!("{name}_FILE"), path.to_str().unwrap());
    }
    for command in [&["backup"][..], &["list"], &["config"], &["config", "--json"]] {
        let ended = world.run(command).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_says_nothing(&command.join(" "), &ended);
    }
    assert_leaves_nothing(&world);
}

/// Whoever forgets that `_FILE` takes a path puts the secret there; others take one variable for another.
#[tokio::test]
async fn a_secret_in_the_wrong_variable_is_not_shown() {
    let names = [
        "DUMPCAR_STORE",
        "DUMPCAR_S3_PATH_STYLE",
        "DUMPCAR_S3_STORAGE_CLASS",
        "DUMPCAR_S3_SSE",
        "DUMPCAR_S3_CHECKSUM",
        "DUMPCAR_S3_MAX_PARTS",
        "DUMPCAR_S3_PART_SIZE",
        "DUMPCAR_SCHEDULE",
        "TZ",
        "DUMPCAR_KEEP_LAST",
        "DUMPCAR_KEEP_WITHIN",
        "DUMPCAR_COMPRESSION",
        "DUMPCAR_TIMEOUT",
        "DUMPCAR_LOG",
        "DUMPCAR_SOMETHING_NEW",
        "DOCKER_HOST",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL_STS",
        "AWS_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_PROXY_URL",
        "AWS_PROXY_CA_CERTIFICATE",
        "AWS_SERVER_SIDE_ENCRYPTION",
        "AWS_SSE_CUSTOMER_KEY_BASE64",
        "AWS_SSE_BUCKET_KEY_ENABLED",
        "AWS_ALLOW_HTTP",
        "AWS_ALLOW_INVALID_CERTIFICATES",
        "AWS_SKIP_SIGNATURE",
        "AWS_UNSIGNED_PAYLOAD",
        "AWS_IMDSV1_FALLBACK",
        "AWS_S3_EXPRESS",
        "AWS_CHECKSUM_ALGORITHM",
        "AWS_CONDITIONAL_PUT",
        "AWS_COPY_IF_NOT_EXISTS",
        "AWS_DISABLE_TAGGING",
        "AWS_REQUEST_PAYER",
        "AWS_TIMEOUT",
        "AWS_CONNECT_TIMEOUT",
        "AWS_READ_TIMEOUT",
        "AWS_POOL_IDLE_TIMEOUT",
        "AWS_POOL_MAX_IDLE_PER_HOST",
        "AWS_HTTP1_ONLY",
        "AWS_HTTP2_MAX_FRAME_SIZE",
        "AWS_DEFAULT_CONTENT_TYPE",
        "AWS_USER_AGENT",
        "AWS_RANDOMIZE_ADDRESSES",
    ];
    for name in names {
        for (name, value) in [
            (name.to_owned(), "c4n4ry-value"),
            (name.to_owned(), "c4n4ry-user:c4n4ry-password@127.0.0.1:9"),
            (format!("{name}_FILE"), "c4n4ry-value"),
        ] {
            let world = World::new(tools).await.custom("shop").unset(&name).set(&name, value);
            for command in ["backup", "config"] {
                let ended = world.run(&[command]).await;
                assert_says_nothing(&format!("{command} with {name}"), &ended);
            }
            assert_leaves_nothing(&world);
        }
    }
    // Addresses with a login in them, where an address belongs.
    for (name, value) in [
        ("AWS_ENDPOINT_URL", "http://c4n4ry-user:c4n4ry-password@127.0.0.1:9"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9/?token=c4n4ry"),
        ("DUMPCAR_STORE", "s3://c4n4ry-user:c4n4ry-password@backups/x"),
        ("DOCKER_HOST", "tcp://c4n4ry-user:c4n4ry-password@127.0.0.1:9"),
    ] {
        let ended = World::new(tools).await.custom("shop").set(name, value).run(&["backup"]).await;
        assert_eq!(ended.status, 2, "{name}: {}", ended.stderr);
        assert_says_nothing(name, &ended);
    }
}

/// What the program says when a tool fails and prints this on standard error, wherever a tool can fail.
async fn told_by_a_tool(said: &'static str, env: &[&str]) -> Vec<Ended> {
    let fails = |exec: &ExecRequest, what: &str| exec.argv.iter().any(|word| word.contains(what));
    let play = move |exec: &ExecRequest| {
        let failing = vec![Step::Stderr(said.into()), Step::Trailer(3), Step::AwaitRelease];
        if fails(exec, "dump-it") || fails(exec, "pg_catalog.pg_database") {
            Script::plays(failing, Some(3))
        } else if fails(exec, "cut-it") {
            Script::plays(vec![Step::Stdout(b"x".to_vec()), Step::Stderr(said.into())], Some(1))
        } else if fails(exec, "lose-it") {
            Script::plays(
                vec![Step::Stdout(format!("exec failed: {said}").into_bytes()), Step::Stderr(said.into())],
                Some(126),
            )
        } else if fails(exec, "information_schema") {
            // A survey that says something else than it was asked.
            Script::ends(said.as_bytes(), 0)
        } else {
            Script::ends(b"x", 0)
        }
    };
    let mut all = Vec::new();
    for labels in [
        json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" }),
        json!({ "dumpcar.enable": "true", "dumpcar.command": "cut-it" }),
        json!({ "dumpcar.enable": "true", "dumpcar.command": "lose-it" }),
        json!({ "dumpcar.enable": "true", "dumpcar.command": "x", "dumpcar.before": "dump-it" }),
        json!({ "dumpcar.enable": "true", "dumpcar.command": "x", "dumpcar.after": "dump-it" }),
        json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgresql" }),
        json!({ "dumpcar.enable": "true", "dumpcar.engine": "mariadb" }),
    ] {
        let world = World::new(play).await.set("DUMPCAR_LOG", "trace");
        world.docker.container("shop", labels, env);
        let ended = world.run(&["backup", "--json"]).await;
        assert_ne!(ended.status, 0, "{}", ended.stderr);
        assert_leaves_nothing(&world);
        all.push(ended);
    }
    all
}

#[tokio::test]
async fn a_tool_that_prints_a_password_is_quoted_without_it() {
    let said = "FATAL: no login as app with c4n4ry-postgres, c4n4ry-mysql-user or c4n4ry-token\n";
    for ended in told_by_a_tool(said, &TARGET_ENV).await {
        assert_says_nothing("a tool that prints passwords", &ended);
        assert!(ended.stderr.contains("no login as app with ***"), "{}", ended.stderr);
    }
}

/// A password may be a word, or the name of something: our own sentences keep theirs.
#[tokio::test]
async fn a_password_that_is_a_word_changes_no_sentence_of_ours() {
    let said = "pg_dump: error: FATAL:  password authentication failed for user \"postgres\"\n";
    for password in ["postgres", "shop", "password", "database", "user"] {
        let play = move |_: &ExecRequest| {
            Script::plays(vec![Step::Stderr(said.into()), Step::Trailer(1), Step::AwaitRelease], Some(1))
        };
        let world = World::new(play).await;
        let labels = json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgresql" });
        let env = format!("POSTGRES_PASSWORD={password}");
        world.docker.container("shop", labels, &[&env]);
        let reason = world.run(&["backup"]).await.reason();
        let start =
            "list its databases: the server refused user \"postgres\" with the password in POSTGRES_PASSWORD";
        assert!(reason.starts_with(start), "{password}: {reason}");
        assert!(reason.contains("***") == said.contains(password), "{password}: {reason}");
    }
}

#[tokio::test]
async fn a_password_that_a_quotation_cuts_in_two_is_not_quoted_either() {
    // The cut is made after 300 characters.
    for lead in 270..300 {
        let said: &'static str = format!("{} c4n4ry-postgres is refused\n", "x".repeat(lead)).leak();
        let play = move |_: &ExecRequest| {
            Script::plays(vec![Step::Stderr(said.into()), Step::Trailer(3), Step::AwaitRelease], Some(3))
        };
        let world = World::new(play).await;
        let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" });
        world.docker.container("shop", labels, &TARGET_ENV);
        let ended = world.run(&["backup"]).await;
        assert_says_nothing(&format!("a cut after {lead} characters and a password"), &ended);
        assert!(ended.stderr.contains("xxxx"), "{}", ended.stderr);
    }
}

/// The password itself is in no variable that Dumpcar sees, only in a file inside the container.
#[tokio::test]
async fn a_login_in_an_address_is_never_quoted() {
    let said =
        "FATAL: cannot reach postgresql://app:c4n4ry-from-a-file@db:5432/shop?password=c4n4ry-again now\n";
    for ended in told_by_a_tool(said, &[]).await {
        assert_says_nothing("a tool that prints an address with a login", &ended);
        assert!(ended.stderr.contains("@db:5432/shop"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn the_daemon_and_its_health_say_no_secret() {
    let said = b"FATAL: no login with c4n4ry-postgres\n".to_vec();
    let play = move |_: &ExecRequest| {
        Script::plays(vec![Step::Stderr(said.clone()), Step::Trailer(3), Step::AwaitRelease], Some(3))
    };
    let world = with_every_secret(World::new(play).await).set("DUMPCAR_ON_START", "true");
    world.docker.container(
        "shop",
        json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" }),
        &TARGET_ENV,
    );
    let daemon = world.daemon();
    daemon.logs("backup failed", 1).await;
    let health = world.run(&["healthcheck"]).await;
    assert!(health.stdout.starts_with("shop: "), "{}", health.stdout);
    assert_says_nothing("healthcheck", &health);
    assert_says_nothing("the daemon", &daemon.stop().await);
    assert_leaves_nothing(&world);
}

/// What was sent → status and body of the answer.
type Shape = fn(&str) -> (u16, String);

/// A server that answers with everything it was sent, as some do to be helpful, in the given shape.
async fn echo(shape: Shape) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(move |request: Request<Incoming>| async move {
                let (head, body) = request.into_parts();
                let mut sent = format!("{} {}\n", head.method, head.uri);
                for (name, value) in &head.headers {
                    sent.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
                }
                sent.push_str(&String::from_utf8_lossy(&body.collect().await?.to_bytes()));
                let (status, text) = shape(&sent);
                let answer = Response::builder().status(status).header("content-type", "application/xml");
                Ok::<_, hyper::Error>(answer.body(Full::new(Bytes::from(text))).unwrap())
            });
            let connection = async move {
                drop(
                    Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await,
                );
            };
            tokio::spawn(connection);
        }
    });
    endpoint
}

fn xml(code: &str, sent: &str) -> String {
    let sent = sent.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{sent}</Message><AWSAccessKeyId>{ACCESS_KEY}\
         </AWSAccessKeyId><StringToSign>{sent}</StringToSign><Region>{ACCESS_KEY}</Region></Error>"
    )
}

#[tokio::test]
async fn a_store_that_echoes_what_it_was_sent_is_not_quoted() {
    let shapes: [Shape; 15] = [
        |sent| (403, xml("InvalidAccessKeyId", sent)),
        |sent| (403, xml("SignatureDoesNotMatch", sent)),
        |sent| (403, xml("AccessDenied", sent)),
        |sent| (400, xml("ExpiredToken", sent)),
        |sent| (400, xml("AuthorizationHeaderMalformed", sent)),
        |sent| (400, xml("SomethingNew", sent)),
        |sent| (400, xml("", sent)),
        |sent| (400, xml(sent, sent)),
        |sent| (404, xml("NoSuchBucket", sent)),
        |sent| (409, xml("Conflict", sent)),
        |sent| (400, json!({ "error": "refused", "sent": sent }).to_string()),
        |sent| (403, json!({ "error": "refused", "sent": sent }).to_string()),
        |sent| (400, format!("refused: {sent}")),
        |sent| (401, format!("onnect refused: {sent}")),
        |sent| (200, format!("<ListBucketResult><Contents>{sent}</Contents></ListBucketResult>")),
    ];
    for (number, shape) in shapes.into_iter().enumerate() {
        let world = with_every_secret(World::new(tools).await).custom("shop").unset("AWS_PROXY_URL");
        let world = world.set("AWS_ENDPOINT_URL", &echo(shape).await);
        for command in [&["backup"][..], &["list"], &["cat", "shop"], &["prune"]] {
            let ended = world.run(command).await;
            assert_eq!(ended.status, 1, "{number}: {}", ended.stderr);
            assert_says_nothing(&format!("{command:?} with answer {number}"), &ended);
        }
    }
}

/// Credentials that have to be fetched with another secret.
#[tokio::test]
async fn a_token_that_is_changed_for_keys_is_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "c4n4ry-identity-token").unwrap();
    let token = token.to_str().unwrap();
    let shapes: [Shape; 8] = [
        |sent| (403, xml("AccessDenied", sent)),
        |sent| (403, xml("AccessDenied", sent)),
        |sent| (400, format!("refused: {sent}")),
        |sent| (400, format!("refused: {sent}")),
        |sent| (200, json!(sent).to_string()),
        |sent| (200, json!(sent).to_string()),
        |sent| (200, format!("<AssumeRoleWithWebIdentityResponse>{sent}")),
        |sent| (200, json!({ "AccessKeyId": "c4n4ry-id", "Sent": sent }).to_string()),
    ];
    for (number, shape) in shapes.into_iter().enumerate() {
        let endpoint = echo(shape).await;
        let bare = World::new(tools).await.custom("shop").set("DUMPCAR_LOG", "trace");
        let bare = bare.unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY");
        let (world, source) = match number % 2 {
            0 => (
                bare.set("AWS_WEB_IDENTITY_TOKEN_FILE", token)
                    .set("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")
                    .set("AWS_ENDPOINT_URL_STS", &endpoint)
                    .set("AWS_ALLOW_HTTP", "true"),
                "a web identity",
            ),
            _ => (
                bare.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{endpoint}/credentials"))
                    .set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token),
                "a container's token",
            ),
        };
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 1, "{source}: {}", ended.stderr);
        assert_says_nothing(source, &ended);
        assert_says_nothing(source, &world.run(&["config"]).await);
    }
}

/// The next best thing to a panic in each line: what a panic's message could hold.
#[tokio::test]
async fn nothing_that_a_panic_could_print_shows_a_secret() {
    // Another test's provider is the same one.
    drop(rustls::crypto::ring::default_provider().install_default());
    let world = with_every_secret(World::new(tools).await);
    add_targets(&world);
    let config =
        Config::from_pairs(world.env().to_vec(), &|_| unreachable!("no variable names a file")).unwrap();
    let show = |what: &str, thing: &dyn std::fmt::Debug| assert_clean(what, &format!("{thing:?} {thing:#?}"));
    show("Config", &config);
    show("S3Settings", &config.s3);
    show("the settings as shown", &config.redacted());
    let app = Arc::new(App::new(config).unwrap());
    show("App", &app);
    show("Store", &app.store);
    show("Place", app.store.place());
    let found = app.discover().await.unwrap();
    assert_eq!(found.len(), 4);
    show("Found", &found);
    let survey = Survey { reads_accounts: true, ..Survey::default() };
    for one in &found {
        let State::Ready(target) = &one.state else { panic!("{one:?}") };
        show("Target", target);
        show("Container", &target.container);
        assert_eq!(target.container.env.len(), TARGET_ENV.len(), "the secrets are there");
        let facts = target.facts();
        show("Facts", &facts);
        show("Login", &target.engine.login(&facts));
        let commands: Vec<Command> = [
            target.engine.survey(&facts),
            Some(target.engine.dump(&facts, &survey, "app")),
            target.engine.globals(&facts, &survey),
        ]
        .into_iter()
        .flatten()
        .collect();
        for command in &commands {
            show("Command", command);
            let Command { script, args, env, exec_user } = command;
            show("all of a command", &(script, args, env, exec_user));
        }
        let exec = app.docker.exec(&target.container.id, commands.last().unwrap()).await.unwrap();
        show("Exec", &exec);
        exec.cancel().await;
    }
    let env = BTreeMap::from([("POSTGRES_PASSWORD".to_owned(), "c4n4ry-postgres".to_owned())]);
    show("Facts without labels", &Facts::new("postgres", &env));
}

/// The one way to a secret's text, [`dumpcar::secret::Secret::expose`], is taken where it is needed and nowhere else.
#[test]
fn secrets_are_read_by_the_s3_client_the_settings_and_who_makes_them_only() {
    let mut found = Vec::new();
    super::architecture::sources().into_iter().for_each(|(file, source)| {
        let code = source.split("#[cfg(test)]").next().unwrap();
        if !file.contains("tests") && code.contains(".expose()") {
            found.push(file);
        }
    });
    assert!(!found.is_empty());
    for file in found {
        assert!(
            ["config", "store", "commands/keygen.rs"].iter().any(|owner| file.starts_with(owner)),
            "{file} reads a secret"
        );
    }
}
