//! Backups that are dated after the clock.

use std::time::Duration;

use jiff::Timestamp;

use super::key::Stamp;

/// How far ahead of the clock a backup may be dated and still be an ordinary one: clocks of two hosts differ.
pub const FUTURE_TOLERANCE: Duration = Duration::from_secs(600);

/// Whether a backup is dated so far ahead of the clock that it says nothing about the others.
pub fn is_from_the_future(stamp: Stamp, now: Timestamp) -> bool {
    stamp.timestamp() > now.checked_add(FUTURE_TOLERANCE).unwrap_or(Timestamp::MAX)
}
