//! The daemon: `plan` decides, `run` does what it asks for.

mod chores;
mod plan;
mod run;
mod trouble;
mod watch;

pub use run::Scheduler;
