use proptest::prelude::*;

use super::*;

fn schedule(text: &str) -> Schedule {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The times after `from` up to `to`, as the clocks in Stockholm show them.
fn times(text: &str, from: &str, to: &str) -> Vec<String> {
    let tz = TimeZone::get("Europe/Stockholm").unwrap();
    let (mut now, end) = (at(from), at(to));
    let mut found = Vec::new();
    while let Some(next) = schedule(text).next_after(now, &tz).filter(|next| *next <= end) {
        found.push(next.to_zoned(tz.clone()).strftime("%d %H:%M%:z").to_string());
        now = next;
    }
    found
}

/// On 2026-03-29 the clocks go from 02:00 to 03:00.
fn spring(text: &str) -> Vec<String> {
    times(text, "2026-03-28T22:59:59Z", "2026-03-29T21:59:59Z")
}

/// On 2026-10-25 the clocks go from 03:00 back to 02:00.
fn autumn(text: &str) -> Vec<String> {
    times(text, "2026-10-24T21:59:59Z", "2026-10-25T22:59:59Z")
}

#[test]
fn a_fixed_time_in_the_gap_runs_once_that_day() {
    assert_eq!(spring("30 2 * * *"), ["29 03:00+02:00"]);
    assert_eq!(spring("30 2 29 3 *"), ["29 03:00+02:00"]);
    assert_eq!(spring("30 2,14 * * *"), ["29 03:00+02:00", "29 14:30+02:00"]);
    assert_eq!(spring("0 1-3 * * *"), ["29 01:00+01:00", "29 03:00+02:00"]);
    assert_eq!(spring("15,45 2 * * *"), ["29 03:00+02:00"]);
}

#[test]
fn a_fixed_time_that_is_repeated_runs_once() {
    assert_eq!(autumn("30 2 * * *"), ["25 02:30+02:00"]);
    assert_eq!(autumn("30 2,14 * * *"), ["25 02:30+02:00", "25 14:30+01:00"]);
    assert_eq!(autumn("0 23 * * *"), ["25 23:00+01:00"]);
}

#[test]
fn a_wildcard_runs_on_evenly() {
    assert_eq!(spring("*/30 * * * *").len(), 2 * 23);
    assert_eq!(autumn("*/30 * * * *").len(), 2 * 25);
    assert_eq!(autumn("@hourly").len(), 25);
}

#[test]
fn intervals_count_from_the_last_start() {
    let tz = TimeZone::get("Europe/Stockholm").unwrap();
    let next = schedule("every 6h").next_after(at("2026-10-24T22:00:00Z"), &tz);
    assert_eq!(next, Some(at("2026-10-25T04:00:00Z")));
    assert_eq!(schedule("every 100000000000d").next_after(Timestamp::UNIX_EPOCH, &tz), None);
    assert_eq!(schedule("off").next_after(Timestamp::UNIX_EPOCH, &tz), None);
}

#[test]
fn the_text_is_given_back() {
    for text in [
        "0 23 * * *",
        "@daily",
        "@midnight",
        "@annually",
        "every 6h",
        "every 1h 30m",
        "off",
        "0 3 * * MON-FRI",
    ] {
        assert_eq!(schedule(text).to_string(), text);
    }
    assert_eq!(schedule(" 0  23 * * * ").to_string(), "0 23 * * *");
    assert_eq!(schedule("every 90m").to_string(), "every 1h 30m");
}

#[test]
fn the_weekday_may_be_a_name_and_sunday_may_be_7() {
    let utc = TimeZone::UTC;
    for text in ["0 0 * * 0", "0 0 * * 7", "0 0 * * sun", "@weekly"] {
        assert_eq!(
            schedule(text).next_after(at("2026-11-23T00:00:00Z"), &utc),
            Some(at("2026-11-29T00:00:00Z")),
            "{text}"
        );
    }
}

#[test]
fn errors_say_what_is_accepted() {
    let error = |text: &str| text.parse::<Schedule>().unwrap_err();
    for text in [
        "",
        "daily",
        "@dayly",
        "60 0 * * *",
        "0 24 * * *",
        "x y z a b",
        "Off",
        "every",
        "5-2 0 * * *",
        "0 0 * * 8",
    ] {
        assert_eq!(error(text), ScheduleError::Malformed, "{text}");
    }
    assert_eq!(error("0 0 23 * * *"), ScheduleError::FieldCount(6));
    assert_eq!(error("0 0 23 * * * 2026"), ScheduleError::FieldCount(7));
    assert_eq!(error("0 23 *"), ScheduleError::FieldCount(3));
    assert_eq!(error("0 0 30 2 *"), ScheduleError::Never);
    assert_eq!(error("0 0 31 4,6 *"), ScheduleError::Never);
    assert_eq!(error("every 59s"), ScheduleError::TooShort);
    assert_eq!(error("every 6"), ScheduleError::Interval(DurationError::NoUnit));
    assert_eq!(error("every 1M"), ScheduleError::Interval(DurationError::Month));
    assert!("0 0 29 2 *".parse::<Schedule>().is_ok());
}

/// Found by the fuzzer: each of 1,440 times of day was looked for up to the year 5000.
#[test]
fn a_date_that_never_comes_is_refused_soon_however_many_times_it_has() {
    let begun = std::time::Instant::now();
    assert_eq!("0-59 0-23 30 2 *".parse::<Schedule>().unwrap_err(), ScheduleError::Never);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// Found by fuzzing: croner takes a list without an item, and then looks for a time for ever.
#[test]
fn an_empty_item_of_a_list_is_refused() {
    for text in [
        ", * * * *",
        "0, * * * *",
        ",0 * * * *",
        "0 1,,2 * * *",
        "0 0 , * *",
        "0 0 1 1, *",
        "0 0 * * 1,",
        "0 0 */2, * *",
    ] {
        assert_eq!(text.parse::<Schedule>(), Err(ScheduleError::Malformed), "{text}");
    }
}

#[test]
fn a_shift_moves_times_of_day_and_leaves_intervals_alone() {
    let (utc, half_an_hour) = (TimeZone::UTC, Duration::from_secs(30 * 60));
    let next = |text: &str, after| schedule(text).next_after_shifted(at(after), &utc, half_an_hour);
    for (text, after, due) in [
        ("0 23 * * *", "2026-11-22T22:00:00Z", Some("2026-11-22T23:30:00Z")),
        // Its own time is still to come.
        ("0 23 * * *", "2026-11-22T23:10:00Z", Some("2026-11-22T23:30:00Z")),
        ("0 23 * * *", "2026-11-22T23:30:00Z", Some("2026-11-23T23:30:00Z")),
        ("every 6h", "2026-11-22T23:10:00Z", Some("2026-11-23T05:10:00Z")),
        ("off", "2026-11-22T23:10:00Z", None),
    ] {
        assert_eq!(next(text, after), due.map(at), "{text} after {after}");
    }
}

#[test]
fn jitter_is_spread_evenly_and_stays_the_same() {
    let max = Duration::from_secs(1_000);
    let all: Vec<Duration> = (0..10_000).map(|i| jitter(&format!("shop-db-{i}"), max)).collect();
    assert!(all.iter().all(|delay| *delay < max));
    for tenth in 0..10u64 {
        let range = Duration::from_secs(tenth * 100)..Duration::from_secs((tenth + 1) * 100);
        let count = all.iter().filter(|delay| range.contains(*delay)).count();
        assert!((850..1150).contains(&count), "{count} in {range:?}");
    }
    assert_eq!(jitter("shop-db", Duration::ZERO), Duration::ZERO);
    assert_eq!(jitter("shop-db", max), jitter("shop-db", max));
    assert!(jitter("shop-db", Duration::MAX) > Duration::from_secs(1));
}

fn any_schedule() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "0 23 * * *",
        "30 2 * * *",
        "30 2,14 * * *",
        "*/30 * * * *",
        "*/7 2 * * *",
        "0 0 1 * 1",
        "@hourly",
        "@monthly",
        "59 23 31 12 *",
        "0-59/20 1-3 * * *",
        "15 */5 * * *",
        "0 3 L * *",
        "every 6h",
        "every 61s",
    ])
}

