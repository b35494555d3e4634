use super::*;

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

fn wanted(text: &str, now: &str) -> Result<Wanted, AtError> {
    text.parse::<At>()?.wanted(now.parse().unwrap(), &berlin())
}

/// Which of these backups a text means, shortly after midnight on 24 November in Berlin.
fn pick(text: &str) -> Option<&'static str> {
    const STAMPS: [&str; 5] = [
        "2026-11-23T22-00-03Z",
        "2026-11-23T11-00-00Z",
        "2026-11-22T22-00-00Z",
        "2026-11-21T23-30-00Z",
        "2026-11-20T22-59-59Z",
    ];
    let wanted = wanted(text, "2026-11-23T23:10:00Z").unwrap();
    STAMPS.into_iter().find(|stamp| wanted.may_be(stamp.parse().unwrap()))
}

#[test]
fn a_day_or_a_time_picks_the_backup_that_was_there_then() {
    for (text, picked) in [
        ("latest", Some("2026-11-23T22-00-03Z")),
        ("2026-11-22T22-00-00Z", Some("2026-11-22T22-00-00Z")),
        ("2026-11-22T22-00-01Z", None),
        // A day is one of the clock's, from midnight to midnight.
        ("2026-11-23", Some("2026-11-23T22-00-03Z")),
        ("2026-11-22", Some("2026-11-22T22-00-00Z")),
        ("2026-11-21", None),
        ("2026-11-20", Some("2026-11-20T22-59-59Z")),
        ("today", None),
        ("yesterday", Some("2026-11-23T22-00-03Z")),
        // A minute lasts until its end, a second does not.
        ("2026-11-23 23:00", Some("2026-11-23T22-00-03Z")),
        ("2026-11-23T23:00", Some("2026-11-23T22-00-03Z")),
        ("2026-11-23 23:00:00", Some("2026-11-23T11-00-00Z")),
        ("2026-11-23 23:00:03", Some("2026-11-23T22-00-03Z")),
        ("yesterday 23:00", Some("2026-11-23T22-00-03Z")),
        ("yesterday 22:59", Some("2026-11-23T11-00-00Z")),
        ("yesterday 11:59", Some("2026-11-22T22-00-00Z")),
        ("today 00:05", Some("2026-11-23T22-00-03Z")),
        // With an offset, as RFC 3339 and as the tables have it.
        ("2026-11-23T22:00Z", Some("2026-11-23T22-00-03Z")),
        ("2026-11-23T22:00:00Z", Some("2026-11-23T11-00-00Z")),
        ("2026-11-23 23:00 +01:00", Some("2026-11-23T22-00-03Z")),
        ("2026-11-23T23:00+01:00", Some("2026-11-23T22-00-03Z")),
        ("2026-11-23 23:00 -01:00", Some("2026-11-23T22-00-03Z")),
        ("2026-11-23 12:30:00+02:00", Some("2026-11-22T22-00-00Z")),
        ("2026-11-01", None),
    ] {
        assert_eq!(pick(text), picked, "{text}");
    }
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "",
        "now",
        "tomorrow",
        "Latest",
        "yesterday ",
        "yesterday 24:00",
        "yesterday 7:00",
        "yesterday 23",
        "today +01:00",
        "2026-11-31",
        "2026-1-1",
        "20261123",
        "20261123T2300",
        "2026-11-23 23:60",
        "2026-11-23 23:00:00:00",
        "2026-11-23 2300",
        "2026-11-23T23-00-00",
        "23:00",
        "2026-11-23  23:00",
        "2026-11-23 23:00 Europe/Berlin",
        "yesterday 23:00 +01:00",
        "-1",
        "2026-11-23 \u{661}\u{662}:00",
    ] {
        assert_eq!(text.parse::<At>(), Err(AtError::Malformed), "{text:?}");
    }
}

