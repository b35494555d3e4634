use proptest::prelude::*;
use serde_json::Value;

use super::super::kind::Kind;
use super::super::message::{Draft, Item};
use super::*;
use crate::report::outgoing::Method;
use crate::secret::Secret;

/// What would be markup, or would call somebody, somewhere.
const HOSTILE: &str =
    "table @everyone <!channel> <b>x</b> &amp; *y* _z_ `q` [a](http://b) </strong> \"; @room\u{202e}\n";

fn message(texts: &[String]) -> Message {
    let items = texts.iter().enumerate();
    let items =
        items.map(|(number, text)| Item::new(Kind::BackupFailed, &format!("t{number}"), text)).collect();
    let at = "2026-11-26T23:00:00Z".parse().unwrap();
    Message::new(
        "msg_1".to_owned(),
        at,
        "n&s",
        Draft { items, footer: Some("0 of 9 targets good".to_owned()) },
    )
}

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

/// One of each that speaks HTTP.
fn services() -> Vec<Service> {
    let server = || "https://example.com".to_owned();
    vec![
        Service::Slack { url: secret("https://hooks.slack.com/services/T/B/X") },
        Service::Discord { url: secret("https://discord.com/api/webhooks/1/x") },
        Service::Teams { url: secret("https://x.logic.azure.com/y") },
        Service::Webhook { url: secret("https://example.com/hook") },
        Service::Ntfy { server: server(), topic: secret("topic"), login: Login::Bearer(secret("tk_x")) },
        Service::Gotify { server: server(), token: secret("Axyz") },
        Service::Matrix { server: server(), token: secret("syt_x"), room: "!r:example.com".to_owned() },
        Service::Telegram {
            server: server(),
            token: secret("1:x"),
            chat: "-100".to_owned(),
            thread: Some(7),
        },
        Service::Pushover { token: secret("a"), user: secret("u") },
        Service::Alertmanager { server: server(), login: Login::None },
        Service::Apprise { server: server(), key: secret("k/ey") },
    ]
}

fn sent(message: &Message, service: &Service) -> (Request, Value) {
    let request = request(message, service, None, message.at).unwrap();
    let body = serde_json::from_str(&request.body).unwrap();
    (request, body)
}

fn text<'a>(body: &'a Value, pointer: &str) -> &'a str {
    body.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}: {body}"))
}

fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text in which each `&` begins one of HTML's escapes, and nothing else is markup.
fn is_text_in_html(text: &str) -> bool {
    let escapes = ["&amp;", "&lt;", "&gt;", "&quot;"];
    !text.contains(['<', '>'])
        && text.match_indices('&').all(|(at, _)| {
            escapes.iter().any(|escape| text.get(at..).is_some_and(|rest| rest.starts_with(escape)))
        })
}

/// Everything a service promises, of any message.
fn check(message: &Message) {
    for service in services() {
        let (request, body) = sent(message, &service);
        let size = request.body.len();
        match &service {
            Service::Slack { .. } => {
                let shown = text(&body, "/text");
                assert!(utf16(shown) <= 3_000 && is_text_in_html(shown), "{shown}");
                assert_eq!(body["mrkdwn"], false);
            }
            Service::Discord { .. } => {
                let (title, shown) = (text(&body, "/embeds/0/title"), text(&body, "/embeds/0/description"));
                assert!(utf16(title) <= 256 && utf16(shown) <= 4_096 && utf16(title) + utf16(shown) <= 6_000);
                assert_eq!(body["allowed_mentions"]["parse"], serde_json::json!([]));
                assert!(body.get("content").is_none());
                let marks = ['*', '_', '~', '`', '|', '<', '>', '#', '@', '[', ']'];
                let mut before = ' ';
                for c in shown.chars() {
                    assert!(!marks.contains(&c) || before == '\\', "{shown}");
                    before = if before == '\\' && c == '\\' { ' ' } else { c };
                }
            }
            Service::Teams { .. } => {
                assert!(size <= 28_000, "{size}");
                let blocks = body["attachments"][0]["content"]["body"].as_array().unwrap();
                assert!(blocks.iter().all(|block| block["type"] == "RichTextBlock"));
            }
            Service::Webhook { .. } => {
                assert!(size <= 1024 * 1024, "{size}");
                let shown = body["data"]["items"].as_array().unwrap().len();
                assert_eq!(
                    shown + usize::try_from(body["data"]["omitted"].as_u64().unwrap()).unwrap(),
                    message.items.len()
                );
                assert_eq!(body["source"], "dumpcar/n%26s");
            }
            Service::Ntfy { .. } => {
                assert!(text(&body, "/message").len() <= 4_096 && text(&body, "/title").len() <= 250);
                assert_eq!(request.url.expose(), "https://example.com/");
                assert!(
                    request
                        .headers
                        .iter()
                        .any(|(name, value)| *name == "authorization" && value.expose() == "Bearer tk_x")
                );
            }
            Service::Gotify { .. } => {
                assert_eq!(body["extras"]["client::display"]["contentType"], "text/plain");
                assert!(size < 40_000);
            }
            Service::Matrix { .. } => {
                assert!(size <= 60_000, "{size}");
                let html = text(&body, "/formatted_body");
                let inner = html
                    .strip_prefix("<strong>")
                    .unwrap()
                    .replacen("</strong><br>", "", 1)
                    .replace("<br>", "");
                assert!(is_text_in_html(&inner), "{html}");
                assert_eq!(body["m.mentions"], serde_json::json!({}));
                assert_eq!(request.method, Method::Put);
                assert!(
                    request.url.expose().ends_with("/rooms/%21r%3Aexample%2Ecom/send/m.room.message/msg%5F1")
                );
            }
            Service::Telegram { .. } => {
                let shown = text(&body, "/text");
                let inner = shown.strip_prefix("<b>").unwrap().replacen("</b>", "", 1);
                assert!(utf16(shown) <= 4_096 && is_text_in_html(&inner), "{shown}");
                assert_eq!((&body["message_thread_id"], &body["chat_id"]), (&7.into(), &"-100".into()));
            }
            Service::Pushover { .. } => {
                assert!(utf16(text(&body, "/message")) <= 1_024 && utf16(text(&body, "/title")) <= 250);
            }
            Service::Alertmanager { .. } => {
                let alerts = body.as_array().unwrap();
                assert_eq!(alerts.len(), message.items.len().min(500));
                assert!(alerts.iter().all(|alert| alert["labels"]["alertname"] == "DumpcarProblem"));
            }
            Service::Apprise { .. } => {
                assert_eq!((text(&body, "/type"), text(&body, "/format")), ("failure", "text"));
                assert_eq!(request.url.expose(), "https://example.com/notify/k%2Fey");
                assert!(size < 40_000);
            }
            Service::Mail(_) => unreachable!("it speaks no HTTP"),
        }
    }
}

