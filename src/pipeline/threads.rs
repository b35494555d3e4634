//! How many threads compress.

/// One for each processor. More than eight gain nothing: no server delivers faster.
pub(super) fn threads() -> u32 {
    #[cfg(feature = "bench")]
    if let Some(workers) = super::simulation::workers() {
        return workers.count;
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(processors).unwrap_or(u32::MAX).min(8)
}
