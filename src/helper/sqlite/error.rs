//! What SQLite says, and what it means for the work.

use rusqlite::{Error, ErrorCode};

use crate::helper::failure::{Failure, Status};

/// What an error about the database at `path` means.
pub(super) fn failure(path: &str, error: &Error) -> Failure {
    let (status, meaning) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => (
            Status::TryAgain,
            "stays locked by the application (let it open its database in the normal locking mode, or stop it by the labels before and after)",
        ),
        Some(ErrorCode::DatabaseCorrupt) => (Status::Data, "is damaged"),
        Some(ErrorCode::NotADatabase) => (Status::Data, NO_DATABASE),
        Some(ErrorCode::DiskFull) => (Status::Io, "cannot be written (no space left on device)"),
        Some(ErrorCode::ReadOnly) => {
            (Status::Io, "cannot be written (read-only file system, or no right to it)")
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure) => {
            (Status::Io, "cannot be opened")
        }
        Some(_) | None => (Status::Software, "cannot be used"),
    };
    Failure::new(status, format!("{path} {meaning}: {error}"))
}

pub(super) const NO_DATABASE: &str = "is no SQLite database, or an encrypted or damaged one";

/// What the system says of a file.
pub(super) fn io_failure(path: &str, what: &str, error: &std::io::Error) -> Failure {
    use std::io::ErrorKind::{NotFound, PermissionDenied};
    let status = if error.kind() == NotFound { Status::NoInput } else { Status::Io };
    // The helper may read everybody's files.
    let cure = if error.kind() == PermissionDenied {
        "; with SELinux, mount the volume with :z, which other containers may use, instead of :Z"
    } else {
        ""
    };
    Failure::new(status, format!("cannot {what} {path}: {error}{cure}"))
}
