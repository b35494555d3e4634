//! A message in the form of each service: one file for each.

mod alertmanager;
mod apprise;
mod discord;
mod gotify;
mod matrix;
mod ntfy;
mod pushover;
mod slack;
mod teams;
mod telegram;
mod webhook;

use jiff::Timestamp;

use super::message::Message;
use crate::config::{Login, Service, WebhookKey};
use crate::report::outgoing::Request;

/// The request that brings a message to a service. `None`: this service takes no such message, or none by HTTP.
///
/// `now` and `key` are for the signature of a webhook.
pub(super) fn request(
    message: &Message,
    service: &Service,
    key: Option<&WebhookKey>,
    now: Timestamp,
) -> Option<Request> {
    Some(match service {
        Service::Slack { url } => slack::request(message, url),
        Service::Discord { url } => discord::request(message, url),
        Service::Teams { url } => teams::request(message, url),
        Service::Webhook { url } => webhook::request(message, url, key, now),
        Service::Ntfy { server, topic, login } => with_login(ntfy::request(message, server, topic), login),
        Service::Gotify { server, token } => gotify::request(message, server, token),
        Service::Matrix { server, token, room } => matrix::request(message, server, token, room),
        Service::Telegram { server, token, chat, thread } => {
            telegram::request(message, server, token, chat, *thread)
        }
        Service::Pushover { token, user } => pushover::request(message, token, user),
        Service::Alertmanager { server, login } => with_login(alertmanager::request(message, server)?, login),
        Service::Apprise { server, key } => apprise::request(message, server, key),
        Service::Mail(_) => return None,
    })
}

fn with_login(request: Request, login: &Login) -> Request {
    use base64::Engine as _;
    match login {
        Login::None => request,
        Login::Bearer(token) => request.with("authorization", format!("Bearer {}", token.expose())),
        Login::Basic { user, password } => {
            let pair = format!("{user}:{}", password.expose());
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            request.with("authorization", format!("Basic {encoded}"))
        }
    }
}

#[cfg(test)]
mod tests;
