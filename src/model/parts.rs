//! How large the parts of a multipart upload are.

const MIB: u64 = 1 << 20;

/// The smallest part S3 accepts; only the last one may be smaller.
pub const MIN_PART: u64 = 5 * MIB;

/// The largest part S3 accepts.
pub const MAX_PART: u64 = 5 << 30;

/// What a part has when nothing is known about the dump. A part is held in memory, several at a time.
pub const DEFAULT_PART: u64 = 8 * MIB;

/// As many parts as S3 itself allows; Scaleway allows 1,000.
pub const DEFAULT_MAX_PARTS: u32 = 10_000;

/// The size of each part of one upload, decided before its length is known.
///
/// The first half of the parts are equal, because R2 refuses unequal ones, and large enough for the size that is
/// expected. Only a dump that outgrows that gets larger parts: they double in even steps until [`MAX_PART`]. So
/// memory stays as small as the expected size allows, and an unexpected 5 TiB still fits into 10,000 parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartPlan {
    max_parts: u32,
    base: u64,
}

impl PartPlan {
    /// `base` is the least size in bytes; it is raised so that `hint`, the expected stored size in bytes, fits into
    /// half of the parts, and brought between [`MIN_PART`] and [`MAX_PART`].
    pub fn new(max_parts: u32, base: u64, hint: Option<u64>) -> Self {
        let plan = Self { max_parts: max_parts.max(1), base };
        let equal = plan.equal_parts();
        // Whole mebibytes: easier to recognise in a listing, and a hint that drifts changes less.
        let wanted = hint.unwrap_or(0).div_ceil(u64::from(equal)).div_ceil(MIB).saturating_mul(MIB);
        Self { base: base.max(wanted).clamp(MIN_PART, MAX_PART), ..plan }
    }

    /// Bytes of the part with this number, counted from 1; `None` when there is no such part.
    pub fn size_of(&self, part_number: u32) -> Option<u64> {
        if part_number == 0 || part_number > self.max_parts {
            return None;
        }
        let equal = self.equal_parts();
        let Some(grown) = part_number.checked_sub(equal + 1) else { return Some(self.base) };
        let doublings = self.doublings();
        // One share of the growing parts for each size, and one more for the largest: without it 10,000 parts that
        // start at 5 MiB would end at 4.9 TiB.
        let shares = u64::from(doublings + 1);
        let step = u64::from(grown) * shares / u64::from(self.max_parts - equal) + 1;
        let step = step.min(u64::from(doublings));
        Some(self.base.saturating_mul(1 << step).min(MAX_PART))
    }

    /// The largest upload that fits, in bytes.
    #[cfg(test)]
    fn capacity(&self) -> u64 {
        (1..=self.max_parts).filter_map(|number| self.size_of(number)).sum()
    }

    fn equal_parts(&self) -> u32 {
        self.max_parts.div_ceil(2)
    }

    /// How often the size doubles until it is [`MAX_PART`].
    fn doublings(&self) -> u32 {
        MAX_PART.div_ceil(self.base).next_power_of_two().ilog2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TIB: u64 = 1 << 40;

    #[test]
    fn an_unknown_dump_starts_with_small_equal_parts_and_may_reach_5_tib() {
        let plan = PartPlan::new(DEFAULT_MAX_PARTS, DEFAULT_PART, None);
        assert_eq!(plan.size_of(0), None);
        assert_eq!(plan.size_of(1), Some(8 * MIB));
        assert_eq!(plan.size_of(5_000), Some(8 * MIB));
        assert_eq!(plan.size_of(5_001), Some(16 * MIB));
        assert_eq!(plan.size_of(10_000), Some(MAX_PART));
        assert_eq!(plan.size_of(10_001), None);
        assert!(plan.capacity() >= 5 * TIB);
        assert!(PartPlan::new(10_000, MIN_PART, None).capacity() >= 5 * TIB);
    }

    #[test]
    fn a_known_size_fits_into_equal_parts() {
        let plan = PartPlan::new(1_000, DEFAULT_PART, Some(100 << 30));
        assert_eq!(plan.size_of(1), Some(205 * MIB));
        assert_eq!(plan.size_of(500), Some(205 * MIB));
    }

    #[test]
    fn the_largest_size_there_is_fits_when_it_is_expected() {
        let plan = PartPlan::new(10_000, DEFAULT_PART, Some(u64::MAX));
        assert_eq!(plan.capacity(), 10_000 * MAX_PART);
    }

    /// Every order of magnitude is as likely.
    fn sizes() -> impl Strategy<Value = u64> {
        (any::<u64>(), 0u32..64).prop_map(|(bits, shift)| bits >> shift)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn sizes_are_legal_and_never_decrease(
            max_parts in 1u32..=10_000, base in sizes(), hint in prop::option::of(sizes()),
        ) {
            let plan = PartPlan::new(max_parts, base, hint);
            let sizes: Vec<u64> = (1..=max_parts).map(|number| plan.size_of(number).unwrap()).collect();
            prop_assert!(sizes.iter().all(|size| (MIN_PART..=MAX_PART).contains(size)));
            prop_assert!(sizes.is_sorted());
            prop_assert_eq!(plan.size_of(max_parts + 1), None);
        }

        #[test]
        fn the_expected_size_fits_into_the_equal_half(
            max_parts in 2u32..=10_000, base in MIN_PART..=MAX_PART, share in 0.0..1.0f64,
        ) {
            let most = u64::from(max_parts / 2) * MAX_PART;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
                reason = "any size will do")]
            let hint = (most as f64 * share) as u64;
            let plan = PartPlan::new(max_parts, base, Some(hint));
            let half = max_parts.div_ceil(2);
            prop_assert_eq!(plan.size_of(1), plan.size_of(half));
            prop_assert!(plan.size_of(1).unwrap() * u64::from(half) >= hint);
        }

        /// 5 TiB cannot be promised below 1,024 parts of 5 GiB, and not far above without parts of that size from
        /// the start: 640 MiB for each part allowed is what even steps give.
        #[test]
        fn there_is_room_for_5_tib_or_for_what_the_parts_allow(
            max_parts in 1_000u32..=10_000, base in MIN_PART..=MAX_PART, hint in any::<Option<u64>>(),
        ) {
            let plan = PartPlan::new(max_parts, base, hint);
            prop_assert!(plan.capacity() >= (5 * TIB).min(u64::from(max_parts) * 640 * MIB));
        }
    }
}
