//! The one place where the sinks are listed.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::board::Board;
use super::event::Event;
use super::health::Health;
use super::log::Log;
use super::metrics::Metrics;
use super::sink::Sink;
use crate::clock;

/// Hands each event to all sinks.
#[derive(Clone)]
pub struct Reporter {
    sinks: Arc<[Box<dyn Sink>]>,
    board: Board,
    health: Health,
    metrics: Metrics,
}

impl Reporter {
    /// With the sinks of every command. A new one is a file and a line here.
    pub fn new(time_zone: TimeZone) -> Self {
        Self::with(time_zone, |_| Vec::new())
    }

    /// With further sinks, which get each event after the board.
    pub fn with(time_zone: TimeZone, further: impl FnOnce(&Board) -> Vec<Box<dyn Sink>>) -> Self {
        let (board, health, metrics) = (Board::default(), Health::default(), Metrics::default());
        let mut sinks: Vec<Box<dyn Sink>> = vec![
            Box::new(Log::new(time_zone)),
            Box::new(board.clone()),
            Box::new(health.clone()),
            Box::new(metrics.clone()),
        ];
        sinks.extend(further(&board));
        Self { sinks: sinks.into(), board, health, metrics }
    }

    /// What is known of all targets.
    pub fn board(&self) -> &Board {
        &self.board
    }

    pub fn health(&self) -> &Health {
        &self.health
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Something has happened just now.
    pub fn send(&self, event: &Event) {
        let at = clock::now();
        for sink in self.sinks.iter() {
            if catch_unwind(AssertUnwindSafe(|| sink.take(event, at))).is_err() {
                tracing::error!("a sink of events crashed: please report the panic in the log");
            }
        }
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").field("sinks", &self.sinks.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
