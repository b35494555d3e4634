//! Standard error, shared by the log and the progress display.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::pipeline::Progress;
use crate::text;

/// How often the progress display is drawn.
const REFRESH: Duration = Duration::from_millis(200);

/// Standard error, and the lines of progress that stand below what was logged.
#[derive(Debug, Default)]
pub struct Terminal {
    /// How many lines of progress are on the screen.
    drawn: Mutex<usize>,
}

impl Terminal {
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

/// Shows what the runs are doing, until it is dropped. Nothing happens unless standard error is a terminal.
#[derive(Debug)]
pub struct ProgressDisplay {
    runs: Arc<Mutex<Vec<Shown>>>,
    terminal: Arc<Terminal>,
    _painter: Option<DropGuard>,
}

#[derive(Debug)]
struct Shown {
    target: String,
    progress: Arc<Progress>,
    since: Instant,
}

impl ProgressDisplay {
    pub fn start(terminal: Arc<Terminal>) -> Self {
        let runs: Arc<Mutex<Vec<Shown>>> = Arc::default();
        let painter = io::stderr().is_terminal().then(|| {
            let (runs, terminal, end) = (Arc::clone(&runs), Arc::clone(&terminal), CancellationToken::new());
            let ended = end.clone();
            tokio::spawn(async move {
                while ended.run_until_cancelled(tokio::time::sleep(REFRESH)).await.is_some() {
                    let lines: Vec<String> =
                        runs.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Shown::line).collect();
                    // A terminal that went away takes the display with it, not the backup.
                    if terminal.draw(&lines).is_err() {
                        return;
                    }
                }
            });
            end.drop_guard()
        });
        Self { runs, terminal, _painter: painter }
    }

    /// Adds a run.
    pub fn show(&self, target: &str) -> Arc<Progress> {
        let progress = Arc::new(Progress::default());
        let shown =
            Shown { target: target.to_owned(), progress: Arc::clone(&progress), since: Instant::now() };
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).push(shown);
        progress
    }

    /// Takes a run that ended off the display.
    pub fn hide(&self, progress: &Arc<Progress>) {
        self.runs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|shown| !Arc::ptr_eq(&shown.progress, progress));
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        drop(self.terminal.print(b""));
    }
}

impl Shown {
    fn line(&self) -> String {
        let plain = self.progress.plain_bytes();
        let millis = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        // What only reads stores nothing.
        let stored = match self.progress.stored_bytes() {
            0 => String::new(),
            stored => format!(", {} stored", text::bytes(stored)),
        };
        let rate = plain.saturating_mul(1000) / millis;
        let line = format!(
            "{}  {}  {} read{}, {}/s, {}",
            self.target,
            self.progress.stage(),
            text::bytes(plain),
            stored,
            text::bytes(rate),
            text::span(i64::try_from(millis / 1000).unwrap_or(i64::MAX)),
        );
        // The stage may have a database's name.
        text::escaped(&line).into_owned()
    }
}
