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
    pub(super) clock: &'a dyn Fn() -> Timestamp,
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
    use std::cell::{Cell, RefCell};

    use tokio::time::Instant;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

    /// When a chore that takes so long is begun on 1 January 2026. In its second minute, a clock that was `ahead` is set.
    async fn begun(schedule: &str, takes: Duration, ahead: Duration) -> Vec<String> {
        let (begun, midnight) = (RefCell::new(Vec::new()), Instant::now());
        let ahead = Cell::new(ahead);
        let clock = || {
            let first: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
            first + midnight.elapsed() + ahead.get()
        };
        let schedule = schedule.parse().unwrap();
        let times = Times { schedule: &schedule, time_zone: &TimeZone::UTC, clock: &clock };
        let work = async || {
            begun.borrow_mut().push(clock().strftime("%H:%M").to_string());
            tokio::time::sleep(takes).await;
        };
        let set = async {
            tokio::time::sleep(MINUTE).await;
            ahead.set(Duration::ZERO);
            tokio::time::sleep(24 * 60 * MINUTE - 2 * MINUTE).await;
        };
        tokio::select! {
            () = times.each("it", work) => {}
            () = set => {}
        }
        begun.take()
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_done_at_its_times_and_never_twice_at_once() {
        for (schedule, takes, ahead, times) in [
            ("off", MINUTE, Duration::ZERO, &[][..]),
            ("0 5,17 * * *", MINUTE, Duration::ZERO, &["05:00", "17:00"]),
            // The one at 6 is left out.
            ("0 5,6,17 * * *", 90 * MINUTE, Duration::ZERO, &["05:00", "17:00"]),
            ("every 8h", 60 * MINUTE, Duration::ZERO, &["08:00", "17:00"]),
            ("0 5 * * *", MINUTE, YEAR, &["05:00"]),
        ] {
            assert_eq!(begun(schedule, takes, ahead).await, times, "{schedule}");
        }
    }
}
