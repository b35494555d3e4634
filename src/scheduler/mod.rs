//! The daemon: `plan` decides, `run` does what it asks for.

mod chores;
mod log;
mod plan;
mod run;
mod trouble;
mod watch;
mod wave;

pub use log::outcome as log_outcome;
pub use run::Scheduler;
pub use wave::Wave;
