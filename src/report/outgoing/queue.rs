//! What waits to be sent to one place, and the task that sends it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use super::answer::{Answer, Refusal};

/// So many wait at most; what comes then is lost, and told in the log.
const ROOM: usize = 64;

/// Five tries within three minutes: 2 s, 8 s, 32 s and 128 s apart.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const FACTOR: f32 = 4.0;
const RETRIES: usize = 4;

/// A service that asks for a longer pause is asked again after this one.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// The end that takes. Nobody who puts something in ever waits.
#[derive(Debug)]
pub(in crate::report) struct Queue<T> {
    sender: mpsc::Sender<T>,
    name: Arc<str>,
    is_full: AtomicBool,
}

impl<T> Queue<T> {
    /// A queue, and the work of its task. `name` is for the log: a service and its host.
    pub(super) fn new<Sent, Deliver>(
        name: &str,
        closing: CancellationToken,
        deliver: Deliver,
    ) -> (Self, impl Future<Output = ()> + use<T, Sent, Deliver>)
    where
        Deliver: Fn(&T) -> Sent,
        Sent: Future<Output = Result<Answer, Refusal>>,
    {
        let (sender, receiver) = mpsc::channel(ROOM);
        let name: Arc<str> = name.into();
        let work = Worker { name: Arc::clone(&name), receiver, closing, is_told: false }.run(deliver);
        (Self { sender, name, is_full: AtomicBool::new(false) }, work)
    }

    /// Puts something in, or drops it if there is no room.
    pub(in crate::report) fn put(&self, parcel: T) {
        let is_full = self.sender.try_send(parcel).is_err();
        if is_full && !self.is_full.swap(is_full, Ordering::Relaxed) {
            error!(receiver = %self.name, "more is to be sent than it takes: messages are lost");
        } else if !is_full {
            self.is_full.store(false, Ordering::Relaxed);
        }
    }
}

struct Worker<T> {
    name: Arc<str>,
    receiver: mpsc::Receiver<T>,
    closing: CancellationToken,
    /// The log has that it does not take what is sent.
    is_told: bool,
}

impl<T> Worker<T> {
    async fn run<Sent>(mut self, deliver: impl Fn(&T) -> Sent)
    where
        Sent: Future<Output = Result<Answer, Refusal>>,
    {
        while let Some(parcel) = self.next().await {
            let closing = self.closing.clone();
            let pauses = ExponentialBuilder::new()
                .with_min_delay(FIRST_PAUSE)
                .with_factor(FACTOR)
                .with_max_delay(LONGEST_PAUSE)
                .with_max_times(RETRIES);
            let sent = (|| deliver(&parcel))
                .retry(pauses)
                .when(|refusal: &Refusal| refusal.may_pass)
                .adjust(|refusal: &Refusal, pause| pause.map(|pause| longer(pause, refusal.after)))
                .sleep(move |pause| {
                    let closing = closing.clone();
                    async move {
                        closing.run_until_cancelled(tokio::time::sleep(pause)).await;
                    }
                })
                .notify(|refusal, pause| {
                    debug!(receiver = %self.name, reason = refusal.reason, ?pause, "not sent yet");
                })
                .await;
            self.tell(sent);
        }
    }

    /// The next one. When the program ends, only what waits already is sent.
    async fn next(&mut self) -> Option<T> {
        tokio::select! {
            biased;
            parcel = self.receiver.recv() => parcel,
            () = self.closing.cancelled() => self.receiver.try_recv().ok(),
        }
    }

    /// Says once that it does not work, and once that it does again.
    fn tell(&mut self, sent: Result<Answer, Refusal>) {
        let receiver = &self.name;
        match sent {
            Ok(_) if std::mem::take(&mut self.is_told) => info!(%receiver, "messages are delivered again"),
            Ok(answer) => debug!(%receiver, answer = answer.said, "sent"),
            Err(Refusal { reason, .. }) if std::mem::replace(&mut self.is_told, true) => {
                debug!(%receiver, reason, "another message was not delivered");
            }
            Err(Refusal { reason, .. }) => {
                error!(%receiver, reason, "a message was not delivered; further ones are tried, and not logged until one is");
            }
        }
    }
}

fn longer(pause: Duration, asked: Option<Duration>) -> Duration {
    asked.map_or(pause, |asked| pause.max(asked.min(LONGEST_PAUSE)))
}

#[cfg(test)]
mod tests;
