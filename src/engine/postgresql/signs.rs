//! What the tools and the server of PostgreSQL say when they fail.

use super::lacks;
use crate::engine::shared::failure::ToolFailure;
use crate::engine::shared::signs::Said;

const SIGNS: [(&str, ToolFailure); 33] = [
    ("backslash commands are restricted", ToolFailure::ClientCommand),
    ("\\unrestrict: wrong key", ToolFailure::ClientCommand),
    ("\\!: failed", ToolFailure::ClientCommand),
    ("disk full", ToolFailure::DiskFull),
    ("out of shared memory", ToolFailure::NoMemory),
    ("memory exhausted", ToolFailure::NoMemory),
    ("ran out of memory", ToolFailure::NoMemory),
    ("could not fork ", ToolFailure::NoMemory),
    ("could not access file ", ToolFailure::Lacking),
    ("the database system is ", ToolFailure::NotAccepting),
    ("is the server running", ToolFailure::NotAccepting),
    ("terminating connection", ToolFailure::NotAccepting),
    ("server closed the connection", ToolFailure::NotAccepting),
    ("connection to server was lost", ToolFailure::NotAccepting),
    ("timeout expired", ToolFailure::NotAccepting),
    ("too many clients already", ToolFailure::NotAccepting),
    ("remaining connection slots", ToolFailure::NotAccepting),
    ("too many connections", ToolFailure::NotAccepting),
    ("lock timeout", ToolFailure::Busy),
    // What pg_dump makes of --lock-wait-timeout.
    ("due to statement timeout", ToolFailure::Busy),
    ("deadlock", ToolFailure::Busy),
    ("conflict with recovery", ToolFailure::Busy),
    ("could not open relation with oid", ToolFailure::Busy),
    ("cache lookup failed", ToolFailure::Busy),
    ("password authentication failed", ToolFailure::AuthRefused),
    ("peer authentication failed", ToolFailure::AuthRefused),
    ("ident authentication failed", ToolFailure::AuthRefused),
    ("no password supplied", ToolFailure::AuthRefused),
    ("no pg_hba.conf entry", ToolFailure::AuthRefused),
    ("pg_hba.conf rejects connection", ToolFailure::AuthRefused),
    ("is not permitted to log in", ToolFailure::AuthRefused),
    ("permission denied", ToolFailure::PermissionDenied),
    ("row-level security", ToolFailure::PermissionDenied),
];

pub(super) fn failure(said: &Said<'_>) -> Option<ToolFailure> {
    // A statement of a dump may speak of a database that is not there; the one it is loaded into is.
    let is_of_statement = |line: &str| {
        line.contains("error:  ") && line.contains("database \"") && line.contains("does not exist")
    };
    if said.lower.lines().any(is_of_statement) {
        return Some(ToolFailure::Other);
    }
    if lacks::find(&said.lower).is_some() {
        return Some(ToolFailure::Lacking);
    }
    said.find(&SIGNS).or_else(|| {
        // These have a name in the middle.
        if said.has("database \"", "does not exist") {
            Some(ToolFailure::DatabaseGone)
        } else if said.has("fatal:  role \"", "does not exist") {
            Some(ToolFailure::AuthRefused)
        } else if said.has("role \"", "does not exist") {
            Some(ToolFailure::RoleMissing)
        } else {
            lacks::is_hidden(&said.lower).then_some(ToolFailure::NameHidden)
        }
    })
}

/// `who`: the login.
pub(super) fn message(failure: ToolFailure, said: &Said<'_>, who: &str) -> Option<String> {
    let (lower, shown) = (said.line.to_ascii_lowercase(), &said.shown);
    if failure == ToolFailure::AuthRefused && lower.contains("peer authentication") {
        Some(format!(
            "the server lets {who} in only as the system user of that name: set the label dumpcar.exec-user ({shown})"
        ))
    } else if failure == ToolFailure::AuthRefused && lower.contains("does not exist") {
        Some(format!("{who} does not exist on the server: name a login by the label dumpcar.user ({shown})"))
    } else if failure == ToolFailure::Lacking {
        lacks::find(said.stderr).map(|(line, cure)| {
            format!("the server lacks what the backup needs: {}; {cure}", said.show(line))
        })
    } else if failure == ToolFailure::ClientCommand {
        Some(format!(
            "the dump contains a command for psql itself; Dumpcar refuses it, because no dump tool writes one: {shown}"
        ))
    } else {
        None
    }
}
