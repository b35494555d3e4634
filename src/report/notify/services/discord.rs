//! Discord's webhooks: <https://docs.discord.com/developers/resources/webhook#execute-webhook>.

use serde_json::json;

use super::super::fit::{Room, Unit};
use super::super::kind::Severity;
use super::super::message::Message;
use crate::report::outgoing::Request;
use crate::secret::Secret;

const TITLE: Room = Room { most: 256, unit: Unit::Utf16, escape };

/// 4,096 for a description, and 6,000 for all of a message.
const TEXT: Room = Room { most: 4_000, unit: Unit::Utf16, escape };

/// A backslash makes text of every mark.
fn escape(c: char) -> Option<&'static str> {
    Some(match c {
        '\\' => "\\\\",
        '*' => "\\*",
        '_' => "\\_",
        '~' => "\\~",
        '`' => "\\`",
        '|' => "\\|",
        '<' => "\\<",
        '>' => "\\>",
        '#' => "\\#",
        '@' => "\\@",
        '[' => "\\[",
        ']' => "\\]",
        _ => return None,
    })
}

pub(super) fn request(message: &Message, url: &Secret) -> Request {
    let color = match message.severity() {
        Severity::Problem => 0xd0_2b_2b,
        Severity::Good => 0x2b_8a_3e,
        Severity::Info => 0x49_50_57,
    };
    let body = json!({
        "embeds": [{
            "title": TITLE.line(&message.title),
            "description": TEXT.lines(&message.lines()),
            "color": color,
            "timestamp": message.at.to_string(),
        }],
        // Nobody is called, whatever a table is called.
        "allowed_mentions": { "parse": [] },
    });
    Request::json(url.expose(), &body)
}
