//! Lengths of time as people write them.

use std::fmt;
use std::time::Duration;

/// Why a text is not a length of time. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    #[error("needs a unit, like 15m")]
    NoUnit,
    #[error("has the unit M, which is easily mistaken for minutes (m): use d or w")]
    Month,
    #[error("must be a length of time, like 90s, 15m, 6h or 30d")]
    Malformed,
}

/// Reads `90s`, `15m`, `1h 30m`, `30d`, `2w`: what humantime reads, but not its `M`, which is a month.
///
/// # Errors
/// A number without a unit, a month by its single letter, or anything else.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let mut letters = text.split(|c: char| !c.is_alphabetic());
    if letters.any(|unit| unit == "M") {
        return Err(DurationError::Month);
    }
    humantime::parse_duration(text).map_err(|error| {
        let lacks_unit =
            matches!(&error, humantime::DurationError::UnknownUnit { unit, .. } if unit.is_empty());
        if lacks_unit { DurationError::NoUnit } else { DurationError::Malformed }
    })
}

/// Writes a length of time in units that always mean the same, days the longest: `30d`, `1h 30m`, `0s`.
///
/// Not humantime's own form, which makes `1month 13h 26m` out of 31 days. [`parse`] reads it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short(pub Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let parts = [
            (seconds / 86_400, "d"),
            (seconds / 3_600 % 24, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
            (u64::from(self.0.subsec_millis()), "ms"),
            (u64::from(self.0.subsec_micros() % 1_000), "us"),
            (u64::from(self.0.subsec_nanos() % 1_000), "ns"),
        ];
        let mut separator = "";
        for (count, unit) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{separator}{count}{unit}")?;
            separator = " ";
        }
        if separator.is_empty() { f.write_str("0s") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bare_number_and_a_bare_month_are_refused() {
        assert_eq!(parse("90"), Err(DurationError::NoUnit));
        assert_eq!(parse("1h 90"), Err(DurationError::NoUnit));
        for text in ["1M", "1 M", "1y 2M"] {
            assert_eq!(parse(text), Err(DurationError::Month), "{text}");
        }
        for text in ["", "x", "-1s", "1 fortnight", "6h;"] {
            assert_eq!(parse(text), Err(DurationError::Malformed), "{text}");
        }
        assert_eq!(parse("1m"), Ok(Duration::from_secs(60)));
        assert_eq!(parse("2w"), Ok(Duration::from_secs(14 * 86_400)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn the_short_form_has_no_months() {
        assert_eq!(Short(Duration::from_secs(31 * 86_400)).to_string(), "31d");
        assert_eq!(Short(Duration::from_secs(5_400)).to_string(), "1h 30m");
        assert_eq!(Short(Duration::ZERO).to_string(), "0s");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 0u64..10_000_000_000, nanos in 0u32..1_000_000_000) {
            let duration = Duration::new(seconds, nanos);
            prop_assert_eq!(parse(&Short(duration).to_string()), Ok(duration));
        }
    }
}
