//! Times at which something does not work, made of random numbers.

use crate::model::splitmix::{GAMMA, mix};

pub(super) const WEEK: i64 = 7 * 24 * 3600;

/// Small, fast, and the same everywhere.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    pub(super) fn below(&mut self, limit: i64) -> i64 {
        i64::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// Times of one thing's outages, in seconds of true time.
#[derive(Debug, Default)]
pub(super) struct Outages(pub(super) Vec<(i64, i64)>);

impl Outages {
    /// Some in a week: most are short, some last for hours.
    pub(super) fn random(random: &mut Random, most: i64) -> Self {
        let number = random.below(most + 1);
        let mut all: Vec<_> = (0..number)
            .map(|_| {
                let lasts = if random.below(4) == 0 { 12 * 3600 } else { 20 * 60 };
                let from = random.below(WEEK);
                (from, from + 1 + random.below(lasts))
            })
            .collect();
        all.sort_unstable();
        Self(all)
    }

    pub(super) fn is_on(&self, time: i64) -> bool {
        self.0.iter().any(|(from, until)| (*from..*until).contains(&time))
    }

    /// Whether it was on at any moment of these.
    pub(super) fn was_on(&self, since: i64, until: i64) -> bool {
        self.0.iter().any(|(from, end)| *from <= until && *end > since)
    }

    pub(super) fn edges(&self) -> impl Iterator<Item = i64> {
        self.0.iter().flat_map(|(from, until)| [*from, *until])
    }
}
