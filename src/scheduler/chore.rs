//! What the daemon does by itself besides backups, each chore on a schedule of its own.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::info;

use super::{CLOCK_SET, STEP};
use crate::model::schedule::Schedule;

/// When a chore is done.
pub(super) struct Times<'a> {
    pub(super) schedule: &'a Schedule,
    pub(super) time_zone: &'a TimeZone,
    /// The time of day.
    pub(super) clock: fn() -> Timestamp,
}

impl Times<'_> {
    /// Does `work`, called `name`, at each of the times, until it is dropped; returns at once when there are none.
    ///
    /// Never twice at once: a time that goes by while it is done is left out.
    pub(super) async fn each(&self, name: &str, mut work: impl AsyncFnMut()) {
        while let Some(due) = self.next() {
            let next = due.to_zoned(self.time_zone.clone());
            info!(next = %next.strftime("%Y-%m-%dT%H:%M:%S%:z"), "{name} planned");
            if self.comes(due).await {
                work().await;
            }
        }
    }

    fn next(&self) -> Option<Timestamp> {
        self.schedule.next_after((self.clock)(), self.time_zone)
    }

    /// Waits for a time; `false` when the clock was set back meanwhile, so that it was planned by the wrong one.
    async fn comes(&self, due: Timestamp) -> bool {
        let mut last = (self.clock)();
        loop {
            let now = (self.clock)();
            if now >= due {
                return true;
            }
            if last > now + CLOCK_SET {
                return false;
            }
            last = now;
            let left = Duration::try_from(now.duration_until(due)).unwrap_or_default();
            tokio::time::sleep(left.clamp(Duration::from_millis(1), STEP)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicI64, Ordering};

    use tokio::time::Instant;

    use super::*;

    /// Seconds that were added to the time of day.
    static SET: AtomicI64 = AtomicI64::new(0);

    thread_local! {
        /// When the test began: paused time starts there.
        static BEGAN: RefCell<Option<Instant>> = const { RefCell::new(None) };
    }

    /// Midnight, 1 January 2026, and however much paused time has gone by.
    fn clock() -> Timestamp {
        let began = BEGAN.with_borrow_mut(|began| *began.get_or_insert_with(Instant::now));
        let seconds = i64::try_from(began.elapsed().as_secs()).unwrap() + SET.load(Ordering::Relaxed);
        Timestamp::from_second(1_767_225_600 + seconds).unwrap()
    }

    /// When a chore that takes so long is begun within a day.
    async fn begun(schedule: &str, takes: Duration) -> Vec<String> {
        let begun = RefCell::new(Vec::new());
        let schedule = schedule.parse().unwrap();
        let times = Times { schedule: &schedule, time_zone: &TimeZone::UTC, clock };
        let work = async || {
            begun.borrow_mut().push(clock().to_string());
            tokio::time::sleep(takes).await;
        };
        drop(tokio::time::timeout(Duration::from_secs(24 * 3600 - 60), times.each("it", work)).await);
        begun.take().into_iter().map(|at| at[11..16].to_owned()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_done_at_its_times_and_never_twice_at_once() {
        const MINUTE: Duration = Duration::from_secs(60);
        for (schedule, takes, times) in [
            ("off", MINUTE, &[][..]),
            ("0 5,17 * * *", MINUTE, &["05:00", "17:00"]),
            // The one at 6 is left out.
            ("0 5,6,17 * * *", 90 * MINUTE, &["05:00", "17:00"]),
            ("every 8h", 60 * MINUTE, &["08:00", "17:00"]),
        ] {
            BEGAN.set(None);
            assert_eq!(begun(schedule, takes).await, times, "{schedule}");
        }
        // A clock that was a year ahead when it was planned.
        BEGAN.set(None);
        SET.store(365 * 24 * 3600, Ordering::Relaxed);
        let set_back = async {
            tokio::time::sleep(MINUTE).await;
            SET.store(0, Ordering::Relaxed);
        };
        let (begun, ()) = tokio::join!(begun("0 5 * * *", MINUTE), set_back);
        assert_eq!(begun, ["05:00"]);
    }
}
