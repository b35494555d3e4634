//! Who is told what happens: each thing that happens is one [`Event`], and every [`Sink`] gets it.
//!
//! The daemon and each command have one [`Reporter`]. Jobs do not know it: who runs a job reports its start and its end.

mod board;
mod event;
mod health;
mod log;
mod metrics;
mod notify;
mod outgoing;
pub mod page;
mod ping;
mod reporter;
mod run;
mod sink;
mod wave;

pub use board::{Board, Condition, Ended, Rules, Status, Target, Work};
pub use event::{Change, End, Event, Notice, Recalled, Run};
pub use health::{Health, ask as ask_health};
pub use metrics::{Format, Metrics};
pub use notify::{Notifier, Tested, test as test_receivers};
pub use outgoing::{Network, Outbox};
pub use ping::Pings;
pub use reporter::Reporter;
pub use run::Running;
pub use sink::Sink;
pub use wave::{Summary, Wave};
