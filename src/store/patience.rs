//! How long a request is tried again that a dump depends on.
//!
//! A dump may have taken hours, and the database would have to do it all again. So whatever comes after its first
//! byte outlasts a store that is away for a while. What comes before is tried by the S3 client alone, for less than
//! a minute: a wrong setting is to be seen at once.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::bucket::Store;
use super::error::{StoreError, StoreErrorKind};
use super::timeout::within;

/// How long after its first failure a request is given up. Long enough for a server's update and restart, for
/// credentials to be renewed or a throttled bucket to calm down; short enough for the database, whose snapshot the
/// dump holds open meanwhile.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// A store that is back is noticed within half a minute.
const WAITS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_secs(1))
    .with_factor(2.0)
    .with_max_delay(Duration::from_secs(30))
    .without_max_times();

/// A transfer slower than this counts as stuck.
const SLOWEST_BYTES_PER_SECOND: u64 = 64 * 1024;

/// Besides the bytes: connecting, the store's own work, and the tries of the client.
const OVERHEAD: Duration = Duration::from_secs(60);

/// How long one try of a transfer may take. The client's own limit cannot do this: it is the same for a list and for a
/// part of 5 GiB. A limit on all transfers leaves each of them a `share`, in bytes per second: to wait for it is not to be stuck.
pub(super) fn transfer_limit(bytes: u64, share: Option<u64>) -> Duration {
    let held_up = share.map_or(0, |share| bytes / share.max(1));
    Duration::from_secs(bytes / SLOWEST_BYTES_PER_SECOND + held_up) + OVERHEAD
}

/// The patience with one request.
#[derive(Debug)]
pub(super) struct Patience {
    failing_since: Option<Instant>,
    waits: ExponentialBackoff,
    /// Once cancelled, there is no further try.
    enough: Option<CancellationToken>,
}

impl Default for Patience {
    fn default() -> Self {
        Self { failing_since: None, waits: WAITS.build(), enough: None }
    }
}

impl Patience {
    pub(super) fn until(enough: &CancellationToken) -> Self {
        Self { enough: Some(enough.clone()), ..Self::default() }
    }

    /// Waits for the time of the next try.
    ///
    /// # Errors
    /// There is none: `error` will stay, patience has come to an end, or nobody wants it any more.
    pub(super) async fn after(&mut self, error: StoreError) -> Result<(), StoreError> {
        if error.kind != StoreErrorKind::Transient {
            return Err(error);
        }
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        let wait = self.waits.next().unwrap_or(PATIENCE);
        if since.elapsed() + wait > PATIENCE {
            return Err(error.after_trying_for(since.elapsed()));
        }
        tracing::info!(reason = %error, wait = %humantime::format_duration(wait), "the store failed, trying again");
        let enough = async {
            match &self.enough {
                Some(enough) => enough.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = enough => Err(error),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }
}

impl Store {
    /// Sends a request that should `what` ("write", …) until it is done, with `limit` for each try. Every try is signed
    /// anew, with whatever credentials there are by then.
    ///
    /// It must do no harm to do it twice: the answer to the first may have been lost.
    pub(super) async fn patiently<T, F>(
        &self,
        mut patience: Patience,
        what: &'static str,
        limit: Duration,
        mut request: impl FnMut() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, object_store::Error>>,
    {
        loop {
            match within(limit, request()).await {
                Ok(done) => return Ok(done),
                Err(error) => patience.after(self.error(what, error)).await?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: StoreErrorKind) -> StoreError {
        StoreError::new(kind, "SlowDown")
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_away_for_ever_is_given_up_after_a_quarter_of_an_hour() {
        let mut patience = Patience::default();
        let start = Instant::now();
        let mut tries = 1;
        let error = loop {
            match patience.after(failed(StoreErrorKind::Transient)).await {
                Ok(()) => tries += 1,
                Err(error) => break error,
            }
        };
        assert!((Duration::from_secs(870)..=PATIENCE).contains(&start.elapsed()), "{:?}", start.elapsed());
        // 1, 2, 4, 8, 16 and then 30 s each.
        assert_eq!(tries, 1 + 5 + 28);
        assert_eq!(error.to_string(), "SlowDown (tried for 14m 31s)");
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_stay_is_not_tried_again() {
        let start = Instant::now();
        for kind in
            [StoreErrorKind::Refused, StoreErrorKind::Denied, StoreErrorKind::Lost, StoreErrorKind::Taken]
        {
            let error = Patience::default().after(failed(kind)).await.unwrap_err();
            assert_eq!(error, failed(kind));
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_once_it_is_enough() {
        let enough = CancellationToken::new();
        let mut patience = Patience::until(&enough);
        patience.after(failed(StoreErrorKind::Transient)).await.unwrap();
        let start = Instant::now();
        enough.cancel();
        assert_eq!(
            patience.after(failed(StoreErrorKind::Transient)).await,
            Err(failed(StoreErrorKind::Transient))
        );
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[test]
    fn the_time_for_a_part_grows_with_it() {
        assert_eq!(transfer_limit(8 << 20, None).as_secs(), 128 + 60);
        assert_eq!(transfer_limit(8 << 20, Some(16 << 10)).as_secs(), 128 + 512 + 60);
        assert_eq!(transfer_limit(5 << 30, None).as_secs(), 81_920 + 60);
    }
}
