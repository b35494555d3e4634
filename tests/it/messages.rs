use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::operator::earlier;
use super::support::docker::{Script, Step};
use super::support::s3::FakeS3;
use super::support::world::World;

const DUMP: &[u8] = b"-- a dump\n";
const OLD: &str = "2026-01-01T23-00-00Z";

async fn world() -> World {
    World::new(|_| Script::ends(DUMP, 0)).await
}

/// The messages of these levels, each once.
fn told(stderr: &str, level: &str) -> Vec<String> {
    let lines = stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines = lines.filter(|line| line["level"] == level);
    lines.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn without_keys_the_variables_are_named() {
    let world = world().await.custom("shop").unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    insta::assert_snapshot!(ended.stderr, @"
    dumpcar: these settings are wrong:
    AWS_ACCESS_KEY_ID: and AWS_SECRET_ACCESS_KEY, or their _FILE forms, are required: the server of the endpoint knows no role of an EC2 instance
    ");
    // AWS itself might be asked by the instance's role; there is none.
    let world = world.unset("AWS_ENDPOINT_URL").set("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9");
    let reason = world.run(&["backup"]).await.reason();
    insta::assert_snapshot!(reason, @"there are no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or their _FILE forms (and this is no EC2 instance with a role: Connection refused (os error 111))");
}

#[tokio::test]
async fn https_spoken_to_http_is_named() {
    let world = world().await.custom("shop");
    let plain = world.s3.endpoint.clone();
    let world = world.set("AWS_ENDPOINT_URL", &plain.replace("http://", "https://"));
    let reason = world.run(&["backup"]).await.reason().replace(plain.trim_start_matches("http://"), "HOST");
    insta::assert_snapshot!(reason, @"https://HOST does not speak https there: if that is meant, set AWS_ENDPOINT_URL=http://HOST, else correct the port");
}

/// What servers with TLS answer to a request without it: an alert, or a page in plain text.
#[tokio::test]
async fn http_spoken_to_https_is_named() {
    const ALERT: &[u8] = &[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46];
    const PAGE: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    for answer in [ALERT, PAGE] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                drop(stream.read(&mut [0; 4096]));
                drop(stream.write_all(answer));
            }
        });
        let world = world().await.custom("shop").set("AWS_ENDPOINT_URL", &format!("http://{host}"));
        let reason = world.run(&["backup"]).await.reason().replace(&host, "HOST");
        assert_eq!(reason, "http://HOST speaks https there, and no http: set AWS_ENDPOINT_URL=https://HOST");
    }
}

/// As Docker 20.10 answers it: on standard output, with the status 126 and without a trailer.
#[tokio::test]
async fn an_exec_user_that_is_not_there_is_named_and_not_tried_again() {
    let said = b"unable to find user nosuch: no matching entries in passwd file\r\n".to_vec();
    let script = Script::plays(vec![Step::Stdout(said)], Some(126));
    let world = World::new(move |_| script.clone()).await.set("DUMPCAR_RETRIES", "2");
    let labels =
        json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it", "dumpcar.exec-user": "nosuch" });
    world.docker.container("shop", labels, &[]);
    let reason = world.run(&["backup"]).await.reason();
    insta::assert_snapshot!(reason, @r#"dump the target: the label dumpcar.exec-user names "nosuch", and the container shop has no such user: correct the label, or take the number of a user (unable to find user nosuch: no matching entries in passwd file)"#);
}

#[tokio::test]
async fn labels_without_enable_are_told_once() {
    let world = world().await.custom("shop").set("DUMPCAR_SCHEDULE", "off");
    world.docker.container("blog", json!({ "dumpcar.schedule": "@daily" }), &[]);
    world.docker.container("wiki", json!({ "dumpcar.enable": "false", "dumpcar.schedule": "@daily" }), &[]);
    world.docker.container("mail", json!({ "dumpcar.group": "other", "dumpcar.schedule": "@daily" }), &[]);
    let expected = "container blog has the label dumpcar.schedule, but not dumpcar.enable=true: it is not backed up; dumpcar.enable=false says that this is meant";
    let daemon = world.daemon();
    daemon.logs("planned", 0).await;
    daemon.logs(expected, 1).await;
    daemon.tell("HUP");
    daemon.logs("asked to look at the containers again", 1).await;
    daemon.tell("HUP");
    daemon.logs("asked to look at the containers again", 2).await;
    let ended = daemon.stop().await;
    let told = told(&ended.stderr, "WARN");
    assert_eq!(told.iter().filter(|one| one.contains("dumpcar.enable")).collect::<Vec<_>>(), [expected]);
}

#[tokio::test]
async fn labels_in_capitals_are_told() {
    for (label, value, expected) in [
        ("Dumpcar.Enable", "true", "container shop: Dumpcar.Enable: has capitals: write dumpcar.enable"),
        ("DUMPCAR.ENABLE", "True", "container shop: DUMPCAR.ENABLE: has capitals: write dumpcar.enable"),
        (
            "dumpcar.ENABLE",
            "true",
            "container shop: dumpcar.ENABLE: is not a known label; did you mean dumpcar.enable?",
        ),
    ] {
        let world = world().await;
        world.docker.container("shop", json!({ label: value, "dumpcar.command": "x" }), &[]);
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.reason(), expected);
    }
    let world = world().await;
    world.docker.container("shop", json!({ "Dumpcar.Enable": "false" }), &[]);
    assert!(!world.run(&["backup"]).await.stderr.contains("capitals"));
}

