//! An address that is pinged.

use super::url::Parts;
use crate::config::parse::Parsed;
use crate::secret::Secret;

/// An address of a service that raises an alarm when no ping comes. Whoever knows it can ping in our name: it is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PingUrl {
    url: Secret,
    host: String,
    style: PingStyle,
}

/// What a service understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PingStyle {
    /// `/start`, `/fail`, a body and `rid`, as <https://healthchecks.io> has them.
    Healthchecks,
    /// The push monitor of Uptime Kuma: all is in the query.
    UptimeKuma,
}

impl PingUrl {
    /// Reads a URL. The problem never repeats it.
    pub(in crate::config) fn parse(text: &str) -> Parsed<Self> {
        const WRONG: &str = "must be the https:// or http:// URL that the service shows for pings, like https://hc-ping.com/UUID";
        let parts = Parts::of(text).filter(|parts| ["http", "https"].contains(&parts.scheme.as_str()));
        let parts = parts.filter(|parts| parts.host().is_some() && !parts.path.is_empty());
        let (Some(parts), true) = (parts, url::Url::parse(text).is_ok()) else {
            return Err(WRONG.to_owned());
        };
        let (plain, query) = text.split_once('?').unwrap_or((text, ""));
        let ends_in = ["start", "fail", "log"];
        if parts.path.last().is_some_and(|last| parts.path.len() > 1 && ends_in.contains(&last.as_str())) {
            return Err("must not end in /start, /fail or /log: Dumpcar appends them".to_owned());
        }
        let is_push = matches!(parts.path.as_slice(), [.., api, push, _] if api == "api" && push == "push");
        let (url, style) = match is_push {
            // What its page shows has a query with an example of a message.
            true => (plain.to_owned(), PingStyle::UptimeKuma),
            false if query.is_empty() => (plain.trim_end_matches('/').to_owned(), PingStyle::Healthchecks),
            false => (text.to_owned(), PingStyle::Healthchecks),
        };
        Ok(Self { url: Secret::new(url), host: parts.place.to_owned(), style })
    }

    pub fn url(&self) -> &Secret {
        &self.url
    }

    /// Where it is, for people.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn style(&self) -> PingStyle {
        self.style
    }
}
