//! Any webhook: a CloudEvent (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>), signed as Standard Webhooks
//! say (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use serde_json::{Value, json};

use super::super::message::{Item, Message};
use crate::config::WebhookKey;
use crate::report::outgoing::Request;
use crate::secret::Secret;

/// With more items, an event would be larger than servers take.
const MOST_ITEMS: usize = 200;

const MEDIA_TYPE: &str = "application/cloudevents+json; charset=utf-8";

pub(super) fn request(message: &Message, url: &Secret, key: Option<&WebhookKey>, now: Timestamp) -> Request {
    let body = event(message).to_string();
    let request = Request::post(url.expose(), MEDIA_TYPE, body.clone());
    let Some(key) = key else { return request };
    let seconds = now.as_second();
    let signed = format!("{}.{seconds}.{body}", message.id);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key.bytes()), signed.as_bytes());
    request
        .with("webhook-id", message.id.clone())
        .with("webhook-timestamp", seconds.to_string())
        .with("webhook-signature", format!("v1,{}", STANDARD.encode(tag)))
}

fn event(message: &Message) -> Value {
    let Message { id, at, instance, kind, title, items, footer } = message;
    let shown: Vec<Value> = items.iter().take(MOST_ITEMS).map(item).collect();
    let mut event = json!({
        "specversion": "1.0",
        "id": id,
        // A reference to a URI, in which a name may have anything.
        "source": format!("dumpcar/{}", utf8_percent_encode(instance, NON_ALPHANUMERIC)),
        "type": format!("io.dumpcar.{}", kind.name()),
        "time": at.to_string(),
        "datacontenttype": "application/json",
        "data": {
            "title": title,
            "severity": message.severity().name(),
            "instance": instance,
            "items": shown,
            "omitted": items.len().saturating_sub(MOST_ITEMS),
            "summary": footer,
        },
    });
    if let ([Item { target: Some(target), .. }], Some(event)) = (items.as_slice(), event.as_object_mut()) {
        event.insert("subject".to_owned(), json!(target));
    }
    event
}

fn item(item: &Item) -> Value {
    let Item { kind, about, target, text } = item;
    json!({
        "kind": kind.name(),
        "severity": kind.severity().name(),
        "about": about,
        "target": target,
        "text": text,
    })
}
