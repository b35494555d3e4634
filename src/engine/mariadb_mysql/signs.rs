//! What the tools and the servers of MariaDB and MySQL say when they fail.

use crate::engine::shared::login::Login;
use crate::engine::shared::problem::Problem;
use crate::engine::shared::signs::Said;

const SIGNS: [(&str, Problem); 46] = [
    ("unknown command '\\", Problem::ClientCommand),
    ("not allowed in the sandbox mode", Problem::ClientCommand),
    ("disk full", Problem::DiskFull),
    ("as disk is full", Problem::DiskFull),
    ("the table is full", Problem::DiskFull),
    ("' is full", Problem::DiskFull),
    ("(errno: 28", Problem::DiskFull),
    ("(errcode: 28", Problem::DiskFull),
    ("(os errno 28", Problem::DiskFull),
    ("memory exhausted", Problem::NoMemory),
    ("ran out of memory", Problem::NoMemory),
    ("out of sort memory", Problem::NoMemory),
    ("exceeds the lock table size", Problem::NoMemory),
    ("can't create a new thread", Problem::NoMemory),
    ("cannot initialize innodb buffer pool", Problem::NoMemory),
    ("cannot allocate memory for the buffer pool", Problem::NoMemory),
    ("plugin '' is not loaded", Problem::Lacking),
    ("unknown storage engine", Problem::Lacking),
    ("can't open shared library", Problem::Lacking),
    ("feature is disabled; you need", Problem::Lacking),
    ("feature was disabled; you need", Problem::Lacking),
    ("from keyring", Problem::Lacking),
    // A tablespace, or a folder, of MySQL's.
    ("error 3510 ", Problem::Lacking),
    ("error 3121 ", Problem::Lacking),
    // MyISAM names a file for its table alone, so two databases cannot have the same folder.
    ("error 156 ", Problem::Lacking),
    ("can't connect to ", Problem::NotAccepting),
    ("server shutdown in progress", Problem::NotAccepting),
    ("shutdown in progress", Problem::NotAccepting),
    ("server has gone away", Problem::NotAccepting),
    ("lost connection to ", Problem::NotAccepting),
    ("timeout expired", Problem::NotAccepting),
    ("too many connections", Problem::NotAccepting),
    ("lock timeout", Problem::Busy),
    ("lock wait timeout", Problem::Busy),
    ("deadlock", Problem::Busy),
    ("table definition has changed", Problem::Busy),
    ("(using password:", Problem::AuthRefused),
    ("error: 1698", Problem::AuthRefused),
    ("error 1698", Problem::AuthRefused),
    ("account is locked", Problem::AuthRefused),
    ("password has expired", Problem::AuthRefused),
    ("unknown database", Problem::DatabaseGone),
    ("permission denied", Problem::PermissionDenied),
    ("access denied", Problem::PermissionDenied),
    ("command denied", Problem::PermissionDenied),
    ("insufficient privileges", Problem::PermissionDenied),
];

pub(super) fn problem(said: &Said<'_>) -> Option<Problem> {
    // A statement of a dump may speak of a database that is not there; the one it is loaded into is.
    let is_of_statement = |line: &str| line.contains(" at line ") && line.contains("unknown database");
    match said.lower.lines().any(is_of_statement) {
        true => Some(Problem::Other),
        false => said.find(&SIGNS),
    }
}

pub(super) fn message(problem: Problem, said: &Said<'_>, login: &Login) -> Option<String> {
    let Said { line, shown, facts, .. } = said;
    let is_about_place = ["ERROR 156 ", "ERROR 3510 ", "ERROR 3121 "].iter().any(|sign| line.contains(sign));
    if problem == Problem::AuthRefused
        && login.user_name() == Some("root")
        && said.file_with_carriage_return().is_none()
    {
        let names = ["MARIADB_RANDOM_ROOT_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD"];
        let random = names.into_iter().find(|name| facts.variable(name).is_some())?;
        Some(format!(
            "the server refused user \"root\" with {}: {random} is set, so each time its volume is created, root gets another \
             password; the log of that first start has it (GENERATED ROOT PASSWORD): put it into the file that the label \
             dumpcar.password-file names, or make a login of your own (dumpcar.user) ({shown})",
            login.password.origin()
        ))
    } else if problem == Problem::NotAccepting && line.starts_with("ERROR ") && line.contains(" at line ") {
        // It has taken statements before.
        Some(format!(
            "the server ended the session: {shown}; its log says why: it was restarted, somebody has killed the session, or a row is \
             larger than its max_allowed_packet"
        ))
    } else if problem == Problem::Lacking && is_about_place {
        Some(format!(
            "the server lacks what the backup needs: {shown}; make that place first, or pass --no-tablespaces"
        ))
    } else {
        None
    }
}
