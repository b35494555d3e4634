//! Slack's incoming webhooks: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>.

use serde_json::json;

use super::super::fit::{Room, Unit, html};
use super::super::message::Message;
use crate::report::outgoing::Request;
use crate::secret::Secret;

/// Slack cuts a text at 40,000 characters; so much is read.
const MOST: usize = 3_000;

/// Only these three are special where `mrkdwn` is off: `<!everyone>` needs a `<`.
fn escape(c: char) -> Option<&'static str> {
    if c == '"' { None } else { html(c) }
}

pub(super) fn request(message: &Message, url: &Secret) -> Request {
    let room = Room { most: MOST, unit: Unit::Utf16, escape };
    let lines = [vec![message.title.clone()], message.lines()].concat();
    let body = json!({
        "text": room.lines(&lines),
        "mrkdwn": false,
        "unfurl_links": false,
        "unfurl_media": false,
    });
    Request::json(url.expose(), &body)
}
