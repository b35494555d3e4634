//! Matrix: <https://spec.matrix.org/latest/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid>.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::super::fit::{Room, Unit, html, plain};
use super::super::message::Message;
use crate::report::outgoing::{Method, Request};
use crate::secret::Secret;

/// An event has at most 65,536 bytes, and this text is in it twice.
const TEXT: Room = Room { most: 12_000, unit: Unit::Bytes, escape: plain };
const TITLE: Room = Room { most: 500, ..TEXT };

/// The message's own id is the transaction's: sent again, it comes once.
pub(super) fn request(message: &Message, server: &str, token: &Secret, room: &str) -> Request {
    let (title, lines) = (&message.title, message.lines());
    let plain_text = format!("{}\n{}", TITLE.line(title), TEXT.lines(&lines));
    let [html_title, html_text] =
        [Room { escape: html, ..TITLE }.line(title), Room { escape: html, ..TEXT }.lines(&lines)];
    let body = json!({
        "msgtype": "m.text",
        "body": plain_text,
        "format": "org.matrix.custom.html",
        "formatted_body": format!("<strong>{html_title}</strong><br>{}", html_text.replace('\n', "<br>")),
        // Nobody is called, whatever a table is called.
        "m.mentions": {},
    });
    let [room, id] = [room, &message.id].map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string());
    let url = format!("{server}/_matrix/client/v3/rooms/{room}/send/m.room.message/{id}");
    let request = Request::json(url, &body).with("authorization", format!("Bearer {}", token.expose()));
    Request { method: Method::Put, ..request }
}
