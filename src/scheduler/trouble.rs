//! Something the daemon needs and that refuses for now: said once, then after growing pauses, and when it is over. How often
//! it is asked again is another matter.

use std::time::{Duration, Instant};

/// How long it is silent after it was said: whoever mends it looks at the log, and whoever does not is not helped by thousands
/// of lines. After the last one, each hour.
const PAUSES: [Duration; 3] =
    [Duration::from_secs(60), Duration::from_secs(5 * 60), Duration::from_secs(30 * 60)];
const LAST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// What was said of one thing.
#[derive(Debug, Default)]
pub(super) struct Trouble(Option<Lasting>);

#[derive(Debug)]
struct Lasting {
    since: Instant,
    said: Instant,
    times: usize,
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
    pub(super) fn refused(&mut self, now: Instant) -> Saying {
        let Some(lasting) = &mut self.0 else {
            self.0 = Some(Lasting { since: now, said: now, times: 0 });
            return Saying::First;
        };
        let pause = PAUSES.get(lasting.times).copied().unwrap_or(LAST_PAUSE);
        if now.duration_since(lasting.said) < pause {
            return Saying::Nothing;
        }
        lasting.said = now;
        lasting.times += 1;
        Saying::Still(now.duration_since(lasting.since))
    }

    /// It has answered: how long it had refused, if it had.
    pub(super) fn answered(&mut self, now: Instant) -> Option<Duration> {
        self.0.take().map(|lasting| now.duration_since(lasting.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_until_it_is_over() {
        let (begun, mut trouble) = (Instant::now(), Trouble::default());
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(trouble.answered(at(0)), None);
        // Asked every 15 seconds for four hours.
        let said: Vec<_> = (0..=4 * 240)
            .map(|turn| turn * 15)
            .filter_map(|seconds| match trouble.refused(at(seconds)) {
                Saying::First => Some(0),
                Saying::Still(lasts) => Some(lasts.as_secs() / 60),
                Saying::Nothing => None,
            })
            .collect();
        assert_eq!(said, [0, 1, 6, 36, 96, 156, 216]);
        assert_eq!(trouble.answered(at(15_000)), Some(Duration::from_secs(15_000)));
        assert_eq!(trouble.refused(at(15_001)), Saying::First);
    }
}
