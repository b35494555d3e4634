//! What a run is doing right now, for whoever wants to look.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared between a run and its spectators.
#[derive(Debug, Default)]
pub struct Progress {
    stage: Mutex<String>,
    retries: AtomicU64,
    plain_bytes: AtomicU64,
    stored_bytes: AtomicU64,
    /// What is under way within it.
    parts: Mutex<Vec<Arc<Self>>>,
}

/// What one of several parts of a run is doing: it counts for the run as well. Over when it is dropped.
#[derive(Debug)]
pub struct PartProgress<'a> {
    whole: &'a Progress,
    part: Arc<Progress>,
}

impl Deref for PartProgress<'_> {
    type Target = Progress;

    fn deref(&self) -> &Progress {
        &self.part
    }
}

impl Drop for PartProgress<'_> {
    fn drop(&mut self) {
        // Together: nobody may see it counted twice, or not at all.
        let mut parts = self.whole.parts();
        parts.retain(|part| !Arc::ptr_eq(part, &self.part));
        self.whole.plain_bytes.fetch_add(self.part.plain_bytes(), Ordering::Relaxed);
        self.whole.stored_bytes.fetch_add(self.part.stored_bytes(), Ordering::Relaxed);
    }
}

impl Progress {
    /// Says what is done now: `dumping shop`.
    pub fn set_stage(&self, stage: impl Into<String>) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage.into();
    }

    /// What is done now: of several parts, what each of them does.
    pub fn stage(&self) -> String {
        let parts: Vec<String> = self.parts().iter().map(|part| part.stage()).collect();
        let parts: Vec<String> = parts.into_iter().filter(|stage| !stage.is_empty()).collect();
        if parts.is_empty() {
            return self.stage.lock().unwrap_or_else(PoisonError::into_inner).clone();
        }
        parts.join(", ")
    }

    /// Something within it begins, and others may at the same time.
    pub fn part(&self) -> PartProgress<'_> {
        let part = Arc::new(Self::default());
        self.parts().push(Arc::clone(&part));
        PartProgress { whole: self, part }
    }

    /// It is tried again.
    pub fn try_again(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it was tried again so far.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Bytes of a dump have come or gone.
    pub fn add_plain(&self, bytes: u64) {
        self.plain_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn add_stored(&self, bytes: usize) {
        self.stored_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of dumps that were printed, or read back, so far.
    pub fn plain_bytes(&self) -> u64 {
        self.sum(|progress| &progress.plain_bytes)
    }

    /// Bytes handed to the store so far.
    pub fn stored_bytes(&self) -> u64 {
        self.sum(|progress| &progress.stored_bytes)
    }

    fn sum(&self, count: fn(&Self) -> &AtomicU64) -> u64 {
        let parts = self.parts();
        count(self).load(Ordering::Relaxed) + parts.iter().map(|part| part.sum(count)).sum::<u64>()
    }

    fn parts(&self) -> MutexGuard<'_, Vec<Arc<Self>>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_count_for_the_whole_while_they_run_and_afterwards() {
        let run = Progress::default();
        run.set_stage("asking the server");
        run.add_plain(1);
        let (shop, blog) = (run.part(), run.part());
        assert_eq!(run.stage(), "asking the server");
        shop.set_stage("dumping database \"shop\"");
        blog.set_stage("dumping database \"blog\"");
        shop.add_plain(20);
        shop.add_stored(2);
        blog.add_plain(300);
        assert_eq!(run.stage(), "dumping database \"shop\", dumping database \"blog\"");
        assert_eq!((shop.plain_bytes(), blog.plain_bytes()), (20, 300));
        assert_eq!((run.plain_bytes(), run.stored_bytes()), (321, 2));
        drop(shop);
        assert_eq!(run.stage(), "dumping database \"blog\"");
        assert_eq!((run.plain_bytes(), run.stored_bytes()), (321, 2));
        drop(blog);
        assert_eq!((run.stage().as_str(), run.plain_bytes()), ("asking the server", 321));
    }
}
