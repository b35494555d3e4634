//! What is remembered of this store: what it does not take of an upload in parts, and what it keeps.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::error::{StoreError, StoreErrorKind};
use super::place::Place;

/// No store is known that takes fewer parts (Scaleway: <https://www.scaleway.com/en/docs/object-storage/api-cli/multipart-uploads/>).
const LEAST_PARTS: u32 = 1_000;

/// For as long as the process runs.
#[derive(Debug)]
pub(super) struct Learned {
    /// The largest number there is: nothing is known.
    max_parts: AtomicU32,
    /// Bytes that an upload had whose parts were not all of one size, and which the store refused for that.
    outgrown: AtomicU64,
    /// What is written gets the name of a version: where old ones are kept, and at Garage, which keeps none.
    gives_versions: AtomicBool,
    /// It has no locks, or the keys may not ask for them.
    tells_no_locks: AtomicBool,
}

impl Default for Learned {
    fn default() -> Self {
        Self {
            max_parts: AtomicU32::new(u32::MAX),
            outgrown: AtomicU64::new(0),
            gives_versions: AtomicBool::new(false),
            tells_no_locks: AtomicBool::new(false),
        }
    }
}

impl Learned {
    /// An object was written, and got this version: `null` where versioning was switched off again.
    pub(super) fn written(&self, version: Option<&str>) {
        if version.is_some_and(|version| !version.is_empty() && version != "null") {
            self.gives_versions.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn gives_versions(&self) -> bool {
        self.gives_versions.load(Ordering::Relaxed)
    }

    pub(super) fn tells_locks(&self) -> bool {
        !self.tells_no_locks.load(Ordering::Relaxed)
    }

    pub(super) fn tells_no_locks(&self) {
        self.tells_no_locks.store(true, Ordering::Relaxed);
    }

    pub(super) fn max_parts(&self) -> Option<u32> {
        Some(self.max_parts.load(Ordering::Relaxed)).filter(|parts| *parts < u32::MAX)
    }

    /// The size to plan for, so that all parts may have the same.
    pub(super) fn expected(&self) -> Option<u64> {
        let outgrown = self.outgrown.load(Ordering::Relaxed);
        // A dump that is made again is a little larger.
        (outgrown > 0).then(|| outgrown.saturating_add(outgrown / 8))
    }

    /// The part with this number, counted from 1, was refused after all before it were taken. That may be about its number;
    /// then what has been sent is of no use, and the upload may go through from the beginning.
    pub(super) fn part_refused(&self, place: &Place, number: u32, error: StoreError) -> StoreError {
        let most = number.saturating_sub(1) / LEAST_PARTS * LEAST_PARTS;
        if error.kind != StoreErrorKind::Refused || most == 0 {
            return error;
        }
        // Several parts are refused at a time.
        self.max_parts.fetch_min(most, Ordering::Relaxed);
        StoreError::new(
            StoreErrorKind::Lost,
            format!(
                "{error}: it was part {number}; {} seems to take {most} at the most, so the next upload has larger ones \
                 (DUMPCAR_S3_MAX_PARTS={most} says so from the beginning)",
                place.endpoint
            ),
        )
    }

    /// An upload of so many bytes, whose parts grew, was refused when it was to be completed: R2 wants all parts but the last to
    /// have one size (<https://developers.cloudflare.com/r2/objects/upload-objects/>).
    pub(super) fn unequal_refused(&self, place: &Place, written: u64, error: StoreError) -> StoreError {
        if error.kind != StoreErrorKind::Lost {
            return error;
        }
        self.outgrown.fetch_max(written, Ordering::Relaxed);
        StoreError::new(
            StoreErrorKind::Lost,
            format!(
                "{error}; or {} wants parts of one size: the next upload has larger ones from the beginning",
                place.endpoint
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::flaky::{Do, Flaky, store};

    fn refused(kind: StoreErrorKind) -> StoreError {
        StoreError::new(kind, "the store could not write: InvalidArgument")
    }

    #[test]
    fn a_refusal_of_part_1001_is_about_its_number() {
        let store = store(&Flaky::new(|_, _, _| Do::It));
        let learned = Learned::default();
        for (number, kind) in [(2, StoreErrorKind::Refused), (1_000, StoreErrorKind::Refused)] {
            assert_eq!(learned.part_refused(store.place(), number, refused(kind)), refused(kind));
        }
        let passing = learned.part_refused(store.place(), 1_002, refused(StoreErrorKind::Transient));
        assert_eq!((passing.kind, learned.max_parts()), (StoreErrorKind::Transient, None));
        // Several are on their way at a time.
        for number in [1_003, 1_001, 1_002] {
            let said = learned.part_refused(store.place(), number, refused(StoreErrorKind::Refused));
            assert_eq!(said.kind, StoreErrorKind::Lost);
            assert!(said.to_string().contains("DUMPCAR_S3_MAX_PARTS=1000"), "{said}");
        }
        assert_eq!(learned.max_parts(), Some(1_000));
    }

    #[test]
    fn parts_that_had_to_be_equal_are_so_the_next_time() {
        let store = store(&Flaky::new(|_, _, _| Do::It));
        let base = store.part_plan(None).size_of(1);
        let said = store.learned.unequal_refused(store.place(), 100 << 30, refused(StoreErrorKind::Lost));
        assert!(said.to_string().contains("parts of one size"), "{said}");
        let plan = store.part_plan(None);
        assert!(plan.size_of(1) > base);
        let (equal, mut sum) = (plan.size_of(1).unwrap(), 0);
        for number in 1.. {
            if sum >= 100 << 30 {
                break;
            }
            assert_eq!(plan.size_of(number), Some(equal));
            sum += equal;
        }
    }
}
