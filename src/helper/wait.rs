//! Process 1 of a helper container.

use std::fs;
use std::time::Duration;

/// A process that is asked for something is there for as long as that takes. Between two, Dumpcar may wait for the store, or for
/// a person's answer.
const IDLE_LIMIT: Duration = Duration::from_secs(3600);
const POLL: Duration = Duration::from_secs(2);

/// Waits until no other process was here for an hour: then nobody is left who would remove the container.
pub(super) fn wait() -> u8 {
    let mut idle = Duration::ZERO;
    while idle < IDLE_LIMIT {
        std::thread::sleep(POLL);
        idle = if is_alone() { idle + POLL } else { Duration::ZERO };
    }
    0
}

fn is_alone() -> bool {
    let own = std::process::id().to_string();
    let Ok(entries) = fs::read_dir("/proc") else { return true };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    !names.into_iter().any(|name| name.bytes().all(|byte| byte.is_ascii_digit()) && name != own)
}
