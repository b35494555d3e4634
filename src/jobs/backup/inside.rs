//! Whether a dump is compressed inside its target.

use crate::discovery::Target;
use crate::model::transport::Transport;

/// Two processors, in billionths of one.
const TWO: u64 = 2_000_000_000;

/// Whether zstd may compress in there. It takes one processor, and that may be no more than half of what the target has.
pub(super) fn may_compress(target: &Target) -> bool {
    let engine = target.engine;
    target.transport == Transport::Auto
        // Its dump may be compressed already, and a helper container has no zstd.
        && !engine.is_defined_by_labels()
        && !engine.is_file()
        && target.container.processors.is_none_or(|processors| processors >= TWO)
}
