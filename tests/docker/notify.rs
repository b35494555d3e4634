//! Messages to real receivers: ntfy, Alertmanager and a mail server as people set them up; and what apprise sends to others.

use std::path::Path;

use serde_json::Value;

use super::support::docker::{Container, docker, image, until};
use super::support::world::World;

/// A program of the image with the receivers, and where this machine reaches its port.
struct Receiver {
    container: Container,
    place: String,
}

impl Receiver {
    fn start(port: u16, command: &[&str]) -> Self {
        let image = monitoring();
        let publish = format!("127.0.0.1::{port}");
        let container = Container::run(&[&["-p", &publish, &image], command].concat());
        let place = docker(&["port", &container.id, &port.to_string()]).lines().next().unwrap().to_owned();
        Self { container, place }
    }

    fn answers(&self, path: &str) -> bool {
        self.container.try_exec(&["curl", "-sSf", &format!("http://127.0.0.1{path}")]).is_ok()
    }
}

fn monitoring() -> String {
    image("DUMPCAR_TEST_MONITORING", "dumpcar-test/monitoring:latest")
}

const USERS: &str = "/tmp/users.db";

/// An ntfy that lets nobody in but the user ops, into one topic; and a token of this user.
fn ntfy() -> (Receiver, String) {
    let server =
        ["ntfy", "serve", "--listen-http", ":80", "--auth-file", USERS, "--cache-file", "/tmp/messages.db"];
    let ntfy = Receiver::start(80, &[&server[..], &["--auth-default-access", "deny-all"]].concat());
    until("ntfy is up", || ntfy.answers("/v1/health"));
    let add = format!("NTFY_PASSWORD=secret ntfy user --auth-file {USERS} add ops");
    ntfy.container.exec(&["sh", "-c", &add]);
    ntfy.container.exec(&["ntfy", "access", "--auth-file", USERS, "ops", "alerts", "rw"]);
    let said = ntfy.container.exec(&["sh", "-c", &format!("ntfy token --auth-file {USERS} add ops 2>&1")]);
    let token = said.split_whitespace().find(|word| word.starts_with("tk_")).unwrap().to_owned();
    (ntfy, token)
}

/// The titles of what an ntfy has for its user.
fn titles(ntfy: &Receiver, token: &str) -> Vec<String> {
    let authorization = format!("Authorization: Bearer {token}");
    let messages =
        ntfy.container.exec(&["curl", "-sSf", "-H", &authorization, "http://127.0.0.1/alerts/json?poll=1"]);
    let messages = messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    messages.map(|message| message["title"].as_str().unwrap().to_owned()).collect()
}

fn alertmanager() -> Receiver {
    let script = "printf 'route: {receiver: nobody}\\nreceivers: [{name: nobody}]\\n' >/tmp/a.yml && cd /tmp \
                  && exec prometheus-alertmanager --config.file=/tmp/a.yml --cluster.listen-address= \
                          --web.listen-address=:80";
    let alertmanager = Receiver::start(80, &["sh", "-c", script]);
    until("Alertmanager is up", || alertmanager.answers("/-/ready"));
    alertmanager
}

/// What its alerts are about, of those that have not ended.
fn alerts(alertmanager: &Receiver) -> Vec<String> {
    let alerts = alertmanager.container.exec(&["curl", "-sSf", "http://127.0.0.1/api/v2/alerts?active=true"]);
    let alerts: Vec<Value> = serde_json::from_str(&alerts).unwrap();
    alerts.iter().map(|alert| alert["labels"]["about"].as_str().unwrap().to_owned()).collect()
}

/// A mail server with TLS at this port, and the certificate of its authority in a file.
fn mail(port: u16, folder: &Path) -> (Receiver, String) {
    let mail = Receiver::start(port, &["bash", "/mail.sh"]);
    until("the mail server is up", || mail.container.logs().contains("OpenSMTPD"));
    let authority = folder.join(format!("{port}.pem"));
    std::fs::write(&authority, mail.container.exec(&["cat", "/tmp/ca.pem"])).unwrap();
    (mail, authority.to_str().unwrap().to_owned())
}

