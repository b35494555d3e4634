//! What is sent over a network about what happens: HTTP requests, in queues that nobody waits for.

mod answer;
mod network;
mod outbox;
mod queue;
mod redact;
mod request;

pub(super) use answer::{Answer, Refusal};
pub use network::Network;
pub use outbox::Outbox;
pub(super) use queue::Queue;
pub(super) use redact::redacted;
pub(super) use request::{Method, Request};
