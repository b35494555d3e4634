//! What the tools and the server of PostgreSQL say when they fail.

use super::lacks;
use crate::engine::shared::problem::Problem;
use crate::engine::shared::signs::Said;

const SIGNS: [(&str, Problem); 33] = [
    ("backslash commands are restricted", Problem::ClientCommand),
    ("\\unrestrict: wrong key", Problem::ClientCommand),
    ("\\!: failed", Problem::ClientCommand),
    ("disk full", Problem::DiskFull),
    ("out of shared memory", Problem::NoMemory),
    ("memory exhausted", Problem::NoMemory),
    ("ran out of memory", Problem::NoMemory),
    ("could not fork ", Problem::NoMemory),
    ("could not access file ", Problem::Lacking),
    ("the database system is ", Problem::NotAccepting),
    ("is the server running", Problem::NotAccepting),
    ("terminating connection", Problem::NotAccepting),
    ("server closed the connection", Problem::NotAccepting),
    ("connection to server was lost", Problem::NotAccepting),
    ("timeout expired", Problem::NotAccepting),
    ("too many clients already", Problem::NotAccepting),
    ("remaining connection slots", Problem::NotAccepting),
    ("too many connections", Problem::NotAccepting),
    ("lock timeout", Problem::Busy),
    // What pg_dump makes of --lock-wait-timeout.
    ("due to statement timeout", Problem::Busy),
    ("deadlock", Problem::Busy),
    ("conflict with recovery", Problem::Busy),
    ("could not open relation with oid", Problem::Busy),
    ("cache lookup failed", Problem::Busy),
    ("password authentication failed", Problem::AuthRefused),
    ("peer authentication failed", Problem::AuthRefused),
    ("ident authentication failed", Problem::AuthRefused),
    ("no password supplied", Problem::AuthRefused),
    ("no pg_hba.conf entry", Problem::AuthRefused),
    ("pg_hba.conf rejects connection", Problem::AuthRefused),
    ("is not permitted to log in", Problem::AuthRefused),
    ("permission denied", Problem::PermissionDenied),
    ("row-level security", Problem::PermissionDenied),
];

pub(super) fn problem(said: &Said<'_>) -> Option<Problem> {
    // A statement of a dump may speak of a database that is not there; the one it is loaded into is.
    let is_of_statement = |line: &str| {
        line.contains("error:  ") && line.contains("database \"") && line.contains("does not exist")
    };
    if said.lower.lines().any(is_of_statement) {
        return Some(Problem::Other);
    }
    if lacks::find(&said.lower).is_some() {
        return Some(Problem::Lacking);
    }
    said.find(&SIGNS).or_else(|| {
        // These have a name in the middle.
        if said.has("database \"", "does not exist") {
            Some(Problem::DatabaseGone)
        } else if said.has("fatal:  role \"", "does not exist") {
            Some(Problem::AuthRefused)
        } else if said.has("role \"", "does not exist") {
            Some(Problem::RoleMissing)
        } else {
            lacks::is_hidden(&said.lower).then_some(Problem::NameHidden)
        }
    })
}

/// `who`: the login.
pub(super) fn message(problem: Problem, said: &Said<'_>, who: &str) -> Option<String> {
    let (lower, shown) = (said.line.to_ascii_lowercase(), &said.shown);
    if problem == Problem::AuthRefused && lower.contains("peer authentication") {
        Some(format!(
            "the server lets {who} in only as the system user of that name: set the label dumpcar.exec-user ({shown})"
        ))
    } else if problem == Problem::AuthRefused && lower.contains("does not exist") {
        Some(format!("{who} does not exist on the server: name a login by the label dumpcar.user ({shown})"))
    } else if problem == Problem::Lacking {
        lacks::find(said.stderr).map(|(line, cure)| {
            format!("the server lacks what the backup needs: {}; {cure}", said.show(line))
        })
    } else if problem == Problem::ClientCommand {
        Some(format!(
            "the dump contains a command for psql itself; Dumpcar refuses it, because no dump tool writes one: {shown}"
        ))
    } else {
        None
    }
}