#[test]
fn what_would_be_markup_stays_text_everywhere() {
    check(&message(&[HOSTILE.to_owned()]));
}

#[test]
fn a_night_of_two_hundred_targets_is_within_every_limit() {
    let texts = vec!["dump the target: exit status 1: \"no such table\"".repeat(20); 200];
    check(&message(&texts));
    check(&message(&vec!["\"\\<&>*_@".repeat(500); 3]));
    check(&message(&vec!["🦀".repeat(2_000); 600]));
    // Where there is no room for all, the rest is counted.
    let (_, body) = sent(&message(&texts), &services()[5]);
    assert!(text(&body, "/message").contains(" more"), "{body}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn each_service_gets_text_within_its_limits(
        texts in prop::collection::vec(r#"([<>&*_`@#|~\[\]\\"x🦀ä \n]|\PC){0,600}"#, 1..40),
    ) {
        check(&message(&texts));
    }
}

/// The example of the specification: <https://www.standardwebhooks.com>.
#[test]
fn a_webhook_is_signed_as_standard_webhooks_say() {
    let message = message(&["no disk".to_owned()]);
    let webhook = Service::Webhook { url: secret("https://example.com/hook") };
    let config = crate::config::Config::from_pairs(
        [
            ("DUMPCAR_STORE", "s3://backups/x"),
            ("DUMPCAR_NOTIFY_URLS", "https://example.com/hook"),
            ("DUMPCAR_NOTIFY_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
        &|_| Err(std::io::ErrorKind::NotFound.into()),
    )
    .unwrap();
    let now = "2021-02-25T18:01:40Z".parse().unwrap();
    let signed = request(&message, &webhook, config.notify.secret.as_ref(), now).unwrap();
    let header = |name: &str| {
        signed
            .headers
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value.expose().to_owned())
            .unwrap()
    };
    assert_eq!(
        (header("webhook-id").as_str(), header("webhook-timestamp").as_str()),
        ("msg_1", "1614276100")
    );
    let key = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    .unwrap();
    let signature = header("webhook-signature");
    let tag = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        signature.strip_prefix("v1,").unwrap(),
    )
    .unwrap();
    let content = format!("msg_1.1614276100.{}", signed.body);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    ring::hmac::verify(&key, content.as_bytes(), &tag).unwrap();
    // Without a key there is no signature.
    assert!(sent(&message, &webhook).0.headers.iter().all(|(name, _)| *name != "webhook-signature"));
}

/// An alert is known by its labels: it ends only if they are the same as when it began.
#[test]
fn an_alert_ends_under_the_labels_it_began_with() {
    let service = Service::Alertmanager { server: "http://am:9093".to_owned(), login: Login::None };
    let of = |kind| {
        let at = "2026-11-26T23:00:00Z".parse().unwrap();
        let draft = Draft { items: vec![Item::new(kind, "(drill) shop", "x")], footer: None };
        request(&Message::new("m".to_owned(), at, "nas", draft), &service, None, at)
    };
    let alert = |kind| -> Value { serde_json::from_str(&of(kind).unwrap().body).unwrap() };
    let (begun, ended) = (alert(Kind::DrillFailed), alert(Kind::Recovered));
    assert_eq!(begun[0]["labels"], ended[0]["labels"]);
    assert_eq!(
        (&begun[0]["endsAt"], &ended[0]["endsAt"]),
        (&"2026-11-29T01:00:00Z".into(), &"2026-11-26T23:00:00Z".into())
    );
    assert!(of(Kind::BackupGood).is_none() && of(Kind::Digest).is_none());
}
