//! What the process does when it is told something by a signal.
//!
//! Process 1 of a container has no default dispositions: a signal nobody registered for does nothing at all.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use futures_util::StreamExt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook_tokio::Signals;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What an operator asks a running daemon for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// SIGUSR1: back up every target now.
    BackUpNow,
    /// SIGHUP: look at the containers again.
    Rediscover,
}

/// The process's ear.
#[derive(Debug)]
pub struct Listener {
    /// Cancelled by the first SIGTERM or SIGINT. The second one ends the process at once.
    pub stop: CancellationToken,
    /// Requests in the order in which they came.
    pub requests: mpsc::UnboundedReceiver<Request>,
    ended_by: Arc<AtomicU8>,
}

impl Listener {
    /// Registers for the signals. Wants a running tokio runtime.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn new() -> io::Result<Self> {
        for (signal, status) in [(SIGTERM, 128 + SIGTERM), (SIGINT, 128 + SIGINT)] {
            let again = Arc::new(AtomicBool::new(false));
            // In this order: the first signal finds the flag unset, and sets it.
            flag::register_conditional_shutdown(signal, status, Arc::clone(&again))?;
            flag::register(signal, again)?;
        }
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGUSR1, SIGHUP])?;
        let stop = CancellationToken::new();
        let ended_by = Arc::new(AtomicU8::new(0));
        let (sender, requests) = mpsc::unbounded_channel();
        let (token, number) = (stop.clone(), Arc::clone(&ended_by));
        tokio::spawn(async move {
            while let Some(signal) = signals.next().await {
                match signal {
                    SIGUSR1 => drop(sender.send(Request::BackUpNow)),
                    SIGHUP => drop(sender.send(Request::Rediscover)),
                    ending => {
                        number.store(u8::try_from(ending).unwrap_or(0), Ordering::Relaxed);
                        token.cancel();
                    }
                }
            }
        });
        Ok(Self { stop, requests, ended_by })
    }

    /// The signal that stopped the process, if one did.
    pub fn ended_by(&self) -> Option<u8> {
        Some(self.ended_by.load(Ordering::Relaxed)).filter(|number| *number != 0)
    }
}
