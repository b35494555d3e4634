//! Pushover: <https://pushover.net/api>.

use serde_json::json;

use super::super::fit::{Room, Unit, plain};
use super::super::kind::Severity;
use super::super::message::Message;
use crate::report::outgoing::Request;
use crate::secret::Secret;

const TEXT: Room = Room { most: 1_024, unit: Unit::Utf16, escape: plain };
const TITLE: Room = Room { most: 250, ..TEXT };

pub(super) fn request(message: &Message, token: &Secret, user: &Secret) -> Request {
    let priority = match message.severity() {
        Severity::Problem => 1,
        Severity::Good => 0,
        Severity::Info => -1,
    };
    let body = json!({
        "token": token.expose(),
        "user": user.expose(),
        "title": TITLE.line(&message.title),
        "message": TEXT.lines(&message.lines()),
        "priority": priority,
        "timestamp": message.at.as_second(),
    });
    Request::json("https://api.pushover.net/1/messages.json", &body)
}