fn any_zone() -> impl Strategy<Value = TimeZone> {
    let names = vec![
        "UTC",
        "Europe/Stockholm",
        "America/New_York",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Asia/Kathmandu",
    ];
    prop::sample::select(names).prop_map(|name| TimeZone::get(name).unwrap())
}

/// A moment in 2026, half of the time close to a change of the clocks in Stockholm.
fn moment() -> impl Strategy<Value = Timestamp> {
    let year = at("2026-01-01T00:00:00Z").as_second();
    let changes = [at("2026-03-29T01:00:00Z").as_second(), at("2026-10-25T01:00:00Z").as_second()];
    let close =
        (prop::sample::select(changes.to_vec()), -10_800i64..10_800).prop_map(|(change, off)| change + off);
    prop_oneof![close, (0i64..365 * 86_400).prop_map(move |second| year + second)]
        .prop_map(|second| Timestamp::from_second(second).unwrap())
}

proptest! {
    #[test]
    fn the_next_time_is_later(text in any_schedule(), tz in any_zone(), now in moment()) {
        prop_assert!(schedule(text).next_after(now, &tz).unwrap() > now);
    }

    /// Whoever asks again on the way gets the same answer: no time is skipped by asking late.
    #[test]
    fn no_time_lies_between(text in any_schedule(), tz in any_zone(), now in moment(), share in 0.0..1.0f64) {
        let schedule = schedule(text);
        prop_assume!(!matches!(schedule, Schedule::Every(_)));
        let next = schedule.next_after(now, &tz).unwrap();
        let way = next.duration_since(now).mul_f64(share);
        let between = now.checked_add(way).unwrap();
        prop_assume!(between < next);
        prop_assert_eq!(schedule.next_after(between, &tz), Some(next));
    }

    /// Where the clocks never change, the answer is the first minute that fits.
    #[test]
    fn without_summer_time_it_is_the_first_minute_that_fits(
        minute in 0i8..60, hour in 0i8..24, now in moment(),
    ) {
        let next = schedule(&format!("{minute} {hour} * * *")).next_after(now, &TimeZone::UTC).unwrap();
        let mut expected = now.to_zoned(TimeZone::UTC).with().hour(hour).minute(minute).second(0).build().unwrap();
        if expected.timestamp() <= now {
            expected = expected.tomorrow().unwrap();
        }
        prop_assert_eq!(next, expected.timestamp());
    }
}
