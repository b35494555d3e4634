//! SQLite databases: files that an application has open.
//!
//! All is done by SQLite itself, with the locks of its file format, so the application need not know. A dump is the file as it
//! is in one transaction, page by page.

mod dump;
mod error;
mod file;
mod place;
mod query;
mod survey;

pub(super) use dump::dump;
pub(super) use place::{drop_database, load, remove, swap, swapped};
pub(super) use query::query;
pub(super) use survey::survey;

#[cfg(test)]
mod tests;
