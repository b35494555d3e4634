//! ntfy: <https://docs.ntfy.sh/publish/#publish-as-json>.

use serde_json::json;

use super::super::fit::{Room, Unit, plain};
use super::super::kind::Severity;
use super::super::message::Message;
use crate::report::outgoing::Request;
use crate::secret::Secret;

/// A longer message becomes an attachment.
const TEXT: Room = Room { most: 4_000, unit: Unit::Bytes, escape: plain };
const TITLE: Room = Room { most: 240, ..TEXT };

/// JSON goes to the root of the server, and names the topic.
pub(super) fn request(message: &Message, server: &str, topic: &Secret) -> Request {
    let (priority, tag) = match message.severity() {
        Severity::Problem => (4, "rotating_light"),
        Severity::Good => (3, "white_check_mark"),
        Severity::Info => (2, "information_source"),
    };
    let body = json!({
        "topic": topic.expose(),
        "title": TITLE.line(&message.title),
        "message": TEXT.lines(&message.lines()),
        "priority": priority,
        "tags": [tag],
    });
    Request::json(format!("{server}/"), &body)
}
