//! This machine's clock against the store's.

use std::time::Duration;

use jiff::Timestamp;

use super::item::{Area, CheckItem, Mark};

/// The store refuses requests that are signed 15 minutes early or late. A clock that is so far off will soon be there.
const MOST: Duration = Duration::from_secs(5 * 60);

/// What a clock that is set by the network never has.
const USUAL: Duration = Duration::from_secs(60);

/// Compares the clocks: the store answered at its `date`, which is in whole seconds, between `before` and `after` by this
/// machine's clock.
pub(super) fn check(before: Timestamp, after: Option<Timestamp>, date: Option<Timestamp>) -> CheckItem {
    const SUBJECT: &str = "clock";
    let (Some(after), Some(date)) = (after, date) else {
        return CheckItem::new(
            Area::Clock,
            SUBJECT,
            Mark::Untried,
            "not known: the store did not say its time",
        );
    };
    let (off, way) = apart(before, after, date);
    let shown = humantime::format_duration(Duration::from_secs(off.as_secs()));
    let cure = "set the host's time (NTP): the container has the host's clock";
    match off {
        off if off > MOST => CheckItem::new(
            Area::Clock,
            SUBJECT,
            Mark::Failure,
            format!(
                "this machine is {shown} {way} the store; from 15 minutes on the store refuses everything"
            ),
        )
        .with_cure(cure),
        off if off > USUAL => CheckItem::new(
            Area::Clock,
            SUBJECT,
            Mark::Warning,
            format!("this machine is {shown} {way} the store; backups are dated by this machine's clock"),
        )
        .with_cure(cure),
        off if off.is_zero() => {
            CheckItem::new(Area::Clock, SUBJECT, Mark::Ok, "this machine's clock is the store's")
        }
        _ => {
            CheckItem::new(Area::Clock, SUBJECT, Mark::Ok, format!("this machine is {shown} {way} the store"))
        }
    }
}

/// How far they are apart at the least, and which way.
fn apart(before: Timestamp, after: Timestamp, date: Timestamp) -> (Duration, &'static str) {
    let positive = |from: Timestamp, to: Timestamp| Duration::try_from(to.duration_since(from)).ok();
    // The date's fraction of a second is cut off.
    let end = date.checked_add(Duration::from_secs(1)).unwrap_or(date);
    match (positive(end, before), positive(after, date)) {
        (Some(ahead), _) => (ahead, "ahead of"),
        (None, Some(behind)) => (behind, "behind"),
        (None, None) => (Duration::ZERO, "with"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_the_stores_limit() {
        let now: Timestamp = "2026-11-28T06:00:00.5Z".parse().unwrap();
        let after = now + Duration::from_secs(2);
        for (date, mark, words) in [
            ("2026-11-28T06:00:00Z", Mark::Ok, "clock is the store's"),
            ("2026-11-28T06:00:02Z", Mark::Ok, "clock is the store's"),
            ("2026-11-28T05:59:20Z", Mark::Ok, "39s ahead of the store"),
            ("2026-11-28T05:58:20Z", Mark::Warning, "1m 39s ahead of the store; backups are dated"),
            ("2026-11-28T06:01:04Z", Mark::Warning, "1m 1s behind the store"),
            ("2026-11-28T06:05:02Z", Mark::Warning, "4m 59s behind"),
            ("2026-11-28T06:05:04Z", Mark::Failure, "5m 1s behind the store; from 15 minutes"),
            ("2026-11-28T05:50:00Z", Mark::Failure, "9m 59s ahead of"),
        ] {
            let item = check(now, Some(after), Some(date.parse().unwrap()));
            assert_eq!(item.mark, mark, "{date}: {}", item.text);
            assert!(item.text.contains(words), "{date}: {}", item.text);
            assert_eq!(item.cure.is_some(), mark != Mark::Ok, "{date}");
        }
        assert_eq!(check(now, Some(after), None).mark, Mark::Untried);
    }
}
