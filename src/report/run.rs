//! A run, from its start to its end.

use std::sync::Arc;

use super::event::{End, Event, Run};
use super::reporter::Reporter;
use crate::outcome::PANICKED;
use crate::pipeline::Progress;

/// A run that has begun. It ends once, whatever happens to it.
#[derive(Debug)]
#[must_use]
pub struct Running {
    reporter: Reporter,
    /// `None` once it has ended.
    run: Option<Run>,
    progress: Arc<Progress>,
}

impl Reporter {
    /// A run begins.
    pub fn begin(&self, run: Run) -> Running {
        self.send(&Event::Started(run.clone()));
        let progress = self.board().progress(&run.id);
        Running { reporter: self.clone(), run: Some(run), progress }
    }
}

impl Running {
    /// What the run says of itself meanwhile. The board shows it.
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    pub fn end(mut self, end: End) {
        self.tell(end);
    }

    fn tell(&mut self, end: End) {
        if let Some(run) = self.run.take() {
            let run = Run { retries: self.progress.retries(), ..run };
            self.reporter.send(&Event::Ended { run, end });
        }
    }
}

impl Drop for Running {
    /// One that nobody has ended was given up, or has crashed.
    fn drop(&mut self) {
        let end = match std::thread::panicking() {
            true => End::Failed { reason: PANICKED.to_owned() },
            false => End::Stopped { reason: "stopped before it was done".to_owned() },
        };
        self.tell(end);
    }
}