#[tokio::test]
async fn a_second_container_of_one_name_is_told_when_it_comes() {
    let world = world().await.custom("shop").set("DUMPCAR_SCHEDULE", "off");
    let daemon = world.daemon();
    daemon.logs("target found", 1).await;
    let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it", "dumpcar.name": "shop" });
    world.docker.container("shop-2", labels, &[]);
    daemon.tell("HUP");
    daemon.logs("target is misconfigured", 1).await;
    let ended = daemon.stop().await;
    let logged = ended.logged("target is misconfigured");
    let reason =
        "the containers shop and shop-2 have the same target name shop: give each its own label dumpcar.name";
    assert_eq!(logged[0]["reason"], reason);
    assert_eq!(logged.len(), 1, "{}", ended.stderr);
}

#[tokio::test]
async fn other_tools_spellings_are_known() {
    let world = world().await;
    let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "x", "dumpcar.retention": "7", "dumpcar.cron": "@daily" });
    world.docker.container("shop", labels, &[]);
    insta::assert_snapshot!(world.run(&["backup"]).await.reason(), @"container shop: dumpcar.cron: is not a known label; did you mean dumpcar.schedule?; dumpcar.retention: is not a known label; did you mean dumpcar.keep-last?");
    let world = world
        .set("DUMPCAR_RETENTION", "7")
        .set("DUMPCAR_CRON", "@daily")
        .set("DUMPCAR_S3_BUCKET", "b")
        // Not ours.
        .set("BACKUP_CRON_EXPRESSION", "@daily");
    insta::assert_snapshot!(world.run(&["backup"]).await.stderr, @"
    dumpcar: these settings are wrong:
    DUMPCAR_CRON: is not a known variable; did you mean DUMPCAR_SCHEDULE?
    DUMPCAR_RETENTION: is not a known variable; did you mean DUMPCAR_KEEP_LAST?
    DUMPCAR_S3_BUCKET: is not a known variable; did you mean DUMPCAR_STORE?
    ");
}

#[tokio::test]
async fn an_empty_list_says_what_to_do() {
    let world = world().await.custom("shop");
    let said = async |args: &[&str]| {
        let ended = world.run(args).await;
        assert_eq!((ended.status, ended.stdout.as_str()), (4, ""));
        told(&ended.stderr, "ERROR").join("\n")
    };
    insta::assert_snapshot!(said(&["list"]).await, @"there is nothing here yet: `dumpcar backup` makes the first backup; if there should be some, DUMPCAR_STORE names another bucket or prefix");
    world.write("photos/cat.jpg", b"meow");
    insta::assert_snapshot!(said(&["list"]).await, @"there is no backup here, and 1 object of others: does DUMPCAR_STORE name the right prefix?");
    insta::assert_snapshot!(said(&["list", "blog"]).await, @"there is no backup of blog: `dumpcar list` without a name shows all there are");
}

#[tokio::test]
async fn a_label_on_the_application_names_the_database_beside_it() {
    let missing = b"dumpcar: cannot find psql in the container\n".to_vec();
    let steps = vec![Step::Stderr(missing), Step::Trailer(127), Step::AwaitRelease];
    let world = World::new(move |_| Script::plays(steps.clone(), Some(127))).await;
    let project = |project: &str| json!({ "com.docker.compose.project": project });
    let mut labels = project("shop");
    labels["dumpcar.enable"] = "true".into();
    for (name, project) in [("shop-db-1", project("shop")), ("blog-db-1", project("blog"))] {
        world.docker.container(name, project, &[]);
        world.docker.set_image(name, "postgres:17");
    }
    world.docker.container("shop-app-1", labels.clone(), &[]);
    insta::assert_snapshot!(world.run(&["backup"]).await.reason(), @"container shop-app-1: cannot tell the database from the image example/image:1: set the label dumpcar.engine (postgresql, mariadb, mysql, redis, valkey, sqlite), or dumpcar.command for any other; or does shop-db-1 have the database? Then its container gets the labels");
    // It knows its database's password, and so looks like one.
    world.docker.container("shop-app-1", labels, &["POSTGRES_PASSWORD=secret"]);
    insta::assert_snapshot!(world.run(&["backup"]).await.reason(), @"list its databases: the container has no psql: is it postgresql? Say what it is by the label dumpcar.engine, or what dumps it by dumpcar.command; or does shop-db-1 have the database? Then its container gets the labels");
}

#[tokio::test]
async fn a_prune_that_comes_second_does_not_send_anybody_to_delete_by_hand() {
    // It is there when it is looked at, and gone when it is to go.
    let seen = AtomicUsize::new(0);
    let s3 = FakeS3::with_faults(move |asked| {
        let is_it =
            asked.operation() == "GetObject" && asked.key().ends_with(&format!("{OLD}/manifest.json"));
        (is_it && seen.fetch_add(1, Ordering::Relaxed) > 0).then_some((404, "NoSuchKey"))
    })
    .await;
    let world = World::with_s3(s3, |_| Script::ends(DUMP, 0)).custom("shop").set("DUMPCAR_KEEP_LAST", "1");
    earlier(&world, OLD);
    earlier(&world, "2026-01-02T23-00-00Z");
    let ended = world.run(&["prune"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(told(&ended.stderr, "WARN"), [""; 0]);
    let gone = ended.logged("gone already: another Dumpcar prunes this target at the same time");
    assert_eq!((gone.len(), &gone[0]["backup"]), (1, &OLD.into()));
}
