//! SQLite: databases that are files of an application.
//!
//! Nothing runs inside of the target: a helper container of Dumpcar's own image has the volume of the files, and SQLite (`helper`).
//! Here is only what it is asked for.

mod applications;
pub(super) mod kind;