/// The subjects of the mails that have come.
fn subjects(mail: &Receiver) -> Vec<String> {
    let mails = mail.container.exec(&["sh", "-c", "cat /home/ops/mail/new/* 2>/dev/null || true"]);
    let subjects = mails.lines().filter_map(|line| line.strip_prefix("Subject: "));
    subjects.map(str::to_owned).collect()
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_failure_and_its_end_reach_real_receivers() {
    let folder = tempfile::tempdir().unwrap();
    let ((ntfy, token), alertmanager) = (ntfy(), alertmanager());
    let (mail, authority) = mail(465, folder.path());
    let urls = format!(
        "ntfy://:{token}@{}/alerts alertmanager://{} smtps://dumpcar:secret@{}?from=dumpcar@example.com&to=me@example.com",
        ntfy.place, alertmanager.place, mail.place
    );
    let world = World::new().set("DUMPCAR_SCHEDULE", "every 1h").set("DUMPCAR_INSTANCE", "nas");
    let world = world.set("DUMPCAR_NOTIFY_URLS", &urls).set("DUMPCAR_S3_CA_FILE", &authority);
    let shop = world.custom("shop", "cat /tmp/dump");
    let daemon = world.start(&[]);
    until("the target is planned", || daemon.log().contains(r#""message":"planned""#));

    daemon.signal("USR1");
    let failed = "[dumpcar nas] shop: backup failed";
    until("ntfy has it", || titles(&ntfy, &token) == [failed]);
    until("Alertmanager has it", || alerts(&alertmanager) == ["shop"]);
    until("the mail has come", || subjects(&mail) == [failed]);

    shop.exec(&["sh", "-c", "echo a dump >/tmp/dump"]);
    daemon.signal("USR1");
    let recovered = "[dumpcar nas] shop: good again";
    until("ntfy has it", || titles(&ntfy, &token) == [failed, recovered]);
    until("the alert has ended", || alerts(&alertmanager).is_empty());
    until("the mail has come", || subjects(&mail).iter().any(|subject| subject == recovered));
    daemon.signal("TERM");
    let ended = daemon.end();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    for secret in [token.as_str(), "dumpcar:secret"] {
        assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_real_receivers_refuse_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (ntfy, token) = ntfy();
    let (mail, authority) = mail(587, folder.path());
    let (ntfy, mail) = (&ntfy.place, &mail.place);
    let mail_to = |login: &str, to: &str| format!("smtp://{login}@{mail}?from=dumpcar@example.com&to={to}");
    for (url, result, answer) in [
        (format!("ntfy://:{token}@{ntfy}/alerts"), "sent", "200 OK"),
        (format!("ntfy://:tk_wrong@{ntfy}/alerts"), "NOT SENT", "401 Unauthorized"),
        (format!("ntfy://ops:secret@{ntfy}/another"), "NOT SENT", "403 Forbidden"),
        (format!("ntfy://{ntfy}/alerts"), "NOT SENT", "403 Forbidden"),
        (mail_to("dumpcar:secret", "me@example.com"), "sent", "250"),
        (mail_to("dumpcar:wrong", "me@example.com"), "NOT SENT", "535"),
        (mail_to("dumpcar:secret", "me@example.net"), "NOT SENT", "550"),
    ] {
        let world = World::new().set("DUMPCAR_NOTIFY_URLS", &url).set("DUMPCAR_S3_CA_FILE", &authority);
        let ended = world.run(&["notify", "--test"]);
        let printed = String::from_utf8(ended.stdout).unwrap();
        assert!(printed.contains(&format!("  {result}")) && printed.contains(answer), "{url}: {printed}");
        assert_eq!(ended.status, i32::from(result != "sent"), "{url}: {printed}");
    }
    // Without the authority, its certificate is a stranger's.
    let world = World::new().set("DUMPCAR_NOTIFY_URLS", &mail_to("dumpcar:secret", "me@example.com"));
    let printed = String::from_utf8(world.run(&["notify", "--test"]).stdout).unwrap();
    assert!(printed.contains("NOT SENT") && printed.contains("certificate"), "{printed}");
}

/// What a program that has learned all services by use sends to them.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn requests_are_those_that_apprise_makes() {
    for (own, of_apprise) in [
        ("ntfy://:tk_x@HOST/alerts", "ntfy://tk_x@HOST/alerts?auth=token"),
        ("ntfy://me:secret@HOST/alerts", "ntfy://me:secret@HOST/alerts"),
        ("gotify://HOST/sub/Axyz", "gotify://HOST/sub/Axyz"),
        ("matrix://:syt_x@HOST/!r:example.com", "matrix://syt_x@HOST/!r:example.com"),
        ("apprise://HOST/key", "apprise://HOST/key"),
    ] {
        let capture = Receiver::start(8000, &["python3", "/capture.py"]);
        until("it listens", || {
            capture.container.try_exec(&["curl", "-sS", "http://127.0.0.1:8000/up"]).is_ok()
        });
        capture.container.exec(&[
            "apprise",
            "-t",
            "title",
            "-b",
            "body",
            &of_apprise.replace("HOST", "127.0.0.1:8000"),
        ]);
        let world = World::new().set("DUMPCAR_NOTIFY_URLS", &own.replace("HOST", &capture.place));
        let ended = world.run(&["notify", "--test"]);
        assert_eq!(ended.status, 0, "{own}: {}", String::from_utf8_lossy(&ended.stdout));
        let got: Vec<Value> =
            capture.container.logs().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (dumpcar, apprise): (Vec<&Value>, Vec<&Value>) = got
            .iter()
            .filter(|request| request["path"] != "/up")
            .partition(|request| request["headers"]["user-agent"].as_str().unwrap().starts_with("dumpcar/"));
        let [dumpcar] = dumpcar[..] else { panic!("{own}: {got:#?}") };
        // It joins a Matrix room each time before.
        let apprise = apprise.last().unwrap();
        assert_eq!(dumpcar["method"], apprise["method"], "{got:#?}");
        assert_eq!(place(dumpcar), place(apprise), "{got:#?}");
        for header in ["authorization", "x-gotify-key"] {
            assert_eq!(dumpcar["headers"][header], apprise["headers"][header], "{header}: {got:#?}");
        }
        let sent: Value = serde_json::from_str(dumpcar["body"].as_str().unwrap()).unwrap();
        for field in fields(apprise["body"].as_str().unwrap()) {
            assert!(!sent[&field].is_null(), "{field}: {got:#?}");
        }
    }
}

/// The path of a request, without what differs from one message to the next.
fn place(request: &Value) -> String {
    let path = request["path"].as_str().unwrap().replace("%2E", ".");
    match path.split_once("/m.room.message/") {
        Some((room, _)) => room.to_owned(),
        None => path,
    }
}

/// The names of the fields in a body, which is JSON or a form.
fn fields(body: &str) -> Vec<String> {
    match serde_json::from_str::<Value>(body) {
        Ok(body) => body.as_object().unwrap().keys().cloned().collect(),
        Err(_) => body.split('&').map(|pair| pair.split('=').next().unwrap().to_owned()).collect(),
    }
}
