//! How many bytes a second go to the store, or come from it, for all that is under way together.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// What may be made up for after a moment in which nothing was sent: a timer is late now and then.
const CREDIT: Duration = Duration::from_millis(100);

/// Gives out turns, in the order in which they are asked for. Each body asks for one small piece at a time, so those under way
/// get the same share each, and a small request waits for one piece of each of them.
#[derive(Debug)]
pub(super) struct Limit {
    per_second: u64,
    /// When all that was given out is through.
    free: Mutex<Instant>,
}

impl Limit {
    pub(super) fn new(per_second: u64) -> Self {
        Self { per_second: per_second.max(1), free: Mutex::new(Instant::now()) }
    }

    /// The most that is sent at once: short of what makes a line busy for long, and many of them in the time in which a server
    /// takes an upload for dead.
    fn piece(&self) -> usize {
        usize::try_from((self.per_second / 32).clamp(1024, 64 * 1024)).unwrap_or(usize::MAX)
    }

    /// When so many bytes may go.
    fn turn(&self, bytes: usize) -> Sleep {
        let takes = Duration::from_nanos(
            u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(1_000_000_000) / self.per_second,
        );
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        *free = (*free).max(now.checked_sub(CREDIT).unwrap_or(now)) + takes;
        sleep_until(*free)
    }
}

/// A body that waits for its turns. It holds no more than the one it is made of.
#[derive(Debug)]
pub(super) struct Paced<B> {
    inner: B,
    limit: Arc<Limit>,
    /// What came of the body and has not had its turn.
    rest: Bytes,
    turn: Option<Pin<Box<Sleep>>>,
}

impl<B> Paced<B> {
    pub(super) fn new(inner: B, limit: Arc<Limit>) -> Self {
        Self { inner, limit, rest: Bytes::new(), turn: None }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        loop {
            let this = &mut *self;
            let size = this.rest.len().min(this.limit.piece());
            if let Some(turn) = &mut this.turn {
                ready!(turn.as_mut().poll(context));
                this.turn = None;
                return Poll::Ready(Some(Ok(Frame::data(this.rest.split_to(size)))));
            }
            if size > 0 {
                this.turn = Some(Box::pin(this.limit.turn(size)));
                continue;
            }
            match ready!(Pin::new(&mut this.inner).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.inner.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper().and_then(|upper| upper.checked_add(rest)) {
            hint.set_upper(upper);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};

    use super::*;

    const MIB: u64 = 1 << 20;

    async fn send(limit: &Arc<Limit>, bytes: u64) -> Duration {
        let start = Instant::now();
        let content = Bytes::from(vec![7; usize::try_from(bytes).unwrap()]);
        let body = Paced::new(Full::new(content.clone()), Arc::clone(limit));
        assert_eq!(body.size_hint().exact(), Some(bytes));
        assert_eq!(body.collect().await.unwrap().to_bytes(), content);
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn one_has_it_all_and_several_share_it() {
        let limit = Arc::new(Limit::new(MIB));
        let seconds = send(&limit, 10 * MIB).await.as_secs_f64();
        assert!((9.8..=10.1).contains(&seconds), "{seconds}");
        let (one, three, small) = tokio::join!(send(&limit, 2 * MIB), send(&limit, 8 * MIB), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            send(&limit, 1024).await
        });
        assert!((3.8..=4.1).contains(&one.as_secs_f64()), "{one:?}");
        assert!((9.8..=10.1).contains(&three.as_secs_f64()), "{three:?}");
        assert!(small < Duration::from_millis(200), "{small:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_not_saved_up() {
        let limit = Arc::new(Limit::new(MIB));
        tokio::time::sleep(Duration::from_secs(60)).await;
        let seconds = send(&limit, 2 * MIB).await.as_secs_f64();
        assert!((1.85..=2.1).contains(&seconds), "{seconds}");
        assert_eq!(send(&limit, 0).await, Duration::ZERO);
    }
}
