//! All queues of the process, and their end.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::answer::{Answer, Refusal};
use super::queue::Queue;

/// Where queues are made, and closed together. Clones are the same.
#[derive(Debug, Clone)]
pub struct Outbox {
    runtime: Handle,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Outbox {
    /// One whose tasks run in the current runtime.
    ///
    /// # Panics
    /// There is no runtime.
    pub fn new() -> Self {
        Self { runtime: Handle::current(), tasks: TaskTracker::new(), closing: CancellationToken::new() }
    }

    /// A queue with a task of its own.
    pub(in crate::report) fn queue<T, Sent>(
        &self,
        name: &str,
        deliver: impl Fn(&T) -> Sent + Send + Sync + 'static,
    ) -> Queue<T>
    where
        T: Send + Sync + 'static,
        Sent: Future<Output = Result<Answer, Refusal>> + Send + 'static,
    {
        let (queue, work) = Queue::new(name, self.closing.clone(), deliver);
        self.tasks.spawn_on(work, &self.runtime);
        queue
    }

    /// Sends what waits, for this long at the most. Nobody waits for a later try any more.
    pub async fn close(&self, limit: Duration) {
        self.closing.cancel();
        self.tasks.close();
        if tokio::time::timeout(limit, self.tasks.wait()).await.is_err() {
            warn!("stopped before all messages were delivered");
        }
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new()
    }
}
