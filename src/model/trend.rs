//! How a target's backups grow, in a few numbers.

/// The newest size beside the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trend {
    pub newest: u64,
    /// The median of those before it.
    pub usual: u64,
}

impl Trend {
    /// The trend of these sizes, the oldest first; `None` of fewer than two.
    pub fn of(sizes: &[u64]) -> Option<Self> {
        let (newest, before) = sizes.split_last()?;
        let mut before = before.to_vec();
        before.sort_unstable();
        let usual = *before.get(before.len() / 2)?;
        Some(Self { newest: *newest, usual })
    }

    /// By how many percent the newest is larger than the usual one; `None` where that was empty.
    pub fn percent(self) -> Option<i64> {
        let (newest, usual) = (i128::from(self.newest), i128::from(self.usual));
        let percent = ((newest - usual) * 100).checked_div(usual)?;
        Some(i64::try_from(percent).unwrap_or(i64::MAX))
    }

    /// `+3%`, `-40%`, `±0%`; twice the size and more is a factor, `×12`.
    pub fn words(self) -> Option<String> {
        Some(match self.percent()? {
            0 => "±0%".to_owned(),
            percent @ 1..100 => format!("+{percent}%"),
            100.. => format!("×{}", self.newest.checked_div(self.usual)?),
            percent => format!("{percent}%"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_compared_with_the_usual() {
        let words = |sizes: &[u64]| Trend::of(sizes).and_then(Trend::words);
        assert_eq!(words(&[]), None);
        assert_eq!(words(&[5]), None);
        assert_eq!(words(&[0, 5]), None);
        // One that was odd long ago does not count.
        assert_eq!(words(&[100, 1, 100, 100, 103]).unwrap(), "+3%");
        assert_eq!(words(&[100, 100, 100, 60]).unwrap(), "-40%");
        assert_eq!(words(&[1000, 1001]).unwrap(), "±0%");
        assert_eq!(words(&[10, 25]).unwrap(), "×2");
        assert_eq!(words(&[1, u64::MAX]).unwrap(), format!("×{}", u64::MAX));
        assert_eq!(words(&[u64::MAX, 0]).unwrap(), "-100%");
    }
}
