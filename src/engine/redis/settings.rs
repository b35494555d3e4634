//! What a drill's server is told of its target's settings.

use std::collections::{BTreeMap, BTreeSet};

use super::session::command;
use crate::engine::shared::facts::Facts;
use crate::engine::shared::settings::Rules;
use crate::model::command::Command;

pub(super) static RULES: Rules = Rules {
    names: &["databases"],
    has_extensions: false,
    has_short: false,
    libraries: &[],
    between_libraries: ',',
    no_libraries: &[],
    not: None,
    arguments,
};

const QUERY: &str = r#"
ask CONFIG GET databases
number=$(printf '%s\n' "$answer" | sed -n 2p | tr -d '\r')
printf '%s %s\n' "$(printf databases | od -An -tx1 | tr -d ' \n')" "$(printf %s "$number" | od -An -tx1 | tr -d ' \n')"
"#;

fn arguments(values: &BTreeMap<String, String>, _libraries: &BTreeSet<String>) -> Vec<String> {
    values.iter().flat_map(|(name, value)| [format!("--{name}"), value.clone()]).collect()
}

pub(super) fn query(facts: &Facts<'_>) -> Command {
    command(facts, QUERY, Vec::new())
}
