//! The command that restores a backup, to be pasted.

use super::key::Stamp;
use super::target::TargetName;

/// The command that restores the backup of this stamp of a target. Without a container to restore into, the reader names one;
/// that server is new and has no roles, and dumps name them.
pub fn restore_command(target: &TargetName, stamp: Stamp, has_container: bool) -> String {
    let to = if has_container { "" } else { " --to CONTAINER --globals" };
    format!("dumpcar restore {target} --at {stamp}{to}")
}
