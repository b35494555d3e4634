//! The moment from which work is better finished than broken off.

use std::sync::atomic::{AtomicU8, Ordering};

use super::failure::{Failure, Status};

const OPEN: u8 = 0;
const COMMITTING: u8 = 1;
const ENDED: u8 = 2;

/// Of this process, which does one piece of work.
static STATE: AtomicU8 = AtomicU8::new(OPEN);

/// Whether the work may be broken off; if so, it commits nothing any more.
pub(super) fn may_be_ended() -> bool {
    STATE.compare_exchange(OPEN, ENDED, Ordering::SeqCst, Ordering::SeqCst).is_ok()
}

/// The work commits from now on, and is not broken off any more.
///
/// # Errors
/// It was broken off.
pub(super) fn begin() -> Result<(), Failure> {
    match STATE.compare_exchange(OPEN, COMMITTING, Ordering::SeqCst, Ordering::SeqCst) {
        Ok(_) | Err(COMMITTING) => Ok(()),
        Err(_) => Err(Failure::new(Status::TryAgain, "stopped before anything was put in place")),
    }
}
