//! Engines that only their owner knows: a command of the label `dumpcar.command` prints the dump.

use super::{Command, Facts};

/// TERM ends the shell only after its children: none is left behind to die of a broken pipe under process 1. A command
/// that starts with `exec` is the tool itself and ends at once.
const TRAP: &str = "trap 'exit 143' TERM HUP INT\n";

pub(super) fn dump(facts: &Facts<'_>) -> Command {
    shell(facts, facts.command.unwrap_or("false"))
}

/// Reads the dump from its input. A step that fails ends it: what comes behind may be what makes half a restore look whole.
pub(super) fn load(facts: &Facts<'_>) -> Option<Command> {
    facts.restore_command.map(|command| shell(facts, &format!("set -e\n{command}")))
}

/// A `dumpcar.before` or `dumpcar.after` command.
pub fn hook(facts: &Facts<'_>, command: &str) -> Command {
    shell(facts, command)
}

fn shell(facts: &Facts<'_>, command: &str) -> Command {
    Command {
        script: format!("{TRAP}{command}\n"),
        args: Vec::new(),
        env: Vec::new(),
        exec_user: facts.exec_user.map(str::to_owned),
    }
}
