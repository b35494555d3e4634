//! How a restored database is said not to be what it was.

use crate::jobs::error::JobError;
use crate::model::content::Difference;
use crate::model::drill::Problem;
use crate::model::line::Name;

/// A server that is dumped as a whole has no names.
pub(super) fn named(database: &str) -> String {
    if database.is_empty() { "content".to_owned() } else { format!("database {database:?}") }
}

/// An error that says how a restored database is not what it was.
pub(super) fn came_back_otherwise(database: &str, differences: Vec<Difference>) -> JobError {
    let what = format!("{} did not come back as it was", named(database));
    differ(database, &what, differences)
}

pub(super) fn differ(database: &str, what: &str, differences: Vec<Difference>) -> JobError {
    let told: Vec<_> = differences.iter().map(ToString::to_string).collect();
    let problem = Problem::Content { database: Name::clean(database), differences };
    JobError::of_backup(problem, format!("{what}: {}", told.join(", ")))
}
