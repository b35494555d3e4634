//! Whether a dump is compressed inside its target.

use crate::discovery::Target;
use crate::model::transport::Transport;

/// Two processors, in billionths of one.
const TWO: u64 = 2_000_000_000;

/// Whether zstd may compress in there, if the target has one.
pub(super) fn may_compress(target: &Target) -> bool {
    // A helper container has none.
    !target.engine.is_file()
        && match target.transport {
            Transport::On => true,
            Transport::Off => false,
            // A custom command may compress by itself. And zstd takes one processor: no more than half of what there is.
            Transport::Auto => {
                !target.engine.is_defined_by_labels()
                    && target.container.processors.is_none_or(|processors| processors >= TWO)
            }
        }
}
