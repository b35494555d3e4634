//! The memory of the machine this process runs on.

/// In bytes, as the kernel counts it: a container's limits are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) total: u64,
    /// What can be taken without anybody's loss.
    pub(crate) available: u64,
}

/// `None` where the kernel does not tell.
pub(crate) fn memory() -> Option<Memory> {
    parse(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse(text: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Memory { total: bytes("MemTotal")?, available: bytes("MemAvailable")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_what_is_available() {
        let text = "MemTotal:       24684092 kB\nMemFree:         7212984 kB\nMemAvailable:   20135452 kB\n";
        assert_eq!(parse(text), Some(Memory { total: 25_276_510_208, available: 20_618_702_848 }));
        // As before 3.14.
        assert_eq!(parse("MemTotal: 1 kB\nMemFree: 1 kB\n"), None);
        let here = memory().unwrap();
        assert!(here.available < here.total);
    }
}
