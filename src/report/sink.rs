//! What a sink is.

use jiff::Timestamp;

use super::event::Event;

/// Takes each event, in the order in which they happen.
///
/// A sink is called by the thread that does the work, so that the log has its lines in order, and health is right as soon as
/// a command has its answer. So it must return at once: it keeps a value or writes a line. One that sends over a network has a
/// bounded queue and a task of its own, and drops an event for which there is no room (`try_send`). It returns nothing and a
/// panic in it ends here, so it can neither delay nor fail a backup.
pub trait Sink: Send + Sync {
    fn take(&self, event: &Event, at: Timestamp);
}
