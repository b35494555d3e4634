//! Who is told what happens: receivers of messages, and addresses that are pinged.

mod ping;
mod receiver;
mod services;
mod url;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::parse::Parsed;
use super::reader::{Reader, SECRET};
use crate::secret::Secret;
pub use ping::{PingStyle, PingUrl};
pub use receiver::{Login, Mail, MailTls, Receiver, Service};

/// The settings of notifications and pings.
#[derive(Debug, Clone, Default)]
pub struct Notify {
    pub receivers: Vec<Receiver>,
    pub on: Occasions,
    /// The key that messages to a webhook are signed with.
    pub secret: Option<WebhookKey>,
    /// What is pinged for all targets together.
    pub ping: Option<PingUrl>,
}

/// What a message is sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasions {
    /// Something is wrong, or is well again.
    pub failure: bool,
    /// A backup is good.
    pub success: bool,
    /// Each week: how all targets are.
    pub digest: bool,
}

impl Default for Occasions {
    fn default() -> Self {
        Self { failure: true, success: false, digest: false }
    }
}

/// The key of Standard Webhooks, decoded.
#[derive(Debug, Clone)]
pub struct WebhookKey(Secret);

impl WebhookKey {
    /// The bytes of the key.
    pub fn bytes(&self) -> Vec<u8> {
        STANDARD.decode(self.0.expose()).unwrap_or_default()
    }
}

/// The raw values of the four variables.
pub(super) struct RawNotify {
    pub(super) urls: Option<String>,
    pub(super) on: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) ping: Option<String>,
}

pub(super) fn read(reader: &mut Reader<'_>, raw: RawNotify) -> Notify {
    let receivers = reader.optional("DUMPCAR_NOTIFY_URLS", raw.urls, receivers, |receivers| {
        let shown: Vec<String> = receivers.iter().map(ToString::to_string).collect();
        format!("{SECRET} {}", shown.join(", "))
    });
    let receivers = receivers.unwrap_or_default();
    let on = reader.setting("DUMPCAR_NOTIFY_ON", raw.on, Occasions::default(), occasions, show_occasions);
    let secret = reader.optional("DUMPCAR_NOTIFY_SECRET", raw.secret, webhook_key, |_| SECRET.to_owned());
    let has_webhook = receivers.iter().any(|one| matches!(one.service, Service::Webhook { .. }));
    reader.require(
        "DUMPCAR_NOTIFY_SECRET",
        secret.is_none() || has_webhook,
        "signs messages to a webhook, and DUMPCAR_NOTIFY_URLS has none: remove it, or add the webhook's URL",
    );
    let ping = reader
        .optional("DUMPCAR_PING_URL", raw.ping, PingUrl::parse, |ping| format!("{SECRET} {}", ping.host()));
    Notify { receivers, on, secret, ping }
}

/// Receivers between spaces, line ends or commas.
fn receivers(text: &str) -> Parsed<Vec<Receiver>> {
    let mut receivers = Vec::new();
    let mut problems = Vec::new();
    for (number, entry) in entries(text).into_iter().enumerate() {
        match services::receiver(entry) {
            Ok(receiver) => receivers.push(receiver),
            Err(problem) => problems.push(format!("entry {} {problem}", number + 1)),
        }
    }
    match (problems.is_empty(), receivers.is_empty()) {
        (false, _) => Err(problems.join("; ")),
        (true, true) => Err("must have the URL of a receiver".to_owned()),
        (true, false) => Ok(receivers),
    }
}

/// A comma separates only where another URL begins: it may be part of one.
fn entries(text: &str) -> Vec<&str> {
    let mut entries = Vec::new();
    for mut word in text.split_whitespace() {
        while let Some((at, _)) = word.match_indices(',').find(|(at, _)| begins_url(word.split_at(at + 1).1))
        {
            let (entry, rest) = word.split_at(at);
            entries.push(entry);
            word = rest.trim_start_matches(',');
        }
        entries.push(word.trim_end_matches(','));
    }
    entries.retain(|entry| !entry.is_empty());
    entries
}

fn begins_url(text: &str) -> bool {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+')
}

const OCCASIONS: [&str; 3] = ["failure", "success", "digest"];

fn occasions(text: &str) -> Parsed<Occasions> {
    let words: Vec<String> = text
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    if words.is_empty() || words.iter().any(|word| !OCCASIONS.contains(&word.as_str())) {
        return Err("must be one or several of failure, success, digest, like failure,digest".to_owned());
    }
    let [failure, success, digest] = OCCASIONS.map(|one| words.iter().any(|word| word == one));
    Ok(Occasions { failure, success, digest })
}

fn show_occasions(on: &Occasions) -> String {
    let set = [on.failure, on.success, on.digest];
    let words: Vec<&str> =
        OCCASIONS.into_iter().zip(set).filter(|(_, is_set)| *is_set).map(|(word, _)| word).collect();
    words.join(",")
}

fn webhook_key(text: &str) -> Parsed<WebhookKey> {
    let encoded = text.strip_prefix("whsec_").unwrap_or_default();
    match STANDARD.decode(encoded) {
        Ok(key) if (24..=64).contains(&key.len()) => Ok(WebhookKey(Secret::new(encoded))),
        _ => Err("must be whsec_ and 24 to 64 random bytes in base64: make one with \
                  `echo whsec_$(openssl rand -base64 32)`"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests;
