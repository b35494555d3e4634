//! The settings: read once from the environment, validated together.

mod aws;
mod env;
mod error;
pub mod labels;
mod listen;
mod nearest;
mod notify;
mod parse;
mod proxy;
mod read;
mod reader;
mod settings;
mod signing;
mod store;
mod words;

pub use aws::CredentialSource;
pub use env::Source;
pub use error::{ConfigError, ConfigErrors};
pub use listen::{BasicLogin, ListenSettings};
pub use notify::{
    Login, Mail, MailTls, Notify, Occasions, PingStyle, PingUrl, Receiver, Service, WebhookKey,
};
pub use parse::DockerHost;
pub use proxy::{Proxies, Proxy};
pub use reader::Shown;
pub use settings::{Config, S3Settings};
pub use store::{StoreUrl, StoreUrlError};
pub use words::{Checksum, LogFormat, LogLevel, ServerEncryption};

#[cfg(test)]
mod tests;
