//! Putting back: what was dumped goes into databases that are empty, which then change places with the old ones.
//!
//! A server has numbered databases, mostly 16, of which people use one or two. So the old content is whole and in use until the
//! new one is there in full: then one script moves all of them (`SWAPDB`), and a server runs a script alone.

use super::session::command;
use crate::engine::shared::facts::Facts;
use crate::engine::shared::replacement::{LEFTOVERS, Staged};
use crate::engine::shared::surroundings::Surroundings;
use crate::engine::shared::survey::SurveyError;
use crate::model::command::Command;
use crate::model::run::RunId;

const SURROUNDINGS: &str = concat!(include_str!("info.sh"), include_str!("surroundings.sh"));
const SWAP: &str = include_str!("swap.lua");
const CLEAR: &str = include_str!("clear.lua");
const FIND: &str = include_str!("find.lua");

/// The client reads commands, sends them as fast as the server takes them, and fails if one of the answers is an error.
const LOAD: &str = r#"
said=$(client --pipe 2>&1) && exit
printf '%s\n' "$said" | sed -e '/^All data transferred/d' -e '/^Last reply received/d' >&2
exit 1
"#;

/// Runs a script of the server, and fails unless it answers with this word.
const SCRIPT: &str = r#"
script=$1 word=$2
shift 2
ask EVAL "$script" 0 "$@"
case $answer in "$word"*) ;; *) fail 70 "$answer" ;; esac
"#;

pub(super) fn surroundings(facts: &Facts<'_>) -> Command {
    command(facts, SURROUNDINGS, Vec::new())
}

/// Lines of `free NUMBER` and `used NUMBER`.
pub(super) fn parse_surroundings(stdout: &[u8]) -> Result<Surroundings, SurveyError> {
    let mut found = Surroundings::default();
    for line in String::from_utf8_lossy(stdout).lines() {
        match line.split_once(' ').map(|(word, number)| (word, number.parse())) {
            Some(("free", Ok(number))) => found.free.push(number),
            Some(("used", Ok(_))) => {}
            Some(_) | None => return Err(SurveyError::Line(line.chars().take(200).collect())),
        }
    }
    Ok(found)
}

pub(super) fn load(facts: &Facts<'_>) -> Command {
    command(facts, LOAD, Vec::new())
}

/// All of them have the same run, and there is one.
pub(super) fn swap(facts: &Facts<'_>, staged: &[Staged]) -> Command {
    let marks = staged.iter().take(1).flat_map(|one| [one.staged.clone(), one.replaced.clone()]);
    script(facts, SWAP, "swapped", marks)
}

/// Fails if the swap is still to be done.
pub(super) fn swapped(facts: &Facts<'_>, staged: &[Staged]) -> Command {
    script(facts, FIND, "none", staged.iter().take(1).map(|one| one.staged.clone()))
}

pub(super) fn drop_leftovers(facts: &Facts<'_>, run: &RunId) -> Command {
    script(facts, CLEAR, "cleared", LEFTOVERS.into_iter().map(|start| format!("{start}{run}_0")))
}

pub(super) fn drop_staged(facts: &Facts<'_>, name: &str) -> Command {
    script(facts, CLEAR, "cleared", [name.to_owned()])
}

fn script(facts: &Facts<'_>, script: &str, word: &str, args: impl IntoIterator<Item = String>) -> Command {
    let args = [script.to_owned(), word.to_owned()].into_iter().chain(args).collect();
    command(facts, SCRIPT, args)
}
