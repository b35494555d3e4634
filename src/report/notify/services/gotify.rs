//! Gotify: <https://gotify.net/docs/pushmsg>.

use serde_json::json;

use super::super::fit::{Room, Unit, plain};
use super::super::kind::Severity;
use super::super::message::Message;
use crate::report::outgoing::Request;
use crate::secret::Secret;

const TEXT: Room = Room { most: 16_000, unit: Unit::Bytes, escape: plain };
const TITLE: Room = Room { most: 500, ..TEXT };

pub(super) fn request(message: &Message, server: &str, token: &Secret) -> Request {
    let priority = match message.severity() {
        Severity::Problem => 8,
        Severity::Good => 5,
        Severity::Info => 2,
    };
    let body = json!({
        "title": TITLE.line(&message.title),
        "message": TEXT.lines(&message.lines()),
        "priority": priority,
        "extras": { "client::display": { "contentType": "text/plain" } },
    });
    Request::json(format!("{server}/message"), &body).with("x-gotify-key", token.expose())
}
