//! The Docker engine: containers, events, and commands run inside a container.
//!
//! Only this module names bollard. There is no trait in front of it: tests speak the Docker API to the real code from a
//! scripted server on a Unix socket, which also covers the client library.

mod classify;
mod client;
mod container;
mod containers;
mod error;
mod exec;
mod feed;
mod guard;
mod helper;
mod inspect;
mod leftover;
mod redact;
mod rights;
mod scratch;
mod tls;
mod trailer;
mod transport;

pub use client::{Docker, EngineNames, EngineVersion};
pub use container::{Container, Mount};
pub use containers::{Bystander, Looked, Unreadable};
pub use error::DockerError;
pub use exec::{Arrives, Captured, Exec, ExecError, names_no_user};
pub use feed::{Appetite, Feed};
pub use helper::HelperContainer;
#[cfg(any(test, fuzzing, feature = "bench"))]
pub(crate) use inspect::container as read_container;
pub use rights::{Allowance, LabelledService};
pub use scratch::{Death, Image, ScratchContainer};
pub use trailer::TrailingOutput;
#[cfg(any(test, fuzzing, feature = "bench"))]
pub(crate) use trailer::{Statuses, TrailerStripper};
