//! Telegram: <https://core.telegram.org/bots/api#sendmessage>.

use serde_json::json;

use super::super::fit::{Room, Unit, html};
use super::super::kind::Severity;
use super::super::message::Message;
use crate::report::outgoing::Request;
use crate::secret::Secret;

/// 4,096 after the escapes are read; here they count.
const TEXT: Room = Room { most: 3_600, unit: Unit::Utf16, escape: html };
const TITLE: Room = Room { most: 400, ..TEXT };

pub(super) fn request(
    message: &Message,
    server: &str,
    token: &Secret,
    chat: &str,
    thread: Option<i64>,
) -> Request {
    let text = format!("<b>{}</b>\n{}", TITLE.line(&message.title), TEXT.lines(&message.lines()));
    let mut body = json!({
        "chat_id": chat,
        "text": text,
        "parse_mode": "HTML",
        "disable_notification": message.severity() != Severity::Problem,
        "link_preview_options": { "is_disabled": true },
    });
    if let (Some(thread), Some(body)) = (thread, body.as_object_mut()) {
        body.insert("message_thread_id".to_owned(), json!(thread));
    }
    Request::json(format!("{server}/bot{}/sendMessage", token.expose()), &body)
}
