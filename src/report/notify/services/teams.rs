//! Workflows of Microsoft Teams: a message with an Adaptive Card
//! (<https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook>).

use serde_json::json;

use super::super::fit::{Room, Unit, plain};
use super::super::message::Message;
use crate::report::outgoing::Request;
use crate::secret::Secret;

/// A message has at most 28 KB. In JSON, a byte of text may become two.
const TEXT: Room = Room { most: 8_000, unit: Unit::Bytes, escape: plain };
/// What is around each line counts as well.
const MOST_LINES: usize = 60;
const TITLE: Room = Room { most: 500, ..TEXT };

pub(super) fn request(message: &Message, url: &Secret) -> Request {
    // Blocks of rich text have no markup in their text; plain blocks have Markdown.
    let block = |text: String, weight: &str| json!({ "type": "RichTextBlock", "inlines": [{ "type": "TextRun", "text": text, "weight": weight }] });
    let text = TEXT.few_lines(&message.lines(), MOST_LINES);
    let title = block(TITLE.line(&message.title), "Bolder");
    let blocks: Vec<_> =
        [title].into_iter().chain(text.lines().map(|line| block(line.to_owned(), "Default"))).collect();
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    });
    let body = json!({
        "type": "message",
        "attachments": [{ "contentType": "application/vnd.microsoft.card.adaptive", "content": card }],
    });
    Request::json(url.expose(), &body)
}
