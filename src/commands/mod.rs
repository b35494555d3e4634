//! What each command does, and with which exit status it ends.

mod ask;
mod backup;
mod by_hand;
mod cat;
mod choose;
mod config;
mod daemon;
mod delete;
mod drill;
mod forget;
mod healthcheck;
mod keygen;
mod list;
mod notify;
mod output;
mod prune;
mod restore;
mod show;
mod verify;

pub use backup::backup;
pub use cat::cat;
pub use config::{config, policy};
pub use daemon::daemon;
pub use delete::delete;
pub use drill::drill;
pub use forget::forget;
pub use healthcheck::healthcheck;
pub use keygen::keygen;
pub use list::list;
pub use notify::notify;
pub use prune::prune;
pub use restore::restore;
pub use show::show;
pub use verify::verify;
