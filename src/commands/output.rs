//! Results on standard output.

use std::io::{self, Write};

use serde::Serialize;

use crate::text::{escaped_json, escaped_lines};

/// Writes a result to standard output: lines, in which nothing acts on a terminal. A reader that has gone wants no more of it.
pub(super) fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    drop(stdout.write_all(escaped_lines(text).as_bytes()).and_then(|()| stdout.flush()));
}

/// Writes lines with colours to standard output. Their words are clean already: nothing else in them acts on a terminal.
pub(super) fn print_painted(text: &str) {
    let mut stdout = io::stdout().lock();
    drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
}

/// Writes to standard error what is to be read before a question, where standard output belongs to the result.
pub(super) fn print_aside(text: &str) {
    let mut stderr = io::stderr().lock();
    drop(stderr.write_all(escaped_lines(text).as_bytes()).and_then(|()| stderr.flush()));
}

/// The version of every answer of `--json`: docs/json.md. A field that is added leaves it as it is.
const VERSION: u32 = 1;

/// Writes an answer of `--json`: an object that begins with its version.
pub(super) fn print_answer(answer: impl Serialize) {
    #[derive(Serialize)]
    struct Versioned<T> {
        version: u32,
        #[serde(flatten)]
        answer: T,
    }
    print_json(&Versioned { version: VERSION, answer });
}

pub(super) fn print_json(value: &impl Serialize) {
    let json = serde_json::to_string_pretty(value).expect("results have only string keys");
    print(&format!("{}\n", escaped_json(&json)));
}
