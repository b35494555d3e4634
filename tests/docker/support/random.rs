//! Random numbers that can be had again.

use dumpcar::model::splitmix::{GAMMA, mix};

use super::docker::unique;

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    /// With the seed in `DUMPCAR_TEST_SEED`, else a new one; says which, so that a failure can be repeated.
    pub(crate) fn announced(purpose: &str) -> Self {
        let given = std::env::var("DUMPCAR_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from_str_radix(&unique()[1..], 16).unwrap());
        println!("{purpose}: DUMPCAR_TEST_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// From 0 up to, but not, 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap()) / (f64::from(u32::MAX) + 1.0)
    }

    /// `count` fractions of a span: one at random within each of as many equal slices, in random order. So short stages
    /// are hit as often as their length asks for, not by luck.
    pub(crate) fn spread(&mut self, count: u32) -> Vec<f64> {
        let slice = 1.0 / f64::from(count);
        let mut all: Vec<_> = (0..count).map(|n| slice * (f64::from(n) + self.fraction())).collect();
        for last in (1..all.len()).rev() {
            let other = usize::try_from(self.next() % (last as u64 + 1)).unwrap();
            all.swap(last, other);
        }
        all
    }
}

/// How often a backup is drilled that has to come back each time: `DUMPCAR_TEST_DRILLS`, or once.
pub(crate) fn drills() -> u32 {
    std::env::var("DUMPCAR_TEST_DRILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// At how many instants each thing is ended or held up that may end at any: `DUMPCAR_TEST_INSTANTS`, or 50.
pub(crate) fn instants() -> u32 {
    std::env::var("DUMPCAR_TEST_INSTANTS").ok().and_then(|count| count.parse().ok()).unwrap_or(50)
}
