//! Alertmanager: <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::kind::{Kind, Severity};
use super::super::message::{Item, Message};
use crate::report::outgoing::Request;

/// A problem that lasts is sent again once a day; an alert that is not sent again must not end before.
const LASTS: Duration = Duration::from_secs(50 * 60 * 60);

/// A test ends by itself.
const TEST: Duration = Duration::from_secs(5 * 60);

const MOST_ALERTS: usize = 500;

/// An alert for each problem, and the end of it for each that is well again. `None`: there is neither.
pub(super) fn request(message: &Message, server: &str) -> Option<Request> {
    let alerts: Vec<Value> =
        message.items.iter().filter_map(|item| alert(item, message)).take(MOST_ALERTS).collect();
    (!alerts.is_empty()).then(|| Request::json(format!("{server}/api/v2/alerts"), &Value::Array(alerts)))
}

fn alert(item: &Item, message: &Message) -> Option<Value> {
    let Item { kind, about, target, text } = item;
    let (name, ends) = match (kind, kind.severity()) {
        (Kind::Test, _) => ("DumpcarTest", after(message.at, TEST)),
        (_, Severity::Problem) => ("DumpcarProblem", after(message.at, LASTS)),
        (_, Severity::Good) => ("DumpcarProblem", message.at),
        (_, Severity::Info) => return None,
    };
    // Its labels are what an alert is known by: they are the same when it ends.
    let mut labels =
        json!({ "alertname": name, "instance": message.instance, "about": about, "severity": "critical" });
    if let (Some(target), Some(labels)) = (target, labels.as_object_mut()) {
        labels.insert("target".to_owned(), json!(target));
    }
    let summary = format!("{}: {}", item.subject(), kind.words());
    Some(json!({
        "labels": labels,
        "annotations": { "summary": summary, "description": text },
        "endsAt": ends.to_string(),
    }))
}

fn after(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}
