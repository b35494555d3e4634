//! Workers that take their time and no processor, for `benches`: what the pipeline would do with processors that this machine
//! does not have. All that is not done by workers is as it is.

use std::io;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// What each of the workers does.
#[derive(Debug, Clone, Copy)]
pub struct Workers {
    pub count: u32,
    /// Plain bytes that one of them compresses in a second; 0: it takes no time.
    pub bytes_per_second: u64,
}

static WORKERS: OnceLock<Workers> = OnceLock::new();

/// From now on, and for good. Must come before anything is compressed.
pub fn simulate(workers: Workers) {
    WORKERS.get_or_init(|| workers);
}

pub(super) fn workers() -> Option<Workers> {
    WORKERS.get().copied()
}

/// What a block becomes: the first of its size is compressed, the others of that size are taken to be the same.
pub(super) fn block(bytes: u64, compress: impl FnOnce() -> io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
    static FIRST: OnceLock<(u64, Vec<u8>)> = OnceLock::new();
    let Some(workers) = workers() else { return compress() };
    let begun = Instant::now();
    let made = match FIRST.get() {
        Some((size, made)) if *size == bytes => made.clone(),
        Some(_) => return compress(),
        None => {
            let made = compress()?;
            FIRST.get_or_init(|| (bytes, made.clone()));
            made
        }
    };
    if let Some(nanos) = (bytes * 1_000_000_000).checked_div(workers.bytes_per_second) {
        thread::sleep(Duration::from_nanos(nanos).saturating_sub(begun.elapsed()));
    }
    Ok(made)
}
