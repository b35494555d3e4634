//! The targets that ran together: a summary when the last of them has ended.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::outcome::{Outcome, Verdict};
use crate::text::{bytes, local};

/// What became of those that have ended.
#[derive(Debug, Default)]
pub struct Wave {
    good: usize,
    bad: Vec<String>,
    stored_bytes: u64,
}

/// More names nobody reads in one line.
const NAMED: usize = 5;

impl Wave {
    /// One of them has ended.
    pub fn take(&mut self, outcome: &Outcome) {
        if let Verdict::Done(summary) = &outcome.verdict {
            self.stored_bytes = self.stored_bytes.saturating_add(summary.stored_bytes);
        }
        if outcome.is_good() {
            self.good += 1;
        } else {
            self.bad.push(outcome.target.to_string());
        }
    }

    /// What became of all of them; `None` if there was none. `next` is when the next one runs.
    pub fn end(self, next: Option<Timestamp>) -> Option<Summary> {
        let Self { good, mut bad, stored_bytes } = self;
        bad.sort_unstable();
        (good + bad.len() > 0).then_some(Summary { good, bad, stored_bytes, next })
    }
}

/// What became of several targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub good: usize,
    /// Their names, in order.
    pub bad: Vec<String>,
    pub stored_bytes: u64,
    /// When the next one runs.
    pub next: Option<Timestamp>,
}

impl Summary {
    /// Whether there is more to say than of one target alone.
    pub fn is_of_several(&self) -> bool {
        self.good + self.bad.len() > 1
    }

    /// In one line.
    pub fn line(&self, time_zone: &TimeZone) -> String {
        let Self { good, bad, stored_bytes, next } = self;
        let more = bad.len().saturating_sub(NAMED);
        let named = bad.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let not = match (bad.len(), more) {
            (0, _) => String::new(),
            (_, 0) => format!(", not {named}"),
            (_, more) => format!(", not {named} and {more} more"),
        };
        let next = next.map(|next| format!(", next {}", local(next, time_zone))).unwrap_or_default();
        format!("{good} of {} targets good{not}, {} stored{next}", good + bad.len(), bytes(*stored_bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::outcome;

    fn outcome(name: &str, is_good: bool) -> Outcome {
        let verdict = match is_good {
            false => Verdict::Failed { reason: "no disk".to_owned() },
            true => Verdict::Done(outcome::Summary {
                stamp: "2026-11-26T22-00-00Z".parse().unwrap(),
                objects: 1,
                plain_bytes: 5 << 30,
                stored_bytes: 400 << 20,
                elapsed: Duration::from_secs(1),
                pruned: 0,
                incomplete: None,
                suspicious: None,
                accepted_smaller_than: None,
                problems: Vec::new(),
                made: Box::default(),
            }),
        };
        Outcome { target: name.parse().unwrap(), verdict }
    }

    fn line(outcomes: &[(&str, bool)], next: Option<&str>) -> Option<String> {
        let mut wave = Wave::default();
        outcomes.iter().for_each(|(name, is_good)| wave.take(&outcome(name, *is_good)));
        let summary = wave.end(next.map(|next| next.parse().unwrap()))?;
        assert_eq!(summary.is_of_several(), outcomes.len() > 1);
        Some(summary.line(&TimeZone::get("Europe/Berlin").unwrap()))
    }

    #[test]
    fn several_targets_end_with_one_line() {
        let next = Some("2026-11-27T22:00:00Z");
        assert_eq!(
            line(&[("shop", true), ("blog", true), ("wiki", true)], next).unwrap(),
            "3 of 3 targets good, 1.2 GiB stored, next 2026-11-27 23:00 +01:00"
        );
        assert_eq!(
            line(&[("shop", false), ("blog", true), ("wiki", false)], None).unwrap(),
            "1 of 3 targets good, not shop, wiki, 400.0 MiB stored"
        );
        let many = ["a1", "b1", "c1", "d1", "e1", "f1", "g1"].map(|name| (name, false));
        assert_eq!(
            line(&many, None).unwrap(),
            "0 of 7 targets good, not a1, b1, c1, d1, e1 and 2 more, 0 B stored"
        );
    }

    #[test]
    fn one_target_alone_ends_a_wave_as_well() {
        assert_eq!(line(&[], None), None);
        assert_eq!(line(&[("shop", true)], None).unwrap(), "1 of 1 targets good, 400.0 MiB stored");
    }
}
