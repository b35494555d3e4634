//! Messages to people: what is wrong, that it is well again, and what else they asked for.

mod digest;
mod fit;
mod kind;
mod mail;
mod memory;
mod message;
mod services;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::board::Board;
use super::event::Event;
use super::outgoing::{Answer, Network, Outbox, Queue, Refusal};
use super::sink::Sink;
use crate::clock;
use crate::config::{Config, Notify, Receiver, Service, WebhookKey};
use crate::random;
use kind::Kind;
use memory::Memory;
use message::{Draft, Item, Message};

/// The sink: a queue for each receiver. Clones are the same.
#[derive(Debug, Clone)]
pub struct Notifier(Arc<Inner>);

struct Inner {
    instance: Mutex<String>,
    board: Board,
    memory: Mutex<Memory>,
    queues: Vec<Queue<Arc<Message>>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("receivers", &self.queues.len()).finish_non_exhaustive()
    }
}

impl Notifier {
    /// For the receivers of the settings; `None` if there are none. `board` gets each event before.
    pub fn new(config: &Config, board: &Board, network: &Network, outbox: &Outbox) -> Option<Self> {
        let Notify { receivers, on, secret, .. } = &config.notify;
        let start = |receiver: &Receiver| {
            let (to, network, key) = (Arc::new(receiver.clone()), network.clone(), secret.clone());
            outbox.queue(&receiver.to_string(), move |message: &Arc<Message>| {
                let (to, network, key) = (Arc::clone(&to), network.clone(), key.clone());
                let message = Arc::clone(message);
                async move { deliver(&message, &to.service, key.as_ref(), &network).await }
            })
        };
        (!receivers.is_empty()).then(|| {
            Self(Arc::new(Inner {
                instance: Mutex::new(config.instance.own().to_owned()),
                board: board.clone(),
                memory: Mutex::new(Memory::new(*on, config.time_zone.clone(), clock::now())),
                queues: receivers.iter().map(start).collect(),
            }))
        })
    }

    /// Docker has told what this instance is called.
    pub fn set_instance(&self, name: &str) {
        name.clone_into(&mut self.0.instance.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Sends what still waits for others to end.
    pub fn finish(&self) {
        let at = clock::now();
        let draft = self.0.memory.lock().unwrap_or_else(PoisonError::into_inner).news(at);
        self.send(draft, at);
    }

    fn send(&self, drafts: impl IntoIterator<Item = Draft>, at: Timestamp) {
        let instance = self.0.instance.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for draft in drafts {
            let message = Arc::new(Message::new(new_id(), at, &instance, draft));
            for queue in &self.0.queues {
                queue.put(Arc::clone(&message));
            }
        }
    }
}

impl Sink for Notifier {
    fn take(&self, event: &Event, at: Timestamp) {
        let status = || self.0.board.status();
        let drafts = self.0.memory.lock().unwrap_or_else(PoisonError::into_inner).take(event, at, status);
        self.send(drafts, at);
    }
}

/// What a receiver has answered to a test.
#[derive(Debug)]
pub struct Tested {
    /// The service and its host.
    pub receiver: String,
    /// In one line, what it said; or why it did not get the message.
    pub answer: Result<String, String>,
}

/// Sends a test message to every receiver of the settings, once.
pub async fn test(config: &Config, instance: &str, network: &Network) -> Vec<Tested> {
    let at = clock::now();
    let text = format!("This is a test of Dumpcar {}. Nothing is wrong.", env!("CARGO_PKG_VERSION"));
    let draft = Draft { items: vec![Item::new(Kind::Test, "(dumpcar)", &text)], footer: None };
    let message = Message::new(new_id(), at, instance, draft);
    let Notify { receivers, secret, .. } = &config.notify;
    let sent = receivers.iter().map(async |receiver| {
        let answer = deliver(&message, &receiver.service, secret.as_ref(), network).await;
        let answer = answer.map(|answer| answer.said).map_err(|refusal| refusal.reason);
        Tested { receiver: receiver.to_string(), answer }
    });
    futures_util::future::join_all(sent).await
}

async fn deliver(
    message: &Message,
    service: &Service,
    key: Option<&WebhookKey>,
    network: &Network,
) -> Result<Answer, Refusal> {
    if let Service::Mail(server) = service {
        return mail::send(message, server, network).await;
    }
    match services::request(message, service, key, clock::now()) {
        Some(request) => network.send(&request).await,
        None => Ok(Answer::default()),
    }
}

fn new_id() -> String {
    format!("msg_{}", random::hex(16))
}
