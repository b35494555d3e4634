//! The API server of Apprise, and the services behind it: <https://github.com/caronc/apprise-api>.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::super::fit::{Room, Unit, plain};
use super::super::kind::Severity;
use super::super::message::Message;
use crate::report::outgoing::Request;
use crate::secret::Secret;

/// It cuts or splits by itself what is too long for a service.
const TEXT: Room = Room { most: 16_000, unit: Unit::Bytes, escape: plain };
const TITLE: Room = Room { most: 500, ..TEXT };

pub(super) fn request(message: &Message, server: &str, key: &Secret) -> Request {
    let kind = match message.severity() {
        Severity::Problem => "failure",
        Severity::Good => "success",
        Severity::Info => "info",
    };
    let body = json!({
        "title": TITLE.line(&message.title),
        "body": TEXT.lines(&message.lines()),
        "type": kind,
        // It escapes for each service.
        "format": "text",
    });
    let key = utf8_percent_encode(key.expose(), NON_ALPHANUMERIC);
    Request::json(format!("{server}/notify/{key}"), &body)
}
