//! Engines that only their owner knows: a command of the label `dumpcar.command` prints the dump.

use std::collections::BTreeMap;

use super::kind::{Kind, ScratchServer};
use super::shared::broken::Without;
use super::shared::facts::Facts;
use super::shared::failure::ToolFailure;
use super::shared::scratch;
use super::shared::signs::Said;
use super::shared::survey::Survey;
use super::shared::units::Units;
use crate::model::command::Command;

/// TERM ends the shell only after its children: none is left behind to die of a broken pipe under process 1. A command
/// that starts with `exec` is the tool itself and ends at once.
const TRAP: &str = "trap 'exit 143' TERM HUP INT\n";

pub(super) static CUSTOM: Custom = Custom;

pub(super) struct Custom;

impl Kind for Custom {
    fn name(&self) -> &'static str {
        "custom"
    }

    fn units(&self) -> Units {
        Units::Whole
    }

    fn extension<'a>(&self, facts: &Facts<'a>) -> &'a str {
        facts.extension.unwrap_or("dump")
    }

    /// Nobody knows what a name means.
    fn is_reserved(&self, _name: &str) -> bool {
        false
    }

    fn dump_without(&self, facts: &Facts<'_>, _: &Survey, _: &str, _: &Without) -> Command {
        shell(facts, facts.command.unwrap_or("false"))
    }

    /// Of a program nobody knows only the status means something.
    fn failure(&self, said: &Said<'_>) -> Option<ToolFailure> {
        matches!(said.exit_status, 126 | 127).then_some(ToolFailure::ToolMissing)
    }

    fn message(&self, failure: ToolFailure, said: &Said<'_>) -> Option<String> {
        let Said { exit_status, shown, .. } = said;
        (failure == ToolFailure::ToolMissing).then(|| {
            format!("the container cannot run the command of its label (exit status {exit_status}): {shown}")
        })
    }

    /// A step that fails ends it: what comes behind may be what makes half a restore look whole.
    fn load(&self, facts: &Facts<'_>, _database: Option<&str>, _word: &str) -> Option<Command> {
        facts.restore_command.map(|command| shell(facts, &format!("set -e\n{command}")))
    }

    fn is_defined_by_labels(&self) -> bool {
        true
    }
}

impl ScratchServer for Custom {
    fn scratch_env(
        &self,
        target: &BTreeMap<String, String>,
        wanted: &[String],
        password: &str,
    ) -> BTreeMap<String, String> {
        scratch::env(target, &[], wanted, &[], password)
    }

    fn query(&self, facts: &Facts<'_>, _database: &str, query: &str) -> Command {
        hook(facts, query, Vec::new())
    }
}

/// A `dumpcar.before` or `dumpcar.after` command, with these variables besides the container's own.
pub fn hook(facts: &Facts<'_>, command: &str, env: Vec<(String, String)>) -> Command {
    Command { env, ..shell(facts, command) }
}

fn shell(facts: &Facts<'_>, command: &str) -> Command {
    Command {
        script: format!("{TRAP}{command}\n"),
        exec_user: facts.exec_user.map(str::to_owned),
        ..Command::default()
    }
}
