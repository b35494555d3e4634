use serde_json::json;

use super::DUMP;
use crate::support::docker::Script;
use crate::support::forward::ForwardProxy;
use crate::support::receiver::{FakeReceiver, Got, Reply};
use crate::support::tls::{Authority, Flaw};
use crate::support::world::{Ended, World};

async fn world() -> World {
    World::new(|_| Script::ends(DUMP, 0)).await.set("DUMPCAR_INSTANCE", "nas")
}

/// Sends the test message to a receiver; returns what it got and how the command ended.
async fn test(url: &str, receiver: &FakeReceiver) -> (Vec<Got>, Ended) {
    let ended = world().await.set("DUMPCAR_NOTIFY_URLS", url).run(&["notify", "--test"]).await;
    (receiver.got(), ended)
}

#[tokio::test]
async fn the_test_says_what_each_receiver_answered() {
    let works = FakeReceiver::start().await;
    let refuses =
        FakeReceiver::answering(|_, _| Reply::status(404, r#"{"message":"Unknown Webhook","code":10015}"#))
            .await;
    let urls = format!("{}\nntfy://{}/topic", refuses.url("/hook"), works.place());
    let ended = world().await.set("DUMPCAR_NOTIFY_URLS", &urls).run(&["notify", "--test"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    let lines: Vec<Vec<&str>> =
        ended.stdout.lines().map(|line| line.split("  ").filter(|cell| !cell.is_empty()).collect()).collect();
    let cell = |row: usize, column: usize| lines[row][column].trim();
    assert_eq!([cell(0, 0), cell(0, 1), cell(0, 2)], ["RECEIVER", "RESULT", "ANSWER"]);
    assert_eq!(cell(1, 0), format!("webhook {}", refuses.place()));
    assert_eq!([cell(1, 1), cell(1, 2)], ["NOT SENT", "404 Not Found: Unknown Webhook"]);
    assert_eq!([cell(2, 1), cell(2, 2)], ["sent", "200 OK ok"]);
    let event = refuses.got()[0].json();
    assert_eq!(
        (&event["type"], &event["data"]["title"]),
        (&json!("io.dumpcar.test"), &json!("[dumpcar nas] test message"))
    );
    let all_good = world().await.set("DUMPCAR_NOTIFY_URLS", &works.url("/")).run(&["notify", "--test"]).await;
    assert_eq!(all_good.status, 0, "{}", all_good.stdout);
}

#[tokio::test]
async fn a_test_without_a_receiver_says_what_to_set() {
    let ended = world().await.run(&["notify", "--test"]).await;
    assert_eq!(ended.status, 1);
    assert_eq!(
        ended.logged("there is nobody to send a message to: set DUMPCAR_NOTIFY_URLS").len(),
        1,
        "{}",
        ended.stderr
    );
    assert_eq!(world().await.run(&["notify"]).await.status, 2);
}

#[tokio::test]
async fn each_service_of_ones_own_gets_its_request() {
    let receiver = FakeReceiver::start().await;
    let place = receiver.place();
    let urls = [
        format!("ntfy://:tk_x@{place}/alerts"),
        format!("ntfy://me:secret@{place}/alerts"),
        format!("gotify://{place}/sub/Axyz"),
        format!("matrix://:syt_x@{place}/!r:example.com"),
        format!("apprise://{place}/key"),
        format!("alertmanager://{place}"),
    ];
    let (got, ended) = test(&urls.join(" "), &receiver).await;
    assert_eq!((ended.status, got.len()), (0, 6), "{}", ended.stdout);
    let find = |method: &str, target: &str| {
        let is_it = |one: &&Got| one.method == method && one.target.starts_with(target);
        got.iter().filter(is_it).cloned().collect::<Vec<_>>()
    };
    let ntfy = find("POST", "/");
    let ntfy: Vec<_> = ntfy.iter().filter(|one| one.target == "/").collect();
    let logins: Vec<_> = ntfy.iter().map(|one| one.header("authorization").unwrap()).collect();
    assert!(logins.contains(&"Bearer tk_x") && logins.contains(&"Basic bWU6c2VjcmV0"), "{logins:?}");
    assert_eq!((&ntfy[0].json()["topic"], &ntfy[0].json()["priority"]), (&json!("alerts"), &json!(2)));
    let gotify = &find("POST", "/sub/message")[0];
    assert_eq!(
        (gotify.header("x-gotify-key"), &gotify.json()["title"]),
        (Some("Axyz"), &json!("[dumpcar nas] test message"))
    );
    let matrix = &find("PUT", "/_matrix/client/v3/rooms/%21r%3Aexample%2Ecom/send/m.room.message/")[0];
    assert_eq!(matrix.header("authorization"), Some("Bearer syt_x"));
    assert_eq!(find("POST", "/notify/key")[0].json()["type"], "info");
    let alert = &find("POST", "/api/v2/alerts")[0].json()[0];
    assert_eq!(
        (&alert["labels"]["alertname"], &alert["labels"]["instance"]),
        (&json!("DumpcarTest"), &json!("nas"))
    );
    assert!(got.iter().all(|one| one.header("user-agent").unwrap().starts_with("dumpcar/")));
}

/// The hosts of the real services, with a certificate of our own, behind the proxy of the settings.
#[tokio::test]
async fn each_service_of_the_net_gets_its_request_through_the_proxy() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    for (host, url, target) in [
        ("hooks.slack.com", "https://hooks.slack.com:PORT/services/T0/B0/x", "/services/T0/B0/x"),
        ("discord.com", "https://discord.com:PORT/api/webhooks/1/x", "/api/webhooks/1/x"),
        (
            "prod-1.logic.azure.com",
            "https://prod-1.logic.azure.com:PORT/workflows/w?sig=x",
            "/workflows/w?sig=x",
        ),
        (
            "api.telegram.org",
            "https://api.telegram.org:PORT/bot1:x/sendMessage?chat_id=5",
            "/bot1:x/sendMessage",
        ),
        ("ntfy.sh", "https://ntfy.sh:PORT/topic", "/"),
        (
            "api.pushover.net",
            "pover://uQiRzpo4DXghDmr9QzzfQu27cmVRsG@azGDORePK8gMaC0QOYAMyEEuzJnyUi",
            "/1/messages.json",
        ),
    ] {
        let receiver = FakeReceiver::start().await;
        let (port, _) = authority.before(receiver.port, host, Flaw::None).await;
        let proxy = ForwardProxy::to(port).await;
        let world = world()
            .await
            .set("DUMPCAR_NOTIFY_URLS", &url.replace("PORT", &port.to_string()))
            .set("DUMPCAR_S3_CA_FILE", ca.to_str().unwrap())
            .set("HTTPS_PROXY", &format!("http://127.0.0.1:{}", proxy.port));
        let ended = world.run(&["notify", "--test"]).await;
        assert_eq!(ended.status, 0, "{host}: {} {}", ended.stdout, ended.stderr);
        assert!(proxy.heads()[0].starts_with(&format!("CONNECT {host}:")), "{:?}", proxy.heads());
        let got = receiver.got();
        assert_eq!((got.len(), got[0].target.as_str()), (1, target), "{host}");
        assert!(got[0].body.contains("test message"), "{}", got[0].body);
        // A certificate that nobody trusts: the message does not go.
        let stranger = world.unset("DUMPCAR_S3_CA_FILE").run(&["notify", "--test"]).await;
        assert_eq!((stranger.status, receiver.got().len()), (1, 1), "{host}: {}", stranger.stdout);
        assert!(stranger.stdout.contains("certificate"), "{}", stranger.stdout);
    }
}
