//! A receiver of messages: the service, and what it takes to reach it.

use std::fmt;

use crate::secret::Secret;

/// Somebody who gets messages.
#[derive(Debug, Clone)]
pub struct Receiver {
    pub service: Service,
    /// Where it is, for people: a host, with its port if it is an unusual one. Nothing of it is secret.
    pub host: String,
}

impl fmt::Display for Receiver {
    /// The service and its host, never a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.service.name(), self.host)
    }
}

/// A service, and how a message gets there. A `server` is a URL without a slash at its end.
#[derive(Debug, Clone)]
pub enum Service {
    Slack { url: Secret },
    Discord { url: Secret },
    Teams { url: Secret },
    Webhook { url: Secret },
    Ntfy { server: String, topic: Secret, login: Login },
    Gotify { server: String, token: Secret },
    Matrix { server: String, token: Secret, room: String },
    Telegram { server: String, token: Secret, chat: String, thread: Option<i64> },
    Pushover { token: Secret, user: Secret },
    Mail(Mail),
    Alertmanager { server: String, login: Login },
    Apprise { server: String, key: Secret },
}

impl Service {
    /// As it is called in the log and the documentation.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Slack { .. } => "slack",
            Self::Discord { .. } => "discord",
            Self::Teams { .. } => "teams",
            Self::Webhook { .. } => "webhook",
            Self::Ntfy { .. } => "ntfy",
            Self::Gotify { .. } => "gotify",
            Self::Matrix { .. } => "matrix",
            Self::Telegram { .. } => "telegram",
            Self::Pushover { .. } => "pushover",
            Self::Mail(_) => "mail",
            Self::Alertmanager { .. } => "alertmanager",
            Self::Apprise { .. } => "apprise",
        }
    }
}

/// How one logs in over HTTP.
#[derive(Debug, Clone)]
pub enum Login {
    None,
    Bearer(Secret),
    Basic { user: String, password: Secret },
}

/// A server for e-mail, and who gets it.
#[derive(Debug, Clone)]
pub struct Mail {
    pub host: String,
    pub port: u16,
    pub tls: MailTls,
    /// User and password.
    pub login: Option<(String, Secret)>,
    pub from: String,
    pub to: Vec<String>,
}

/// How the connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// From its first byte.
    Implicit,
    /// By STARTTLS, or not at all.
    StartTls,
    /// Not at all, because the settings say so.
    Off,
}