#[test]
fn a_time_that_comes_twice_is_not_guessed() {
    let now = "2026-11-23T23:10:00Z";
    let error = wanted("2026-10-25 02:30", now).unwrap_err();
    assert_eq!(
        error.to_string(),
        "comes twice, because the clock is set back then: pass \"2026-10-25 02:30 +02:00\" or \"2026-10-25 02:30 +01:00\""
    );
    let time = |text| {
        let Wanted::NotAfter(time) = wanted(text, now).unwrap() else { panic!("{text}") };
        time.to_string()
    };
    // What it proposes is taken.
    assert_eq!(time("2026-10-25 02:30 +02:00"), "2026-10-25T00:30:59Z");
    assert_eq!(time("2026-10-25 02:30 +01:00"), "2026-10-25T01:30:59Z");
    assert_eq!(time("2026-10-25 03:00"), "2026-10-25T02:00:59Z");
    assert_eq!(wanted("yesterday 02:30", "2026-10-26T12:00:00Z").unwrap_err(), error);
}

#[test]
fn a_time_that_the_clock_skips_ends_with_what_comes_before() {
    let now = "2026-11-23T23:10:00Z";
    for minute in ["02:00", "02:30", "02:59"] {
        let wanted = wanted(&format!("2026-03-29 {minute}"), now).unwrap();
        assert!(wanted.may_be("2026-03-29T00-59-59Z".parse().unwrap()), "{minute}");
        assert!(!wanted.may_be("2026-03-29T01-00-00Z".parse().unwrap()), "{minute}");
    }
}

#[test]
fn days_are_as_long_as_the_clock_makes_them() {
    for (day, hours) in [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-23", 24)] {
        let Wanted::Within { first, last } = wanted(day, "2026-11-23T23:10:00Z").unwrap() else { panic!() };
        assert_eq!(last.as_second() + 1 - first.as_second(), hours * 3600, "{day}");
    }
}

#[test]
fn the_ends_of_the_time_line_are_no_panic() {
    for text in [
        "9999-12-31",
        "9999-12-31 23:59",
        "0001-01-01",
        "-009999-01-01",
        "-009999-01-01 00:00",
        "9999-12-31T23:59Z",
    ] {
        if let Ok(at) = text.parse::<At>() {
            drop(at.wanted(Timestamp::MIN, &berlin()));
            drop(at.wanted(Timestamp::MAX, &berlin()));
        }
    }
    assert_eq!(At::Day(Day::Yesterday).wanted(Timestamp::MIN, &TimeZone::UTC), Err(AtError::OutOfRange));
}

/// Every quarter of an hour that the clock shows in a year means itself.
#[test]
fn each_quarter_of_a_year_means_itself() {
    let (tz, start) = (berlin(), "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
    for quarter in 0..365 * 24 * 4 {
        let time = start + std::time::Duration::from_secs(quarter * 15 * 60);
        let text = time.to_zoned(tz.clone()).strftime("%Y-%m-%d %H:%M").to_string();
        let end = time + std::time::Duration::from_secs(59);
        match wanted(&text, "2026-11-23T23:10:00Z") {
            Ok(wanted) => assert_eq!(wanted, Wanted::NotAfter(end), "{text}"),
            Err(error) => {
                assert!(matches!(error, AtError::Twice(..)) && text.starts_with("2026-10-25 02:"), "{text}");
            }
        }
        let shown = time.to_zoned(tz.clone()).strftime("%Y-%m-%d %H:%M %:z").to_string();
        assert_eq!(wanted(&shown, "2026-11-23T23:10:00Z"), Ok(Wanted::NotAfter(end)), "{shown}");
    }
}

#[test]
fn the_neighbours_are_the_nearest_ones() {
    let stamps = ["2026-11-25T00-00-00Z", "2026-11-22T00-00-00Z", "2026-11-19T00-00-00Z"];
    let stamps = stamps.map(|stamp| stamp.parse::<Stamp>().unwrap());
    let found = |text| {
        let wanted = wanted(text, "2026-11-26T00:00:00Z").unwrap();
        let (before, after) = wanted.neighbours(stamps.into_iter());
        [before, after]
            .map(|stamp| stamp.map(|stamp| stamp.to_string().split(['-', 'T']).nth(2).unwrap().to_owned()))
    };
    let day = |day: &str| Some(day.to_owned());
    assert_eq!(found("2026-11-20"), [day("19"), day("22")]);
    assert_eq!(found("yesterday 00:30"), [day("22"), day("25")]);
    assert_eq!(found("2026-11-01 00:30"), [None, day("19")]);
    assert_eq!(found("latest"), [None, None]);
}
