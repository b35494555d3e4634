//! A question on the terminal before something is lost.

use std::io::{self, IsTerminal, Write};

/// What was answered.
pub(super) enum Answer {
    Yes,
    No,
    /// There is no terminal.
    Nobody,
}

/// Asks whether to go on; on a thread of its own, as it waits for a person.
pub(super) fn ask() -> Answer {
    if !io::stdin().is_terminal() {
        return Answer::Nobody;
    }
    let mut stderr = io::stderr();
    drop(stderr.write_all(b"Go on? [y/N] ").and_then(|()| stderr.flush()));
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(_) if matches!(line.trim(), "y" | "Y" | "yes" | "YES") => Answer::Yes,
        Ok(_) | Err(_) => Answer::No,
    }
}
