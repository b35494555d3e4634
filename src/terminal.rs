//! Standard error, shared by the log and the progress display.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::report::{Board, Work};
use crate::text;

/// How often the progress display is drawn.
const REFRESH: Duration = Duration::from_millis(200);

/// Standard error, and the lines of progress that stand below what was logged.
#[derive(Debug)]
pub struct Terminal {
    /// How many lines of progress are on the screen.
    drawn: Mutex<usize>,
    look: Look,
    /// What may be done with standard output.
    output: Look,
}

/// What may be done with standard error besides writing lines to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    /// Lines may be erased and drawn again.
    is_drawn_on: bool,
    has_colours: bool,
}

impl Look {
    /// By the variables that every tool obeys: <https://no-color.org>, and `TERM=dumb` for a terminal that only knows lines.
    fn new(is_terminal: bool, no_color: Option<&str>, term: Option<&str>) -> Self {
        let is_drawn_on = is_terminal && term != Some("dumb");
        Self { is_drawn_on, has_colours: is_drawn_on && no_color.is_none_or(str::is_empty) }
    }
}

impl Terminal {
    /// `no_color` and `term` are the values of `NO_COLOR` and `TERM`.
    pub fn new(no_color: Option<&str>, term: Option<&str>) -> Self {
        let look = |is_terminal| Look::new(is_terminal, no_color, term);
        let (look, output) = (look(io::stderr().is_terminal()), look(io::stdout().is_terminal()));
        Self { drawn: Mutex::default(), look, output }
    }

    /// Whether what is written may have colours.
    pub fn has_colours(&self) -> bool {
        self.look.has_colours
    }

    /// Whether a result on standard output may have colours.
    pub fn output_has_colours(&self) -> bool {
        self.output.has_colours
    }

    /// Prints above the progress display.
    ///
    /// # Errors
    /// Standard error is closed.
    pub fn print(&self, text: &[u8]) -> io::Result<()> {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stderr = io::stderr().lock();
        erase(&mut stderr, &mut drawn)?;
        stderr.write_all(text)
    }

    fn draw(&self, lines: &[String]) -> io::Result<()> {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stderr = io::stderr().lock();
        erase(&mut stderr, &mut drawn)?;
        for line in lines {
            // Without wrapping: a wrapped line would be two, and erased as one.
            writeln!(stderr, "\x1b[?7l{line}\x1b[?7h")?;
        }
        *drawn = lines.len();
        stderr.flush()
    }
}

fn erase(stderr: &mut impl Write, drawn: &mut usize) -> io::Result<()> {
    if *drawn > 0 {
        write!(stderr, "\x1b[{drawn}A\x1b[J")?;
        *drawn = 0;
    }
    Ok(())
}

/// Shows what the runs on a board are doing, until it is dropped. Nothing happens unless standard error is a terminal that can be
/// drawn on.
#[derive(Debug)]
pub struct ProgressDisplay {
    terminal: Arc<Terminal>,
    _painter: Option<DropGuard>,
}

impl ProgressDisplay {
    pub fn start(terminal: Arc<Terminal>, board: &Board) -> Self {
        let painter = terminal.look.is_drawn_on.then(|| {
            let (board, terminal, end) = (board.clone(), Arc::clone(&terminal), CancellationToken::new());
            let ended = end.clone();
            tokio::spawn(async move {
                while ended.run_until_cancelled(tokio::time::sleep(REFRESH)).await.is_some() {
                    let lines: Vec<String> = board.status().running.iter().map(line).collect();
                    // A terminal that went away takes the display with it, not the backup.
                    if terminal.draw(&lines).is_err() {
                        return;
                    }
                }
            });
            end.drop_guard()
        });
        Self { terminal, _painter: painter }
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        drop(self.terminal.print(b""));
    }
}

/// A run in one line.
fn line(work: &Work) -> String {
    let progress = &work.progress;
    let plain = progress.plain_bytes();
    let millis = u64::try_from(work.since.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    // What only reads stores nothing.
    let stored = match progress.stored_bytes() {
        0 => String::new(),
        stored => format!(", {} stored", text::bytes(stored)),
    };
    let rate = plain.saturating_mul(1000) / millis;
    let line = format!(
        "{}  {}  {} read{}, {}/s, {}",
        work.run.subject(),
        progress.stage(),
        text::bytes(plain),
        stored,
        text::bytes(rate),
        text::span(i64::try_from(millis / 1000).unwrap_or(i64::MAX)),
    );
    // The stage may have a database's name.
    text::escaped(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_whose_user_wants_them() {
        for (is_terminal, no_color, term, drawn_on, colours) in [
            (true, None, Some("xterm"), true, true),
            (true, None, None, true, true),
            (true, Some("1"), Some("xterm"), true, false),
            // Set and empty is not set: no-color.org.
            (true, Some(""), Some("xterm"), true, true),
            (true, None, Some("dumb"), false, false),
            (false, None, Some("xterm"), false, false),
        ] {
            let look = Look::new(is_terminal, no_color, term);
            let wanted = Look { is_drawn_on: drawn_on, has_colours: colours };
            assert_eq!(look, wanted, "{is_terminal} {no_color:?} {term:?}");
        }
    }
}
