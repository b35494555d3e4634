//! The client asks, and takes a dump as a replica would: of one moment, while the server goes on.

use super::session::command;
use crate::engine::shared::facts::Facts;
use crate::engine::shared::scratch::PROCESS_ONE;
use crate::model::command::Command;
use crate::model::words;

const SURVEY: &str = concat!(include_str!("info.sh"), include_str!("survey.sh"));

/// The client is the tool itself in the end. A server that sends its dump without a file puts a mark of 40 bytes behind it, which
/// the client takes off a file, and not off its output; no server reads that far (`getRDB` in `redis-cli.c`).
const DUMP: &str = r#"
run=exec
client "$@" --rdb -
"#;

const PROCESS: &str = r#"
ask INFO server
printf '%s\n' "$answer" | tr -d '\r' | sed -n 's/^process_id://p'
"#;

const QUERY: &str = r#"
run=exec
client -n "$@"
"#;

pub(super) fn survey(facts: &Facts<'_>) -> Command {
    command(facts, SURVEY, Vec::new())
}

pub(super) fn dump(facts: &Facts<'_>) -> Command {
    command(facts, DUMP, facts.args.to_vec())
}

/// Prints what [`PROCESS_ONE`] does, and the number of the process that answers.
pub(super) fn process(facts: &Facts<'_>) -> Command {
    command(facts, &format!("{PROCESS_ONE}{PROCESS}"), Vec::new())
}

/// One command; without a database, in the first one.
pub(super) fn query(facts: &Facts<'_>, database: &str, query: &str) -> Command {
    let words = words::split(query).unwrap_or_else(|_| vec![query.to_owned()]);
    let database = if database.is_empty() { "0" } else { database };
    command(facts, QUERY, [vec![database.to_owned()], words].concat())
}
