//! Something the daemon needs and that refuses for now: said once, then after growing pauses, and when it is over. How often
//! it is asked again is another matter.

use std::time::Duration;

use jiff::Timestamp;

use super::plan::Refusal;

/// How long it is silent after it was said: whoever mends it looks at the log, and whoever does not is not helped by thousands
/// of lines. After the last one, each hour.
const PAUSES: [Duration; 3] =
    [Duration::from_secs(60), Duration::from_secs(5 * 60), Duration::from_secs(30 * 60)];
const LAST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// Something that passes by itself is no matter of health before it has lasted this long.
const TOO_LONG: Duration = Duration::from_secs(5 * 60);

/// What was said of one thing.
#[derive(Debug, Default)]
pub(super) struct Trouble(Option<Lasting>);

#[derive(Debug)]
struct Lasting {
    since: Timestamp,
    said: Timestamp,
    times: usize,
    text: String,
    may_pass: bool,
}

/// What to say now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Saying {
    /// That it refuses.
    First,
    /// That it still does, for so long.
    Still(Duration),
    Nothing,
}

impl Trouble {
    /// It has refused.
    pub(super) fn refused(&mut self, refusal: &Refusal, now: Timestamp) -> Saying {
        let (text, may_pass) = (refusal.text.clone(), refusal.may_pass);
        let Some(lasting) = &mut self.0 else {
            self.0 = Some(Lasting { since: now, said: now, times: 0, text, may_pass });
            return Saying::First;
        };
        (lasting.text, lasting.may_pass) = (text, may_pass);
        let pause = PAUSES.get(lasting.times).copied().unwrap_or(LAST_PAUSE);
        if between(lasting.said, now) < pause {
            return Saying::Nothing;
        }
        lasting.said = now;
        lasting.times += 1;
        Saying::Still(between(lasting.since, now))
    }

    /// It has answered: how long it had refused, if it had.
    pub(super) fn answered(&mut self, now: Timestamp) -> Option<Duration> {
        self.0.take().map(|lasting| between(lasting.since, now))
    }

    /// Whether it refuses.
    pub(super) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// What is wrong, unless it may pass and has not lasted for long.
    pub(super) fn lasting(&self, now: Timestamp) -> Option<&String> {
        let lasting = self.0.as_ref()?;
        (!lasting.may_pass || between(lasting.since, now) >= TOO_LONG).then_some(&lasting.text)
    }

    /// The clock was set back to `now`.
    pub(super) fn set_back(&mut self, now: Timestamp) {
        if let Some(lasting) = &mut self.0 {
            (lasting.since, lasting.said) = (lasting.since.min(now), lasting.said.min(now));
        }
    }
}

fn between(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_until_it_is_over() {
        let (begun, mut trouble): (Timestamp, _) =
            ("2026-11-23T23:00:00Z".parse().unwrap(), Trouble::default());
        let at = |seconds| begun + Duration::from_secs(seconds);
        let refusal = |may_pass| Refusal {
            text: "no answer".to_owned(),
            what: "cannot look",
            may_pass,
            is_denied: !may_pass,
        };
        assert_eq!(trouble.answered(at(0)), None);
        // Asked every 15 seconds for four hours.
        let said: Vec<_> = (0..=4 * 240)
            .map(|turn| turn * 15)
            .filter_map(|seconds| match trouble.refused(&refusal(true), at(seconds)) {
                Saying::First => Some(0),
                Saying::Still(lasts) => Some(lasts.as_secs() / 60),
                Saying::Nothing => None,
            })
            .collect();
        assert_eq!(said, [0, 1, 6, 36, 96, 156, 216]);
        assert_eq!(trouble.answered(at(15_000)), Some(Duration::from_secs(15_000)));
        assert_eq!(trouble.refused(&refusal(true), at(15_001)), Saying::First);
        // It may be over in a moment; what never passes by itself is wrong at once.
        assert_eq!((trouble.lasting(at(15_001)), trouble.lasting(at(15_300))), (None, None));
        assert_eq!(trouble.lasting(at(15_301)).unwrap(), "no answer");
        assert_eq!(trouble.refused(&refusal(false), at(15_302)), Saying::Still(Duration::from_secs(301)));
        assert!(trouble.lasting(at(15_302)).is_some());
    }
}
