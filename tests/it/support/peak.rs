//! The most memory that a process has had.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::world::{Ended, World, finish_in_time};

/// Watches a process until it ends.
pub(crate) struct Peak {
    most_kib: Arc<AtomicU64>,
    watcher: std::thread::JoinHandle<()>,
}

impl Peak {
    pub(crate) fn of(pid: u32) -> Self {
        let most_kib: Arc<AtomicU64> = Arc::default();
        let most = Arc::clone(&most_kib);
        let watcher = std::thread::spawn(move || {
            // The kernel keeps the maximum, and forgets it with the process.
            while let Some(kib) = most_of(pid) {
                most.store(kib, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        Self { most_kib, watcher }
    }

    /// In KiB, once the process has ended.
    pub(crate) fn most(self) -> u64 {
        self.watcher.join().unwrap();
        self.most_kib.load(Ordering::Relaxed)
    }

    pub(crate) fn so_far(&self) -> u64 {
        self.most_kib.load(Ordering::Relaxed)
    }
}

fn most_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

impl World {
    /// Runs the program to its end; the most memory it had, in KiB. `None` when it never ends.
    pub(crate) async fn run_watched(&self, args: &[&str], format: &str) -> (Option<Ended>, u64) {
        let child = self.start_with(args, &[("DUMPCAR_LOG_FORMAT", format)]);
        let peak = Peak::of(child.id().unwrap());
        let ended = finish_in_time(child).await;
        (ended, peak.most())
    }
}
